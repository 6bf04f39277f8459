import json
from typing import Any

import anthropic
import httpx2
import msgspec
import pytest
from wires.matrix import asked, conversation_of, encoded, make_model

from engine.errors import InvalidRequest, NotReady, UpstreamBroken, UpstreamRefused
from engine.model import BaseModel, Limits, Model
from engine.wires import anthropic_messages as wire
from engine.wires.anthropic_messages.generations import is_up_to_4_5
from engine.wires.blocks import Opaque
from engine.wires.body import parse_body
from engine.wires.events import WholeBlock
from engine.wires.table import CLIENT_APIS
from engine.wires.transcoder import Transcoder

NEW = make_model(api="anthropic", wire="anthropic-messages", upstream_model="claude-opus-4-8")
OLD = make_model(api="anthropic", wire="anthropic-messages", upstream_model="claude-sonnet-4-5-20250929")
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}


def chat(*messages: dict[str, Any], model: Model = NEW, **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What Anthropic gets of a chat completion request, and what is lost."""
    request = {"model": "@acme/bot", "messages": list(messages) or [{"role": "user", "content": "Hi."}], **fields}
    return encoded("anthropic-messages", conversation_of("openai-chat", request), model)


def refusal(*messages: dict[str, Any], **fields: Any) -> str | None:
    with pytest.raises(InvalidRequest) as refused:
        chat(*messages, **fields)
    return refused.value.param


# --- requests ---------------------------------------------------------------------------------------------------------


def test_a_plain_question():
    sent, losses = chat({"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi."}, max_tokens=7)
    assert losses == ()
    assert sent == {
        "model": "claude-opus-4-8",
        "system": "Be kind.",
        "messages": [{"role": "user", "content": "Hi."}],
        "max_tokens": 7,
    }


def test_a_limit_is_always_sent():
    assert chat()[0]["max_tokens"] == 4_096
    limited = msgspec.structs.replace(NEW, limits=Limits(max_output_tokens=99))
    assert chat(model=limited)[0]["max_tokens"] == 99


def test_a_round_with_parallel_tools():
    calls = [
        {"id": f"functions.f:{at}", "type": "function", "function": {"name": "f", "arguments": arguments}}
        for at, arguments in enumerate(['{"a": 1.50}', "", '{"a'])
    ]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": call["id"]} for call in calls]
    sent, losses = chat(
        {"role": "user", "content": "Hi."},
        {"role": "assistant", "content": "Wait.", "tool_calls": calls},
        *results,
        {"role": "user", "content": "Well?"},
        tools=[TOOL],
    )
    assert losses == ()
    asked, called, answered = sent["messages"]
    assert asked == {"role": "user", "content": "Hi."}
    assert [block.get("input") for block in called["content"]] == [None, {"a": 1.5}, {}, {"INVALID_JSON": '{"a'}]
    ids = [block["id"] for block in called["content"][1:]]
    assert ids == ["functions_f_0", "functions_f_1", "functions_f_2"]
    assert [block.get("tool_use_id") for block in answered["content"]] == [*ids, None]
    assert answered["content"][-1] == {"type": "text", "text": "Well?"}


def test_arguments_keep_their_bytes():
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1.10,"b":"é"}'}}
    request = {"model": "m", "messages": [{"role": "assistant", "tool_calls": [call]}]}
    conversation = conversation_of("openai-chat", request)
    fields = wire.encode_request(conversation, NEW).fields
    assert '{"a":1.10,"b":"é"}'.encode() in msgspec.json.encode(fields)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"tool_choice": "none"}, {"type": "none"}),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, {"type": "tool", "name": "f"}),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        ({"parallel_tool_calls": True}, None),
        (
            {"tool_choice": "required", "parallel_tool_calls": False},
            {"type": "any", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_tool_choice(fields: dict[str, Any], expected: dict[str, Any] | None):
    sent, losses = chat(tools=[TOOL], **fields)
    assert (sent.get("tool_choice"), losses) == (expected, ())


def test_tool_choice_among_some_sends_only_these():
    other = {"type": "function", "function": {"name": "g"}}
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "g"}}]}
    sent, _ = chat(tools=[TOOL, other], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})
    assert [tool["name"] for tool in sent["tools"]] == ["g"]
    assert sent["tools"][0]["input_schema"] == {"type": "object", "properties": {}}
    assert sent["tool_choice"] == {"type": "any"}


def test_pictures_and_documents():
    parts = [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "image_url", "image_url": {"url": "data:image/webp;base64,AAAA", "detail": "low"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,BBBB", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_data": "data:text/plain;base64,SGVsbG8="}},
    ]
    sent, losses = chat({"role": "user", "content": parts})
    assert losses == ("messages[0].content[1].image_url.detail",)
    assert sent["messages"][0]["content"] == [
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/webp", "data": "AAAA"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"},
            "title": "a.pdf",
        },
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "Hello"}},
    ]


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "input_audio", "input_audio": {"data": "AA", "format": "wav"}}, "messages[0].content[0]"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "messages[0].content[0]"),
        ({"type": "file", "file": {"file_data": "data:application/zip;base64,AA"}}, "messages[0].content[0]"),
        ({"type": "video_url", "video_url": {"url": "https://example.com"}}, "messages[0].content[0]"),
    ],
)
def test_what_the_other_side_cannot_see_is_refused(part: dict[str, Any], param: str):
    assert refusal({"role": "user", "content": [part]}) == param


def test_more_than_one_answer_is_refused():
    assert refusal(n=2) == "n"
    assert chat(n=1)[1] == ()


def test_late_instructions():
    late = {"role": "developer", "content": "Be brief."}
    messages = [{"role": "system", "content": "A."}, {"role": "user", "content": "Hi."}, late]
    sent, _ = chat(*messages)
    assert sent["messages"][1] == {"role": "system", "content": "Be brief."}
    sent, _ = chat(*messages, model=OLD)
    assert [block["text"] for block in sent["system"]] == ["A.", "Be brief."]
    assert len(sent["messages"]) == 1


@pytest.mark.parametrize(
    ("name", "is_old"),
    [
        ("claude-3-7-sonnet-latest", True),
        ("claude-3-haiku-20240307", True),
        ("claude-sonnet-4-20250514", True),
        ("claude-opus-4-1", True),
        ("claude-sonnet-4-5-20250929", True),
        ("claude-haiku-4-5@20251001", True),
        ("eu.anthropic.claude-opus-4-5-20251101-v1:0", True),
        ("claude-opus-4", True),
        ("claude-sonnet-4-6", False),
        ("claude-opus-4-8", False),
        ("claude-opus-4-10", False),
        ("claude-sonnet-5", False),
        ("claude-fable-5", False),
        ("anthropic/claude-sonnet-4.6", False),
        ("anthropic/claude-sonnet-4.5", True),
        ("our-own", False),
    ],
)
def test_generations_by_name(name: str, is_old: bool):
    assert is_up_to_4_5(make_model(upstream_model=name)) is is_old
    by_base = make_model(upstream_model="ours", base_model=BaseModel(written="x", resolved=f"anthropic:{name}"))
    assert is_up_to_4_5(by_base) is is_old


@pytest.mark.parametrize(
    ("model", "fields", "thinking", "effort", "losses"),
    [
        (NEW, {"reasoning_effort": "high"}, {"type": "adaptive"}, "high", ()),
        (NEW, {"reasoning_effort": "minimal"}, {"type": "adaptive"}, "low", ()),
        (NEW, {"reasoning_effort": "none"}, {"type": "disabled"}, None, ()),
        (OLD, {"reasoning_effort": "low"}, {"type": "enabled", "budget_tokens": 2_048}, None, ()),
        (
            OLD,
            {"reasoning_effort": "high", "max_completion_tokens": 8_000},
            {"type": "enabled", "budget_tokens": 4_000},
            None,
            (),
        ),
        (OLD, {"reasoning_effort": "high", "max_tokens": 1_000}, None, None, ("reasoning_effort",)),
        (
            NEW,
            {"reasoning_effort": "low", "temperature": 0.3},
            {"type": "adaptive"},
            "low",
            ("temperature",),
        ),
        (
            NEW,
            {"reasoning_effort": "low", "tools": [TOOL], "tool_choice": "required"},
            None,
            None,
            ("reasoning_effort",),
        ),
    ],
)
def test_effort(model: Model, fields: dict[str, Any], thinking: Any, effort: str | None, losses: tuple[str, ...]):
    sent, lost = chat(model=model, **fields)
    assert (sent.get("thinking"), sent.get("output_config", {}).get("effort"), lost) == (thinking, effort, losses)
    if thinking and "budget_tokens" in thinking:
        assert sent["max_tokens"] > thinking["budget_tokens"]


def test_options_by_their_new_names():
    sent, losses = chat(
        temperature=1.7,
        stop="END",
        user="ann",
        service_tier="default",
        seed=7,
        logit_bias={"1": 2},
        response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}},
    )
    assert (sent["temperature"], sent["stop_sequences"], sent["metadata"]) == (1, ["END"], {"user_id": "ann"})
    assert sent["service_tier"] == "standard_only"
    assert sent["output_config"] == {"format": {"type": "json_schema", "schema": {"type": "object"}}}
    assert losses == ("temperature", "seed", "logit_bias")


def test_web_search():
    location = {"type": "approximate", "approximate": {"country": "FR"}}
    sent, losses = chat(web_search_options={"search_context_size": "low", "user_location": location})
    assert losses == ("web_search_options.search_context_size",)
    expected_location = {"type": "approximate", "country": "FR"}
    assert sent["tools"] == [{"type": "web_search_20250305", "name": "web_search", "user_location": expected_location}]


def test_signed_reasoning_comes_back_to_its_maker_through_another_api():
    details = [
        {"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.encrypted", "data": "c2Vj", "format": "anthropic-claude-v1", "index": 1},
        {"type": "reasoning.encrypted", "data": "eA==", "format": "openai-responses-v1", "index": 2},
    ]
    said = {"role": "assistant", "content": "So.", "reasoning_content": "Hm.", "reasoning_details": details}
    sent, losses = chat({"role": "user", "content": "Hi."}, said)
    assert sent["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "c2Vj"},
        {"type": "text", "text": "So."},
    ]
    assert losses == ("messages[1].reasoning_details[2]",)


def test_another_makers_signature_is_marked_in_answers_and_found_in_requests():
    content = [{"type": "thinking", "thinking": "Hm.", "signature": "openai-responses#abc"}]
    request = {"model": "m", "max_tokens": 9, "messages": [{"role": "assistant", "content": content}]}
    conversation = conversation_of("anthropic-messages", request)
    (block,) = conversation.turns[0].blocks
    assert (block.signature, block.maker) == ("abc", "openai-responses")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": {}}, "messages"),
        ({"messages": [7]}, "messages[0]"),
        ({"messages": [{"content": "Hi."}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "Hi."}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": 7}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": 7}]}]}, "messages[0].content[0].text"),
        ({"temperature": "hot"}, "temperature"),
        ({"max_tokens": -1}, "max_tokens"),
        ({"tools": [{}]}, "tools[0].name"),
        ({"tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"thinking": "yes"}, "thinking"),
        ({"output_config": {"format": {"type": "xml"}}}, "output_config.format.type"),
        ({"stream": "yes"}, "stream"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(fields: dict[str, Any], param: str):
    request = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi."}], **fields}
    with pytest.raises(InvalidRequest) as refused:
        conversation_of("anthropic-messages", request)
    assert refused.value.param == param
    assert param in refused.value.message


def test_a_message_without_messages():
    with pytest.raises(InvalidRequest) as refused:
        conversation_of("anthropic-messages", {"model": "m", "max_tokens": 9})
    assert refused.value.param == "messages"


def test_passed_through_but_for_name_and_declared_values():
    model = make_model(upstream_model="claude-x", defaults={"stop": ["END"], "temperature": 0.5}, forbid=("top_k",))
    body = b'{"model":"@acme/bot", "max_tokens": 9 , "messages":[{"role":"user","content":"\xc3\xa9"}],"temperature":1}'
    sent, wants_usage = wire.prepare(model).encode(parse_body(body))
    assert wants_usage
    assert json.loads(sent) == {
        "model": "claude-x",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "é"}],
        "temperature": 1,
        "stop_sequences": ["END"],
    }
    with pytest.raises(InvalidRequest):
        wire.prepare(model).encode(parse_body(body[:-1] + b',"top_k":5}'))


# --- usage ------------------------------------------------------------------------------------------------------------


def stream(start: dict[str, Any], *deltas: dict[str, Any], end: bool = True) -> bytes:
    message = {"id": "m", "model": "claude-x", "content": [], "usage": start}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message}]
    events += [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": delta} for delta in deltas]
    events += [{"type": "message_stop"}] if end else []
    return b"".join(b"event: %s\ndata: %s\n\n" % (e["type"].encode(), json.dumps(e).encode()) for e in events)


START = {
    "input_tokens": 10,
    "cache_creation_input_tokens": 30,
    "cache_read_input_tokens": 5,
    "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
    "output_tokens": 1,
    "service_tier": "priority",
}


@pytest.mark.parametrize("reader", [wire.stream_decoder(), wire.stream_reader(client_wants_usage=True)])
def test_reports_of_a_stream_are_cumulative_and_keep_what_the_later_ones_leave_out(reader: Any):
    reader.feed(stream(START, {"output_tokens": 7, "input_tokens": None}, {"input_tokens": 12, "output_tokens": 9}))
    assert reader.done
    assert reader.usage.meters == {
        "input_tokens": 47,
        "output_tokens": 9,
        "cache_read_tokens": 5,
        "cache_write_tokens": 30,
        "cache_write_5m_tokens": 10,
        "cache_write_1h_tokens": 20,
    }
    assert (reader.usage.service_tier, reader.usage.response_model, reader.usage.suspect) == (
        "priority",
        "claude-x",
        (),
    )


def test_a_report_that_falls_is_suspect():
    decoder = wire.stream_decoder()
    decoder.feed(stream(START, {"output_tokens": 9}, {"output_tokens": 3}))
    assert decoder.usage is not None
    assert decoder.usage.suspect == ("output_tokens fell from 9 to 3",)


def usage_of(**fields: Any) -> Any:
    usage = {"input_tokens": 10, "output_tokens": 2, **fields}
    return wire.read_usage(json.dumps({"model": "claude-x", "content": [], "usage": usage}).encode())


def test_compaction_is_added_and_an_advisor_is_marked():
    compaction = {"type": "compaction", "input_tokens": 100, "cache_read_input_tokens": 50, "output_tokens": 20}
    advisor = {"type": "advisor_message", "model": "claude-big", "input_tokens": 900, "output_tokens": 90}
    own = {"type": "message", "input_tokens": 10, "output_tokens": 2}
    found = usage_of(iterations=[compaction, own])
    assert found.meters == {"input_tokens": 160, "output_tokens": 22, "cache_read_tokens": 50}
    assert found.suspect == ()
    found = usage_of(iterations=[own, advisor])
    assert found.meters == {"input_tokens": 10, "output_tokens": 2}
    assert found.suspect == ("the tokens of an advisor, which is another model, are not counted",)


def test_an_answer_of_a_fallback_is_marked():
    declined = {"type": "message", "model": "claude-x", "input_tokens": 9, "output_tokens": 1}
    served = {"type": "fallback_message", "model": "claude-y", "input_tokens": 10, "output_tokens": 2}
    found = usage_of(iterations=[declined, served])
    assert found.meters == {"input_tokens": 10, "output_tokens": 2}
    assert found.suspect == ("the tokens are in part those of a fallback, which is another model",)


COMPACTED = {
    "input_tokens": 8,
    "cache_creation_input_tokens": 6,
    "cache_read_input_tokens": 0,
    "output_tokens": 4,
    "iterations": [
        {
            "type": "compaction",
            "input_tokens": 10,
            "cache_creation_input_tokens": 30,
            "cache_read_input_tokens": 5,
            "cache_creation": {"ephemeral_5m_input_tokens": 10, "ephemeral_1h_input_tokens": 20},
            "output_tokens": 3,
        },
        {
            "type": "message",
            "input_tokens": 8,
            "cache_creation_input_tokens": 6,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 6},
            "output_tokens": 4,
        },
    ],
}


@pytest.mark.parametrize("reader", [wire.stream_decoder(), wire.stream_reader(client_wants_usage=True)])
def test_a_stream_with_a_compaction_counts_what_was_written_once(reader: Any):
    """The first report is of the compaction, the last one of what follows, with a split only in its iterations."""
    reader.feed(stream(START, COMPACTED))
    assert reader.usage.meters == {
        "input_tokens": 59,
        "output_tokens": 7,
        "cache_read_tokens": 5,
        "cache_write_tokens": 36,
        "cache_write_5m_tokens": 10,
        "cache_write_1h_tokens": 26,
    }
    assert reader.usage.suspect == ()


def test_a_split_that_no_longer_fits_is_left_out():
    decoder = wire.stream_decoder()
    decoder.feed(stream(START, {"input_tokens": 30, "cache_creation_input_tokens": 10, "output_tokens": 2}))
    assert decoder.usage is not None
    assert decoder.usage.meters["cache_write_tokens"] == 10
    assert not {"cache_write_5m_tokens", "cache_write_1h_tokens"} & decoder.usage.meters.keys()


def test_a_compaction_that_cannot_be_counted_is_marked():
    found = usage_of(iterations=[{"type": "compaction", "output_tokens": 3}])
    assert found.meters == {"input_tokens": 10, "output_tokens": 2}
    assert found.suspect == ("of a compaction: input_tokens is missing",)


# --- streams of other versions and other servers ----------------------------------------------------------------------


def streamed(*events: dict[str, Any]) -> tuple[Any, tuple[str, ...], bytes]:
    """What Anthropic's decoder and encoder make of a message with these events, up to its end."""
    start = {"type": "message_start", "message": {"id": "m", "model": "c", "usage": START}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}}
    whole = b"".join(
        b"data: %s\n\n" % json.dumps(one).encode() for one in (start, *events, end, {"type": "message_stop"})
    )
    transcoder = Transcoder(wire.stream_decoder(), CLIENT_APIS["openai-chat"].stream_encoder(asked()))
    passed = transcoder.feed(whole)
    return transcoder, transcoder.losses, passed


def begun(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def piece(index: int, **delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


@pytest.mark.parametrize(
    "later",
    [
        {"type": "keepalive", "message": "Still there.", "delta": 1, "usage": []},
        {"type": "ping", "index": None},
        piece(0, type="glyph_delta", text={"runes": 3}),
    ],
)
def test_events_and_deltas_of_a_later_version_cost_no_answer(later: dict[str, Any]):
    transcoder, _, passed = streamed(begun(0, type="text", text=""), later, piece(0, type="text_delta", text="So."))
    assert transcoder.error is None
    assert transcoder.done
    assert b"So." in passed


def test_a_block_of_a_later_version_may_use_known_names_for_other_things():
    block = {"type": "glyph", "text": [1], "source": 3, "cache_control": "x"}
    transcoder, losses, _ = streamed(begun(0, **block))
    assert transcoder.done
    assert losses == ("answer.content[0].opaque",)
    answer = wire.decode_answer(json.dumps({"content": [block], "stop_reason": "end_turn"}).encode())
    assert isinstance(answer.choices[0].blocks[0], Opaque)


def test_blocks_that_nobody_ended_end_with_the_message():
    call = begun(1, type="tool_use", id="c", name="f", input={"a": 1})
    transcoder, losses, passed = streamed(begun(0, type="server_tool_use", id="s", name="x", input={}), call)
    assert transcoder.done
    assert losses == ("answer.content[0].server_tool_call",)
    assert rb"{\"a\":1}" in passed.replace(b" ", b"")


def test_arguments_of_a_call_that_never_began_are_a_fault():
    for events in ([], [begun(0, type="text", text="")]):
        transcoder, _, _ = streamed(*events, piece(0, type="input_json_delta", partial_json="{}"))
        assert transcoder.error is not None
        assert transcoder.error.code == "upstream_bad_body"


def test_a_block_that_only_anthropic_has_comes_whole():
    """Its pieces are added to what it began with, whatever they are called."""
    deltas = [
        {"type": "compaction_delta", "content": "What was \u00bb", "encrypted_content": None},
        {"type": "news_delta", "content": "said\u00ab.", "marks": [1]},
        {"type": "news_delta", "marks": [1, 2]},
    ]
    events = [{"type": "message_start", "message": {"id": "m", "model": "c", "usage": START}}]
    events += [{"type": "content_block_start", "index": 0, "content_block": {"type": "compaction", "content": None}}]
    events += [{"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas]
    events += [{"type": "content_block_stop", "index": 0}]
    found = wire.stream_decoder().feed(b"".join(b"data: %s\n\n" % json.dumps(one).encode() for one in events))
    blocks = [one.content for one in found if isinstance(one, WholeBlock)]
    assert [(block.kind, json.loads(bytes(block.raw))) for block in blocks if isinstance(block, Opaque)] == [
        ("compaction", {"type": "compaction", "content": "What was \u00bbsaid\u00ab.", "marks": [1, 2]})
    ]


@pytest.mark.parametrize("usage", [{"input_tokens": "10"}, {"output_tokens": -1}, {"cache_read_input_tokens": 1.5}])
def test_counts_that_cannot_be_believed_make_no_meters(usage: dict[str, Any]):
    found = usage_of(**usage)
    assert found.meters == {}
    assert found.suspect


def test_fast_mode_is_a_tier_of_its_own():
    assert usage_of(service_tier="standard", speed="fast").service_tier == "fast"
    assert usage_of(service_tier="batch", speed="standard").service_tier == "batch"


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("overloaded_error", 503, "upstream_overloaded"),
        ("rate_limit_error", 429, "upstream_rate_limited"),
        ("authentication_error", 502, "upstream_auth"),
        ("permission_error", 502, "upstream_auth"),
        ("invalid_request_error", 400, "upstream_bad_request"),
        ("api_error", 502, "upstream_server_error"),
        (None, 502, "upstream_server_error"),
    ],
)
def test_an_error_in_a_stream_says_nothing_of_the_upstreams(kind: str | None, status: int, code: str):
    error = json.dumps({"type": "error", "error": {"type": kind, "message": "SECRET"}}).encode()
    event = b"event: error\ndata: " + error + b"\n\n"
    for reader in (wire.stream_decoder(), wire.stream_reader(client_wants_usage=True)):
        reader.feed(event)
        assert isinstance(reader.error, UpstreamRefused)
        assert (reader.error.status, reader.error.code, reader.error.upstream_status) == (status, code, 200)
        assert "SECRET" not in str(reader.error)
    fault = wire.fault_in(error)
    assert fault is not None
    assert fault.code == code


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"<html>", b'{"content":[{"type":7}]}', b'{"content":"x"'])
def test_what_is_no_message_is_refused(data: bytes):
    with pytest.raises(UpstreamRefused) as refused:
        wire.decode_answer(data)
    assert refused.value.code == "upstream_bad_body"


def test_passed_through_the_end_is_kept_back_and_an_error_ends_it():
    whole = stream(START, {"output_tokens": 9})
    reader = wire.stream_reader(client_wants_usage=False)
    passed = b"".join(reader.feed(whole[at : at + 7]) for at in range(0, len(whole), 7))
    assert reader.done
    assert passed + reader.tail == whole
    assert reader.tail.startswith(b"event: message_stop")
    reader = wire.stream_reader(client_wants_usage=False)
    reader.feed(stream(START, end=False))
    assert reader.feed(b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n') == b""
    assert isinstance(reader.error, UpstreamBroken)


def test_the_official_client_reads_our_errors():
    error = NotReady("The gateway is draining.", code="shutting_down")

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(error.status, headers={"content-type": "application/json"}, content=wire.error(error))

    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = anthropic.Anthropic(api_key="none", http_client=http, max_retries=0)
    with pytest.raises(anthropic.APIStatusError) as raised:
        client.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "Hi."}])
    assert raised.value.body == {
        "type": "error",
        "error": {"type": "overloaded_error", "message": "The gateway is draining."},
    }
    assert wire.stream_error(error) == b"event: error\ndata: " + wire.error(error) + b"\n\n"
