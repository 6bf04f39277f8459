"""The compiler's doors: a tree of files becomes problems or one catalog, here for the base or one environment."""

import contextlib
import gc
from collections.abc import Iterator

import msgspec

from engine.catalog.catalog import Catalog, Outcome
from engine.catalog.compilation import Compilation
from engine.catalog.hints import Hints
from engine.catalog.layout import ENVIRONMENTS, Layout, environment_of, lay_out
from engine.catalog.memory import Memory
from engine.problem import Problem
from engine.tree import Tree

__all__ = ["Catalog", "Compiler", "Outcome", "asked_of_reference", "compile_catalog", "environments_of", "merged"]


def compile_catalog(tree: Tree, *, environment: str | None = None, hints: Hints | None = None) -> Outcome:
    """Compile a tree as it holds in one environment, or its base. Never raises for what the tree contains."""
    return Compiler().compile(tree, environment=environment, hints=hints)


def asked_of_reference(tree: Tree) -> list[tuple[str, str]]:
    """What a tree uses of the reference data in any environment, as (reference api, name or pattern).

    That is what a lock is built from. Documents that cannot be used ask nothing.
    """
    compiler = Compiler()
    asked: set[tuple[str, str]] = set()
    for environment in ("", *environments_of(tree)):
        compilation = compiler.compilation(tree, environment, None)
        compilation.read()
        asked |= compilation.asked()
    return sorted(pair for pair in asked if pair[0])


def environments_of(tree: Tree) -> tuple[str, ...]:
    """The environments that have files of their own in a tree, be they wrong or not readable."""
    layout = lay_out(path for path in tree.files if path.startswith(f"{ENVIRONMENTS}/"))
    unreadable = {environment_of(problem.file) for problem in tree.problems}
    return tuple(sorted({*layout.environments, *unreadable} - {""}))


class Compiler:
    """Compiles one tree after another, and remembers what they have in common. Not for concurrent use."""

    def __init__(self) -> None:
        self._memory = Memory()
        self._layout: tuple[frozenset[str], frozenset[str], Layout] | None = None

    def compile(self, tree: Tree, *, environment: str | None = None, hints: Hints | None = None) -> Outcome:
        """Compile a tree as it holds in one environment, or its base. Never raises for what the tree contains."""
        with _collector_paused():
            return self.compilation(tree, environment or "", hints).run()

    def compile_all(self, tree: Tree, *, hints: Hints | None = None) -> dict[str, Outcome]:
        """The base, under "", and every environment."""
        return {name: self.compile(tree, environment=name, hints=hints) for name in ("", *environments_of(tree))}

    def compilation(self, tree: Tree, environment: str, hints: Hints | None) -> "Compilation":
        """One compilation, not yet run."""
        self._memory.next_compilation()
        return Compilation(tree, environment, hints, self._laid_out(tree), self._memory)

    def _laid_out(self, tree: Tree) -> Layout:
        paths, unreadable = frozenset(tree.files), frozenset(problem.file for problem in tree.problems)
        if self._layout is None or self._layout[:2] != (paths, unreadable):
            self._layout = (paths, unreadable, lay_out(paths, unreadable=unreadable))
        return self._layout[2]


@contextlib.contextmanager
def _collector_paused() -> Iterator[None]:
    """No collection in the middle: nothing is made in circles, and with 10,000 models one takes as long as an edit."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def merged(outcomes: dict[str, Outcome]) -> tuple[Problem, ...]:
    """The findings of a base and its environments, each once.

    A finding about a file of the base that holds in environments only says in which.
    """
    base = set(outcomes[""].problems)
    elsewhere: dict[Problem, list[str]] = {}
    for environment, outcome in outcomes.items():
        for problem in outcome.problems:
            if problem not in base:
                elsewhere.setdefault(problem, []).append(environment)
    found = [*base]
    for problem, environments in elsewhere.items():
        if not environment_of(problem.file):
            problem = msgspec.structs.replace(problem, message=f"in {', '.join(environments)}: {problem.message}")  # noqa: PLW2901
        found.append(problem)
    return tuple(sorted(found, key=lambda problem: (problem.sort_key, problem.pointer, problem.hint)))
