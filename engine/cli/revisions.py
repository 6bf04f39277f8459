"""The two sides of a comparison: a catalog at a commit of its repository, or as it stands in the working tree."""

import os
import re
from pathlib import Path

import msgspec

from engine.errors import UserError
from engine.sources.errors import PathMissing, UnknownRef
from engine.sources.git_command import Git
from engine.sources.repository import GitSource
from engine.tree import Tree

WORKING_TREE = "working tree"
_TIMEOUT = 30.0
# What names a commit by way of another one: HEAD~2, main^, main@{yesterday}. Sources refuse these; here they are asked of git.
_EXPRESSION = re.compile(r"[~^:]|@\{")


class Place(msgspec.Struct, frozen=True):
    """A catalog in a Git repository: the top directory, and the catalog's directory below it ("" is the top itself)."""

    repository: Path
    path: str


def place_of(root: Path) -> Place:
    """Where a catalog's directory stands in its repository; the directory itself need not be there.

    Raises:
        UserError: it is in no Git repository.
    """
    real = Path(os.path.realpath(root))
    for folder in (real, *real.parents):
        is_bare = (folder / "HEAD").is_file() and (folder / "objects").is_dir()
        if (folder / ".git").exists() or is_bare:
            inside = real.relative_to(folder).as_posix()
            return Place(folder, "" if inside == "." else inside)
    raise UserError(f"{root} is in no Git repository.", hint="Compare catalogs that are kept in Git.")


def commit_of(place: Place, revision: str) -> str:
    """The id of the commit that a revision names: a branch, tag or commit, or an expression such as HEAD~2.

    Raises:
        UserError: there is none, and whatever is the matter with the repository.
    """
    if not _EXPRESSION.search(revision):
        return GitSource(place.repository, revision, place.path).head()
    question = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    answer = Git(place.repository, _TIMEOUT).ask(*question)
    if answer.status:
        raise UnknownRef(
            f"{revision!r} names no commit in {place.repository}", hint="a shallow clone lacks older commits"
        )
    return answer.output.decode().strip()


def merge_base(place: Place, one: str, other: str) -> str:
    """The commit where two histories parted; both are commit ids.

    Raises:
        UserError: they have none in common, or it is not in this clone.
    """
    answer = Git(place.repository, _TIMEOUT).ask("merge-base", one, other)
    if answer.status:
        raise UserError(
            f"{one[:12]} and {other[:12]} have no commit in common here.",
            hint="A shallow clone lacks older commits: fetch more of it (fetch-depth: 0 in GitHub's checkout).",
        )
    return answer.output.split()[0].decode()


def tree_at(place: Place, commit: str) -> Tree | None:
    """The catalog's files at a commit; None where the commit has no such directory."""
    try:
        return GitSource(place.repository, commit, place.path).read(commit)
    except PathMissing:
        return None
