"""One entry's prices while they are read: rates by meter, tier and variant, each with the field that said it."""

from collections.abc import Collection
from fractions import Fraction
from typing import Any

import msgspec

from engine.exchange.amounts import Refused, exact, rate
from engine.exchange.losses import Account, Reason
from engine.pricing.meters import BY_PRICE_KEY, contains

Condition = tuple[tuple[str, str], ...]

BATCH: Condition = (("processing", "batch"),)


def service_tier(name: str) -> Condition:
    """The condition that the response reports this service tier."""
    return (("service_tier", name),)


class Place(msgspec.Struct, frozen=True, order=True):
    """Where a rate holds: always, in a variant, above a number of input tokens, or both."""

    when: Condition = ()
    above: int = 0


USUAL = Place()


class Sheet:
    """The rates of one model. `trusted_unit`: somebody has confirmed the unit of token prices.

    `account` is that of the entry being read; another entry about the same model may take its place. `is_silent`: the
    entry says nothing at all about prices.
    """

    def __init__(self, account: Account, *, trusted_unit: bool = False) -> None:
        self.account = account
        self._trusted = trusted_unit
        self._rates: dict[tuple[Place, str], tuple[str, list[tuple[Account, str]]]] = {}
        self._lost_a_cost = False
        self.is_silent = True

    def put(self, key: str, value: Any, usd_per_one: Fraction, at: str, place: Place = USUAL) -> None:
        """Take a price; it is carried, or lost with the reason. The first of two that contradict each other counts."""
        self.is_silent = False
        try:
            text = rate(value, usd_per_one, key, trusted_unit=self._trusted)
        except Refused as refused:
            self.lose(at, refused.reason, refused.detail or _instead(key), value=value)
            return
        before = self._rates.get((place, key))
        if before is None:
            self._rates[place, key] = (text, [(self.account, at)])
        elif before[0] == text:
            before[1].append((self.account, at))
        else:
            self.lose(at, Reason.CONTRADICTION, f"{key} is {before[0]} by {before[1][0][1]}, and {text} here")
            return
        self.account.carry(at)

    def has(self, key: str, place: Place = USUAL) -> bool:
        """Whether a price was taken."""
        return (place, key) in self._rates

    def lose(self, at: str, reason: Reason, detail: str = "", *, value: Any = None) -> None:
        """A price that cannot be carried; where it is above zero, the others are not the whole cost."""
        self.is_silent = False
        self.account.lose(at, reason, detail)
        if _may_cost(value):
            self._lost_a_cost = True

    def pricing(self) -> Any:
        """What to write as `pricing`: "free", one window, or None where there is no price to write."""
        usual = {place.when for place, _ in self._rates if not place.above}
        if () not in usual:
            usual.clear()
        self._give_up(Reason.NO_BASE_RATE, kept=usual)
        if not self._rates:
            return None
        if all(text == "0" for text, _ in self._rates.values()):
            if self._lost_a_cost:
                self._give_up(Reason.HIDES_A_COST)
                return None
            return "free"
        window: dict[str, Any] = self._level(USUAL)
        if tiers := self._tiers(()):
            window["tiers"] = tiers
        variants: dict[str, Any] = {}
        for when in sorted({place.when for place, _ in self._rates if place.when}):
            variant: dict[str, Any] = {"when": dict(when), **self._level(Place(when))}
            if tiers := self._tiers(when):
                variant["tiers"] = tiers
            variants["-".join(value for _, value in when)] = variant
        if variants:
            window["variants"] = variants
        return window

    def _tiers(self, when: Condition) -> list[dict[str, Any]]:
        thresholds = sorted({place.above for place, _ in self._rates if place.when == when and place.above})
        return [{"above_input_tokens": above, **self._level(Place(when, above))} for above in thresholds]

    def _level(self, place: Place) -> dict[str, str]:
        return {key: self._rates[place, key][0] for key in BY_PRICE_KEY if (place, key) in self._rates}

    def _give_up(self, reason: Reason, kept: Collection[Condition] = ()) -> None:
        """Lose the rates of all conditions but these."""
        for place, key in [where for where in self._rates if where[0].when not in kept]:
            _, fields = self._rates.pop((place, key))
            for account, at in fields:
                account.lose(at, reason)


def _may_cost(value: Any) -> bool:
    """Whether a price is above zero, or cannot be told to be zero."""
    if value is None:
        return False
    try:
        return bool(exact(value))
    except Refused:
        return True


def _instead(key: str) -> str:
    """What happens to what a lost price was for, where it is a part of something that may have one."""
    meter = BY_PRICE_KEY[key]
    wider = [other.price_key for other in BY_PRICE_KEY.values() if contains(other, meter)]
    return f"it is then charged as {wider[0]}" if wider else ""
