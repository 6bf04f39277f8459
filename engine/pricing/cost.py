"""The one place where a cost is computed: meters times exact rates → an integer of pico-USD, or None and the reason.

Counts are inclusive (`input_tokens` holds the cached ones). A meter with a rate of its own is carved out of those that
contain it, so every counted thing is paid for once; a meter without one stays in the count of the nearest meter with a
rate that contains it. What the counts do not determine is unknown, never guessed, and costs None:

- a count above zero without any rate, its own or of a meter that contains it;
- a count above that of a priced meter that contains it, or parts that add up to more than their whole;
- two priced meters that may overlap (cached and audio tokens), where nobody reported by how much.

Genai-prices raises in the last two cases, and ignores counts without a rate; otherwise the results are the same, which
a test holds over all its models.

All that depends on rates alone is done by `compile_pricing`, at load time.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import combinations

import msgspec

from engine.model import PriceVariant, PriceWindow, Pricing
from engine.money import PICO_PER_USD, round_half_even
from engine.pricing.meters import BY_PRICE_KEY, METERS, Meter, contains, overlap, price_context

# List rates of the reference data have up to 18 decimals, and a negotiated factor adds up to 12.
_RATE = re.compile(r"(?:0|[1-9][0-9]{0,23})(?:\.[0-9]{1,40})?", re.ASCII)
_NO_RATES: dict[str, str] = {}
_REQUESTS = "requests"  # reported by nobody: a priced request counts itself
_BASE = -1  # the threshold that every request exceeds


class Charge(msgspec.Struct, frozen=True, gc=False):
    """What one attempt costs.

    `cost_pico_usd` is None where the cost is unknown, and `reason` then says why in one line. `rates` are those that
    were in force (price key → exact decimal); they and the meters give the same cost again. It is shared: read it only.
    """

    cost_pico_usd: int | None
    rates: dict[str, str]
    reason: str = ""


class PricePlan:
    """A model's pricing, ready to charge. Made by `compile_pricing`; immutable, safe to share."""

    __slots__ = ("_constant", "_sheets", "_starts")

    def __init__(self, starts: list[int], sheets: "list[_Sheet | None]", constant: Charge | None = None) -> None:
        self._starts = starts
        self._sheets = sheets  # one more than starts: the first holds before them all, or nothing does
        self._constant = constant

    def charge(self, meters: Mapping[str, int], *, started_ns: int, service_tier: str | None) -> Charge:
        """The cost of one attempt. No usage at all is the caller's to decide: empty meters cost zero tokens.

        Args:
            meters: inclusive counts by usage key.
            started_ns: when the request started, in nanoseconds since the Unix epoch: it chooses the window.
            service_tier: what the response reported: it chooses the variant.
        """
        if self._constant is not None:
            return self._constant
        sheet = self._sheets[bisect_right(self._starts, started_ns)]
        if sheet is None:
            return Charge(None, _NO_RATES, "before the first window")
        staircase = sheet.by_service_tier.get(service_tier.lower(), sheet.base) if service_tier else sheet.base
        if not staircase.thresholds:
            return staircase.levels[0].charge(meters)
        return staircase.levels[bisect_left(staircase.thresholds, meters.get("input_tokens", 0))].charge(meters)


def compile_pricing(pricing: Pricing) -> PricePlan:
    """Does at load time all that `PricePlan.charge` needs.

    Raises:
        ValueError: a rate is not a plain decimal, a price key is unknown, or two windows start at the same time.
    """
    if pricing.kind == "free":
        return PricePlan([], [], Charge(0, _NO_RATES))
    if pricing.kind == "unpriced" or not pricing.windows:
        return PricePlan([], [], Charge(None, _NO_RATES, "unpriced"))
    windows = sorted(pricing.windows, key=lambda window: (window.start is not None, window.start or 0))
    if len({window.start for window in windows}) != len(windows):
        raise ValueError("two windows start at the same time")
    sheets: list[_Sheet | None] = [_Sheet(window) for window in windows]
    starts = [window.start for window in windows if window.start is not None]
    if len(starts) == len(sheets):
        sheets.insert(0, None)
    return PricePlan(starts, sheets)


def rate_value(rate: str) -> Fraction:
    """The exact value of a rate.

    Raises:
        ValueError: it is not a plain decimal of at most 24 digits before and 40 after the point.
    """
    if _RATE.fullmatch(rate) is None:
        raise ValueError(f"not a plain decimal: {rate!r}")
    return Fraction(rate)


class _Sheet:
    """One window: the rates without a variant, and those for each service tier that a variant asks for."""

    __slots__ = ("base", "by_service_tier")

    def __init__(self, window: PriceWindow) -> None:
        self.base = _Staircase(_ladders(window, ()))
        self.by_service_tier: dict[str, _Staircase] = {}
        conditions = {name: _lower(variant.when).items() for name, variant in window.variants.items()}
        for service_tier in {value for condition in conditions.values() for _, value in condition}:
            context = price_context(service_tier).items()
            chosen = [name for name, condition in conditions.items() if condition <= context]
            if chosen:
                # Weakest first: what comes later replaces it.
                chosen.sort(key=lambda name: (-len(conditions[name]), name), reverse=True)
                parts = [window.variants[name] for name in chosen]
                self.by_service_tier[service_tier] = _Staircase(_ladders(window, parts))


class _Staircase:
    """The rates by the size of the input: `levels[i]` where it exceeds `i` of the thresholds."""

    __slots__ = ("levels", "thresholds")

    def __init__(self, ladders: dict[str, dict[int, str]]) -> None:
        self.thresholds = sorted({step for ladder in ladders.values() for step in ladder if step != _BASE})
        self.levels = [_Level(_rates_above(ladders, step)) for step in (_BASE, *self.thresholds)]


def _ladders(window: PriceWindow, variants: Iterable[PriceVariant]) -> dict[str, dict[int, str]]:
    """Each price key's rates by the threshold above which they hold."""
    ladders: dict[str, dict[int, str]] = {}
    parts: tuple[PriceWindow | PriceVariant, ...] = (window, *variants)
    for part in parts:
        for key, rate in part.rates.items():
            ladders[key] = {_BASE: rate}
        for tier in part.tiers:
            for key, rate in tier.rates.items():
                ladders.setdefault(key, {})[tier.above_input_tokens] = rate
    return ladders


def _rates_above(ladders: dict[str, dict[int, str]], threshold: int) -> dict[str, str]:
    rates = {}
    for key, ladder in ladders.items():
        reached = [step for step in ladder if step <= threshold]
        if reached:
            rates[key] = ladder[max(reached)]
    return rates


class _Level:
    """One set of rates as integer factors, in the order of its shape."""

    __slots__ = ("_lines", "_per_request", "_shape", "rates")

    def __init__(self, rates: dict[str, str]) -> None:
        self.rates = rates
        factors = {}
        for price_key, rate in rates.items():
            meter = _meter(price_key)
            factors[meter.usage_key] = rate_value(rate) * PICO_PER_USD / meter.per
        self._per_request = factors.get(_REQUESTS)
        self._shape = _shape_of(frozenset(rates))
        self._lines = tuple(
            (key, factors[key].numerator, factors[key].denominator, outer) for key, outer in self._shape.lines
        )

    def charge(self, meters: Mapping[str, int]) -> Charge:
        reason = self._doubt(meters)
        if reason:
            return Charge(None, self.rates, reason)
        cost = 0
        if self._per_request is not None:
            requests = self._per_request * meters.get(_REQUESTS, 1)
            cost = round_half_even(requests.numerator, requests.denominator)
        taken = [0] * len(self._lines)  # by meters inside, from each line's count
        for index, (key, numerator, denominator, outer) in enumerate(self._lines):
            count = meters.get(key, 0)
            if not count:
                continue
            count -= taken[index]
            if count < 0:
                return Charge(None, self.rates, f"parts of {key} add up to {taken[index]}, more than {meters[key]}")
            for position in outer:
                taken[position] += count
            if denominator == 1:
                cost += count * numerator
            else:
                cost += round_half_even(count * numerator, denominator)
        return Charge(cost, self.rates)

    def _doubt(self, meters: Mapping[str, int]) -> str:
        """Why the counts, one by one or by pairs, do not determine a cost; "" where they do."""
        for key, count in meters.items():
            if count > 0:
                outer = self._shape.payers.get(key)
                if outer is None:
                    return f"no rate for {key}"
                for containing in outer:
                    if count > meters.get(containing, 0):
                        return f"{key} ({count}) exceeds {containing} ({meters.get(containing, 0)})"
            elif count < 0:
                return f"{key} is negative ({count})"
        for one, other, both in self._shape.overlaps:
            if both not in meters and meters.get(one, 0) and meters.get(other, 0):
                return f"{both} not reported: {one} and {other} may overlap"
        return ""


def _lower(when: Mapping[str, str]) -> dict[str, str]:
    return {key: value.lower() for key, value in when.items()}


def _meter(price_key: str) -> Meter:
    try:
        return BY_PRICE_KEY[price_key]
    except KeyError:
        raise ValueError(f"unknown price key {price_key!r}") from None


class _Shape(msgspec.Struct, frozen=True):
    """What the priced meters have to do with each other, whatever their rates.

    `lines` are their usage keys, most specific first, so that a meter's own share is known before it is taken from the
    lines (by position) that contain it. `payers` says for every meter that has one which priced meters contain it.
    `overlaps` are pairs that may count the same things, with the meter that says how many.
    """

    lines: tuple[tuple[str, tuple[int, ...]], ...]
    payers: dict[str, tuple[str, ...]]
    overlaps: tuple[tuple[str, str, str], ...]


@lru_cache(maxsize=1024)
def _shape_of(price_keys: frozenset[str]) -> _Shape:
    """Most models share a few shapes, and finding one takes longer than all the rest."""
    priced = sorted(map(_meter, price_keys), key=lambda meter: (-len(meter.dimensions), meter.usage_key))
    payers = {meter.usage_key: outer for meter in METERS if (outer := _payers(meter, priced)) is not None}
    counted = [meter for meter in priced if meter.usage_key != _REQUESTS]
    lines = tuple(
        (meter.usage_key, tuple(index for index, outer in enumerate(counted) if contains(outer, meter)))
        for meter in counted
    )
    overlaps = tuple(
        (one.usage_key, other.usage_key, both.usage_key)
        for one, other in combinations(counted, 2)
        if (both := overlap(one, other)) is not None
    )
    return _Shape(lines, payers, overlaps)


def _payers(meter: Meter, priced: list[Meter]) -> tuple[str, ...] | None:
    """The priced meters that contain `meter`; None where no single rate pays for it."""
    outer = [each for each in priced if contains(each, meter)]
    if meter not in priced:
        nearest = [each for each in outer if not any(contains(each, inner) for inner in outer)]
        if len(nearest) != 1:
            return None
    return tuple(each.usage_key for each in outer)
