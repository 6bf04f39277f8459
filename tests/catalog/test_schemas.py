"""The schemas: fit for editors, equal to the tables of the engine, and judged alike by two validators."""

import copy
import random

import jsonschema
import jsonschema_rs
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.document import Document, Positions
from engine.catalog.explain import _validator, explain
from engine.catalog.reading import read_yaml
from engine.catalog.schema import KINDS, check, is_valid, schema_of
from engine.catalog.vendors import VENDORS, WIRES
from engine.pricing.meters import BY_PRICE_KEY


def properties(schema, path=()):
    """Every property of a schema, at every level, with its path."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            for name, inner in schema["properties"].items():
                if list(inner) != ["$ref"]:  # what is only a reference is told where it leads to
                    yield (*path, name), inner
        for key, inner in schema.items():
            if key != "examples":
                yield from properties(inner, (*path, key))
    elif isinstance(schema, list):
        for inner in schema:
            yield from properties(inner, path)


@pytest.mark.parametrize("kind", KINDS)
def test_schema_is_a_schema(kind):
    jsonschema.Draft202012Validator.check_schema(schema_of(kind))
    assert schema_of(kind)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("kind", KINDS)
def test_every_property_is_explained_and_its_examples_hold(kind):
    schema = schema_of(kind)
    found = list(properties(schema))
    assert found
    for path, inner in found:
        assert inner["title"], path
        assert inner["description"].endswith("."), path
        assert inner["examples"], path
        alone = {"$defs": schema.get("$defs", {}), **inner}
        for example in inner["examples"]:
            assert jsonschema_rs.Draft202012Validator(alone).is_valid(example), (path, example)


@pytest.mark.parametrize("kind", KINDS)
def test_every_mapping_with_named_keys_refuses_others(kind):
    def walk(schema):
        if isinstance(schema, dict):
            if "properties" in schema and not isinstance(schema["properties"].get("type"), str):
                assert schema["additionalProperties"] is False
            for key, inner in schema.items():
                if key != "prices":  # a shelf of properties for others to refer to
                    walk(inner)
        elif isinstance(schema, list):
            for inner in schema:
                walk(inner)

    walk(schema_of(kind))


def test_definitions_of_one_name_are_the_same_everywhere():
    seen = {}
    for kind in KINDS:
        for name, definition in schema_of(kind).get("$defs", {}).items():
            assert seen.setdefault(name, definition) == definition


def test_price_keys_are_those_of_the_meters():
    definitions = schema_of("model")["$defs"]
    others = {"from", "correction", "when", "above_input_tokens", "tiers", "variants"}
    for name in ("prices", "window", "variant", "tier"):
        assert set(definitions[name]["properties"]) - others == set(BY_PRICE_KEY)


def test_apis_are_those_of_the_vendor_table():
    properties = schema_of("provider")["properties"]
    assert properties["api"]["enum"] == sorted(VENDORS)
    assert properties["wires"]["items"]["enum"] == sorted(WIRES)
    assert {wire for vendor in VENDORS.values() for wire in vendor.wires} <= set(WIRES)


MODEL = {
    "description": "x",
    "type": "custom",
    "base_model": "gpt-4.1",
    "upstream_model": "u",
    "aliases": ["a", "@b/c"],
    "pricing": [
        {"from": "2026-10-01T00:00:00Z", "input_mtok": "0.2", "correction": "why"},
        {
            "output_mtok": "1",
            "tiers": [{"above_input_tokens": 200000, "input_mtok": "2"}],
            "variants": {
                "batch": {
                    "when": {"processing": "batch"},
                    "input_mtok": "1",
                    "tiers": [{"above_input_tokens": 5, "input_mtok": "2"}],
                }
            },
        },
    ],
    "endpoints": ["chat"],
    "access": {"teams": ["a"]},
    "rate_limit": {"concurrent": 2, "tokens_per_minute": 5},
    "retry": {"attempts": 1},
    "strict": True,
    "record_content": "errors",
    "lifecycle": {"status": "active", "when_retired": "redirect"},
    "checks": [{"prompt": "ping", "expect": "pong", "max_cost_usd": "0.01", "timeout": "5s"}],
    "owner": "team",
    "labels": {"env": "prod"},
    "supports": {"tools": True},
    "limits": {"context_window": 5, "over_limit": "clamp"},
    "defaults": {"temperature": 0.5},
    "overrides": {"top_p": 1},
    "forbid": ["n"],
    "headers": {"X-A": "b"},
    "timeouts": {"connect": "5s"},
    "on_disconnect": "cancel",
    "accept": {"unpriced": "why"},
}
DOCUMENTS = {
    "catalog": {"format": 1},
    "provider": {
        "api": "openai",
        "base_url": "http://h",
        "credential": "none",
        "base_models": ["gpt-4.1", "o*"],
        "price_factor": "0.5",
        "region": "us-east-1",
        "project": "acme",
        "api_version": "2025-04-01-preview",
        "wires": ["openai-chat"],
        "supports": {"reasoning": True},
        "rate_limit": {"tokens_per_minute": 1},
        "retry": {"backoff": "1s"},
        "access": {"deny_teams": ["a"]},
        "owner": "a",
        "labels": {"a": "b"},
        "headers": {"X": "y"},
        "timeouts": {"total": "5m"},
    },
    "model": MODEL,
    "key": {
        "owner": "team",
        "models": ["*"],
        "deny_models": ["@a/b"],
        "secrets": [{"sha256": "a" * 64, "expires": "2027-01-01T00:00:00+01:00"}],
        "expires": "2027-01-01T00:00:00Z",
        "disabled": False,
        "labels": {"a": "b"},
        "rate_limit": {"requests_per_minute": 5},
    },
    "route": {
        "description": "x",
        "strategy": "conditional",
        "targets": [
            {"model": "@a/b", "weight": 5, "when": {"metadata.tier": ["x", "y"], "stream": True}},
            {"model": "alias"},
        ],
        "fallback_on": ["timeout", 503],
        "sticky": {"by": "user", "for": "1h"},
        "aliases": ["a"],
        "access": {"teams": ["a*"], "deny_teams": ["b"]},
        "lifecycle": {"status": "deprecated", "sunset": "2027-01-01T00:00:00Z", "replacement": "@a/b"},
        "timeouts": {"total": "5m"},
        "retry": {"attempts": 2, "backoff": "250ms"},
    },
    "budget": {
        "limit_usd": "100.00",
        "period": "month",
        "applies_to": {"keys": ["a"], "owners": ["b*"], "models": ["@c/*"], "labels": {"env": ["prod", "x"], "a": "b"}},
        "per": "label.env",
        "on_exceeded": "warn",
        "alerts_at": [50, 100],
    },
    "team": {
        "description": "x",
        "contacts": ["a@b"],
        "models": ["*"],
        "deny_models": ["@a/b"],
        "rate_limit": {"concurrent": 1},
        "labels": {"a": "b"},
    },
}
ODD = [
    None, True, 0, 1, -1, 1.0, 1.5, 2**62, "", " ", "a", "A", "free", "inherit", "@a/b", "@a", "0.20", "1e3", "5s", "a\n",
    "0.2\n", "x" * 65, "é", [], ["a"], ["a", "a"], [1], [None], {}, {"a": "b"}, {"input_mtok": "1"}, {"input_mtok": 1},
    [{}], [{"input_mtok": "1"}], {"sha256": "z"}, {"model": 1}, {"a b": "c"}, {"x": "y\n"},
]  # fmt: skip


def mutate(document, dice):
    document = copy.deepcopy(document)
    for _ in range(dice.randint(1, 3)):
        holder = document
        while isinstance(holder, (dict, list)) and holder:
            key = dice.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
            if dice.random() < 0.5 or not isinstance(holder[key], (dict, list)) or not holder[key]:
                break
            holder = holder[key]
        action = dice.random()
        if action < 0.6:
            holder[key] = copy.deepcopy(dice.choice(ODD))
        elif action < 0.8:
            del holder[key]
            if not document:
                break
        elif isinstance(holder, dict):
            holder[dice.choice(["nope", "tiers", "a b", "model", "é\n"])] = copy.deepcopy(dice.choice(ODD))
    return document


@pytest.mark.parametrize("kind", KINDS)
def test_both_validators_give_the_same_verdict(kind):
    dice = random.Random(kind)
    refused = 0
    for _ in range(700):  # 4,900 of all kinds, beside those of test_fuzz: more than 5,000 in every run
        document = mutate(DOCUMENTS[kind], dice)
        verdict = is_valid(kind, document)
        assert verdict == _validator(kind).is_valid(document), document
        refused += not verdict
    assert is_valid(kind, DOCUMENTS[kind])
    assert refused > 200


@pytest.mark.parametrize("kind", KINDS)
def test_every_refused_document_is_explained_at_a_place_in_it(kind):
    dice = random.Random(f"explain {kind}")
    for _ in range(150):
        value = mutate(DOCUMENTS[kind], dice)
        text = yaml.safe_dump(value, sort_keys=False, allow_unicode=True)
        reading = read_yaml(text.encode(), "f.yaml")
        assert reading.document is not None, text
        problems = check(kind, reading.document)
        assert bool(problems) != is_valid(kind, reading.document.value)
        for problem in problems:
            assert problem.pointer in reading.document.positions.values
            assert (problem.line, problem.column) in {
                *reading.document.positions.keys.values(),
                *reading.document.positions.values.values(),
            }


@given(st.sampled_from(KINDS), st.recursive(st.sampled_from(ODD), lambda inner: st.lists(inner, max_size=3)))
def test_any_value_is_judged_without_a_crash(kind, value):
    document = Document(file="f.yaml", text="", value=value, lines={}, locate=lambda _: Positions({}, {"": (1, 1)}))
    assert bool(check(kind, document)) != is_valid(kind, value)


def test_a_value_of_the_wrong_type_is_one_mistake():
    document = read_yaml(b"type: 5\nowner: [a]\npricing: 7\n", "f.yaml").document
    assert document is not None
    assert [(problem.code, problem.pointer) for problem in explain("model", document)] == [
        ("wrong-type", "/type"),
        ("wrong-type", "/pricing"),
        ("wrong-type", "/owner"),
    ]
