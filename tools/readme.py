"""The generated parts of README.md: `python tools/readme.py --check` (in `make lint`), or `--write`.

A part stands between two comments, and is made of a file or of what a command prints:

    <!-- generated: file catalog/models/local/tiny-support.yaml -->
    <!-- generated: command catalog --help -->
    <!-- end -->
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PART = re.compile(r"(<!-- generated: (?P<kind>file|command) (?P<what>.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> int:
    """Check or write; returns the exit code."""
    if not README.is_file():
        sys.exit("README.md is missing.")
    before = README.read_text(encoding="utf-8")
    after = PART.sub(lambda part: f"{part[1]}{generate(part['kind'], part['what'])}{part[4]}", before)
    if before == after:
        return 0
    if "--write" in sys.argv:
        README.write_text(after, encoding="utf-8")
        return 0
    stale = (
        old[0].splitlines()[0]
        for old, new in zip(*map(PART.finditer, (before, after)), strict=True)
        if old[0] != new[0]
    )
    print("README.md has generated parts that are not current:", *stale, sep="\n  ", file=sys.stderr)
    print("Mend it with: .venv/bin/python tools/readme.py --write", file=sys.stderr)
    return 1


def generate(kind: str, what: str) -> str:
    """The fenced block that belongs there."""
    if kind == "file":
        path = ROOT / what
        if not path.is_file():
            sys.exit(f"README.md shows {what}, which does not exist.")
        return fenced(path.suffix.lstrip("."), path.read_text(encoding="utf-8"))
    return fenced("text", f"$ {what}\n{output(what.split())}")


def output(command: list[str]) -> str:
    """What one of our own commands prints, without colour and 100 columns wide."""
    if command[0] != "catalog":
        sys.exit(f"README.md shows {command[0]}: only `catalog` is run.")
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "100"}
    argv = [sys.executable, "-c", "from engine.cli.main import main; main()", *command[1:]]
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"README.md shows `{' '.join(command)}`, which fails:\n{done.stderr}")
    return done.stdout.replace("python -c", "catalog")


def fenced(language: str, text: str) -> str:
    """A Markdown code block."""
    return f"```{language}\n{text.rstrip()}\n```\n"


if __name__ == "__main__":
    sys.exit(main())
