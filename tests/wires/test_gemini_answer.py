"""Gemini's answers, whole and as streams: signatures there and back, sources, ends, errors and counts."""

import json
import random
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from wires.matrix import JUDGES, answers, asked, conversation_of, encoded, make_model, streams
from wires.seen import events_of

from engine.errors import UpstreamBroken, UpstreamRefused
from engine.wires import anthropic_messages, gemini, openai_chat
from engine.wires.answer import Answer
from engine.wires.blocks import Audio, File, Image, Opaque, ServerToolCall, ServerToolResult, Text, ToolCall
from engine.wires.table import CLIENT_APIS
from engine.wires.transcoder import Transcoder

COUNTS = {"promptTokenCount": 5, "candidatesTokenCount": 7, "totalTokenCount": 12}
MODEL = make_model(api="google", wire="gemini", upstream_model="gemini-3-flash-preview")


def candidate(*parts: dict[str, Any], finish: str | None = "STOP", **fields: Any) -> dict[str, Any]:
    found = {"content": {"role": "model", "parts": [*parts]}, "index": 0, **fields}
    return found if finish is None else {**found, "finishReason": finish}


def body(*candidates: dict[str, Any], **fields: Any) -> bytes:
    head = {"modelVersion": "gemini-3-flash-preview", "responseId": "r1", "usageMetadata": COUNTS}
    return json.dumps({"candidates": [*candidates], **head, **fields}).encode()


def decoded(*parts: dict[str, Any], **fields: Any) -> Answer:
    return gemini.decode_answer(body(candidate(*parts, **fields)))


def streamed(*chunks: bytes, api: Any = openai_chat) -> tuple[Transcoder, bytes]:
    transcoder = Transcoder(gemini.stream_decoder(), api.stream_encoder(asked()))
    passed = b"".join(transcoder.feed(b"data: " + chunk + b"\r\n\r\n") for chunk in chunks) + transcoder.finish()
    return transcoder, passed + transcoder.tail


# --- signatures -------------------------------------------------------------------------------------------------------

THOUGHT = {"text": "Hm.", "thought": True}
SAID = {"text": "Let me see.", "thoughtSignature": "dGV4dA=="}
CALLS = (
    {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "Y2FsbA=="},
    {"functionCall": {"id": "c2", "name": "g", "args": {}}},
)


USER = {"role": "user", "content": "Hi."}

# What a client of each API sends back of a reply.
ECHOES: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "openai-chat": lambda reply: {"messages": [USER, reply["choices"][0]["message"]]},
    "openai-responses": lambda reply: {"input": [USER, *reply["output"]]},
    "anthropic-messages": lambda reply: {
        "max_tokens": 99,
        "messages": [USER, {"role": "assistant", "content": reply["content"]}],
    },
}


def sent_back(api: str, reply: bytes) -> list[dict[str, Any]]:
    request = {"model": "m", **ECHOES[api](json.loads(reply))}
    sent, losses = encoded("gemini", conversation_of(api, request), MODEL)
    assert losses == ()
    return [part for content in sent["contents"] if content["role"] == "model" for part in content["parts"]]


@pytest.mark.parametrize("api", ECHOES)
@pytest.mark.parametrize(
    "parts",
    [(THOUGHT, *CALLS), (SAID,), (THOUGHT, SAID), ({"text": "Let me see."}, *CALLS), (SAID, *CALLS), CALLS],
)
def test_signatures_come_back_on_their_parts(api: str, parts: tuple[dict[str, Any], ...]):
    reply = CLIENT_APIS[api].encode_answer(decoded(*parts), asked())
    assert reply.losses == ()
    JUDGES[api].answer(reply.body)
    assert sent_back(api, reply.body) == list(parts)


def test_signatures_come_back_where_calls_have_no_id():
    parts = [{"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "YQ=="}, {"functionCall": {"name": "f"}}]
    answer = decoded(*parts)
    ids = [block.id for block in answer.choices[0].blocks if isinstance(block, ToolCall)]
    assert ids == ["call_r1_0_0", "call_r1_0_1"]
    back = sent_back("anthropic-messages", anthropic_messages.encode_answer(answer, asked()).body)
    assert [part.get("thoughtSignature") for part in back] == ["YQ==", None]


def test_only_the_calls_come_back():
    """A client that keeps nothing but `tool_calls` keeps the signature with them."""
    message = json.loads(openai_chat.encode_answer(decoded(THOUGHT, *CALLS), asked()).body)["choices"][0]["message"]
    message = {"role": "assistant", "tool_calls": message["tool_calls"]}
    request = {"model": "m", "messages": [{"role": "user", "content": "Hi."}, message]}
    sent, _ = encoded("gemini", conversation_of("openai-chat", request), MODEL)
    assert sent["contents"][1]["parts"] == list(CALLS)


def test_signatures_in_a_stream():
    chunks = [
        body(candidate(THOUGHT, finish=None)),
        body(candidate({"text": "Let me "}, finish=None)),
        body(candidate({"text": "see."}, finish=None)),
        body(candidate({"text": "", "thoughtSignature": "dGV4dA=="}, finish=None)),
        body(candidate(*CALLS)),
    ]
    transcoder, stream = streamed(*chunks, api=anthropic_messages)
    assert (transcoder.done, transcoder.losses) == (True, ())
    JUDGES["anthropic-messages"].stream(stream)
    blocks = [event["content_block"] for event in events_of(stream) if event["type"] == "content_block_start"]
    assert [block["type"] for block in blocks] == [
        *("thinking", "text", "redacted_thinking"),
        *("redacted_thinking", "tool_use", "tool_use"),
    ]
    assert [block["data"] for block in blocks if "data" in block] == ["gemini#dGV4dA==", "gemini#Y2FsbA=="]
    _, stream = streamed(*chunks)
    deltas = [event["choices"][0]["delta"] for event in events_of(stream) if event["choices"]]
    details = [detail for delta in deltas for detail in delta.get("reasoning_details", [])]
    kept = [(detail["data"], detail.get("id"), detail["format"]) for detail in details if "data" in detail]
    assert kept == [("dGV4dA==", None, "google-gemini-v1"), ("Y2FsbA==", "c1", "google-gemini-v1")]
    call = next(delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta)
    assert call["extra_content"] == {"google": {"thought_signature": "Y2FsbA=="}}


# --- blocks -----------------------------------------------------------------------------------------------------------


def test_parts_of_every_kind():
    code = {"executableCode": {"id": "e1", "language": "PYTHON", "code": "1"}, "thoughtSignature": "YQ=="}
    outcome = {"codeExecutionResult": {"id": "e1", "outcome": "OUTCOME_OK"}}
    png = {"inlineData": {"mimeType": "image/png", "data": "aGk="}}
    parts = (
        code,
        outcome,
        png,
        {"inlineData": {"mimeType": "audio/L16;rate=24000", "data": "aGk="}},
        {"fileData": {"mimeType": "image/png", "fileUri": "gs://b/c.png"}},
        {"thought": True, **png},
        {"somethingNew": {"a": 1}},
        {"text": ""},
        {},
        {"text": "So.", "partMetadata": {"a": 1}},
    )
    blocks = decoded(*parts).choices[0].blocks
    kinds = [ServerToolCall, ServerToolResult, Image, Audio, Image, Opaque, Opaque, Text]
    assert [type(block) for block in blocks] == kinds
    transcoder, stream = streamed(body(candidate(*parts)))
    assert transcoder.done
    named = ["server_tool_call", "server_tool_result", "opaque", "opaque"]
    assert [name.split(".")[-1] for name in transcoder.losses] == named
    assert b"data:image/png;base64,aGk=" in stream


def test_several_answers():
    both = [candidate({"text": "A"}), candidate({"text": "B"}, finish="MAX_TOKENS", index=1)]
    for chunks in ([body(*both)], [body(both[1]), body(both[0])]):
        transcoder, stream = streamed(*chunks)
        assert transcoder.done
        texts = {0: "", 1: ""}
        for event in events_of(stream):
            for choice in event["choices"]:
                texts[choice["index"]] += choice["delta"].get("content") or ""
        assert texts == {0: "A", 1: "B"}
    reply = openai_chat.encode_answer(gemini.decode_answer(body(*both[::-1])), asked())
    ends = [choice["finish_reason"] for choice in json.loads(reply.body)["choices"]]
    assert ends == ["stop", "length"]


def test_logprobs():
    chosen = [{"token": "é", "tokenId": 7, "logProbability": -0.5}]
    tops = [*chosen, {"token": "e"}, {"token": "z", "logProbability": "-Infinity"}]
    result = {"chosenCandidates": chosen, "topCandidates": [{"candidates": tops}]}
    said = candidate({"text": "é"}, logprobsResult=result)
    token = {"token": "é", "logprob": -0.5, "bytes": [195, 169]}
    others = [{"token": "e", "logprob": 0.0, "bytes": [101]}, {"token": "z", "logprob": -9999.0, "bytes": [122]}]
    expected = [{**token, "top_logprobs": [token, *others]}]
    reply = openai_chat.encode_answer(gemini.decode_answer(body(said)), asked())
    assert json.loads(reply.body)["choices"][0]["logprobs"]["content"] == expected
    JUDGES["openai-chat"].answer(reply.body)
    _, stream = streamed(body(said))
    JUDGES["openai-chat"].stream(stream)
    found = [event["choices"][0].get("logprobs") for event in events_of(stream) if event["choices"]]
    assert [one["content"] for one in found if one] == [expected]


GROUNDING = {
    "webSearchQueries": ["", "sky", "sky", "sea"],
    "groundingChunks": [{"web": {"uri": "https://a", "title": "A"}}, {"retrievedContext": {"text": "q", "title": "B"}}],
    "groundingSupports": [
        {"segment": {"startIndex": 6, "endIndex": 11, "text": "Blau."}, "groundingChunkIndices": [0, 1, 9]},
        {"segment": {"endIndex": 99, "text": "Rot."}, "groundingChunkIndices": [0]},
        {"segment": {"startIndex": 50, "endIndex": 60, "text": "nowhere"}, "groundingChunkIndices": [0]},
    ],
}


def test_places_of_sources_are_counted_in_characters():
    text = "ÄöüBlau. Rot."  # three letters of two bytes
    answer = decoded({"text": text}, groundingMetadata=GROUNDING)
    (block,) = answer.choices[0].blocks
    assert isinstance(block, Text)
    found = [(one.url, one.title, one.quote, one.start, one.end) for one in block.citations]
    assert found == [
        ("https://a", "A", None, 3, 8),
        (None, "B", "q", 3, 8),
        ("https://a", "A", None, 9, 13),
        ("https://a", "A", None, None, None),
    ]
    pieces = [candidate({"text": text[:5]}, finish=None), candidate({"text": text[5:]}, finish=None)]
    last = candidate({"text": "", "thoughtSignature": "YQ=="}, groundingMetadata=GROUNDING)
    for api in (openai_chat, anthropic_messages):
        transcoder, stream = streamed(*(body(piece) for piece in (*pieces, last)), api=api)
        assert transcoder.done
        JUDGES[api.name].stream(stream)
        assert stream.count(b'"https://a"') == 3
    assert transcoder.losses == ()


def test_recited_sources():
    for name in ("citationSources", "citations"):
        recited = {name: [{"startIndex": 0, "endIndex": 3, "uri": "https://a", "license": "mit"}]}
        (block,) = decoded({"text": "Sooo."}, citationMetadata=recited).choices[0].blocks
        assert isinstance(block, Text)
        assert [(one.url, one.start, one.end) for one in block.citations] == [("https://a", 0, 3)]


# --- ends -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "error"),
        ("OTHER", "error"),
        ("SOMETHING_NEW", "stop"),
    ],
)
def test_why_an_answer_ended(word: str, reason: str):
    assert decoded({"text": "So."}, finish=word).choices[0].finish.reason == reason
    empty = json.dumps({"candidates": [{"finishReason": word}], "usageMetadata": COUNTS}).encode()
    finish = gemini.decode_answer(empty).choices[0].finish
    assert (finish.reason, finish.raw) == (reason, word)
    transcoder, _ = streamed(empty)
    assert transcoder.done


def test_a_stop_with_calls_is_for_them_whenever_it_is_said():
    assert decoded(*CALLS).choices[0].finish.reason == "tool_calls"
    said = body(candidate({"text": "So."}))
    transcoder, stream = streamed(said, body(candidate(*CALLS, finish=None)), api=anthropic_messages)
    assert transcoder.done
    assert b'"stop_reason":"tool_use"' in stream


BLOCKED = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 5}}


def test_a_blocked_prompt():
    data = json.dumps(BLOCKED).encode()
    assert gemini.fault_in(data) is None
    answer = gemini.decode_answer(data)
    assert (answer.choices[0].blocks, answer.choices[0].finish.reason) == ((), "content_filter")
    assert answer.usage is not None
    assert answer.usage.meters == {"input_tokens": 5, "output_tokens": 0}
    for api in CLIENT_APIS.values():
        if api.name not in ECHOES:
            continue
        JUDGES[api.name].answer(api.encode_answer(answer, asked()).body)
        transcoder, stream = streamed(data, api=api)
        assert transcoder.done
        JUDGES[api.name].stream(stream)
        assert b"content_filter" in stream or b"refusal" in stream


def test_a_stream_without_a_reason_was_cut():
    for chunks in ([body(candidate({"text": "So"}, finish=None))], [body()], []):
        transcoder, _ = streamed(*chunks)
        assert (transcoder.done, transcoder.error) == (False, None)
    both = [candidate({"text": "A"}), candidate({"text": "B"}, finish=None, index=1)]
    assert not streamed(body(*both))[0].done


# --- errors -----------------------------------------------------------------------------------------------------------


def error(**fields: Any) -> dict[str, Any]:
    return {"error": {"message": "SECRET", **fields}}


@pytest.mark.parametrize(
    ("found", "status", "code"),
    [
        (error(code=429, status="RESOURCE_EXHAUSTED"), 429, "upstream_rate_limited"),
        (error(code=503, status="UNAVAILABLE"), 503, "upstream_overloaded"),
        (error(status="INVALID_ARGUMENT"), 400, "invalid_argument"),
        (error(code=403, status="PERMISSION_DENIED"), 502, "upstream_auth"),
        (error(code=400, status="INVALID_ARGUMENT", details=[{"reason": "API_KEY_INVALID"}]), 502, "upstream_auth"),
        (error(), 502, "upstream_server_error"),
        ([error(code=504, status="DEADLINE_EXCEEDED")], 502, "upstream_server_error"),
    ],
)
def test_an_error_in_an_answer_of_status_200(found: Any, status: int, code: str):
    data = json.dumps(found).encode()
    fault = gemini.fault_in(data)
    assert fault is not None
    assert (fault.status, fault.code, fault.upstream_status) == (status, code, 200)
    assert "SECRET" not in str(fault)
    with pytest.raises(UpstreamRefused):
        gemini.decode_answer(data)
    transcoder, passed = streamed(data)
    assert isinstance(transcoder.error, UpstreamRefused)
    assert (transcoder.error.code, passed) == (code, b"")
    transcoder, _ = streamed(body(candidate({"text": "So"}, finish=None)), data)
    assert isinstance(transcoder.error, UpstreamBroken)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n\r\n"])
def test_an_error_that_is_no_event(end: bytes):
    for found in (error(code=503, status="UNAVAILABLE"), [error(code=503)]):
        decoder = gemini.stream_decoder()
        decoder.feed(b"data: " + body(candidate({"text": "So"}, finish=None)) + b"\r\n\r\n")
        decoder.feed(json.dumps(found, indent=2).encode() + end)
        decoder.finish()
        assert decoder.error is not None
        assert decoder.error.code == "upstream_overloaded"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"7",
        b"[]",
        b"{}",
        b'{"candidates":[]}',
        b'{"candidates":7}',
        b'{"candidates":[{"content":{"parts":[{"functionCall":{}}]}}]}',
        b'{"candidates":[{"content":{"parts":[{"text":7}]}}]}',
        b'{"candidates":[{"content":{"parts":[7]}}]}',
        b'{"candidates":[' * 10**5,
    ],
)
def test_what_is_no_answer_is_a_fault(data: bytes):
    with pytest.raises(UpstreamRefused) as refused:
        gemini.decode_answer(data)
    assert refused.value.code == "upstream_bad_body"


@pytest.mark.parametrize(
    ("name", "member"),
    [
        ("groundingMetadata", "groundingChunks"),
        ("citationMetadata", "citations"),
        ("logprobsResult", "chosenCandidates"),
    ],
)
def test_what_stands_beside_the_text_is_judged_as_well(name: str, member: str):
    said = candidate({"text": "So."}, **{name: {member: 7}})
    with pytest.raises(UpstreamRefused):
        gemini.decode_answer(body(said))
    transcoder, _ = streamed(body(said))
    assert transcoder.error is not None
    assert transcoder.error.code == "upstream_bad_body"


JUNK = (None, 0, -1, 1.5, "", [], {}, True, "x", [1], {"a": 1}, 10**30, [[]], [{}])


def mangled(value: Any, luck: random.Random) -> Any:
    """A JSON value with some of its parts gone or replaced."""
    if luck.random() < 0.04:
        return luck.choice(JUNK)
    if isinstance(value, dict):
        return {name: mangled(member, luck) for name, member in value.items() if luck.random() > 0.02}
    if isinstance(value, list):
        return [mangled(item, luck) for item in value if luck.random() > 0.02]
    return value


def test_mangled_answers_are_read_or_refused():
    luck = random.Random(7)
    outcomes = set()
    for recording in answers("gemini"):
        data = json.dumps(mangled(json.loads(recording.response), luck)).encode()
        try:
            answer = gemini.decode_answer(data)
        except UpstreamRefused:
            outcomes.add("refused")
            continue
        outcomes.add("read")
        for api in CLIENT_APIS.values():
            api.encode_answer(answer, asked())
    for recording in streams("gemini") * 10:
        chunks = [json.dumps(mangled(event, luck)).encode() for event in events_of(recording.response)]
        transcoder, _ = streamed(*chunks)
        outcomes.add("whole" if transcoder.done else "broken" if transcoder.error is not None else "cut")
    assert outcomes == {"read", "refused", "whole", "broken", "cut"}


# --- usage ------------------------------------------------------------------------------------------------------------


def meters(model: str = "gemini-3-flash-preview", **counts: Any) -> dict[str, int]:
    usage = gemini.read_usage(body(candidate({"text": "So."}), usageMetadata=counts, modelVersion=model))
    assert usage is not None
    return usage.meters


def modality(**counts: int) -> list[dict[str, Any]]:
    return [{"modality": name, "tokenCount": count} for name, count in counts.items()]


def test_every_count_has_its_meter():
    counts = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 30,
        "toolUsePromptTokenCount": 11,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 9,
        "totalTokenCount": 140,
        "promptTokensDetails": modality(TEXT=60, IMAGE=10, DOCUMENT=5, AUDIO=15, VIDEO=10, SMELL=1),
        "cacheTokensDetails": modality(TEXT=20, AUDIO=10),
        "toolUsePromptTokensDetails": modality(TEXT=11),
        "candidatesTokensDetails": [*modality(TEXT=15, IMAGE=5), {"modality": "AUDIO"}],
    }
    assert meters(**counts) == {
        "input_tokens": 111,
        "output_tokens": 29,
        "cache_read_tokens": 30,
        "input_tool_tokens": 11,
        "output_reasoning_tokens": 9,
        "input_text_tokens": 71,
        "input_image_tokens": 15,
        "input_audio_tokens": 15,
        "input_video_tokens": 10,
        "cache_text_read_tokens": 20,
        "cache_audio_read_tokens": 10,
        "input_text_tool_tokens": 11,
        "output_text_tokens": 15,
        "output_image_tokens": 5,
        "output_audio_tokens": 0,
    }


@pytest.mark.parametrize(
    "counts",
    [
        {"candidatesTokenCount": 5},
        {"promptTokenCount": "5"},
        {"promptTokenCount": -5},
        {"promptTokenCount": True},
        {"promptTokenCount": 5, "thoughtsTokenCount": 1.5},
        {"promptTokenCount": 5, "promptTokensDetails": {}},
        {"promptTokenCount": 5, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 10**12}]},
    ],
)
def test_what_is_no_count_costs_nothing_but_is_told(counts: dict[str, Any]):
    usage = gemini.read_usage(body(candidate({"text": "So."}), usageMetadata=counts))
    assert usage is not None
    assert usage.suspect
    assert usage.meters == {}


@pytest.mark.parametrize(
    "counts",
    [None, {}, {"trafficType": "ON_DEMAND"}, {"serviceTier": "standard", "new": 1}, {"promptTokenCount": None}],
)
def test_a_usage_without_any_count_is_none(counts: dict[str, Any] | None):
    """As Vertex has it where it blocked the prompt."""
    data = json.dumps({**BLOCKED, "usageMetadata": counts}).encode()
    assert gemini.decode_answer(data).usage is None
    assert gemini.read_usage(data) is None
    transcoder, _ = streamed(data)
    assert transcoder.done
    assert transcoder.usage is None


def test_a_zero_that_is_left_out_is_a_zero():
    """Proto JSON leaves zeros out, of a count and of a modality."""
    for silent in ({"modality": "AUDIO"}, {"modality": "AUDIO", "tokenCount": None}):
        found = meters(promptTokenCount=7, promptTokensDetails=[silent, *modality(VIDEO=7)])
        assert found == {"input_tokens": 7, "output_tokens": 0, "input_audio_tokens": 0, "input_video_tokens": 7}


@pytest.mark.parametrize(
    ("counts", "tier"),
    [
        ({"serviceTier": "flex"}, "flex"),
        ({"serviceTier": "SERVICE_TIER_UNSPECIFIED"}, None),
        ({"trafficType": "ON_DEMAND"}, "standard"),
        ({"trafficType": "ON_DEMAND_PRIORITY"}, "priority"),
        ({"trafficType": "PROVISIONED_THROUGHPUT"}, "provisioned_throughput"),
        ({"trafficType": "SOMETHING_NEW"}, "something_new"),
        ({}, None),
    ],
)
def test_the_tier(counts: dict[str, Any], tier: str | None):
    usage = gemini.read_usage(body(candidate({"text": "So."}), usageMetadata={"promptTokenCount": 1, **counts}))
    assert usage is not None
    assert usage.service_tier == tier


@pytest.mark.parametrize(("version", "searches"), [("gemini-3-flash-preview", 2), ("gemini-2.5-pro", 1)])
def test_searches_are_counted_as_they_are_billed(version: str, searches: int):
    said = candidate({"text": "Blau."}, groundingMetadata=GROUNDING)
    usage = gemini.read_usage(body(said, modelVersion=version))
    assert usage is not None
    assert usage.meters["web_searches"] == searches
    # In a stream they may come before the counts, with them or behind them.
    for chunks in ([said, candidate({"text": "."})], [candidate({"text": "."}, finish=None), said]):
        transcoder, _ = streamed(*(body(chunk, modelVersion=version) for chunk in chunks))
        assert transcoder.usage is not None
        assert transcoder.usage.meters["web_searches"] == searches
    late = json.dumps({"candidates": [said], "modelVersion": version}).encode()
    transcoder, _ = streamed(body(candidate({"text": "."}, finish=None), modelVersion=version), late)
    assert transcoder.usage is not None
    assert transcoder.usage.meters["web_searches"] == searches


def test_the_last_report_of_a_stream_holds():
    def chunk(finish: str | None, **counts: Any) -> bytes:
        return body(candidate({"text": "So"}, finish=finish), usageMetadata=counts)

    transcoder, _ = streamed(
        chunk(None, trafficType="ON_DEMAND"),
        chunk(None, promptTokenCount=169, promptTokensDetails=modality(TEXT=169)),
        chunk("STOP", promptTokenCount=79, candidatesTokenCount=3, trafficType="ON_DEMAND"),
        json.dumps({"usageMetadata": {"trafficType": "ON_DEMAND_FLEX"}}).encode(),
    )
    assert transcoder.done
    assert transcoder.usage is not None
    assert transcoder.usage.meters == {"input_tokens": 79, "output_tokens": 3}
    assert (transcoder.usage.service_tier, transcoder.usage.suspect) == ("flex", ())
    assert streamed(chunk("STOP", trafficType="ON_DEMAND"))[0].usage is None
    broken = body(candidate({"text": "So"}), usageMetadata=7)
    assert streamed(broken, chunk("STOP", trafficType="ON_DEMAND"))[0].done


def test_the_time_that_vertex_says():
    answer = gemini.decode_answer(body(candidate({"text": "So."}), createTime="2026-01-02T03:04:05.678901Z"))
    assert answer.created == 1_767_323_045
    assert gemini.decode_answer(body(candidate({"text": "So."}), createTime="soon")).created == 0


def test_unknown_fields_do_not_matter():
    said = candidate({"text": "So.", "new": 1}, safetyRatings=[{}], avgLogprobs=-0.1, new={})
    answer = gemini.decode_answer(body(said, new=[], promptFeedback={"new": 1}))
    assert answer.choices[0].blocks == (Text(text="So."),)


def test_null_is_as_good_as_absent():
    """Proto JSON reads it so, and what is written from a program's objects has it for everything that is not set."""
    unset = dict.fromkeys(("text", "thought", "thoughtSignature", "functionCall", "inlineData", "executableCode"))
    parts = [
        {**unset, "text": "So."},
        {**unset, "functionCall": {"id": None, "name": "f", "args": None}},
        {**unset, "inlineData": {"mimeType": "image/png", "data": "aGk=", "displayName": None}},
        {**unset, "fileData": {"mimeType": None, "fileUri": "gs://a/b"}},
        {**unset, "codeExecutionResult": {"id": None}},
        unset,
    ]
    source = {"web": {"uri": "https://a", "title": None}, "retrievedContext": None}
    support = {"segment": {"startIndex": None, "endIndex": 3, "text": None}, "groundingChunkIndices": [0]}
    token = {"token": None, "logProbability": None}
    beside = {
        "groundingMetadata": {"groundingChunks": [source], "groundingSupports": [support], "webSearchQueries": None},
        "citationMetadata": {"citations": [{"startIndex": None, "endIndex": 3, "uri": None}], "citationSources": None},
        "logprobsResult": {"chosenCandidates": [token], "topCandidates": None},
        "safetyRatings": None,
    }
    said = candidate(*parts, **beside)
    head = {"promptFeedback": None, "createTime": None, "error": None, "usageMetadata": {"promptTokenCount": 7}}
    data = body({**said, "index": None}, **head)
    answer = gemini.decode_answer(data)
    blocks = answer.choices[0].blocks
    assert [type(block) for block in blocks] == [Text, ToolCall, Image, File, ServerToolResult]
    assert [(one.url, one.start, one.end) for one in blocks[0].citations] == [("https://a", 0, 3), (None, 0, 3)]
    for api in ECHOES:
        JUDGES[api].answer(CLIENT_APIS[api].encode_answer(answer, asked()).body)
        transcoder, stream = streamed(data, api=CLIENT_APIS[api])
        assert transcoder.done
        JUDGES[api].stream(stream)
