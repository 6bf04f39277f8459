"""Real price lists: every entry arrives exactly, or stands in the loss report, and the result is a good catalog."""

import json
import re
from decimal import Decimal

import pytest
import yaml

from engine.authoring.canonical import format_text
from engine.exchange.litellm_fields import TOKENS, parse_field
from engine.exchange.litellm_prices import NOT_MODELS
from engine.exchange.report import to_json, to_text


def test_every_field_is_carried_or_lost(real, is_whole):
    assert is_whole(real.source.accounts) == []


def test_the_result_compiles_without_errors(real, compiled):
    catalog = compiled(real.imported.files)
    assert len(catalog.models) == len(real.source.models) > 300


def test_the_same_source_gives_the_same_bytes(real, imported):
    again = imported(real.read())
    assert again.files == real.imported.files
    assert to_json(again.report) == to_json(real.imported.report)


def test_files_are_in_canonical_form(real):
    for path, data in list(real.imported.files.items())[::23]:
        kind = "model" if path.startswith("models/") else "provider"
        assert format_text(data, path, kind).text == data.decode(), path
        assert data.decode().splitlines()[1].startswith("# imported from https://example.invalid/prices@0123abc ")


def test_the_report_adds_up(real):
    document = json.loads(to_json(real.imported.report))
    accounts = real.source.accounts
    assert document["fields"] == document["imported"] + document["lost"] == sum(len(each.fields) for each in accounts)
    assert document["lost"] == len(document["losses"]) == sum(entry["lost"] for entry in document["entries"])
    assert document["imported"] == sum(field["imported"] for field in document["by_field"])
    assert {loss["reason"] for loss in document["losses"]} == document["reasons"].keys()
    assert len(document["entries"]) == len(accounts)
    assert to_text(real.imported.report).startswith(f"{document['fields']} fields of ")


def load(data):
    return yaml.load(data, yaml.CSafeLoader)


def rates_of(files, path):
    pricing = load(files[path]).get("pricing", {})
    return {} if isinstance(pricing, str) else pricing


PORTKEY_RATES = {
    "request_token": "input_mtok",
    "response_token": "output_mtok",
    "cache_read_input_token": "cache_read_mtok",
    "cache_write_input_token": "cache_write_mtok",
}


def test_portkey_cents_per_token_are_usd_per_million_times_ten_thousand(portkey_files, real_portkey):
    result = real_portkey.imported
    files_of = {entry.entry: entry.files for entry in result.report.entries}
    checked = 0
    lost = {(loss.entry, loss.field) for loss in result.report.losses}
    for provider, data in portkey_files.items():
        for key, entry in json.loads(data, parse_float=Decimal, parse_int=Decimal).items():
            block = (entry.get("pricing_config") or {}).get("pay_as_you_go") or {}
            if key == "default" or re.search(r"-gt-\d+k$", key):
                continue
            (path,) = files_of[f"{provider}/{key}"]
            rates = rates_of(result.files, path)
            for theirs, ours in PORTKEY_RATES.items():
                field = f"/pricing_config/pay_as_you_go/{theirs}/price"
                if theirs not in block or (f"{provider}/{key}", field) in lost:
                    continue
                price = block[theirs]["price"] * 10_000
                free = load(result.files[path])["pricing"] == "free"
                assert (Decimal(0) if free else Decimal(rates[ours])) == price, (path, theirs)
                checked += 1
    assert checked > 5_500


def test_litellm_usd_per_token_are_usd_per_million_times_a_million(litellm_map, real_litellm):
    result = real_litellm.imported
    files_of = {entry.entry: entry.files for entry in result.report.entries}
    lost = {(loss.entry, loss.field) for loss in result.report.losses}
    checked = 0
    for key, entry in json.loads(litellm_map, parse_float=Decimal, parse_int=Decimal).items():
        if key in NOT_MODELS or "litellm_provider" not in entry:
            continue
        (path,) = files_of[key]
        window = load(result.files[path]).get("pricing")
        for name, value in entry.items():
            field = parse_field(name)
            if field is None or field.base not in TOKENS or (key, f"/{name}") in lost:
                continue
            at = window
            if window == "free":
                assert value == 0, (key, name)
                continue
            if field.place.when:
                (at,) = (v for v in window["variants"].values() if tuple(v["when"].items()) == field.place.when)
            if field.place.above:
                (at,) = (tier for tier in at["tiers"] if tier["above_input_tokens"] == field.place.above)
            assert Decimal(at[TOKENS[field.base]]) == value * 1_000_000, (key, name)
            checked += 1
    assert checked > 12_000


def test_models_dev_usd_per_million_stay_as_they_are(models_dev_files, real_models_dev):
    result = real_models_dev.imported
    lost = {(loss.entry, loss.field) for loss in result.report.losses}
    names = {"input": "input_mtok", "output": "output_mtok", "cache_read": "cache_read_mtok"}
    checked = 0
    for entry in result.report.entries:
        if not entry.files:
            continue
        provider, _, model = entry.entry.partition("/")
        text = models_dev_files[f"{provider}/models/{model}.toml"].decode()
        cost = re.search(r"^\[cost\]\n((?:[a-z_]+ *= *[0-9._]+ *(?:#.*)?\n?)+)", text, re.MULTILINE)
        for name, price in re.findall(r"^([a-z_]+) *= *([0-9._]+)", cost[1], re.MULTILINE) if cost else ():
            if name in names and (entry.entry, f"/cost/{name}") not in lost:
                pricing = load(result.files[entry.files[0]])["pricing"]
                rate = "0" if pricing == "free" else pricing[names[name]]
                assert Decimal(rate) == Decimal(price.replace("_", "")), entry.entry
                checked += 1
    assert checked > 700


STANDARD = "/custom_pricing/regions/default/execution_modes/standard/pricing_config"


@pytest.mark.parametrize(
    ("entry", "field", "reason"),
    [
        ("openai/whisper-1", "/pricing_config/pay_as_you_go/request_audio_token/price", "implausible"),
        ("mistral-ai/mistral-ocr-4", "/pricing_config/pay_as_you_go/request_token/price", "implausible"),
        ("openai/o1-mini-2024-09-12", f"{STANDARD}/pay_as_you_go/request_token/price", "contradiction"),
        ("openai/default", "/pricing_config/pay_as_you_go/request_token/price", "template"),
        ("openrouter/x-ai/grok-4", "/pricing_config/pay_as_you_go/cache_read_input_token/price", "not-exact"),
    ],
)  # fmt: skip
def test_traps_of_the_real_list_are_seen(real_portkey, entry, field, reason):
    losses = real_portkey.imported.report.losses
    assert [loss.reason for loss in losses if (loss.entry, loss.field) == (entry, field)] == [reason]
