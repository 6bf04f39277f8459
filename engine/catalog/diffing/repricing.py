"""Which models cost something else, grouped by where they take their price from."""

from collections.abc import Mapping

import msgspec

from engine.catalog.catalog import Catalog
from engine.catalog.diffing.prices import compare_prices
from engine.catalog.diffing.result import PricePeriod, Repricing
from engine.model import PriceKind

_Group = tuple[str, str, bytes]


def compare_model_prices(
    before: Catalog, after: Catalog, renamed: Mapping[str, str], now_ns: int
) -> tuple[Repricing, ...]:
    """All models that are on both sides and cost something else, or take their price from elsewhere."""
    found: dict[_Group, list[Repricing]] = {}
    known: dict[bytes, tuple[PricePeriod, ...]] = {}  # many models have the same price
    for name, one in before.models.items():
        other = after.models.get(renamed.get(name, name))
        if other is None or one.pricing == other.pricing:
            continue
        # A model that keeps its base model's price under another name of that one costs the same.
        source_before = renamed.get(one.pricing.source, one.pricing.source)
        prices = msgspec.json.encode((one.pricing, other.pricing))
        if prices not in known:
            known[prices] = compare_prices(one.pricing, other.pricing, now_ns)
        periods = known[prices]
        kinds = (one.pricing.kind, other.pricing.kind)
        if not periods and kinds[0] == kinds[1] and source_before == other.pricing.source:
            continue
        repriced = Repricing((other.name,), *kinds, periods, source_before, other.pricing.source)
        found.setdefault(_group(repriced), []).append(repriced)
    return tuple(sorted((_together(group) for group in found.values()), key=lambda each: each.models))


def _group(repriced: Repricing) -> _Group:
    """Models with one source and the same change; the source itself is one of them."""
    root = repriced.source or repriced.models[0]
    came_from = repriced.source_before if repriced.source_before != repriced.source else ""
    kinds = _kinds_apart(repriced.periods, repriced.kind_before, repriced.kind_after)
    return (root, f"{came_from} {kinds}", msgspec.json.encode([_rates(period) for period in repriced.periods]))


def _kinds_apart(periods: tuple[PricePeriod, ...], before: PriceKind, after: PriceKind) -> str:
    return "" if before == after and periods else f"{before} {after}"


def _rates(period: PricePeriod) -> tuple[object, ...]:
    return (period.when, period.start, period.until, period.rates)


def _together(group: list[Repricing]) -> Repricing:
    source = next((each.source for each in group if each.source), "")
    own = sorted((each for each in group), key=lambda each: (each.models[0] != source, each.models))
    first = own[0]
    names = tuple(each.models[0] for each in own)
    before = next((each.source_before for each in group if each.source_before), "")
    return msgspec.structs.replace(first, models=names, source=source, source_before=before)
