"""Portkey's price lists, trap by trap."""

import json

import pytest
import yaml

from engine.exchange.documents import SourceError
from engine.exchange.portkey import read_portkey


def payg(**prices):
    return {"pricing_config": {"pay_as_you_go": {name: {"price": price} for name, price in prices.items()}}}


@pytest.fixture
def of(imported, is_whole, compiled):
    """The documents of one list, and what was lost of it: {field: reason} by entry."""

    def of(entries, **options):
        data = entries if isinstance(entries, bytes) else json.dumps(entries).encode()
        source = read_portkey({"openai": data}, **options)
        result = imported(source)
        is_whole(source.accounts)
        compiled(result.files)
        documents = {
            path.removeprefix("models/openai/").removesuffix(".yaml"): yaml.safe_load(data)
            for path, data in result.files.items()
            if path.startswith("models/")
        }
        lost = {}
        for loss in result.report.losses:
            lost.setdefault(loss.entry.removeprefix("openai/"), {})[loss.field] = loss.reason.value
        return documents, lost

    return of


def test_prices_are_cents_per_token(of):
    documents, lost = of(
        {"m": payg(request_token=5e-05, response_token=0.0008, cache_read_input_token=0.00001, reasoning_token=1e-3)}
    )
    assert documents["m"] == {
        "type": "custom",
        "pricing": {"input_mtok": "0.5", "output_mtok": "8", "cache_read_mtok": "0.1", "output_reasoning_mtok": "10"},
    }
    assert lost == {}


def test_additional_units_are_cents_per_unit(of):
    units = {
        "web_search": {"price": 1},
        "file_search": {"price": 0.25},
        "maps": {"price": 1.4},
        "image_token": {"price": 0.003},
    }
    units |= {"cache_write_1h": {"price": 0.0006}}
    documents, lost = of(
        {"m": {"pricing_config": {"pay_as_you_go": {"request_token": {"price": 0.0003}, "additional_units": units}}}}
    )
    assert documents["m"]["pricing"] == {
        "input_mtok": "3",
        "cache_write_1h_mtok": "6",
        "web_searches_kcount": "10",
        "storage_searches_kcount": "2.5",
    }
    at = "/pricing_config/pay_as_you_go/additional_units"
    assert lost["m"] == {f"{at}/maps/price": "no-meter", f"{at}/image_token/price": "ambiguous"}


def test_batch_and_fixed_costs(of):
    entry = payg(request_token=0.0002)
    entry["pricing_config"] |= {
        "batch_config": {"request_token": {"price": 0.0001}},
        "fixed_cost": {"request": {"price": 0.5}, "response": {"price": 0}},
        "finetune_config": {"pay_per_token": {"price": 0.0025}},
    }
    documents, lost = of({"m": entry})
    assert documents["m"]["pricing"] == {
        "input_mtok": "2",
        "requests_kcount": "5",
        "variants": {"batch": {"when": {"processing": "batch"}, "input_mtok": "1"}},
    }
    assert lost == {"m": {"/pricing_config/finetune_config/pay_per_token/price": "no-meter"}}


def test_zero_is_not_absent(of):
    documents, _ = of(
        {
            "free": payg(request_token=0, response_token=0),
            "some": payg(request_token=0.0001, response_token=0),
            "silent": payg(),
            "none": {"pricing_config": None},
        }
    )
    assert documents["free"]["pricing"] == "free"
    assert documents["some"]["pricing"] == {"input_mtok": "1", "output_mtok": "0"}
    assert "pricing" not in documents["silent"]
    assert "pricing" not in documents["none"]


def test_zeros_beside_a_lost_price_do_not_make_a_model_free(of):
    entry = payg(request_token=0, response_token=0)
    entry["pricing_config"]["pay_as_you_go"]["image"] = {"high": {"1024x1024": {"price": 16.7}}}
    documents, lost = of({"m": entry})
    assert documents["m"] == {"type": "custom"}
    assert set(lost["m"].values()) == {"no-meter", "hides-a-cost"}


def test_what_default_says_is_inherited_but_its_zeros(of):
    default = payg(request_token=0, response_token=0.0004)
    default["pricing_config"]["currency"] = "USD"
    documents, lost = of({"default": default, "m": payg(request_token=0.0001), "n": payg(response_token=0.0001)})
    assert documents["m"]["pricing"] == {"input_mtok": "1", "output_mtok": "4"}
    assert documents["n"]["pricing"] == {"output_mtok": "1"}
    assert lost == {"default": {"/pricing_config/pay_as_you_go/request_token/price": "template"}}


@pytest.mark.parametrize("where", ["default", "m"])
def test_other_currencies_are_not_taken_for_dollars(of, where):
    entries = {"default": {"pricing_config": {}}, "m": payg(request_token=0.0001)}
    entries[where]["pricing_config"]["currency"] = "INR"
    documents, lost = of(entries)
    assert documents["m"] == {"type": "custom"}
    assert lost["m"]["/pricing_config/pay_as_you_go/request_token/price"] == "currency"


def test_a_formula_that_scales_a_price_loses_it(of):
    def product(*values):
        return {"operation": "multiply", "operands": [{"value": value} for value in values]}

    plain = {
        "request": product("input_tokens", "rates.request_token"),
        "response": product("output_tokens", "rates.response_token"),
    }
    scaled = {
        "request": product("2", "rates.request_token"),
        "response": product("output_tokens", "rates.response_token"),
    }
    one, other = (payg(request_token=0.0001, response_token=0.0001) for _ in "ab")
    one["pricing_config"]["calculate"], other["pricing_config"]["calculate"] = plain, scaled
    documents, lost = of({"one": one, "other": other})
    assert documents["one"]["pricing"] == {"input_mtok": "1", "output_mtok": "1"}
    assert documents["other"]["pricing"] == {"output_mtok": "1"}
    assert "one" not in lost
    assert lost["other"]["/pricing_config/pay_as_you_go/request_token/price"] == "formula"


def custom(modes, tiers=None, region="default"):
    block = {"regions": {region: {"execution_modes": modes}}}
    return block | ({"context_tier_map": tiers} if tiers else {})


def test_custom_pricing_has_modes_and_context_tiers(of):
    tiers = {"0": "short", "272000": "long"}
    modes = {
        "standard": {"context_tiers": {"short": payg(request_token=0.0002), "long": payg(request_token=0.0004)}},
        "priority": payg(request_token=0.0005),
    }
    documents, lost = of({"m": payg(request_token=0.0002) | {"custom_pricing": custom(modes, tiers)}})
    assert documents["m"]["pricing"] == {
        "input_mtok": "2",
        "tiers": [{"above_input_tokens": 272_000, "input_mtok": "4"}],
        "variants": {"priority": {"when": {"service_tier": "priority"}, "input_mtok": "5"}},
    }
    assert lost == {}


def test_custom_pricing_of_a_region_and_contradictions_are_lost(of):
    entry = payg(request_token=0.0002)
    entry["custom_pricing"] = custom({"standard": payg(request_token=0.0003)})
    entry["custom_pricing"]["regions"] |= custom({"standard": payg(request_token=0.0004)}, region="eu")["regions"]
    documents, lost = of({"m": entry})
    assert documents["m"]["pricing"] == {"input_mtok": "2"}
    at = "/custom_pricing/regions/{}/execution_modes/standard/pricing_config/pay_as_you_go/request_token/price"
    assert lost["m"] == {at.format("default"): "contradiction", at.format("eu"): "condition"}


def test_pairs_of_context_sizes_are_one_model(of):
    documents, lost = of(
        {
            "gem-lte-128k": payg(request_token=0.0001),
            "gem-gt-128k": payg(request_token=0.0002),
            "alone-gt-32k": payg(request_token=0.0003),
        }
    )
    assert documents.keys() == {"gem", "alone-gt-32k"}
    assert documents["gem"]["pricing"] == {
        "input_mtok": "1",
        "tiers": [{"above_input_tokens": 128_000, "input_mtok": "2"}],
    }
    assert lost == {}


def test_families_of_fine_tunes_are_price_sheets(of):
    documents, _ = of({"ft:gpt-4o": payg(request_token=0.000375)})
    assert documents["ft-gpt-4o"] == {
        "type": "fine-tuned",
        "upstream_model": "ft:gpt-4o",
        "pricing": {"input_mtok": "3.75"},
    }


def test_a_price_per_minute_in_a_token_field_is_not_believed(of):
    entries = {"whisper-1": payg(request_audio_token=0.6)}
    documents, lost = of(entries)
    assert documents["whisper-1"] == {"type": "custom"}
    assert lost["whisper-1"] == {"/pricing_config/pay_as_you_go/request_audio_token/price": "implausible"}
    documents, lost = of(entries, unit="cents-per-token")
    assert documents["whisper-1"]["pricing"] == {"input_audio_mtok": "6000"}


def test_a_field_without_a_unit_is_refused_until_it_is_said(of):
    entries = {"m": {"request_token_price": 3}}
    with pytest.raises(SourceError, match="request_token_price does not say its unit") as refused:
        of(entries)
    assert "--unit usd-per-mtok" in refused.value.hint
    assert of(entries, unit="usd-per-mtok")[0]["m"]["pricing"] == {"input_mtok": "3"}


def test_keys_that_stand_twice_are_said(of):
    data = b'{"m": {"pricing_config": {"pay_as_you_go": {"request_token": {"price": 0.0001, "price": 0.0002}}}}, "n": 1, "n": {}}'
    documents, lost = of(data)
    assert documents["m"]["pricing"] == {"input_mtok": "2"}
    assert lost["m"] == {"/pricing_config/pay_as_you_go/request_token/price#1": "written-twice"}
    assert (lost["n#1"], lost["n"]) == ({"": "written-twice"}, {"": "silent"})


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"null", b"[" * 100_000])
def test_what_is_no_list_is_one_message(of, data):
    with pytest.raises(SourceError, match=r"openai\.json"):
        of(data)
