import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from engine.errors import InvalidRequest
from engine.model import Limits, Model, Supports
from engine.wires import WIRES
from engine.wires.body import parse_body

MakeModel = Callable[..., Model]
HELLO = [{"role": "user", "content": "Hello"}]
WIRE = WIRES["openai-chat"]


def encode(model: Model, /, **fields: Any) -> dict[str, Any]:
    """The upstream's request for a client's, as JSON."""
    client = json.dumps({"model": "@acme/bot", "messages": HELLO, **fields}).encode()
    return json.loads(WIRE.prepare(model).encode(parse_body(client))[0])


def refusal(model: Model, /, **fields: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as raised:
        encode(model, **fields)
    assert raised.value.status == 400
    assert str(raised.value.param) in raised.value.message
    return raised.value


def test_only_the_models_name_changes(model: MakeModel):
    client = b'{"messages":[ {"role":"user",  "content":"h\\u00e9\xf0\x9f\x98\x80"}],"model":"@acme/bot","x" : 1.50}'
    sent, client_asked = WIRE.prepare(model()).encode(parse_body(client))
    assert sent == (
        b'{"messages":[ {"role":"user",  "content":"h\\u00e9\xf0\x9f\x98\x80"}],"model":"ft:acme-bot","x":1.50}'
    )
    assert client_asked is False


def test_a_body_may_be_encoded_twice(model: MakeModel):
    body = parse_body(b'{"model":"@acme/bot","messages":[],"stream":true}')
    first = WIRE.prepare(model(defaults={"seed": 1})).encode(body)
    assert body.model == "@acme/bot"
    assert WIRE.prepare(model(defaults={"seed": 1})).encode(body) == first


def test_recorded_requests_keep_every_value_byte_for_byte(model: MakeModel, recordings):
    prepared = WIRE.prepare(model())
    for recording in recordings:
        body = parse_body(recording.request.encode())
        assert body.stream is bool(json.loads(recording.request).get("stream"))
        sent, client_asked = prepared.encode(body)
        expected = {name: bytes(raw) for name, raw in body.fields.items()} | {"model": b'"ft:acme-bot"'}
        if body.stream:
            asked = json.loads(recording.request).get("stream_options") or {}
            assert client_asked is bool(asked.get("include_usage"))
            expected["stream_options"] = json.dumps({**asked, "include_usage": True}, separators=(",", ":")).encode()
        found = {name: bytes(raw) for name, raw in msgspec.json.decode(sent, type=dict[str, msgspec.Raw]).items()}
        assert list(found.items()) == list(expected.items()), recording.id


def test_defaults_fill_what_the_request_leaves_open(model: MakeModel):
    acme = model(defaults={"temperature": 0.2, "stop": ["\n"], "user": "é"})
    assert encode(acme) | {"messages": None} == {
        "model": "ft:acme-bot",
        "messages": None,
        "temperature": 0.2,
        "stop": ["\n"],
        "user": "é",
    }
    assert encode(acme, temperature=0)["temperature"] == 0
    assert encode(acme, temperature=None)["temperature"] == 0.2


def test_overrides_force(model: MakeModel):
    acme = model(overrides={"temperature": 0, "store": False})
    sent = encode(acme, store=True, temperature=1.5)
    assert (sent["store"], sent["temperature"]) == (False, 0)
    assert encode(acme)["store"] is False


def test_both_names_of_the_output_limit_are_one_parameter(model: MakeModel):
    by_default, forced = model(defaults={"max_tokens": 50}), model(overrides={"max_completion_tokens": 50})
    assert encode(by_default)["max_tokens"] == 50
    assert "max_tokens" not in encode(by_default, max_completion_tokens=9)
    sent = encode(forced, max_tokens=9_000)
    assert "max_tokens" not in sent
    assert sent["max_completion_tokens"] == 50


def test_forbidden_parameters_are_refused_by_name(model: MakeModel):
    acme = model(forbid=("logprobs", "stream"))
    error = refusal(acme, logprobs=False)
    assert (error.param, error.code) == ("logprobs", "unsupported_parameter")
    assert refusal(acme, stream=True).param == "stream"
    assert encode(acme, logprobs=None)["logprobs"] is None


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_output_is_limited(model: MakeModel, name: str):
    refusing = model(limits=Limits(max_output_tokens=100))
    clamping = model(limits=Limits(max_output_tokens=100, over_limit="clamp"))
    assert refusal(refusing, **{name: 101}).code == "integer_above_max_value"
    assert refusal(refusing, **{name: 10**30}).param == name
    assert encode(clamping, **{name: 101})[name] == 100
    for acme in (refusing, clamping):
        assert encode(acme, **{name: 100})[name] == 100
        assert encode(acme, **{name: None})[name] is None
        assert name not in encode(acme)


def test_an_override_is_not_measured_by_the_limit(model: MakeModel):
    acme = model(limits=Limits(max_output_tokens=100), overrides={"max_tokens": 200})
    assert encode(acme, max_tokens=5)["max_tokens"] == 200


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"max_tokens": -1}, "integer_below_min_value"),
        ({"max_completion_tokens": 0}, "integer_below_min_value"),
        ({"max_tokens": "10"}, "invalid_type"),
        ({"max_tokens": 1.5}, "invalid_type"),
        ({"max_tokens": True}, "invalid_type"),
        ({"n": 0}, "integer_below_min_value"),
        ({"n": 10**9}, "integer_above_max_value"),
        ({"n": [1]}, "invalid_type"),
        ({"messages": {}}, "invalid_type"),
        ({"messages": None}, "invalid_type"),
        ({"stream": True, "stream_options": 1}, "invalid_type"),
    ],
)
def test_wrong_values_are_refused_by_name(model: MakeModel, fields: dict[str, Any], code: str):
    error = refusal(model(), **fields)
    assert error.param == list(fields)[-1]
    assert error.code == code


def test_a_request_has_messages(model: MakeModel):
    with pytest.raises(InvalidRequest, match="no messages") as raised:
        WIRE.prepare(model()).encode(parse_body(b'{"model":"@acme/bot"}'))
    assert raised.value.param == "messages"


@pytest.mark.parametrize(
    ("options", "sent", "asked"),
    [
        (None, {"include_usage": True}, False),
        ({}, {"include_usage": True}, False),
        ({"include_usage": False}, {"include_usage": True}, False),
        ({"include_usage": None, "x": [1]}, {"include_usage": True, "x": [1]}, False),
        ({"include_usage": True, "x": 1}, {"include_usage": True, "x": 1}, True),
    ],
)
def test_streams_are_asked_for_their_usage(model: MakeModel, options: Any, sent: Any, asked: bool):
    client = {"model": "@acme/bot", "messages": HELLO, "stream": True, "stream_options": options}
    upstream, client_asked = WIRE.prepare(model()).encode(parse_body(json.dumps(client).encode()))
    assert json.loads(upstream)["stream_options"] == sent
    assert client_asked is asked

    silent = model(supports=Supports(stream_usage=False))
    upstream, client_asked = WIRE.prepare(silent).encode(parse_body(json.dumps(client).encode()))
    assert json.loads(upstream)["stream_options"] == options
    assert client_asked is asked


def test_a_name_that_stands_twice_cannot_turn_usage_off(model: MakeModel):
    client = b'{"model":"m","messages":[],"stream":true,"stream_options":{"include_usage":false,"include_usage":true}}'
    upstream, client_asked = WIRE.prepare(model()).encode(parse_body(client))
    assert upstream.endswith(b'"stream_options":{"include_usage":true}}')
    assert client_asked


def test_usage_is_not_asked_of_what_is_no_stream_or_cannot_say(model: MakeModel):
    assert "stream_options" not in encode(model())
    assert "stream_options" not in encode(model(), stream=False)
    assert "stream_options" not in encode(model(supports=Supports(stream_usage=False)), stream=True)
    error = refusal(model(), stream=True, stream_options={"include_usage": "yes"})
    assert error.param == "stream_options.include_usage"


@pytest.mark.parametrize("field", ["defaults", "overrides"])
@pytest.mark.parametrize("name", ["model", "messages", "stream", "stream_options"])
def test_a_model_may_not_declare_what_the_gateway_answers_for(model: MakeModel, field: str, name: str):
    with pytest.raises(ValueError, match=rf"models/acme/bot.yaml: {field} may not set {name}"):
        WIRE.prepare(model(**{field: {name: 1}}))
