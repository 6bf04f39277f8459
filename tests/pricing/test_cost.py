"""Costs against exact rationals: the oracle prices every single thing that was counted, by sets, not by subtraction."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.model import PriceTier, PriceVariant, PriceWindow, Pricing
from engine.pricing.cost import Charge, compile_pricing, rate_value
from engine.pricing.meters import BY_PRICE_KEY, BY_USAGE_KEY, METERS

PRICE_KEYS = sorted(key for key in BY_PRICE_KEY if key != "requests_kcount")
USAGE_KEYS = sorted(key for key in BY_USAGE_KEY if key != "requests")
# Drawn more often, so that rates, counts and overlaps meet.
COMMON = [
    "input_mtok",
    "output_mtok",
    "cache_read_mtok",
    "cache_write_mtok",
    "input_audio_mtok",
    "cache_audio_read_mtok",
]
DECIMALS = st.decimals(0, 999_999, places=12, allow_nan=False, allow_infinity=False).map(lambda value: f"{value:f}")
ROOTS = st.fixed_dictionaries({"input_mtok": DECIMALS, "output_mtok": DECIMALS}) | st.just({})
RATES = st.builds(
    lambda roots, more: roots | more,
    ROOTS,
    st.dictionaries(st.sampled_from(COMMON) | st.sampled_from(PRICE_KEYS), DECIMALS, min_size=1, max_size=8),
)
COUNTS = st.integers(1, 40) | st.integers(1, 10**9) | st.just(2**63)
COMMON_USAGE = [BY_PRICE_KEY[key].usage_key for key in COMMON]
# How many things were counted that have exactly a meter's dimensions.
THINGS = st.dictionaries(st.sampled_from(COMMON_USAGE) | st.sampled_from(USAGE_KEYS), COUNTS, max_size=4)


def charge(rates, meters):
    return compile_pricing(Pricing("own", (PriceWindow(rates),))).charge(meters, started_ns=0, service_tier=None)


def is_within(inner, outer):
    return set(BY_USAGE_KEY[inner].dimensions) >= set(BY_USAGE_KEY[outer].dimensions)


def inclusive(things):
    """What a provider with the full vocabulary reports: every meter counts all things within it."""
    return {key: sum(count for thing, count in things.items() if is_within(thing, key)) for key in USAGE_KEYS}


def payer(rates, key):
    """The smallest priced set that holds all that the meter `key` counts; None where there is none, or no smallest."""
    priced = {BY_PRICE_KEY[price_key].usage_key for price_key in rates}
    holders = [holder for holder in priced if is_within(key, holder)]
    smallest = [holder for holder in holders if all(is_within(holder, other) for other in holders)]
    return smallest[0] if smallest else None


def expected(rates, things):
    """Each thing pays the rate of its payer; None where a set that was counted has no payer."""
    if any(count and payer(rates, key) is None for key, count in inclusive(things).items()):
        return None
    paid_as = dict.fromkeys(USAGE_KEYS, 0)
    for thing, count in things.items():
        paid_as[payer(rates, thing)] += count
    cost = 0
    for price_key, rate in rates.items():
        meter = BY_PRICE_KEY[price_key]
        # round() of a Fraction is exact and half-even.
        cost += round(Fraction(rate) * paid_as[meter.usage_key] * 10**12 / meter.per)
    return cost


@given(RATES, THINGS)
def test_cost_equals_the_exact_cost_of_every_counted_thing_or_is_unknown(rates, things):
    assert charge(rates, inclusive(things)).cost_pico_usd == expected(rates, things)


@given(RATES, st.data())
def test_cost_equals_the_exact_cost_of_every_counted_thing_where_all_have_a_payer(rates, data):
    outer = {key: [each for each in USAGE_KEYS if is_within(key, each)] for key in USAGE_KEYS}
    payable = [key for key in USAGE_KEYS if all(payer(rates, each) for each in outer[key])]
    assume(payable)
    things = data.draw(st.dictionaries(st.sampled_from(payable), COUNTS, min_size=1, max_size=8))
    cost = charge(rates, inclusive(things)).cost_pico_usd
    assert cost is not None
    assert cost == expected(rates, things)


@given(RATES, THINGS, st.sets(st.sampled_from(USAGE_KEYS)))
def test_leaving_out_meters_without_a_rate_changes_no_cost_but_may_make_it_unknown(rates, things, left_out):
    full = inclusive(things)
    priced = {BY_PRICE_KEY[key].usage_key for key in rates}
    cost = charge(rates, full).cost_pico_usd
    less = charge(rates, {key: count for key, count in full.items() if key in priced or key not in left_out})
    if cost is not None:
        assert less.cost_pico_usd in (cost, None)


@given(RATES, st.dictionaries(st.sampled_from(USAGE_KEYS), st.integers(-5, 60)))
def test_no_counts_whatever_give_a_negative_cost_or_a_silent_unknown(rates, meters):
    result = charge(rates, meters)
    assert (result.cost_pico_usd is None) == bool(result.reason)
    assert "\n" not in result.reason
    if result.cost_pico_usd is not None:
        dearest = max(Fraction(rate) for rate in rates.values())
        assert 0 <= result.cost_pico_usd <= dearest * 10**12 * sum(meters.values())


@given(RATES, THINGS)
def test_recorded_rates_and_meters_give_the_same_cost_again(rates, things):
    first = charge(rates, inclusive(things))
    assert charge(first.rates, inclusive(things)) == first


CHAT = {"input_mtok": "0.20", "cache_read_mtok": "0.05", "output_mtok": "0.80"}


@pytest.mark.parametrize(
    ("meters", "pico_usd"),
    [
        ({}, 0),
        ({"input_tokens": 0, "output_tokens": 0}, 0),
        ({"input_tokens": 1, "output_tokens": 1}, 1_000_000),
        ({"input_tokens": 1000, "cache_read_tokens": 200, "output_tokens": 50}, 210_000_000),
        # without a rate of its own, a meter stays in the one that holds it
        ({"input_tokens": 10, "input_audio_tokens": 4, "output_tokens": 3, "output_reasoning_tokens": 3}, 4_400_000),
        ({"input_tokens": 10, "cache_read_tokens": 4, "cache_audio_read_tokens": 4}, 1_400_000),
        ({"input_tokens": 2**63}, 2**63 * 200_000),
    ],
)
def test_a_chat_request(meters, pico_usd):
    assert charge(CHAT, meters) == Charge(pico_usd, CHAT)


@pytest.mark.parametrize(
    ("meters", "reason"),
    [
        ({"input_tokens": 1, "web_searches": 1}, "no rate for web_searches"),
        ({"input_tokens": 1, "quanta": 1}, "no rate for quanta"),
        # Genai-prices refuses these two as well.
        ({"input_tokens": 10, "cache_read_tokens": 11}, "cache_read_tokens (11) exceeds input_tokens (10)"),
        ({"cache_read_tokens": 11}, "cache_read_tokens (11) exceeds input_tokens (0)"),
        # Genai-prices bills 10 tokens here: it does not look at meters without a rate.
        (
            {"output_tokens": 10, "output_reasoning_tokens": 300},
            "output_reasoning_tokens (300) exceeds output_tokens (10)",
        ),
        ({"input_tokens": -1}, "input_tokens is negative (-1)"),
    ],
)
def test_an_unknown_cost_says_why(meters, reason):
    assert charge(CHAT, meters) == Charge(None, CHAT, reason)


def test_parts_that_add_up_to_more_than_the_whole_are_unknown():
    rates = {**CHAT, "cache_write_mtok": "0.25"}
    result = charge(rates, {"input_tokens": 100, "cache_read_tokens": 60, "cache_write_tokens": 60})
    assert result == Charge(None, rates, "parts of input_tokens add up to 120, more than 100")


AUDIO = {"input_mtok": "1", "input_audio_mtok": "10", "cache_read_mtok": "0.1"}


def test_an_overlap_that_was_not_reported_is_unknown():
    meters = {"input_tokens": 100, "input_audio_tokens": 30, "cache_read_tokens": 20}
    result = charge(AUDIO, meters)
    reason = "cache_audio_read_tokens not reported: cache_read_tokens and input_audio_tokens may overlap"
    assert result == Charge(None, AUDIO, reason)
    # Reported as nothing, it is known: 50 plain, 30 audio, 20 cached.
    assert charge(AUDIO, {**meters, "cache_audio_read_tokens": 0}).cost_pico_usd == 352 * 10**6
    # One of the two is zero, so they cannot overlap.
    assert charge(AUDIO, {**meters, "cache_read_tokens": 0}).cost_pico_usd == 370 * 10**6


def test_an_overlap_is_paid_once_and_only_at_its_own_rate():
    meters = {"input_tokens": 100, "input_audio_tokens": 30, "cache_read_tokens": 20, "cache_audio_read_tokens": 5}
    assert charge(AUDIO, meters).reason == "no rate for cache_audio_read_tokens"
    # 55 plain, 25 audio, 15 cached, 5 cached audio.
    assert charge({**AUDIO, "cache_audio_read_mtok": "2"}, meters).cost_pico_usd == 316_500_000


def test_rounding_is_half_even_once_a_meter():
    # 1.5 and 2.5 pico-USD: each rounds to 2; their sum would have been 4 as well, but 0.5 + 0.5 is 0, not 1.
    assert charge({"input_mtok": "0.0000015"}, {"input_tokens": 1}).cost_pico_usd == 2
    assert charge({"input_mtok": "0.0000025"}, {"input_tokens": 1}).cost_pico_usd == 2
    halves = {"input_mtok": "0.0000005", "output_mtok": "0.0000005"}
    assert charge(halves, {"input_tokens": 1, "output_tokens": 1}).cost_pico_usd == 0


def test_a_price_for_each_request_is_charged_once():
    rates = {"input_mtok": "1", "requests_kcount": "5"}
    assert charge(rates, {"input_tokens": 1}).cost_pico_usd == 10**6 + 5 * 10**9
    assert charge(rates, {"input_tokens": 1, "requests": 2}).cost_pico_usd == 10**6 + 10 * 10**9
    assert charge(CHAT, {"requests": 2}).reason == "no rate for requests"


def test_free_is_zero_and_unpriced_is_unknown():
    meters = {"input_tokens": 5, "web_searches": 1}
    free = compile_pricing(Pricing("free", (PriceWindow({}),)))
    assert free.charge(meters, started_ns=0, service_tier="batch") == Charge(0, {})
    for pricing in (Pricing("unpriced"), Pricing("own"), Pricing("inherit", source="openai:gone")):
        result = compile_pricing(pricing).charge(meters, started_ns=0, service_tier=None)
        assert result == Charge(None, {}, "unpriced")


@given(st.lists(st.integers(0, 2**63), min_size=1, max_size=6, unique=True), st.booleans(), st.data())
def test_the_window_is_that_of_the_start(starts, always, data):
    windows = [PriceWindow({"input_mtok": str(index + 1)}, start) for index, start in enumerate(starts)]
    if always:
        windows.append(PriceWindow({"input_mtok": "999"}))
    plan = compile_pricing(Pricing("own", tuple(windows)))
    around = [instant for start in starts for instant in (start - 1, start, start + 1)]
    started_ns = data.draw(st.sampled_from(around))
    result = plan.charge({"input_tokens": 1}, started_ns=started_ns, service_tier=None)
    begun = [window for window in windows if window.start is None or window.start <= started_ns]
    if begun:
        assert result.rates == max(begun, key=lambda window: -1 if window.start is None else window.start).rates
    else:
        assert result == Charge(None, {}, "before the first window")


@given(
    st.dictionaries(
        st.integers(0, 50),
        st.dictionaries(st.sampled_from(COMMON), st.integers(0, 9).map(str), min_size=1),
        max_size=4,
    ),
    st.integers(0, 60),
)
def test_a_tier_prices_all_of_a_request_with_more_input_than_its_threshold(tiers, input_tokens):
    base = dict.fromkeys(COMMON, "77")
    window = PriceWindow(base, tiers=tuple(PriceTier(above, rates) for above, rates in sorted(tiers.items())))
    plan = compile_pricing(Pricing("own", (window,)))
    result = plan.charge({"input_tokens": input_tokens}, started_ns=0, service_tier=None)
    rates = dict(base)
    for above in sorted(tiers):
        if input_tokens > above:
            rates |= tiers[above]
    assert result.rates == rates
    assert result.cost_pico_usd == int(rates["input_mtok"]) * input_tokens * 10**6


def test_a_variant_is_chosen_by_what_the_response_says_and_replaces_key_by_key():
    window = PriceWindow(
        {"input_mtok": "2", "output_mtok": "8", "cache_read_mtok": "1"},
        tiers=(PriceTier(10, {"input_mtok": "4", "cache_read_mtok": "3"}),),
        variants={
            "batch": PriceVariant({"processing": "batch"}, {"input_mtok": "1"}),
            "flex": PriceVariant(
                {"service_tier": "Flex"}, {"output_mtok": "5"}, (PriceTier(20, {"output_mtok": "6"}),)
            ),
            "narrow": PriceVariant({"processing": "batch", "service_tier": "batch"}, {"output_mtok": "3"}),
            "wide": PriceVariant({"service_tier": "batch"}, {"output_mtok": "99", "cache_read_mtok": "0.5"}),
            "elsewhere": PriceVariant({"region": "eu"}, {"input_mtok": "50"}),
        },
    )
    plan = compile_pricing(Pricing("own", (window,)))

    def rates(tier, input_tokens):
        applied = plan.charge({"input_tokens": input_tokens}, started_ns=0, service_tier=tier).rates
        return [applied[key] for key in ("input_mtok", "cache_read_mtok", "output_mtok")]

    for standard in (None, "", "default", "eu"):
        assert rates(standard, 10) == ["2", "1", "8"]
        assert rates(standard, 11) == ["4", "3", "8"]
    assert rates("batch", 10) == rates("BATCH", 11) == ["1", "0.5", "3"]
    assert rates("flex", 10) == ["2", "1", "5"]
    assert rates("flex", 21) == ["4", "3", "6"]


@pytest.mark.parametrize("rate", ["", "-1", "1e3", ".5", "1.", "01", "1/3", " 1", "1_0", "nan", "inf", "0x1", "٣"])
def test_rates_are_plain_decimals(rate):
    with pytest.raises(ValueError, match="not a plain decimal"):
        rate_value(rate)
    with pytest.raises(ValueError, match="not a plain decimal"):
        compile_pricing(Pricing("own", (PriceWindow({"input_mtok": rate}),)))


def test_what_cannot_be_compiled_is_refused():
    with pytest.raises(ValueError, match="unknown price key 'input_tokens'"):
        compile_pricing(Pricing("own", (PriceWindow({"input_tokens": "1"}),)))
    with pytest.raises(ValueError, match="same time"):
        compile_pricing(Pricing("own", (PriceWindow(CHAT, 5), PriceWindow(CHAT, 5))))


def test_every_meter_can_be_charged_alone():
    for meter in METERS:
        result = charge({meter.price_key: "3"}, {meter.usage_key: meter.per})
        assert result.cost_pico_usd == 3 * 10**12
