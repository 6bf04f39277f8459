"""What each path of a catalog is: the path is the identity of what the file says."""

import re
from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec

from engine.catalog.document import file_problem
from engine.catalog.suggest import nearest
from engine.problem import Problem

Kind = Literal["catalog", "provider", "model", "route", "key", "budget", "team", "lock"]

SLUG = r"[a-z0-9][a-z0-9._-]{0,63}"
ROOT_FILE = "catalog.yaml"
LOCK_FILE = "reference.lock"
ENVIRONMENTS = "environments"

_SLUG = re.compile(SLUG, re.ASCII)
SLUG_HINT = "names have lower-case letters, digits, dots, dashes and underscores, and at most 64 characters"
_IGNORED = frozenset(("README.md", "CODEOWNERS", "4913"))  # the last is what vim writes to try a directory
_RESERVED_PROVIDERS = frozenset(("route",))  # "@route/…" names virtual models

# Directories by kind, and how many names a path below them has.
_DIRECTORIES: dict[str, tuple[Kind, int]] = {
    "providers": ("provider", 1),
    "models": ("model", 2),
    "routes": ("route", 1),
    "keys": ("key", 1),
    "budgets": ("budget", 1),
}
_OF_A_TEAM = frozenset(("models", "routes", "keys"))
_PLACES = (
    "files are catalog.yaml, providers/<provider>.yaml, models/<provider>/<slug>.yaml, routes/<slug>.yaml, "
    "keys/<name>.yaml, budgets/<name>.yaml, teams/<team>/team.yaml and below a team its models/, routes/ and keys/; "
    "the same below environments/<environment>/"
)


class Place(msgspec.Struct, frozen=True):
    """A file that has a place: its kind, and the names that its path spells.

    `team` is the team below whose directory it is. `path` is where it stands once the environment is laid over the
    base: it is `file` without environments/<environment>/.
    """

    kind: Kind
    file: str
    names: tuple[str, ...] = ()
    team: str = ""
    environment: str = ""
    path: str = ""

    @property
    def name(self) -> str:
        """The name that the catalog knows it by: "@provider/slug", "@route/slug", else as the path spells it."""
        if self.kind == "model":
            return f"@{self.names[0]}/{self.names[1]}"
        return f"@route/{self.names[0]}" if self.kind == "route" else self.names[0]


class Layout(NamedTuple):
    """Where all files of a tree belong, and what has no place. Base and environments together."""

    places: tuple[Place, ...]
    problems: tuple[Problem, ...]

    @property
    def environments(self) -> tuple[str, ...]:
        """The environments that have files of their own, if only some without a place."""
        named = {place.environment for place in self.places} | {environment_of(each.file) for each in self.problems}
        return tuple(sorted(named - {""}))

    def chosen(self, environment: str | None) -> list[Place]:
        """The files that hold in an environment: its own in the place of the base's."""
        by_path = {place.path: place for place in self.places if not place.environment}
        if environment:
            by_path |= {place.path: place for place in self.places if place.environment == environment}
        return list(by_path.values())


def ignored(path: str) -> bool:
    """Whether a file is none of the catalog's: dotfiles, editors' temporary files, notes for people."""
    name = path.rpartition("/")[2]
    return (
        path.startswith(".")
        or "/." in path
        or name in _IGNORED
        or name.endswith("~")
        or (name.startswith("#") and name.endswith("#"))
    )


def environment_of(path: str) -> str:
    """The environment below whose directory a path is, "" for the base, and where its name is none."""
    first, _, rest = path.partition("/")
    name, inside, _ = rest.partition("/")
    return name if first == ENVIRONMENTS and inside and _SLUG.fullmatch(name) else ""


def lay_out(paths: Iterable[str], *, unreadable: frozenset[str] = frozenset()) -> Layout:
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
    return Layout(tuple(places), tuple(problems))


def _place(file: str) -> Place | Problem:
    if file == ROOT_FILE:
        return Place("catalog", file, path=file)
    if file == LOCK_FILE:
        return Place("lock", file, path=file)
    if file.endswith(".yml"):
        hint = f"rename it to {file[:-4]}.yaml"
        return file_problem("wrong-extension", file, "a file of the catalog ends in .yaml", hint=hint)
    directories = file.split("/")
    environment = team = ""
    if directories[0] == ENVIRONMENTS and len(directories) > 2:
        environment, directories = directories[1], directories[2:]
        if directories in ([ROOT_FILE], [LOCK_FILE]):
            message = f"{directories[0]} is shared by all environments"
            return file_problem("unknown-file", file, message, hint="remove it here")
    path = "/".join(directories)
    kind: Kind = "team"
    if directories[0] == "teams" and len(directories) > 2:
        team, directories = directories[1], directories[2:]
    if team and directories == ["team.yaml"]:
        names: tuple[str, ...] = (team,)
    else:
        known = _DIRECTORIES.get(directories[0])
        misplaced = bool(team) and directories[0] not in _OF_A_TEAM
        if known is None or misplaced or not file.endswith(".yaml") or len(directories) != known[1] + 1:
            hint = _where_it_belongs(file, directories, team, at_the_top=known is not None and misplaced)
            return file_problem("unknown-file", file, "the catalog has no place for this file", hint=hint)
        kind = known[0]
        names = (*directories[1:-1], directories[-1].removesuffix(".yaml"))
    for part in (*names, *((team,) if team else ()), *((environment,) if environment else ())):
        if _SLUG.fullmatch(part) is None:
            return file_problem("bad-name", file, f'"{part}" is not a name', hint=SLUG_HINT)
    if kind in {"provider", "model"} and names[0] in _RESERVED_PROVIDERS:
        return file_problem("bad-name", file, f'"{names[0]}" is reserved', hint="give the provider another name")
    return Place(kind, file, names, team, environment, path)


def _where_it_belongs(file: str, directories: list[str], team: str, *, at_the_top: bool) -> str:
    """The path that was meant, where one is near; else all that there are."""
    if at_the_top:
        return f"{directories[0]}/ stands at the top of the catalog only"
    first, depth = directories[0], len(directories)
    known = (*_OF_A_TEAM, "team.yaml") if team else (*_DIRECTORIES, "teams", ENVIRONMENTS, ROOT_FILE, LOCK_FILE)
    near = nearest(first, sorted(known)) if file.endswith((".yaml", LOCK_FILE)) else ""
    if near and near != first and (near in (*_DIRECTORIES, "teams", ENVIRONMENTS)) == (depth > 1):
        meant = "/".join((*file.split("/")[:-depth], near, *directories[1:]))
        return f'did you mean "{meant}"?'
    return _PLACES
