"""The vocabulary is genai-prices' own, and the lattice has no holes."""

from itertools import combinations

import pytest
from genai_prices.data_units import unit_data

from engine.pricing.meters import BY_PRICE_KEY, BY_USAGE_KEY, METERS, contains, overlap, price_context


def test_the_table_equals_the_registry_of_the_installed_genai_prices():
    ours = {
        meter.usage_key: {"price_key": meter.price_key, "per": meter.per, "dimensions": dict(meter.dimensions)}
        for meter in METERS
    }
    assert ours == unit_data


def test_keys_are_unique():
    assert len(BY_PRICE_KEY) == len(BY_USAGE_KEY) == len(METERS)


def test_containment_is_what_the_names_say():
    cached_audio = BY_USAGE_KEY["cache_audio_read_tokens"]
    outer = {meter.usage_key for meter in METERS if contains(meter, cached_audio)}
    assert outer == {"input_tokens", "input_audio_tokens", "cache_read_tokens"}


def test_what_two_meters_both_count_always_has_a_meter_of_its_own():
    for one, other in combinations(METERS, 2):
        apart = any(dict(one.dimensions).get(name, value) != value for name, value in other.dimensions)
        nested = contains(one, other) or contains(other, one)
        both = overlap(one, other)
        assert (both is None) == (apart or nested)
        if both is not None:
            assert contains(one, both)
            assert contains(other, both)


@pytest.mark.parametrize(
    ("reported", "context"),
    [
        (None, {}),
        ("", {}),
        ("batch", {"processing": "batch", "service_tier": "batch"}),
        ("FLEX", {"processing": "flex", "service_tier": "flex"}),
    ],
)
def test_price_context(reported, context):
    assert price_context(reported) == context
