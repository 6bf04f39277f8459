# ruff: noqa: INP001
"""One step of the action: `catalog diff` against what the change is merged into; for the summary and the comment."""

import json
import os
import subprocess
import sys
from pathlib import Path

CHANGE = "catalog-change.md"  # in RUNNER_TEMP: what the comment will hold
ENOUGH = 512 * 1024


def main() -> int:
    """Write the outputs changed and broken; without a base nothing is compared."""
    base = os.environ.get("CATALOG_BASE_COMMIT")
    if not base:
        return 0
    markdown, said = diff(base, "markdown")
    document, _ = diff(base, "json")
    if markdown is None or document is None:
        notice(f"the catalog was not compared with {base[:12]}: {said or 'catalog diff failed'}")
        return 0
    (Path(os.environ["RUNNER_TEMP"]) / CHANGE).write_text(markdown, encoding="utf-8")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(f"\n{cut(markdown)}\n")
    counts = json.loads(document)
    with Path(os.environ["GITHUB_OUTPUT"]).open("a") as outputs:
        outputs.writelines(f"{name}={int(counts[name])}\n" for name in ("changed", "broken"))
    return 0


def diff(base: str, name: str) -> tuple[str | None, str]:
    """What `catalog diff` prints, None where it could not be done; and the first line of what it complains of."""
    command = [sys.executable, "-I", "-m", "engine", "diff", base, f"--format={name}"]
    if path := os.environ.get("CATALOG_PATH"):
        command += [f"--catalog={path}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return (done.stdout if done.returncode in {0, 1} else None), done.stderr.strip().partition("\n")[0]


def cut(markdown: str) -> str:
    """As much as a step's summary takes, in whole lines."""
    whole = markdown.encode()
    if len(whole) <= ENOUGH:
        return markdown
    return whole[:ENOUGH].decode("utf-8", "ignore").rpartition("\n")[0] + "\n\n… and more: run `catalog diff`.\n"


def notice(text: str) -> None:
    """A line that GitHub shows beside the run; nothing of the text is taken for a command."""
    escaped = "".join(character if character.isprintable() else " " for character in text).replace("%", "%25")
    sys.stdout.write(f"::notice title=catalog::{escaped}\n")


if __name__ == "__main__":
    sys.exit(main())
