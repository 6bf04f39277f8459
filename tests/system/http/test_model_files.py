"""What a model's file says, as it takes effect on a request."""

from typing import Any

import httpx
import pytest
from harness.served import chat

PATH = "/v1/chat/completions"


def _ask(rig: Any, model: str, **fields: Any) -> tuple[httpx.Response, dict[str, Any]]:
    """A reply, and the body that the upstream received."""
    with rig.client() as client:
        reply = client.post(PATH, json=chat(fields.pop("script", "input=10 output=4"), model=model, **fields))
    received = rig.upstream.journal.get(f"{reply.headers['x-request-id']}.1")
    return reply, received.body if received else {}


@pytest.mark.parametrize("asked", ["short-name", "@elsewhere/old-name", "@test/aliased"])
def test_aliases(rig: Any, asked: str) -> None:
    reply, _ = _ask(rig, asked)
    assert reply.headers["x-catalog-model"] == "@test/aliased"
    row = rig.row(reply)
    assert (row["model"], row["model_asked"]) == ("@test/aliased", asked)


def test_defaults_where_the_request_is_silent_and_overrides_always(rig: Any) -> None:
    reply, body = _ask(rig, "@test/shaped", top_p=0.9)
    assert (body["temperature"], body["max_tokens"], body["top_p"]) == (0.25, 50, 0.5)
    assert body["model"] == "upstream-name"
    received = rig.upstream.journal[f"{reply.headers['x-request-id']}.1"]
    assert received.headers["x-tests-tenant"] == "acme"
    _, body = _ask(rig, "@test/shaped", temperature=1, max_completion_tokens=7)
    assert (body["temperature"], body["max_completion_tokens"], body["top_p"]) == (1, 7, 0.5)
    assert "max_tokens" not in body


def test_a_forbidden_parameter(rig: Any) -> None:
    reply, body = _ask(rig, "@test/shaped", logit_bias={"1": 2})
    assert reply.status_code == 400
    assert reply.json()["error"]["code"] == "unsupported_parameter"
    assert reply.json()["error"]["param"] == "logit_bias"
    assert (body, rig.has_row(reply)) == ({}, False)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_limit_of_output_refuses_or_clamps(rig: Any, name: str) -> None:
    refused, body = _ask(rig, "@test/refuses", **{name: 101})
    assert (refused.status_code, refused.json()["error"]["param"], body) == (400, name, {})
    assert "100" in refused.json()["error"]["message"]
    assert _ask(rig, "@test/refuses", **{name: 100})[1][name] == 100
    assert _ask(rig, "@test/clamps", **{name: 101})[1][name] == 100
    assert _ask(rig, "@test/clamps", **{name: 99})[1][name] == 99


@pytest.mark.parametrize(
    ("model", "cost", "source"),
    [
        ("unpriced", None, "none"),
        ("future", None, "none"),
        ("free", "0", "reported"),
        ("windows", "0.00005", "reported"),
    ],
)
def test_prices(rig: Any, model: str, cost: str | None, source: str) -> None:
    reply, _ = _ask(rig, f"@test/{model}")
    assert reply.headers.get("x-catalog-cost-usd") == cost
    row = rig.row(reply)
    assert (row["cost_usd"], row["cost_source"]) == (cost, source)
    assert row["meters"]["input_tokens"] == 10
    assert row["rates"] == ({"input_mtok": "3", "output_mtok": "5"} if model == "windows" else {})


def test_a_free_model_costs_nothing_also_where_no_usage_came(rig: Any) -> None:
    reply, _ = _ask(rig, "@test/free", script="fault=nousage")
    assert rig.row(reply)["cost_usd"] == reply.headers["x-catalog-cost-usd"] == "0"


def test_a_list_of_models_has_sizes_and_prices(rig: Any) -> None:
    with rig.client() as client:
        listed = {model["id"]: model for model in client.get("/v1/models").json()["data"]}
    assert listed["@test/refuses"]["catalog"]["max_output_tokens"] == 100
    assert listed["@test/aliased"]["catalog"]["aliases"] == ["short-name", "@elsewhere/old-name"]
    assert listed["@test/model"]["catalog"]["usd"] == {"input_mtok": "1", "output_mtok": "2"}
    assert listed["@test/windows"]["catalog"]["usd"] == {"input_mtok": "3", "output_mtok": "5"}
    assert listed["@test/unpriced"]["catalog"]["usd"] is None
    assert {model["object"] for model in listed.values()} == {"model"}
