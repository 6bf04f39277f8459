# ruff: noqa: INP001
"""One step of the action: one comment on the pull request, found again by a hidden marker and kept up to date.

A pull request from a fork has a token that may not write: then the step's summary is all there is, and it says so.
"""

import hashlib
import json
import os
import re
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

MOST_CHARACTERS = 60_000  # GitHub takes 65,536
MOST_PAGES = 20
CHANGE = "catalog-change.md"
REPOSITORY = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")


def main() -> int:
    """Write, change or leave the comment. The verdict of the check never depends on it."""
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    pull = event.get("pull_request", {})
    if not pull or not os.environ.get("GITHUB_TOKEN"):
        return 0
    if from_fork(pull):
        notice("a pull request from a fork gets no comment: see the summary of this run")
        return 0
    change = Path(os.environ["RUNNER_TEMP"]) / CHANGE
    try:
        keep(int(pull["number"]), change.read_text(encoding="utf-8") if change.exists() else "")
    except urllib.error.HTTPError as error:
        notice(
            f"no comment was written (GitHub says {error.code}): does the job have the permission pull-requests: write?"
        )
    except (urllib.error.URLError, TimeoutError, ValueError) as error:
        notice(f"no comment was written: {type(error).__name__}")
    return 0


def from_fork(pull: dict[str, Any]) -> bool:
    """Whether the change comes from another repository, or from one that is no longer there."""
    head = (pull.get("head") or {}).get("repo") or {}
    return head.get("full_name") != os.environ["GITHUB_REPOSITORY"]


def keep(number: int, change: str) -> None:
    """See that the pull request has our comment with what is true now; none is begun where nothing is to say."""
    path = f"/repos/{repository()}/issues/{number}/comments"
    text = body(change)
    found = existing(path)
    worth = any(os.environ.get(name, "") not in {"", "0"} for name in ("ERRORS", "CHANGED"))
    if found is None and worth:
        call("POST", path, {"body": text})
    elif found is not None and found["body"] != text:
        call("PATCH", f"/repos/{repository()}/issues/comments/{int(found['id'])}", {"body": text})


def existing(path: str) -> dict[str, Any] | None:
    """Our comment: it begins with the marker, and a program wrote it (a person may quote the marker)."""
    for page in range(1, MOST_PAGES + 1):
        comments = call("GET", f"{path}?per_page=100&page={page}")
        for comment in comments:
            ours = (comment.get("user") or {}).get("type") == "Bot"
            if ours and (comment.get("body") or "").startswith(marker()):
                found: dict[str, Any] = comment
                return found
        if len(comments) < 100:
            break
    return None


def marker() -> str:
    """Another one for every catalog of a repository."""
    digest = hashlib.sha256(os.environ.get("CATALOG_PATH", "").strip("/").encode()).hexdigest()[:12]
    return f"<!-- catalog-validate {digest} -->"


def body(change: str) -> str:
    """The verdict and what the change means."""
    errors, warnings = (os.environ.get(name) or "?" for name in ("ERRORS", "WARNINGS"))
    verdict = "sound" if errors == "0" else "refused"
    head = f"{marker()}\n### Catalog: {verdict}\n\nErrors: {errors}. Warnings: {warnings}.\n\n"
    text = change.strip() or "What the change means was not compared: see the findings and notices of the run."
    room = MOST_CHARACTERS - len(head)
    if len(text) > room:
        text = text[:room].rpartition("\n")[0] + "\n\n… and more: see the summary of the run."
    return f"{head}{text}\n"


class NoRedirects(urllib.request.HTTPRedirectHandler):
    """The token goes to GitHub's API and nowhere else."""

    def redirect_request(self, *_: Any) -> None:
        """Follow none."""


def call(method: str, path: str, document: dict[str, Any] | None = None) -> Any:
    """One call of GitHub's REST API."""
    root = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    if not root.startswith(("https://", "http://127.0.0.1:")):
        raise ValueError("GITHUB_API_URL")
    request = urllib.request.Request(  # noqa: S310 - https, checked above
        f"{root}{path}",
        method=method,
        data=None if document is None else json.dumps(document).encode(),
        headers={
            "Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}",
            "Accept": "application/vnd.github+json",
            "Content-Type": "application/json",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "catalog-validate",
        },
    )
    with urllib.request.build_opener(NoRedirects).open(request, timeout=20) as reply:
        return json.load(reply)


def repository() -> str:
    """Owner and name."""
    name = os.environ["GITHUB_REPOSITORY"]
    if REPOSITORY.fullmatch(name) is None:
        raise ValueError("GITHUB_REPOSITORY")
    return name


def notice(text: str) -> None:
    """A line that GitHub shows beside the run."""
    sys.stdout.write(f"::notice title=catalog::{text}\n")


if __name__ == "__main__":
    sys.exit(main())
