"""Money is an integer of pico-USD (10⁻¹² USD); decimal strings go in and come out, floats never."""

import re
from fractions import Fraction

PICO_PER_USD = 10**12
MAX_DECIMALS = 12

# Up to 12 digits before and 12 after the point; no sign, exponent, leading zeros, underscore or white space.
DECIMAL = re.compile(r"(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,12})?", re.ASCII)

# Sums are taken in two parts, because SQLite's SUM overflows at 9.22 million USD of pico-USD.
SPLIT = 10**9


def parse_decimal(text: str) -> Fraction:
    """The exact value of a decimal string such as "0.20".

    Raises:
        ValueError: `text` is not a plain decimal of at most 12 digits before and 12 after the point.
    """
    if DECIMAL.fullmatch(text) is None:
        raise ValueError(f"not a plain decimal with at most {MAX_DECIMALS} decimals: {text!r}")
    return Fraction(text)


def format_fraction(value: Fraction) -> str:
    """The shortest plain decimal of an exact value whose expansion ends.

    Raises:
        ValueError: the expansion does not end (the denominator has a prime factor other than 2 and 5).
    """
    denominator, decimals = value.denominator, 0
    while (10**decimals) % denominator:
        decimals += 1
        if decimals > 64:
            raise ValueError(f"{value} has no finite decimal expansion")
    return _plain(value.numerator * 10**decimals // denominator, decimals)


def round_half_even(numerator: int, denominator: int) -> int:
    """`numerator / denominator` to the nearest integer, ties to the even one; `denominator` > 0."""
    quotient, remainder = divmod(numerator, denominator)
    doubled = 2 * remainder
    if doubled > denominator or (doubled == denominator and quotient & 1):
        return quotient + 1
    return quotient


def usd(pico_usd: int) -> str:
    """Pico-USD as a plain decimal of USD without trailing zeros: 1_500_000_000_000 → "1.5", 0 → "0"."""
    return _plain(pico_usd, MAX_DECIMALS)


def join_split_sum(high: int, low: int) -> int:
    """The sum of amounts from the sums of their quotients and remainders by `SPLIT`."""
    return high * SPLIT + low


def _plain(digits: int, decimals: int) -> str:
    sign, digits = ("-", -digits) if digits < 0 else ("", digits)
    whole, rest = divmod(digits, 10**decimals)
    if not rest:
        return f"{sign}{whole}"
    return f"{sign}{whole}.{rest:0{decimals}d}".rstrip("0")
