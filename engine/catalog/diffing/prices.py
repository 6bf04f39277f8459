"""How prices differ: what a request would be charged by before and after, for every moment from the first window on."""

from bisect import bisect_right
from fractions import Fraction
from itertools import pairwise

from engine.catalog.diffing.fields import time_text
from engine.catalog.diffing.result import PricePeriod, RateChange, When
from engine.model import PriceKind, PriceTier, PriceWindow, Pricing

TENFOLD = 10

Sheet = dict[str, str]


def compare_prices(before: Pricing, after: Pricing, now_ns: int) -> tuple[PricePeriod, ...]:
    """The periods in which rates differ: the one that holds now first, then those to come, then those past."""
    starts = sorted(
        {window.start for pricing in (before, after) for window in pricing.windows if window.start is not None}
    )
    edges = [None, *starts, None]
    periods: list[PricePeriod] = []
    for start, until in pairwise(edges):
        one, other = _in_force(before, start), _in_force(after, start)
        kinds: tuple[PriceKind, PriceKind] = (
            before.kind if one is not None else "unpriced",
            after.kind if other is not None else "unpriced",
        )
        rates = _rate_changes(*_zeros_said(sheet(one, kinds[0]), sheet(other, kinds[1]), kinds))
        if not rates and kinds[0] == kinds[1]:
            continue
        if not rates and "unpriced" not in kinds and "free" not in kinds:
            continue  # own or inherited, the same is charged
        when = _when(start, until, now_ns)
        last = periods[-1] if periods else None
        if last and last.rates == rates and last.until == time_text(start) and last.when == when:
            periods[-1] = PricePeriod(when, last.start, time_text(until), *kinds, rates)
        else:
            periods.append(PricePeriod(when, time_text(start), time_text(until), *kinds, rates))
    order = {"now": 0, "later": 1, "past": 2}
    return tuple(sorted(periods, key=lambda period: order[period.when]))


def rates_now(pricing: Pricing, now_ns: int) -> Sheet:
    """The rates that hold now, by the words that say when each does."""
    window = _in_force(pricing, now_ns)
    return sheet(window, pricing.kind)


def sheet(window: PriceWindow | None, kind: PriceKind) -> Sheet:
    """All rates of a window in one mapping: "input_mtok", "above 200000: input_mtok", "batch: input_mtok"."""
    if window is None or kind == "free":
        return {}
    rates = _with_tiers("", window.rates, window.tiers)
    for name, variant in window.variants.items():
        conditions = ", ".join(f"{key}={value}" for key, value in sorted(variant.when.items()))
        shown = conditions if name in (conditions, conditions.partition("=")[2]) else f"{name} ({conditions})"
        rates |= _with_tiers(f"{shown}: ", variant.rates, variant.tiers)
    return rates


def _with_tiers(prefix: str, rates: Sheet, tiers: tuple[PriceTier, ...]) -> Sheet:
    found = {f"{prefix}{key}": rate for key, rate in rates.items()}
    for tier in tiers:
        found |= {f"{prefix}above {tier.above_input_tokens}: {key}": rate for key, rate in tier.rates.items()}
    return found


def _in_force(pricing: Pricing, at: int | None) -> PriceWindow | None:
    """The window that a request is priced by that starts at this time; None is before all windows with a start."""
    windows = pricing.windows
    if at is None:
        return windows[0] if windows and windows[0].start is None else None
    index = bisect_right(windows, at, key=lambda window: -(2**63) if window.start is None else window.start)
    return windows[index - 1] if index else None


def _when(start: int | None, until: int | None, now_ns: int) -> When:
    if start is not None and start > now_ns:
        return "later"
    return "past" if until is not None and until <= now_ns else "now"


def _zeros_said(before: Sheet, after: Sheet, kinds: tuple[PriceKind, PriceKind]) -> tuple[Sheet, Sheet]:
    """What is free costs zero by every meter that the other side prices."""
    if kinds[0] == "free":
        before = dict.fromkeys(after, "0")
    if kinds[1] == "free":
        after = dict.fromkeys(before, "0")
    return before, after


def _rate_changes(before: Sheet, after: Sheet) -> tuple[RateChange, ...]:
    keys = [*after, *(key for key in before if key not in after)]
    return tuple(
        _rate_change(key, before.get(key), after.get(key))
        for key in sorted(keys, key=_reading_order)
        if _value(before.get(key)) != _value(after.get(key))
    )


def _reading_order(meter: str) -> tuple[int, str, int, str]:
    """Base rates first, then tiers, then variants; of each input, then output, then the others."""
    condition, _, key = meter.rpartition(": ")
    rank = {"input_mtok": 0, "output_mtok": 1}.get(key, 2)
    return (0 if not condition else 1 if condition.startswith("above ") else 2, condition, rank, key)


def _rate_change(meter: str, before: str | None, after: str | None) -> RateChange:
    if before is None or after is None:
        return RateChange(meter, before, after)
    one, other = Fraction(before), Fraction(after)
    percent = _decimal((other - one) * 100 / one) if one else None
    tenfold = bool(one and other) and (other >= one * TENFOLD or one >= other * TENFOLD)
    return RateChange(meter, before, after, percent, tenfold)


def _value(rate: str | None) -> Fraction | None:
    return None if rate is None else Fraction(rate)


def _decimal(value: Fraction) -> str:
    tenths = round(value * 10)
    sign, tenths = ("-" if tenths < 0 else "", abs(tenths))
    return f"{sign}{tenths // 10}.{tenths % 10}".removesuffix(".0")
