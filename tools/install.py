"""Makes .venv and installs one lock into it: `python3 tools/install.py demo|test|lint`.

Needs the standard library alone, and is written so that an old Python gets as far as the message that it is too old.
Where everything is installed already it only compares a stamp, which holds what the lock and pyproject.toml said.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

OLDEST = (3, 11)
NEWER = ("python3.14", "python3.13", "python3.12", "python3.11")
ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMPS = VENV / "installed"
WHAT = {
    "demo": "what the demo needs (about 150 MB; 93 MB of it are the model's weights)",
    "test": "what the tests need (about 165 MB; 93 MB of it are the model's weights)",
    "lint": "what the linters need (about 55 MB)",
}


def main() -> int:
    """Install the asked lock, unless it is installed; returns the exit code."""
    parser = argparse.ArgumentParser(description="Install one lock of locks/ into .venv.")
    parser.add_argument("lock", choices=sorted(WHAT))
    parser.add_argument("--chosen", action="store_true", help="this Python was asked for: use no other")
    asked = parser.parse_args()
    if sys.version_info < OLDEST:
        return use_newer(chosen=asked.chosen)
    make_venv(chosen=asked.chosen)
    wanted = fingerprint(asked.lock)
    stamp = STAMPS / asked.lock
    if stamp.is_file() and stamp.read_text() == wanted:
        return 0
    say(f"Installing {WHAT[asked.lock]}.")
    pip("--require-hashes", "--no-deps", "--requirement", f"locks/{asked.lock}.txt")
    pip("--no-deps", "--no-build-isolation", "--quiet", "--editable", ".")
    STAMPS.mkdir(exist_ok=True)
    stamp.write_text(wanted)
    return 0


def use_newer(*, chosen: bool) -> int:
    """This Python is too old: go on with a newer one of this machine, where there is one and none was asked for."""
    found = None if chosen else next(filter(None, map(shutil.which, NEWER)), None)
    if not found:
        fail(
            "Python {}.{} or newer is needed; {} is {}.{}.".format(*OLDEST, sys.executable, *sys.version_info),
            "Install one and name it: make PYTHON=python3.12 …",
        )
    return subprocess.call([str(found), *sys.argv])


def make_venv(*, chosen: bool) -> None:
    """Have a working .venv. One that is there and runs is kept as it is."""
    if PYTHON.exists():
        has = version_of(PYTHON)
        if has >= OLDEST:
            if chosen and has != sys.version_info[:2]:
                asked = "{}.{}".format(*sys.version_info)
                fail(".venv is of Python {}.{}, and {} was asked for.".format(*has, asked), "Run `make clean` first.")
            return
        say("The .venv here does not work, or has an old Python or no pip; making a new one.")
    command = [sys.executable, "-m", "venv", "--clear"]
    if find_spec("ensurepip") is None or find_spec("venv") is None:
        command = virtualenv_command()
    if subprocess.call([*command, str(VENV)]) != 0:
        fail(f"{' '.join(command)} could not make .venv; what it said stands above.")


def version_of(python: Path) -> "tuple[int, ...]":
    """Its (major, minor) version; () where it does not run, or has no pip."""
    command = [str(python), "-c", "import pip, sys; print(*sys.version_info[:2])"]
    try:
        return tuple(map(int, subprocess.check_output(command, stderr=subprocess.DEVNULL).split()))
    except (OSError, subprocess.CalledProcessError):
        return ()


def virtualenv_command() -> "list[str]":
    """Some systems ship venv apart from Python; virtualenv does as well."""
    if find_spec("virtualenv"):
        return [sys.executable, "-m", "virtualenv", "--quiet", "--clear"]
    if shutil.which("virtualenv"):
        return ["virtualenv", "--quiet", "--clear", "--python", sys.executable]
    fail(
        f"{sys.executable} has no venv module, and there is no virtualenv.",
        "On Debian and Ubuntu: apt install python3-venv",
    )
    return []


def fingerprint(lock: str) -> str:
    """What an installation of this lock depends on."""
    digest = hashlib.sha256(str(VENV).encode())
    for file in (ROOT / "locks" / f"{lock}.txt", ROOT / "pyproject.toml"):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def pip(*arguments: str) -> None:
    """Run `pip install`: with its own progress bar on a terminal, else with a line for each download."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "install", *arguments]
    if sys.stdout.isatty():
        code = subprocess.call(command, cwd=str(ROOT))
    else:
        environment = dict(os.environ, PYTHONUNBUFFERED="1", PIP_PROGRESS_BAR="off")
        running = subprocess.Popen(command, cwd=str(ROOT), env=environment, stdout=subprocess.PIPE)
        for line in running.stdout or ():
            show(line.decode("utf-8", "replace").strip())
        code = running.wait()
    if code != 0:
        fail("pip could not install this; what it said stands above.", "Is the package index reachable?")


def show(line: str) -> None:
    """A line of pip's that tells how far it is; a download by its file name, not by its address."""
    found = re.fullmatch(r"Downloading (?:\S*/)?(\S+)( \(.*\))?", line)
    if found:
        say(f"  {found.group(1)}{found.group(2) or ''}")
    elif line.startswith("Installing collected"):
        say("  putting them in place …")


def say(message: str) -> None:
    """Progress, at once."""
    print(message, flush=True)


def fail(message: str, hint: str = "") -> None:
    """One clear message, and exit code 2."""
    print("\n".join(filter(None, ("Error: " + message, hint))), file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    sys.exit(main())
