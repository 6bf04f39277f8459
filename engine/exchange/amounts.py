"""From a source's amounts to the catalog's: exact decimals of USD per what a price key pays for."""

import re
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from engine.exchange.losses import Reason
from engine.money import DECIMAL, format_fraction
from engine.pricing.meters import BY_PRICE_KEY

# What a token's price may be written in; the number of USD per token that 1 means.
TOKEN_UNITS: Mapping[str, Fraction] = MappingProxyType(
    {
        "usd-per-token": Fraction(1),
        "cents-per-token": Fraction(1, 100),
        "usd-per-1k-tokens": Fraction(1, 1_000),
        "usd-per-mtok": Fraction(1, 1_000_000),
    }
)

# No token costs that much. What does is a price per query, per page or per minute in a token's field: Portkey's list
# has several, and people write USD per million tokens where LiteLLM reads USD per token.
_IMPLAUSIBLE = Fraction(1_000)

_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,4})?", re.ASCII)
_MOST_DIGITS = 64


class Refused(Exception):
    """An amount that cannot be carried, and why."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


def exact(value: Any) -> Fraction:
    """The exact value of a number as a source wrote it.

    Raises:
        Refused: it is no number, not finite, negative, or longer than any price.
    """
    if isinstance(value, Fraction):
        return value
    is_text = isinstance(value, str) and _NUMBER.fullmatch(value) is not None
    if is_text or (isinstance(value, int) and not isinstance(value, bool)):
        value = Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite():
        raise Refused(Reason.BAD_VALUE, "not a number")
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    if not any(digits):
        return Fraction(0)
    if sign:
        raise Refused(Reason.BAD_VALUE, "a negative price")
    if len(digits) > _MOST_DIGITS or abs(exponent) > _MOST_DIGITS:
        raise Refused(Reason.NOT_EXACT)
    return Fraction(int("".join(map(str, digits)))) * Fraction(10) ** exponent


def rate(value: Any, usd_per_one: Fraction, price_key: str, *, trusted_unit: bool) -> str:
    """The rate of a price key, where `value` times `usd_per_one` is the price of one counted thing in USD.

    Raises:
        Refused: it cannot be said exactly; or it is a token's price that no token has, and the unit is not confirmed.
    """
    meter = BY_PRICE_KEY[price_key]
    amount = exact(value) * usd_per_one * meter.per
    if ("family", "tokens") in meter.dimensions and amount >= _IMPLAUSIBLE and not trusted_unit:
        raise Refused(Reason.IMPLAUSIBLE)
    return decimal(amount)


def decimal(amount: Fraction) -> str:
    """An exact amount as the catalog writes it.

    Raises:
        Refused: it has more than 12 digits before or after the point.
    """
    try:
        text = format_fraction(amount)
    except ValueError:
        raise Refused(Reason.NOT_EXACT) from None
    if DECIMAL.fullmatch(text) is None:
        raise Refused(Reason.NOT_EXACT)
    return text
