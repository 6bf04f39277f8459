"""Exports: to LiteLLM's price map and back again without a loss, and to plain JSON."""

import json
from decimal import Decimal

import pytest
import yaml

from engine.exchange.json_export import export_json
from engine.exchange.litellm_config import read_litellm_config
from engine.exchange.litellm_config_export import export_litellm_config
from engine.exchange.litellm_export import export_litellm
from engine.exchange.losses import leaves, pointer

NOW = 1_795_000_000 * 10**9  # 2026-11-18

CATALOG = {
    "providers/openai.yaml": b"api: openai-compatible\nbase_url: https://a.example/v1\n",
    "models/openai/m.yaml": b"""\
type: custom
upstream_model: ft:m:acme
labels: {env: prod}
aliases: [m]
pricing:
  - {input_mtok: "1", output_mtok: "2"}
  - from: 2026-10-01T00:00:00Z
    input_mtok: "0.2"
    output_mtok: "0.8"
    cache_write_1h_mtok: "3"
    web_searches_kcount: "10"
    output_audio_hours: "1"
    tiers: [{above_input_tokens: 200000, input_mtok: "0.4"}, {above_input_tokens: 512, output_mtok: "1"}]
    variants:
      batch: {when: {processing: batch}, input_mtok: "0.1", tiers: [{above_input_tokens: 200000, input_mtok: "0.2"}]}
      fast: {when: {speed: fast}, input_mtok: "9"}
  - {from: 2030-01-01T00:00:00Z, input_mtok: "5"}
supports: {tools: true}
limits: {context_window: 1000, max_output_tokens: 100}
endpoints: [chat, responses]
lifecycle: {status: active, deprecated_at: 2026-12-31T00:00:00Z}
""",
    "models/openai/free.yaml": b"type: custom\npricing: free\n",
    "models/openai/unpriced.yaml": b"type: custom\n",
}


@pytest.fixture
def catalog(compiled):
    return compiled(CATALOG)


def numbers(data):
    return json.loads(data, parse_float=Decimal, parse_int=Decimal)


def test_the_price_map_says_what_holds_now(catalog):
    exported = export_litellm(catalog, at_ns=NOW)
    entries = numbers(exported.data)
    assert entries["openai/ft:m:acme"] == {
        "litellm_provider": "openai",
        "mode": "chat",
        "input_cost_per_token": Decimal("0.0000002"),
        "output_cost_per_token": Decimal("0.0000008"),
        "cache_creation_input_token_cost_above_1hr": Decimal("0.000003"),
        "search_context_cost_per_query": dict.fromkeys(
            ("search_context_size_low", "search_context_size_medium", "search_context_size_high"), Decimal("0.01")
        ),
        "input_cost_per_token_above_200k_tokens": Decimal("0.0000004"),
        "output_cost_per_token_above_512_tokens": Decimal("0.000001"),
        "input_cost_per_token_batches": Decimal("0.0000001"),
        "input_cost_per_token_above_200k_tokens_batches": Decimal("0.0000002"),
        "max_output_tokens": 100,
        "supports_function_calling": True,
        "supported_endpoints": ["/v1/chat/completions", "/v1/responses"],
        "deprecation_date": "2026-12-31",
    }
    assert entries["openai/free"]["input_cost_per_token"] == 0
    assert "input_cost_per_token" not in entries["openai/unpriced"]
    lost = {loss.field: loss.reason.value for loss in exported.report.losses if loss.entry == "@openai/m"}
    assert lost == {
        "/labels/env": "no-concept",
        "/aliases/0": "no-concept",
        "/limits/context_window": "no-concept",
        "/pricing/windows/0/rates/input_mtok": "condition",
        "/pricing/windows/0/rates/output_mtok": "condition",
        "/pricing/windows/1/rates/output_audio_hours": "no-meter",
        "/pricing/windows/1/variants/fast/rates/input_mtok": "condition",
        "/pricing/windows/1/variants/fast/when/speed": "condition",
        "/pricing/windows/2/from": "condition",
        "/pricing/windows/2/rates/input_mtok": "condition",
    }


def test_plain_json_says_all(catalog):
    document = json.loads(export_json(catalog))
    assert (document["format"], document["revision"], document["aliases"]) == (1, "test", {"m": "@openai/m"})
    model = next(model for model in document["models"] if model["name"] == "@openai/m")
    windows = model["pricing"]["windows"]
    assert [window.get("from") for window in windows] == [None, "2026-10-01T00:00:00Z", "2030-01-01T00:00:00Z"]
    assert windows[1]["tiers"][-1] == {"above_input_tokens": 200_000, "rates": {"input_mtok": "0.4"}}
    assert windows[1]["variants"]["fast"] == {"when": {"speed": "fast"}, "rates": {"input_mtok": "9"}}
    assert model["lifecycle"] == {"status": "active", "deprecated_at": "2026-12-31T00:00:00Z"}
    kinds = {model["name"]: model["pricing"] for model in document["models"]}
    assert kinds["@openai/free"] == {"kind": "free"}
    assert kinds["@openai/unpriced"] == {"kind": "unpriced"}
    assert export_json(catalog) == export_json(catalog)


def test_the_price_map_comes_back_as_it_was(real_litellm, litellm_map, compiled):
    catalog = compiled(real_litellm.imported.files)
    exported = export_litellm(catalog, at_ns=NOW)
    free = {model.labels["litellm.key"] for model in catalog.models.values() if model.pricing.kind == "free"}
    before, after = numbers(litellm_map), numbers(exported.data)
    checked = 0
    for account in real_litellm.source.accounts:
        there = dict(leaves(after.get(account.entry, {})))
        tiered = "tiered_pricing" in before[account.entry]
        for field in account.carried:
            if field.startswith("/supported_endpoints/"):
                assert account.value(field) in after[account.entry]["supported_endpoints"]
            elif account.entry in free and "cost" in field:
                assert account.value(field) == there["/input_cost_per_token"] == there["/output_cost_per_token"] == 0
            elif field in {"/web_search_billing_unit", "/comment"} or "cache_hit" in field:
                continue  # said by the unit of the price, by the description, and by another name of the field
            elif not (tiered and field.startswith("/tiered_pricing/")):
                assert there[field] == account.value(field), (account.entry, field)
                checked += 1
    assert checked > 35_000
    assert len(exported.report.entries) == len(real_litellm.source.models)


def test_nothing_is_lost_but_what_litellm_cannot_say(real_litellm, compiled):
    catalog = compiled(real_litellm.imported.files)
    report = export_litellm(catalog, at_ns=NOW).report
    assert {loss.field.split("/")[1] for loss in report.losses} <= {"description", "pricing"}
    assert report.lost < 20
    assert pointer("a/b~c") == "/a~1b~0c"


ROUTES = {
    "routes/split.yaml": b'strategy: weighted\ntargets: [{model: "@openai/m", weight: 95}, {model: "@openai/free", weight: 5}]\n',
    "routes/safe.yaml": b'strategy: fallback\ntargets: [{model: m}, {model: "@openai/free"}]\nfallback_on: [timeout]\naliases: [s]\n',
    "routes/deep.yaml": b'strategy: fallback\ntargets: [{model: "@route/safe"}]\n',
}


def test_litellms_config_has_models_groups_and_fallbacks(compiled, imported, is_whole):
    catalog = compiled(CATALOG | ROUTES)
    exported = export_litellm_config(catalog, at_ns=NOW)
    config = numbers(exported.data)
    assert yaml.safe_load(exported.data)["model_list"]
    groups = {}
    for item in config["model_list"]:
        groups.setdefault(item["model_name"], []).append(item["litellm_params"])
    assert [params["weight"] for params in groups["@route/split"]] == [95, 5]
    assert [params["model"] for params in groups["@route/safe"]] == ["openai/ft:m:acme"]
    assert "@route/deep" not in groups
    assert config["router_settings"]["fallbacks"] == [{"@route/safe": ["@openai/free"]}]
    assert config["router_settings"]["model_group_alias"] == {"m": "@openai/m", "s": "@route/safe"}
    first = next(item for item in config["model_list"] if item["model_name"] == "@openai/m")
    assert first["litellm_params"]["api_base"] == "https://a.example/v1"
    assert first["model_info"]["input_cost_per_token"] == Decimal("0.0000002")
    lost = {(loss.entry, loss.field): loss.reason.value for loss in exported.report.losses}
    assert lost["@route/safe", "/fallback_on/0"] == "condition"
    assert lost["@route/deep", "/targets/0/model"] == "condition"

    again = read_litellm_config(exported.data, "config.yaml")
    is_whole(again.accounts)
    files = imported(again).files
    split = yaml.safe_load(files["routes/route-split.yaml"])
    assert [target["weight"] for target in split["targets"]] == [95, 5]
    assert yaml.safe_load(files["models/openai/openai-m.yaml"])["pricing"]["input_mtok"] == "0.2"
