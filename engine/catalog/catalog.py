"""What the compiler makes of a tree."""

import msgspec

from engine.model import Budget, Key, Model, Provider, Route, Team
from engine.problem import Problem
from engine.tree import Tree


class Catalog(msgspec.Struct, frozen=True):
    """One compiled catalog and the tree that it was made of.

    `aliases` maps an alias to the full name of a model or route. `environment` is "" for the base. `accepted` has, by
    file, the codes of findings that it accepts, and why. `allow_shrink` says why many models may be gone, "" if not.
    """

    tree: Tree
    providers: dict[str, Provider]
    models: dict[str, Model]
    aliases: dict[str, str]
    keys: dict[str, Key]
    routes: dict[str, Route] = {}
    budgets: dict[str, Budget] = {}
    teams: dict[str, Team] = {}
    environment: str = ""
    accepted: dict[str, dict[str, str]] = {}
    allow_shrink: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """What came of a tree: all problems, sorted for reading, and a catalog where none of them is an error."""

    problems: tuple[Problem, ...]
    catalog: Catalog | None = None
