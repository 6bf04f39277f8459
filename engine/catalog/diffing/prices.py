"""How prices differ: what a request would be charged by before and after, for every moment from the first window on."""

from bisect import bisect_right
from collections.abc import Mapping
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from engine.catalog.diffing.fields import time_text
from engine.catalog.diffing.result import PricePeriod, RateChange, When
from engine.model import PriceKind, PriceTier, PriceWindow, Pricing
from engine.pricing.meters import BY_PRICE_KEY, METERS, contains

TENFOLD = 10
_ALWAYS = -1  # the threshold that every request exceeds


def compare_prices(before: Pricing, after: Pricing, now_ns: int) -> tuple[PricePeriod, ...]:
    """The periods in which rates differ: the one that holds now first, then those to come, then those past."""
    starts = sorted(
        {window.start for pricing in (before, after) for window in pricing.windows if window.start is not None}
    )
    periods: list[PricePeriod] = []
    for start, until in pairwise((None, *starts, None)):
        one, other = _in_force(before, start), _in_force(after, start)
        kinds: tuple[PriceKind, PriceKind] = (
            before.kind if one is not None else "unpriced",
            after.kind if other is not None else "unpriced",
        )
        rates = _rate_changes(Sheet(one, kinds[0]), Sheet(other, kinds[1]))
        if not rates and (kinds[0] == kinds[1] or not {"unpriced", "free"} & {*kinds}):
            continue  # own or inherited, the same is charged
        when = _when(start, until, now_ns)
        period = PricePeriod(when, time_text(start), time_text(until), *kinds, rates)
        last = periods[-1] if periods else None
        if last and (last.when, last.until, last.rates) == (when, period.start, rates):
            periods[-1] = PricePeriod(when, last.start, period.until, *kinds, rates)
        else:
            periods.append(period)
    order = {"now": 0, "later": 1, "past": 2}
    return tuple(sorted(periods, key=lambda period: order[period.when]))


def rates_now(pricing: Pricing, now_ns: int) -> dict[str, str]:
    """The rates that hold now, by the words that say when each does."""
    window = _in_force(pricing, now_ns)
    return {spot.text: rate for spot, rate in Sheet(window, pricing.kind).own.items()}


class Spot(NamedTuple):
    """A place in a price sheet: a price key, where it holds for one variant only, or above so many input tokens."""

    variant: str
    above: int
    key: str

    @property
    def text(self) -> str:
        """For people: "processing=batch: above 200000: input_mtok"."""
        above = f"above {self.above}: " if self.above > _ALWAYS else ""
        return f"{self.variant}: {above}{self.key}" if self.variant else f"{above}{self.key}"


class Sheet:
    """The rates of one window. `own` are those that it says itself."""

    def __init__(self, window: PriceWindow | None, kind: PriceKind) -> None:
        self.own: dict[Spot, str] = {}
        self._is_free = window is not None and kind == "free"
        if window is not None:
            self._add("", window.rates, window.tiers)
            for name, variant in window.variants.items():
                self._add(_conditions(name, variant.when), variant.rates, variant.tiers)

    def _add(self, variant: str, rates: Mapping[str, str], tiers: tuple[PriceTier, ...]) -> None:
        self.own |= {Spot(variant, _ALWAYS, key): rate for key, rate in rates.items()}
        for tier in tiers:
            self.own |= {Spot(variant, tier.above_input_tokens, key): rate for key, rate in tier.rates.items()}

    def charged(self, spot: Spot) -> tuple[str | None, str]:
        """What is charged there, by the rules of `pricing.cost`; and where the rate stands, "" for there itself.

        A variant that names a price key replaces its tiers as well; a key without any rate is charged by the nearest
        meter that contains it.
        """
        if self._is_free:
            return "0", ""
        for key in (spot.key, *_containing(spot.key)):
            for variant in dict.fromkeys((spot.variant, "")):
                steps = [
                    own for own in self.own if (own.variant, own.key) == (variant, key) and own.above <= spot.above
                ]
                if steps:
                    found = max(steps)
                    return self.own[found], "" if found == spot else found.text
        return None, ""


def _conditions(name: str, when: Mapping[str, str]) -> str:
    conditions = ", ".join(f"{key}={value}" for key, value in sorted(when.items()))
    return conditions if name in (conditions, conditions.partition("=")[2]) else f"{name} ({conditions})"


@cache
def _containing(price_key: str) -> tuple[str, ...]:
    """The price keys of meters that contain this one, the nearest first."""
    inner = BY_PRICE_KEY[price_key]
    outer = [meter for meter in METERS if contains(meter, inner)]
    return tuple(meter.price_key for meter in sorted(outer, key=lambda meter: -len(meter.dimensions)))


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


def _rate_changes(before: Sheet, after: Sheet) -> tuple[RateChange, ...]:
    """What differs in what is charged; a rate that only repeats what held anyway is no change."""
    spots = sorted(before.own.keys() | after.own.keys(), key=_reading_order)
    changes = (_rate_change(spot, before.charged(spot), after.charged(spot)) for spot in spots)
    return tuple(change for change in changes if change is not None)


def _rate_change(spot: Spot, charged: tuple[str | None, str], will_be: tuple[str | None, str]) -> RateChange | None:
    (before, before_by), (after, after_by) = charged, will_be
    if before is None or after is None:
        return None if before == after else RateChange(spot.text, before, after, None, False, before_by, after_by)
    one, other = Fraction(before), Fraction(after)
    if one == other:
        return None
    percent = _decimal((other - one) * 100 / one) if one else None
    # A cached token is often a tenth of an input token: that it got a rate of its own is no alarm.
    alike = {by.rpartition(": ")[2] for by in (before_by, after_by)} <= {"", spot.key}
    tenfold = alike and bool(one and other) and (other >= one * TENFOLD or one >= other * TENFOLD)
    return RateChange(spot.text, before, after, percent, tenfold, before_by, after_by)


def _reading_order(spot: Spot) -> tuple[str, int, int, str]:
    """Base rates first, then tiers, then variants; of each input, then output, then the others."""
    return (spot.variant, spot.above, {"input_mtok": 0, "output_mtok": 1}.get(spot.key, 2), spot.key)


def _decimal(value: Fraction) -> str:
    tenths = round(value * 10)
    sign, tenths = ("-" if tenths < 0 else "", abs(tenths))
    return f"{sign}{tenths // 10}.{tenths % 10}".removesuffix(".0")
