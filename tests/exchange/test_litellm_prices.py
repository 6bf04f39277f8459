"""LiteLLM's price map, trap by trap."""

import json

import pytest
import yaml

from engine.exchange.documents import SourceError
from engine.exchange.litellm_fields import field_name, parse_field, suffix_of
from engine.exchange.litellm_prices import read_litellm_prices


@pytest.fixture
def of(imported, is_whole, compiled):
    def of(entry, key="m", **options):
        entry = {"litellm_provider": "acme", **entry}
        source = read_litellm_prices(json.dumps({key: entry}).encode(), "map.json", **options)
        result = imported(source)
        is_whole(source.accounts)
        compiled(result.files)
        (document,) = (yaml.safe_load(data) for path, data in result.files.items() if path.startswith("models/"))
        return document, {loss.field: loss.reason.value for loss in result.report.losses}

    return of


def test_prices_are_usd_per_token(of):
    document, lost = of(
        {
            "input_cost_per_token": 1.25e-05,
            "output_cost_per_token": 5e-05,
            "cache_read_input_token_cost": 1.25e-06,
            "cache_creation_input_token_cost": 0.00001,
            "cache_creation_input_token_cost_above_1hr": 0.00002,
            "output_cost_per_reasoning_token": 6e-05,
        }
    )
    assert document["pricing"] == {
        "input_mtok": "12.5",
        "output_mtok": "50",
        "cache_read_mtok": "1.25",
        "cache_write_mtok": "10",
        "cache_write_1h_mtok": "20",
        "output_reasoning_mtok": "60",
    }
    assert lost == {}


@pytest.mark.parametrize(
    ("field", "above", "when"),
    [
        ("input_cost_per_token_above_200k_tokens", 200_000, {}),
        ("input_cost_per_token_above_33k_tokens", 33_000, {}),
        ("input_cost_per_token_above_512_tokens", 512, {}),
        ("input_cost_per_token_above_272k_tokens_priority", 272_000, {"service_tier": "priority"}),
        ("input_cost_per_token_priority_above_272k_tokens", 272_000, {"service_tier": "priority"}),
        ("input_cost_per_token_above_272k_tokens_batches", 272_000, {"processing": "batch"}),
    ],
)
def test_any_threshold_in_any_order_is_a_tier(of, field, above, when):
    document, lost = of(
        {
            "input_cost_per_token": 1e-6,
            "input_cost_per_token_priority": 3e-6,
            "input_cost_per_token_batches": 5e-7,
            field: 2e-6,
        }
    )
    pricing = document["pricing"]
    part = next(each for each in pricing["variants"].values() if each["when"] == when) if when else pricing
    assert part["tiers"] == [{"above_input_tokens": above, "input_mtok": "2"}]
    assert lost == {}


@pytest.mark.parametrize("above", [0, 512, 200_000, 128_001])
@pytest.mark.parametrize("when", [{}, {"processing": "batch"}, {"service_tier": "flex"}])
@pytest.mark.parametrize("base", ["input_cost_per_token", "cache_creation_input_token_cost_above_1hr"])
def test_names_of_fields_go_both_ways(base, when, above):
    field = parse_field(field_name(base, above, suffix_of(when)))
    assert (field.base, field.place.above, dict(field.place.when)) == (base, above, when)


def test_conditions_that_litellm_does_not_have():
    assert suffix_of({"speed": "fast"}) is None
    assert suffix_of({"service_tier": "flex", "speed": "fast"}) is None
    assert suffix_of({"service_tier": "batches"}) is None


def test_tiered_pricing_prices_the_whole_request(of):
    ranges = [[0, 256000.0], [256000.0, 1000000.0]]
    tiers = [{"range": span, "input_cost_per_token": price} for span, price in zip(ranges, (5e-8, 2.5e-7), strict=True)]
    document, lost = of({"tiered_pricing": tiers, "input_cost_per_token": 9e-6})
    assert document["pricing"] == {
        "input_mtok": "0.05",
        "tiers": [{"above_input_tokens": 256_000, "input_mtok": "0.25"}],
    }
    assert lost == {"/input_cost_per_token": "contradiction"}
    assert of({"tiered_pricing": tiers, "input_cost_per_token": 5e-8})[1] == {}
    assert of({"tiered_pricing": tiers, "output_cost_per_token": 5e-8})[1] == {
        "/output_cost_per_token": "contradiction"
    }
    document, lost = of({"tiered_pricing": [{"range": [10, 20], "input_cost_per_token": 1e-6}]})
    assert "pricing" not in document
    assert set(lost.values()) == {"ambiguous"}


def test_searches_are_taken_where_their_size_does_not_matter(of):
    sizes = ["search_context_size_low", "search_context_size_medium", "search_context_size_high"]
    same, different = dict.fromkeys(sizes, 0.01), dict(zip(sizes, (0.01, 0.02, 0.03), strict=True))
    base = {"input_cost_per_token": 1e-6}
    document, lost = of(base | {"search_context_cost_per_query": same, "web_search_billing_unit": "per_query"})
    assert document["pricing"]["web_searches_kcount"] == "10"
    assert lost == {}
    for other in (
        {"search_context_cost_per_query": different},
        {"search_context_cost_per_query": same, "web_search_billing_unit": "per_prompt"},
    ):
        document, lost = of(base | other)
        assert "web_searches_kcount" not in document["pricing"]
        assert set(lost.values()) <= {"condition", "no-concept"}


@pytest.mark.parametrize(
    ("mode", "field", "key", "rate"),
    [
        ("rerank", "input_cost_per_query", "rerank_searches_kcount", "2"),
        ("chat", "input_cost_per_request", "requests_kcount", "2"),
        ("audio_transcription", "input_cost_per_second", "input_audio_hours", "7.2"),
        ("ocr", "ocr_cost_per_page", "input_document_kpages", "2"),
        ("realtime", "input_cost_per_text_message", "input_text_messages_kcount", "2"),
    ],
)
def test_other_meters(of, mode, field, key, rate):
    document, lost = of({"mode": mode, field: 0.002})
    assert document["pricing"] == {key: rate}
    assert lost == {}


@pytest.mark.parametrize(
    ("entry", "field", "reason"),
    [
        ({"input_cost_per_image": 0.1}, "/input_cost_per_image", "no-meter"),
        ({"mode": "search", "input_cost_per_query": 0.1}, "/input_cost_per_query", "no-meter"),
        ({"mode": "audio_transcription", "output_cost_per_second": 1e-4}, "/output_cost_per_second", "ambiguous"),
        ({"regional_processing_uplift_multiplier_eu": 1.1}, "/regional_processing_uplift_multiplier_eu", "condition"),
        ({"cache_creation_input_token_cost_above_12hr": 1e-6}, "/cache_creation_input_token_cost_above_12hr", "condition"),
        ({"input_cost_per_token": 3.0}, "/input_cost_per_token", "implausible"),
        ({"input_cost_per_token": "os.environ/X"}, "/input_cost_per_token", "bad-value"),
        ({"input_cost_per_token_flex": 1e-6}, "/input_cost_per_token_flex", "no-base-rate"),
        ({"output_cost_per_unheard_of": 1}, "/output_cost_per_unheard_of", "no-meter"),
        ({"source": "https://example.invalid"}, "/source", "no-concept"),
        ({"max_tokens": 4096}, "/max_tokens", "ambiguous"),
        ({"max_output_tokens": 0}, "/max_output_tokens", "bad-value"),
        ({"deprecation_date": "2026-02-30"}, "/deprecation_date", "bad-value"),
        ({"off_peak_pricing": {"input_cost_per_token": 1e-6}}, "/off_peak_pricing/input_cost_per_token", "condition"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_is_in_the_report(of, entry, field, reason):
    document, lost = of(entry)
    assert lost[field] == reason
    assert "pricing" not in document


def test_a_models_other_sides(of):
    document, lost = of(
        {
            "mode": "chat",
            "max_input_tokens": 200000,
            "max_output_tokens": 64000.0,
            "max_tokens": 64000,
            "supports_vision": True,
            "supports_function_calling": False,
            "deprecation_date": "2026-11-30",
        },
        key="acme/Big-Model/v1",
    )
    assert document == {
        "type": "custom",
        "upstream_model": "Big-Model/v1",
        "labels": {"litellm.key": "acme/Big-Model/v1", "litellm.provider": "acme"},
        "lifecycle": {"status": "active", "deprecated_at": document["lifecycle"]["deprecated_at"]},
        "endpoints": ["chat"],
        "supports": {"tools": False, "vision": True},
        "limits": {"max_input_tokens": 200000, "max_output_tokens": 64000},
    }
    assert lost == {}


def test_entries_that_are_no_models(imported, is_whole):
    entries = {
        "sample_spec": {"input_cost_per_token": 0.0},
        "fallback_generalizations": {"rules": []},
        "lost": {"mode": "chat"},
    }
    source = read_litellm_prices(json.dumps(entries).encode(), "map.json")
    is_whole(source.accounts)
    result = imported(source)
    assert result.files == {}
    assert {(loss.entry, loss.reason.value) for loss in result.report.losses} == {
        ("sample_spec", "not-a-model"),
        ("fallback_generalizations", "not-a-model"),
        ("lost", "no-provider"),
    }


def test_two_keys_of_one_model_are_two_files(imported):
    entries = {"sora": {"litellm_provider": "openai"}, "openai/sora": {"litellm_provider": "openai"}}
    files = imported(read_litellm_prices(json.dumps(entries).encode(), "map.json")).files
    assert {path for path in files if path.startswith("models")} == {
        "models/openai/sora.yaml",
        "models/openai/openai-sora.yaml",
    }


@pytest.mark.parametrize("data", [b"[]", b'{"m": 1}', b"{"])
def test_what_is_no_map_is_one_message(data):
    with pytest.raises(SourceError, match=r"map\.json"):
        read_litellm_prices(data, "map.json")
