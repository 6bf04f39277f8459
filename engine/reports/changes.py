"""What changes between two revisions of a catalog, for people and for programs. The formats are a table by name."""

import importlib
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import msgspec

from engine.catalog.diffing import CatalogDiff
from engine.problem import Problem, Severity

# Name → the function (comparison, *, color) → text; imported when it is asked for.
FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "text": "engine.reports.changes_text:text_of",
        "json": "engine.reports.changes_json:json_of",
        "markdown": "engine.reports.changes_markdown:markdown_of",
    }
)


class Side(msgspec.Struct, frozen=True):
    """One of the two catalogs: how it was named, its revision, and what is wrong with it.

    `left_out` are the files that have errors, where it was compared without them.
    """

    name: str
    revision: str
    problems: tuple[Problem, ...] = ()
    left_out: tuple[str, ...] = ()


class Comparison(msgspec.Struct, frozen=True):
    """What `catalog diff` has to say.

    `diffs` is by environment: the base is "", and the others hold what is not in the base's. It is None where the catalog
    after the change does not compile. `findings` are about the change itself: prices that jump, windows of the past.
    `root` is the catalog's directory as people write it.
    """

    before: Side
    after: Side
    diffs: dict[str, CatalogDiff] | None
    findings: tuple[Problem, ...] = ()
    root: str = ""

    @property
    def is_changed(self) -> bool:
        """Whether anything differs in effect."""
        return self.diffs is None or any(not diff.is_empty for diff in self.diffs.values())

    @property
    def changed(self) -> int:
        """How many entries of the catalog differ: models, keys, budgets and the like, and names that mean another."""
        found: set[tuple[str, str]] = set()
        for diff in (self.diffs or {}).values():
            found |= {(entry.kind, name) for entry in diff.entries for name in entry.names}
            found |= {("model", name) for group in diff.repriced for name in group.models}
            found |= {("name", change.name) for change in diff.names}
            found |= {("list price", change.reference) for change in diff.list_prices}
        return len(found)

    @property
    def broken(self) -> int:
        """How many keys can no longer call something that they could."""
        return len({key for diff in (self.diffs or {}).values() for change in diff.lost for key in change.keys})


def render_changes(comparison: Comparison, name: str, *, color: bool = False) -> str:
    """The comparison in the format with this name."""
    module, _, function = FORMATS[name].partition(":")
    text: str = getattr(importlib.import_module(module), function)(comparison, color=color)
    return text


def errors_of(problems: Iterable[Problem]) -> list[Problem]:
    """Those that are errors."""
    return [problem for problem in problems if problem.severity is Severity.ERROR]
