"""Answers and streams of Converse: recorded ones both ways, and what was not recorded by the API's description."""

import base64
import json
import zlib
from typing import Any

import msgspec
import pytest
from wires.matrix import answers, asked
from wires.of_bedrock_converse import event, exception, judge_answer, message, stream_of

from engine.errors import UpstreamBroken, UpstreamError, UpstreamRefused
from engine.wires import bedrock_converse
from engine.wires.answer import Finish
from engine.wires.blocks import (
    Block,
    Image,
    Opaque,
    Reasoning,
    ServerToolCall,
    ServerToolResult,
    Source,
    Text,
    ToolCall,
)
from engine.wires.events import (
    BlockEnded,
    BlockEvent,
    Cited,
    Event,
    Finished,
    ReasoningDelta,
    SignatureDelta,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    WholeBlock,
)
from engine.wires.table import CLIENT_APIS
from engine.wires.transcoder import Transcoder

USAGE = {"inputTokens": 3, "outputTokens": 2, "totalTokens": 5}
START = event("messageStart", {"role": "assistant"})
TEXT = event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "So."}})
STOP = event("contentBlockStop", {"contentBlockIndex": 0})
END = event("messageStop", {"stopReason": "end_turn"})
ABOUT = event("metadata", {"usage": USAGE, "metrics": {"latencyMs": 7}})


def answer(*content: Any, **fields: Any) -> bytes:
    body = {
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": "end_turn",
        "usage": USAGE,
        "metrics": {"latencyMs": 7},
        **fields,
    }
    return json.dumps(body).encode()


def decoded(stream: bytes) -> tuple[list[Event], Any]:
    decoder = bedrock_converse.stream_decoder()
    return [*decoder.feed(stream), *decoder.finish()], decoder


def delta(index: int, **fields: Any) -> bytes:
    return event("contentBlockDelta", {"contentBlockIndex": index, "delta": fields})


def start(index: int, **fields: Any) -> bytes:
    return event("contentBlockStart", {"contentBlockIndex": index, "start": fields})


def stop(index: int) -> bytes:
    return event("contentBlockStop", {"contentBlockIndex": index})


def gathered(events: list[Event]) -> list[Block]:
    """The blocks that the events of a stream make, told block by block."""
    found: dict[int, Block] = {}
    for one in events:
        if not isinstance(one, BlockEvent) or isinstance(one, BlockEnded):
            continue
        known: Any = found.get(one.block)
        if isinstance(one, TextDelta):
            found[one.block] = _more(known or Text(text=""), text=one.text)
        elif isinstance(one, Cited):
            found[one.block] = _more(known or Text(text=""), citations=(one.citation,))
        elif isinstance(one, ReasoningDelta):
            found[one.block] = _more(known or Reasoning(), text=one.text)
        elif isinstance(one, SignatureDelta):
            found[one.block] = msgspec.structs.replace(known or Reasoning(), signature=one.signature, maker=one.maker)
        elif isinstance(one, ToolCallStarted):
            found[one.block] = ToolCall(id=one.id, name=one.name, arguments="")
        elif isinstance(one, ToolArgumentsDelta):
            found[one.block] = _more(known, arguments=one.text)
        elif isinstance(one, WholeBlock):
            found[one.block] = one.content
    assert list(found) == sorted(found)
    return list(found.values())


def _more(block: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(block, **{name: getattr(block, name) + more for name, more in fields.items()})


def plain(blocks: Any) -> list[Any]:
    found = []
    for block in blocks:
        fields = {name: getattr(block, name) for name in block.__struct_fields__ if name != "raw"}
        if isinstance(block, ToolCall):
            fields["arguments"] = json.loads(block.arguments)
        if hasattr(block, "raw"):
            fields["raw"] = json.loads(bytes(block.raw))
        if fields.get("citations"):
            fields["citations"] = [json.loads(bytes(one.raw)) for one in block.citations]
        found.append({"": type(block).__name__, **fields})
    return found


def assert_says_the_same(whole: bytes) -> None:
    """A whole answer, and the stream of it."""
    judge_answer(json.loads(whole))
    expected = bedrock_converse.decode_answer(whole)
    events, decoder = decoded(stream_of(whole))
    assert decoder.done
    assert decoder.error is None
    kept = [block for block in expected.choices[0].blocks if not (isinstance(block, Text) and not block.text)]
    assert plain(gathered(events)) == plain(kept)
    assert [one.finish for one in events if isinstance(one, Finished)] == [expected.choices[0].finish]
    assert expected.usage is not None
    assert decoder.usage.meters == expected.usage.meters
    assert decoder.usage.service_tier == expected.service_tier


def test_a_recorded_answer_says_the_same_as_its_stream():
    recorded = answers("bedrock-converse")
    assert len(recorded) > 80
    for recording in recorded:
        assert_says_the_same(without_what_aws_does_not_describe(recording.response))


def without_what_aws_does_not_describe(data: bytes) -> bytes:
    """Bedrock answers with more than its description has."""
    body = json.loads(data)
    for name in ("serverToolUsage", "cacheReadInputTokenCount", "cacheWriteInputTokenCount"):
        body["usage"].pop(name, None)
    for block in body["output"]["message"]["content"]:
        if block.get("toolUse", {}).get("type") == "tool_use":
            del block["toolUse"]["type"]
    return json.dumps(body).encode()


SIGNED = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}}
CITED = {
    "citationsContent": {
        "content": [{"text": "It rains."}],
        "citations": [
            {
                "title": "Weather",
                "sourceContent": [{"text": "Rain."}],
                "location": {"web": {"url": "https://a", "domain": "a"}},
            },
            {"title": "Doc", "sourceContent": [{"text": "x"}], "location": {"documentPage": {"documentIndex": 0}}},
        ],
    }
}
SERVED = {"toolUse": {"toolUseId": "s", "name": "nova_grounding", "input": {"q": 1}, "type": "server_tool_use"}}
RESULT = {"toolResult": {"toolUseId": "s", "content": [{"json": {"a": 1}}], "status": "success", "type": "x_result"}}


def test_every_kind_of_block_is_the_same_whole_and_streamed():
    redacted = {"reasoningContent": {"redactedContent": base64.b64encode(b"EuQF").decode()}}
    binary = {"reasoningContent": {"redactedContent": base64.b64encode(b"\xff\x00").decode()}}
    image = {"image": {"format": "webp", "source": {"bytes": "UklGRg=="}}}
    call = {"toolUse": {"toolUseId": "c", "name": "f", "input": {"a": [1, "é"]}}}
    whole = answer(SIGNED, redacted, binary, {"text": "So."}, CITED, SERVED, RESULT, image, call)
    assert_says_the_same(whole)
    found = bedrock_converse.decode_answer(whole).choices[0].blocks
    assert [type(block) for block in found] == [
        *(Reasoning, Reasoning, Reasoning, Text, Text, ServerToolCall, ServerToolResult, Image, ToolCall)
    ]
    assert found[:3] == (
        Reasoning(text="Hm.", signature="c2ln", maker="anthropic-messages"),
        Reasoning(encrypted="EuQF", maker="anthropic-messages"),
        Reasoning(encrypted="/wA=", maker="bedrock-converse"),
    )
    page, document = found[4].citations
    assert (page.url, page.title, page.quote) == ("https://a", "Weather", "Rain.")
    assert (document.url, document.title, document.quote) == (None, "Doc", "x")
    assert found[7] == Image(source=Source(data="UklGRg==", mime="image/webp"))


def test_blocks_of_a_kind_that_is_not_known_are_kept_for_who_names_them():
    found = bedrock_converse.decode_answer(answer({"hologram": {"x": 1}}, {"text": "So."})).choices[0].blocks
    assert (found[0].kind, json.loads(bytes(found[0].raw))) == ("hologram", {"hologram": {"x": 1}})
    reply = CLIENT_APIS["anthropic-messages"].encode_answer(
        bedrock_converse.decode_answer(answer({"hologram": {"x": 1}}, {"text": "So."})), asked()
    )
    assert reply.losses == ("answer.content[0].opaque",)
    stream = START + start(0, hologram={"x": 1}) + delta(0, hologram={"y": 1}) + stop(0)
    events, decoder = decoded(stream + delta(1, smell={"z": 1}) + delta(1, smell={"z": 2}) + TEXT + END + ABOUT)
    kinds = [one.content.kind for one in events if isinstance(one, WholeBlock) and isinstance(one.content, Opaque)]
    assert kinds == ["hologram", "smell"]
    assert decoder.done


@pytest.mark.parametrize(
    "pieces",
    [
        [("start", {"image": {"format": "png"}}), ("delta", {"image": {"error": {"message": "It failed."}}})],
        [
            ("start", {"image": {"format": "png"}}),
            ("delta", {"image": {"source": {"s3Location": {"uri": "s3://b/p"}}}}),
        ],
        [("delta", {"reasoningContent": {"sketch": {"x": 1}}})],
    ],
)
def test_pictures_and_thoughts_that_cannot_be_carried_are_named(pieces: list[tuple[str, dict[str, Any]]]):
    stream = b"".join((start if kind == "start" else delta)(0, **body) for kind, body in pieces)
    transcoder = Transcoder(
        bedrock_converse.stream_decoder(), CLIENT_APIS["anthropic-messages"].stream_encoder(asked())
    )
    transcoder.feed(START + stream + STOP + END + ABOUT)
    assert transcoder.done
    assert transcoder.losses == ("answer.content[0].opaque",)


def test_a_block_may_begin_with_nothing():
    begun = event("contentBlockStart", {"contentBlockIndex": 0, "start": None})
    events, decoder = decoded(START + begun + TEXT + STOP + END + ABOUT)
    assert plain(gathered(events)) == plain([Text(text="So.")])
    assert decoder.done


def test_events_and_members_that_are_not_known_change_nothing():
    odd = event("newEvent", {"x": 1}) + message({":event-type": "ping"}, b"{}")
    events, decoder = decoded(START + odd + delta(0, text="So.", x=1) + odd + STOP + odd + END + ABOUT)
    assert plain(gathered(events)) == plain([Text(text="So.")])
    assert decoder.done


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
        ("malformed_model_output", "error"),
        ("malformed_tool_use", "error"),
        ("a_new_one", "stop"),
    ],
)
def test_why_it_ended(word: str, reason: Any):
    whole = answer({"text": "So."}, stopReason=word)
    assert bedrock_converse.decode_answer(whole).choices[0].finish == Finish(reason=reason, raw=word)
    events, _ = decoded(stream_of(whole))
    assert [one.finish for one in events if isinstance(one, Finished)] == [Finish(reason=reason, raw=word)]


def test_which_text_stopped_it():
    whole = answer({"text": "So."}, stopReason="stop_sequence", additionalModelResponseFields={"stop_sequence": "END"})
    reply = CLIENT_APIS["anthropic-messages"].encode_answer(bedrock_converse.decode_answer(whole), asked())
    assert json.loads(reply.body)["stop_sequence"] == "END"
    assert_says_the_same(whole)
    null = answer({"text": "So."}, additionalModelResponseFields={"stop_sequence": None})
    assert bedrock_converse.decode_answer(null).choices[0].finish.stop_sequence is None


def test_an_answer_without_a_name_gets_the_gateways():
    whole = answer({"text": "So."})
    for api in ("openai-chat", "anthropic-messages"):
        body = json.loads(CLIENT_APIS[api].encode_answer(bedrock_converse.decode_answer(whole), asked()).body)
        assert (body["id"], body["model"]) == ("req-1", "@acme/bot")
        transcoder = Transcoder(bedrock_converse.stream_decoder(), CLIENT_APIS[api].stream_encoder(asked()))
        assert b'"@acme/bot"' in transcoder.feed(stream_of(whole))


# --- usage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"input_tokens": 3, "output_tokens": 2}),
        ({"cacheReadInputTokens": 0}, {"input_tokens": 3, "output_tokens": 2, "cache_read_tokens": 0}),
        (
            {
                "cacheReadInputTokens": 10,
                "cacheWriteInputTokens": 7,
                "cacheDetails": [{"ttl": "5m", "inputTokens": 3}, {"ttl": "1h", "inputTokens": 4}],
            },
            {
                "input_tokens": 20,
                "output_tokens": 2,
                "cache_read_tokens": 10,
                "cache_write_tokens": 7,
                "cache_write_5m_tokens": 3,
                "cache_write_1h_tokens": 4,
            },
        ),
        ({"cacheDetails": None, "cacheReadInputTokens": None}, {"input_tokens": 3, "output_tokens": 2}),
    ],
)
def test_cached_tokens_are_part_of_the_input(more: dict[str, Any], expected: dict[str, int]):
    usage = bedrock_converse.read_usage(answer(usage={**USAGE, **more}))
    assert usage is not None
    assert (usage.meters, usage.suspect) == (expected, ())


@pytest.mark.parametrize("bad", [{"inputTokens": -1}, {"outputTokens": "2"}, {"inputTokens": None}])
def test_counts_that_cannot_be_make_no_cost(bad: dict[str, Any]):
    usage = bedrock_converse.read_usage(answer(usage={**USAGE, **bad}))
    assert usage is not None
    assert usage.meters == {}
    assert usage.suspect


def test_usage_that_is_missing_is_none():
    body = json.loads(answer({"text": "So."}))
    del body["usage"]
    assert bedrock_converse.read_usage(json.dumps(body).encode()) is None
    events, decoder = decoded(START + TEXT + STOP + END)
    assert (decoder.done, decoder.usage) == (True, None)
    assert any(isinstance(one, Finished) for one in events)


def test_the_tier_is_the_answers():
    assert bedrock_converse.decode_answer(answer(serviceTier={"type": "flex"})).service_tier == "flex"
    fast = answer(performanceConfig={"latency": "optimized"}, serviceTier={"type": "default"})
    assert bedrock_converse.decode_answer(fast).service_tier == "optimized"
    assert bedrock_converse.decode_answer(answer(performanceConfig={"latency": "standard"})).service_tier is None


def test_a_prompt_router_says_which_model_it_took():
    model = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307-v1:0"
    found = bedrock_converse.decode_answer(answer(trace={"promptRouter": {"invokedModelId": model}}))
    assert found.model == model
    assert found.usage is not None
    assert found.usage.response_model == model


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'"x"',
        b"\xff",
        b"{}",
        b'{"message":"SECRET"}',
        b'{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}',
        b'{"output":null}',
    ],
)
def test_what_is_no_answer_is_a_fault(body: bytes):
    fault = bedrock_converse.fault_in(body)
    assert isinstance(fault, UpstreamRefused)
    assert (fault.code, fault.upstream_status) == ("upstream_bad_body", 200)
    assert bedrock_converse.read_usage(body) is None
    with pytest.raises(UpstreamRefused):
        bedrock_converse.decode_answer(body)


@pytest.mark.parametrize(
    "content",
    [
        {"text": 1},
        {"toolUse": {"name": "f"}},
        {"toolUse": "x"},
        {"reasoningContent": {"redactedContent": "!"}},
        "x",
        {"text": "\ud800"},
    ],
)
def test_blocks_of_a_wrong_type_are_a_fault(content: Any):
    with pytest.raises(UpstreamRefused) as refused:
        bedrock_converse.decode_answer(answer(content))
    assert refused.value.code == "upstream_bad_body"


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("throttlingException", 429, "upstream_rate_limited"),
        ("modelNotReadyException", 429, "upstream_rate_limited"),
        ("validationException", 400, "upstream_bad_request"),
        ("accessDeniedException", 502, "upstream_auth"),
        ("serviceUnavailableException", 503, "upstream_overloaded"),
        ("modelTimeoutException", 504, "upstream_timeout"),
        ("modelStreamErrorException", 502, "upstream_refused"),
        ("internalServerException", 502, "upstream_server_error"),
        ("aNewException", 502, "upstream_server_error"),
    ],
)
def test_an_exception_ends_the_stream(name: str, status: int, code: str):
    _, decoder = decoded(exception(name) + TEXT)
    assert isinstance(decoder.error, UpstreamRefused)
    assert (decoder.error.status, decoder.error.code, decoder.error.upstream_status) == (status, code, 200)
    assert "SECRET" not in decoder.error.message
    transcoder = Transcoder(bedrock_converse.stream_decoder(), CLIENT_APIS["openai-chat"].stream_encoder(asked()))
    passed = transcoder.feed(START + TEXT + exception(name))
    assert b"So." in passed
    assert isinstance(transcoder.error, UpstreamBroken)
    assert not transcoder.done


def fault_of(stream: bytes) -> UpstreamError:
    _, decoder = decoded(stream)
    assert isinstance(decoder.error, UpstreamError)
    assert not decoder.done
    return decoder.error


def test_an_error_message_ends_the_stream():
    headers = {":message-type": "error", ":error-code": "InternalFailure", ":error-message": "SECRET"}
    assert fault_of(START + message(headers, b"") + TEXT).code == "upstream_server_error"


@pytest.mark.parametrize(
    "payload", [b"", b"{", b"[]", b"\xff", b'{"contentBlockIndex":"x"}', b'{"contentBlockIndex":0,"delta":{"text":1}}']
)
def test_an_event_that_cannot_be_read_is_a_fault(payload: bytes):
    broken = message({":event-type": "contentBlockDelta", ":message-type": "event"}, payload)
    assert fault_of(START + TEXT + broken + END).code == "upstream_bad_body"


def test_a_call_that_never_began_is_a_fault():
    assert fault_of(START + delta(0, toolUse={"input": "{}"}) + END).code == "upstream_bad_body"


def test_a_stream_that_is_damaged_is_broken_after_what_came_whole():
    stream = bytearray(START + TEXT + STOP + END + ABOUT)
    stream[len(START) + len(TEXT) + 20] ^= 1
    events, decoder = decoded(bytes(stream))
    assert plain(gathered(events)) == plain([Text(text="So.")])
    assert isinstance(decoder.error, UpstreamBroken)
    assert decoder.error.code == "upstream_bad_body"
    lengths = b"\xff\xff\xff\xff" + bytes(4)
    assert fault_of(START + lengths + zlib.crc32(lengths).to_bytes(4)).code == "upstream_too_large"


def test_a_stream_that_is_cut_is_not_done():
    whole = START + TEXT + STOP + END + ABOUT
    for at in range(len(START + TEXT + STOP)):
        _, decoder = decoded(whole[:at])
        assert not decoder.done
        assert decoder.error is None


# --- streams that AWS's description allows ----------------------------------------------------------------------------


def test_blocks_without_an_index_belong_to_the_one_before():
    unnamed = event("contentBlockDelta", {"delta": {"text": "So"}}) + event(
        "contentBlockDelta", {"delta": {"text": "."}}
    )
    events, _ = decoded(START + unnamed + event("contentBlockStop", {}) + END + ABOUT)
    assert plain(gathered(events)) == plain([Text(text="So.")])


def test_blocks_are_counted_anew():
    """Some models begin at 1, some put thoughts and text under one index."""
    stream = START + delta(1, reasoningContent={"text": "Hm."}) + delta(1, text="So.") + stop(1)
    stream += start(4, toolUse={"toolUseId": "c", "name": "f"}) + delta(4, toolUse={"input": "{}"}) + stop(4)
    events, _ = decoded(stream + END + ABOUT)
    assert plain(gathered(events)) == plain(
        [Reasoning(text="Hm."), Text(text="So."), ToolCall(id="c", name="f", arguments="{}")]
    )
    assert [one.block for one in events if isinstance(one, BlockEnded)] == [0, 1, 2]


def test_blocks_that_nobody_ended_end_with_the_message():
    events, _ = decoded(START + TEXT + delta(1, reasoningContent={"redactedContent": "RXVR"}) + END + ABOUT)
    assert plain(gathered(events)) == plain([Text(text="So."), Reasoning(encrypted="EuQ", maker="anthropic-messages")])


def test_encrypted_thoughts_may_come_in_pieces():
    pieces = [delta(0, reasoningContent={"redactedContent": piece}) for piece in ("RXVR", "RkNr")]
    events, _ = decoded(START + b"".join(pieces) + STOP + END + ABOUT)
    assert plain(gathered(events)) == plain([Reasoning(encrypted="EuQFCk", maker="anthropic-messages")])


def test_metadata_may_come_before_the_end():
    _, decoder = decoded(START + TEXT + STOP + ABOUT + END)
    assert decoder.done
    assert decoder.usage.meters == {"input_tokens": 3, "output_tokens": 2}


def test_arguments_of_bedrocks_own_tools_that_break_off_are_kept():
    served = start(0, toolUse={"toolUseId": "s", "name": "x", "type": "server_tool_use"})
    events, _ = decoded(START + served + delta(0, toolUse={"input": '{"a'}) + STOP + END + ABOUT)
    (block,) = gathered(events)
    assert isinstance(block, ServerToolCall)
    assert json.loads(bytes(block.raw))["toolUse"]["input"] == {"INVALID_JSON": '{"a'}
