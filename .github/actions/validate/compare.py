# ruff: noqa: INP001
"""One step of the action: `catalog diff` against what the change is merged into; for the summary and the comment."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CHANGE = "catalog-change.md"  # in RUNNER_TEMP: what the comment will hold
ENOUGH = 512 * 1024


def main() -> int:
    """Write the outputs changed and broken; without a base nothing is compared, and it says so."""
    base = base_commit()
    if base is None:
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
        outputs.writelines(f"{name}={number(counts.get(name, 0))}\n" for name in ("changed", "broken"))
    return 0


def base_commit() -> str | None:
    """The commit to compare with: the one that was asked for, else what a pull request is merged into."""
    if asked := os.environ.get("CATALOG_BASE"):
        if (found := commit(asked)) or (found := commit(f"origin/{asked}")) or (found := fetched(asked)):
            return found
        notice(f"there is no commit, branch or tag {asked!r} to compare with")
        return None
    if os.environ.get("GITHUB_EVENT_NAME") != "pull_request":
        return None
    # GitHub checks out a merge of the base (its first parent) and the change: that is exactly the difference.
    if commit("HEAD^2") and (first := commit("HEAD^1")):
        return first
    named = event().get("pull_request", {}).get("base", {}).get("sha", "")
    if found := commit(named) or fetched(named):
        return found
    notice(
        "the base of the pull request is not in this clone: check out with fetch-depth 2 to see what the change means"
    )
    return None


def commit(name: str) -> str | None:
    """The id of the commit with this name in this clone."""
    done = git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    return done.stdout.strip() if name and done.returncode == 0 else None


def fetched(name: str) -> str | None:
    """The same, brought here first."""
    if not name or name.startswith("-"):
        return None
    git("fetch", "--quiet", "--no-tags", "--depth=1", "origin", "--", name)
    return commit("FETCH_HEAD") if git("rev-parse", "--verify", "--quiet", "FETCH_HEAD").returncode == 0 else None


def diff(base: str, name: str) -> tuple[str | None, str]:
    """What `catalog diff` prints, None where it could not be done; and the first line of what it complains of."""
    command = [sys.executable, "-I", "-m", "engine", "diff", base, f"--format={name}"]
    if path := os.environ.get("CATALOG_PATH"):
        command += [f"--catalog={path}"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return (done.stdout if done.returncode in {0, 1} else None), done.stderr.strip().partition("\n")[0]


def event() -> dict[str, Any]:
    """What happened, as GitHub wrote it down."""
    path = os.environ.get("GITHUB_EVENT_PATH")
    found: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    return found


def number(value: object) -> int:
    """A count, or the length of a list."""
    return len(value) if isinstance(value, list) else int(str(value))


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


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run git here, and never wait for a password."""
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    return subprocess.run(["git", *arguments], check=False, capture_output=True, text=True, env=environment)


if __name__ == "__main__":
    sys.exit(main())
