"""All that there is to say about a catalog: by its files alone, today, since a revision before, and to an operator."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.catalog.compared import compare_findings
from engine.catalog.compile import Catalog, Compiler, Outcome, environments_of, merged
from engine.catalog.dated import dated_findings
from engine.catalog.hints import Hints
from engine.catalog.suggest import did_you_mean
from engine.errors import UserError
from engine.problem import Problem
from engine.tree import Tree

if TYPE_CHECKING:
    from engine.operator.settings import Settings


class Judged:
    """A tree in its base and every environment, or in one environment alone. `outcomes` are by name, "" for the base."""

    def __init__(self, tree: Tree, env: str | None) -> None:
        known = environments_of(tree)
        if env is not None and env not in known:
            hint = did_you_mean(env, known) or (f"it has {', '.join(known)}" if known else "leave out --env")
            raise UserError(f'The catalog has no environment "{env}".', hint=f"{hint[:1].upper()}{hint[1:]}")
        self._compiler = Compiler()
        self.outcomes = self._compiled(tree, ("", *known) if env is None else (env,))
        self._more: dict[str, list[Problem]] = {name: [] for name in self.outcomes}

    @property
    def first(self) -> Outcome:
        """The base, or the one environment."""
        return next(iter(self.outcomes.values()))

    def today(self) -> None:
        """Add what depends on the time now."""
        for name, catalog in self._catalogs():
            self._more[name] += dated_findings(catalog, time.time_ns())

    def since(self, root: Path, revision: str) -> None:
        """Add what the change from a revision of the catalog's repository should not do without a word.

        Raises:
            UserError: there is no such revision, or no repository.
        """
        from engine.cli.revisions import commit_of, place_of, tree_at

        place = place_of(root)
        tree = tree_at(place, commit_of(place, revision))
        if tree is None:
            return  # a new catalog changes nothing
        before = self._compiled(tree, tuple(self.outcomes))
        for name, catalog in self._catalogs():
            if (old := before[name].catalog) is not None:
                self._more[name] += compare_findings(old, catalog, time.time_ns())
        if any(outcome.catalog is None for outcome in before.values()):
            click.echo(f"catalog: the catalog at {revision} has errors itself: nothing was compared with it", err=True)

    def under(self, settings: "Settings") -> None:
        """Add what an operator's file makes of it. A gateway runs one environment, or the base."""
        from engine.cli.policy import policy_findings

        name = settings.environment if settings.environment in self.outcomes else next(iter(self.outcomes))
        if (catalog := self.outcomes[name].catalog) is not None:
            self._more[name] += policy_findings(catalog, settings)

    def findings(self) -> tuple[Problem, ...]:
        """Each once, in reading order."""
        told = {
            name: Outcome((*outcome.problems, *self._more[name]), outcome.catalog)
            for name, outcome in self.outcomes.items()
        }
        found = set(merged(told) if "" in told else next(iter(told.values())).problems)
        return tuple(sorted(found, key=lambda problem: (problem.sort_key, problem.pointer, problem.hint)))

    def _catalogs(self) -> list[tuple[str, Catalog]]:
        return [(name, outcome.catalog) for name, outcome in self.outcomes.items() if outcome.catalog is not None]

    def _compiled(self, tree: Tree, names: tuple[str, ...]) -> dict[str, Outcome]:
        """What the lock lacks is looked up in the reference data: that takes 0.2 s, which a right catalog never waits."""

        def compiled(hints: Hints | None) -> dict[str, Outcome]:
            return {name: self._compiler.compile(tree, environment=name, hints=hints) for name in names}

        outcomes = compiled(None)
        if any(problem.code == "lock-stale" for outcome in outcomes.values() for problem in outcome.problems):
            from engine.pricing.reference import load

            outcomes = compiled(load())
        return outcomes
