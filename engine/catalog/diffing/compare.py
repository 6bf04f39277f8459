"""The comparison of two catalogs, put together."""

from collections.abc import Mapping

from engine.catalog.catalog import Catalog
from engine.catalog.diffing.callers import Callers, Side
from engine.catalog.diffing.entries import compare_entries, compare_whole
from engine.catalog.diffing.files import files_without_effect
from engine.catalog.diffing.locks import compare_locks
from engine.catalog.diffing.matching import renames
from engine.catalog.diffing.prices import compare_prices
from engine.catalog.diffing.repricing import compare_model_prices
from engine.catalog.diffing.result import CatalogDiff, NameChange
from engine.model import Model, Pricing

_UNPRICED = Pricing("unpriced")


def diff(before: Catalog, after: Catalog, *, now_ns: int) -> CatalogDiff:
    """What changes in effect. `now_ns` decides which price holds now and which keys have expired."""
    models = renames(before.models, after.models)
    routes = renames(before.routes, after.routes)
    keys = renames(before.keys, after.keys)
    entries = (
        *compare_whole(before, after),
        *compare_entries("provider", before, after, renames(before.providers, after.providers), now_ns),
        *compare_entries("model", before, after, models, now_ns),
        *compare_entries("route", before, after, routes, now_ns),
        *compare_entries("team", before, after, renames(before.teams, after.teams), now_ns),
        *compare_entries("key", before, after, keys, now_ns),
        *compare_entries("budget", before, after, renames(before.budgets, after.budgets), now_ns),
    )
    repriced = compare_model_prices(before, after, models, now_ns)
    sides = (Side(before, now_ns), Side(after, now_ns))
    lost, gained = Callers(*sides, models | routes, keys).compare()
    lists = compare_locks(before, after, repriced)
    return CatalogDiff(
        lost=lost,
        gained=gained,
        entries=entries,
        repriced=repriced,
        names=_names(*sides, models | routes, now_ns),
        list_prices=lists,
        without_effect=files_without_effect(before, after, entries, lists),
    )


def _names(before: Side, after: Side, renamed: Mapping[str, str], now_ns: int) -> tuple[NameChange, ...]:
    """Aliases that come, go or move, and full names that have become aliases."""
    names = sorted({*before.catalog.aliases, *after.catalog.aliases})
    changes = []
    for name in names:
        one, other = before.target(name), after.target(name)
        if renamed.get(one, one) == other:
            continue
        periods = compare_prices(_price(before, one), _price(after, other), now_ns) if one and other else ()
        changes.append(NameChange(name, one, other, periods))
    return tuple(changes)


def _price(side: Side, target: str) -> Pricing:
    entry = side.entry(target)
    return entry.pricing if isinstance(entry, Model) else _UNPRICED
