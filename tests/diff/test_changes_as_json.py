"""The JSON form: documented, complete, exact."""

import json
import re
from pathlib import Path

import pytest

from engine.catalog.diffing import CatalogDiff, result
from engine.reports.changes import FORMATS, Comparison, Side, render_changes

DOCS = (Path(__file__).parents[2] / "docs" / "diff.md").read_text()
STRUCTS = [
    result.CallersChange,
    result.CatalogDiff,
    result.EntryChange,
    result.Facts,
    result.FieldChange,
    result.ListPriceChange,
    result.NameChange,
    result.PricePeriod,
    result.RateChange,
    result.Repricing,
]


def test_every_field_is_documented():
    documented = set(re.findall(r"`([a-z_]+)`", DOCS))
    written = json.loads(render_changes(Comparison(Side("a", "b"), Side("c", "d"), {"": CatalogDiff()}), "json"))
    fields = (
        {field for struct in STRUCTS for field in struct.__struct_fields__} | written.keys() | written["before"].keys()
    )
    assert fields <= documented
    values = {value for literal in (result.Why, result.Status, result.Topic, result.When) for value in literal.__args__}
    assert {f"`{value}`" for value in values} <= set(re.findall(r"`[a-z-]+`", DOCS))


def test_money_is_exact_text(edited, compare, base, show):
    after = edited({"models/openai/bot.yaml": '"0.20" => "0.200000000001"'})
    document = json.loads(show(compare(base, after), "json"))
    assert document["diff"]["repriced"] == [
        {
            "models": ["@openai/bot", "@openai/heir-a", "@openai/heir-b"],
            "kind_before": "own",
            "kind_after": "own",
            "periods": [
                {
                    "when": "now",
                    "start": None,
                    "until": None,
                    "kind_before": "own",
                    "kind_after": "own",
                    "rates": [
                        {
                            "meter": "input_mtok",
                            "before": "0.20",
                            "after": "0.200000000001",
                            "percent": "0",
                            "tenfold": False,
                            "before_by": "",
                            "after_by": "",
                        }
                    ],
                }
            ],
            "source_before": "@openai/bot",
            "source": "@openai/bot",
        }
    ]
    assert (document["changed"], document["broken"]) == (3, 0)


def test_true_is_not_one(edited, compare):
    one = edited({"models/local/tiny.yaml": "type: => defaults: {logprobs: 1}\\ntype:"})
    other = edited({"models/local/tiny.yaml": "type: => defaults: {logprobs: true}\\ntype:"})
    (entry,) = compare(one, other).entries
    assert [(change.field, change.before, change.after) for change in entry.fields] == [("defaults.logprobs", 1, True)]


def test_a_tier_is_compared_with_what_held_at_its_threshold(edited, compare):
    price = 'pricing: {input_mtok: "0.1", output_mtok: "0.4"}'
    one = edited(
        {"models/local/tiny.yaml": f'{price} => {price[:-1]}, tiers: [{{above_input_tokens: 10, input_mtok: "1"}}]}}'}
    )
    two = '[{above_input_tokens: 10, input_mtok: "1"}, {above_input_tokens: 20, input_mtok: "3"}]'
    other = edited({"models/local/tiny.yaml": f"{price} => {price[:-1]}, tiers: {two}}}"})
    (rate,) = compare(one, other).repriced[0].periods[0].rates
    assert (rate.meter, rate.before, rate.after) == ("above 20: input_mtok", "1", "3")
    assert rate.before_by == "above 10: input_mtok"


def test_a_list_price_that_moves_says_whose_prices_move(base, compare, show, moved_lock):
    change = compare(base, base | {"reference.lock": moved_lock})
    (group,) = change.repriced
    assert (group.models, group.source) == (("@openai/gpt-4.1-nano", "@openai/listed"), "openai:gpt-4.1-nano")
    (listed,) = change.list_prices
    assert (listed.reference, listed.models) == ("openai:gpt-4.1-nano", group.models)
    assert show(change).partition("\n")[2] == (
        """\
2 models repriced (up to +50 %)

Repriced (USD per unit of the rate's name; mtok: per million tokens)
  @openai/gpt-4.1-nano and @openai/listed (2 models inherit this from openai:gpt-4.1-nano)
    input_mtok  0.1 → 0.15  +50 %

List prices (reference.lock)
  openai:gpt-4.1-nano: 2 models inherit this: @openai/gpt-4.1-nano and @openai/listed
    from 2026-10-14T00:00:00Z: input_mtok  0.1 → 0.15
"""
    )


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_input_gives_the_same(name, edited, compare, base, show):
    after = edited(
        {"models/openai/bot.yaml": '"0.20" => "0.25"', "keys/search.yaml": None, "routes/main.yaml": "95 => 5"}
    )
    backwards = dict(reversed(after.items()))
    assert show(compare(base, after), name) == show(compare(dict(reversed(base.items())), backwards), name)
