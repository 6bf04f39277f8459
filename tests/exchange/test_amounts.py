"""Numbers of other people's formats become exact decimals, or are refused with the reason."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.exchange.amounts import TOKEN_UNITS, Refused, exact, rate
from engine.exchange.documents import read_json
from engine.exchange.losses import Reason


def read(text):
    return read_json(b"[%s]" % text.encode(), "x.json").value[0]


@pytest.mark.parametrize(
    ("text", "unit", "rate_"),
    [
        ("5e-05", "cents-per-token", "0.5"),
        ("0.00025", "cents-per-token", "2.5"),
        ("1.25e-05", "usd-per-token", "12.5"),
        ("1.25E-7", "usd-per-token", "0.125"),
        ("3", "usd-per-mtok", "3"),
        ("0.03", "usd-per-1k-tokens", "30"),
        ("0", "cents-per-token", "0"),
        ("-0.0", "cents-per-token", "0"),
        ("0e999999999", "cents-per-token", "0"),
        ("2.083333e-06", "usd-per-token", "2.083333"),
        ("1e-18", "usd-per-token", "0.000000000001"),
    ],
)
def test_a_price_is_its_text_in_another_unit(text, unit, rate_):
    assert rate(read(text), TOKEN_UNITS[unit], "input_mtok", trusted_unit=False) == rate_


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("8.500000000000001e-05", Reason.NOT_EXACT),
        ("1e-19", Reason.NOT_EXACT),
        ("1e-999999999", Reason.NOT_EXACT),
        ("1e999999999", Reason.NOT_EXACT),
        ("0." + "1" * 200, Reason.NOT_EXACT),
        ("-1", Reason.BAD_VALUE),
        ("NaN", Reason.BAD_VALUE),
        ("Infinity", Reason.BAD_VALUE),
        ("true", Reason.BAD_VALUE),
        ('"os.environ/PRICE"', Reason.BAD_VALUE),
        ('"1_000"', Reason.BAD_VALUE),
        ("[1]", Reason.BAD_VALUE),
        ("0.001", Reason.IMPLAUSIBLE),
    ],
)
def test_what_is_no_exact_price_is_refused(text, reason):
    with pytest.raises(Refused) as refused:
        rate(read(text), TOKEN_UNITS["usd-per-token"], "input_mtok", trusted_unit=False)
    assert refused.value.reason is reason


def test_a_confirmed_unit_is_believed():
    assert rate(read("0.6"), TOKEN_UNITS["cents-per-token"], "input_audio_mtok", trusted_unit=True) == "6000"


def test_only_tokens_are_implausible():
    assert rate(read("5"), Fraction(1), "requests_kcount", trusted_unit=False) == "5000"


@given(st.decimals(min_value=0, max_value=10**6, places=20))
def test_exact_is_exact(value):
    assert exact(value) == Fraction(value)
    assert exact(Decimal(str(value))) == Fraction(str(value))
