# ruff: noqa: INP001
"""One step of the action: the commit to compare with, brought here where the clone does not have it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def main() -> int:
    """Write the output commit; empty where there is nothing to compare with."""
    with Path(os.environ["GITHUB_OUTPUT"]).open("a") as outputs:
        outputs.write(f"commit={base_commit() or ''}\n")
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


def event() -> dict[str, Any]:
    """What happened, as GitHub wrote it down."""
    path = os.environ.get("GITHUB_EVENT_PATH")
    found: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8")) if path else {}
    return found


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
