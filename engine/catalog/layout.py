"""What each path of a catalog is: the path is the identity of what the file says."""

import re
from collections.abc import Iterable
from typing import Literal

import msgspec

from engine.catalog.document import file_problem
from engine.problem import Problem

Kind = Literal["catalog", "provider", "model", "key", "lock"]

SLUG = r"[a-z0-9][a-z0-9._-]{0,63}"
ROOT_FILE = "catalog.yaml"
LOCK_FILE = "reference.lock"

_SLUG = re.compile(SLUG, re.ASCII)
SLUG_HINT = "names have lower-case letters, digits, dots, dashes and underscores, and at most 64 characters"
_IGNORED = frozenset(("README.md", "CODEOWNERS", "4913"))  # the last is what vim writes to try a directory
_NOT_YET = frozenset(("routes", "budgets", "teams", "environments"))
_RESERVED_PROVIDERS = frozenset(("route",))  # "@route/…" names virtual models

# Directories by kind, and how many names a path below them has.
_DIRECTORIES: dict[str, tuple[Kind, int]] = {"providers": ("provider", 1), "models": ("model", 2), "keys": ("key", 1)}


class Place(msgspec.Struct, frozen=True):
    """A file that has a place: its kind, and the names that its path spells."""

    kind: Kind
    file: str
    names: tuple[str, ...] = ()


def ignored(path: str) -> bool:
    """Whether a file is none of the catalog's: dotfiles, editors' temporary files, notes for people."""
    parts = path.split("/")
    name = parts[-1]
    return (
        any(part.startswith(".") for part in parts)
        or name in _IGNORED
        or name.endswith("~")
        or (name.startswith("#") and name.endswith("#"))
    )


def lay_out(paths: Iterable[str], *, unreadable: frozenset[str] = frozenset()) -> tuple[list[Place], list[Problem]]:
    """Give every path its place. `unreadable` are paths known to be there, but not read."""
    places: list[Place] = []
    problems: list[Problem] = []
    by_folded: dict[str, str] = {}
    for path in sorted(paths):
        if ignored(path):
            continue
        other = by_folded.setdefault(path.casefold(), path)
        if other != path:
            message = f"the path differs from {other} in upper and lower case only"
            problems.append(file_problem("case-collision", path, message, hint="rename one of the two"))
            continue
        placed = _place(path)
        if isinstance(placed, Place):
            places.append(placed)
        else:
            problems.append(placed)
    if ROOT_FILE not in unreadable and not any(place.kind == "catalog" for place in places):
        message = "the catalog has no catalog.yaml"
        problems.append(file_problem("missing-file", ROOT_FILE, message, hint='make it with the line "format: 1"'))
    return places, problems


def _place(path: str) -> Place | Problem:
    if path == ROOT_FILE:
        return Place("catalog", path)
    if path == LOCK_FILE:
        return Place("lock", path)
    if path.endswith(".yml"):
        hint = f"rename it to {path[:-4]}.yaml"
        return file_problem("wrong-extension", path, "a file of the catalog ends in .yaml", hint=hint)
    *directories, name = path.split("/")
    if directories and directories[0] in _NOT_YET:
        return file_problem("not-supported", path, f"{directories[0]}/ is not supported yet by this version")
    known = _DIRECTORIES.get(directories[0]) if directories else None
    if known is None or not name.endswith(".yaml") or len(directories) != known[1]:
        hint = "files are catalog.yaml, providers/<provider>.yaml, models/<provider>/<slug>.yaml and keys/<name>.yaml"
        return file_problem("unknown-file", path, "the catalog has no place for this file", hint=hint)
    kind, _ = known
    names = (*directories[1:], name.removesuffix(".yaml"))
    for part in names:
        if _SLUG.fullmatch(part) is None:
            return file_problem("bad-name", path, f'"{part}" is not a name', hint=SLUG_HINT)
    if kind in {"provider", "model"} and names[0] in _RESERVED_PROVIDERS:
        return file_problem("bad-name", path, f'"{names[0]}" is reserved', hint="give the provider another name")
    return Place(kind, path, names)
