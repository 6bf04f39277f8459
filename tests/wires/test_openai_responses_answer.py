"""Responses as answers: what a provider says reaches other clients, and what others say is a response."""

import json
from typing import Any

import httpx
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wires.matrix import asked, conversation_of, encoded, make_model
from wires.of_openai_responses import judge_answer, judge_stream
from wires.strategies import conversation_answers
from wires.strategies import events as events_of_answer

from engine.errors import UpstreamBroken, UpstreamRefused
from engine.wires import anthropic_messages, openai_chat, openai_responses
from engine.wires.answer import Answer, Choice, Finish
from engine.wires.blocks import Block, Citation, Image, Reasoning, Refusal, Source, Text, ToolCall
from engine.wires.events import (
    Cited,
    Event,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    SignatureDelta,
    Started,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
    WholeBlock,
)
from engine.wires.sse import parse_event
from engine.wires.transcoder import Transcoder
from engine.wires.usage import Usage

MESSAGE = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 5},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 7},
    "total_tokens": 120,
}


def response(*output: Any, **fields: Any) -> bytes:
    body = {"id": "resp_1", "object": "response", "model": "gpt-5", "created_at": 7, "status": "completed"}
    return json.dumps({**body, "output": list(output), "usage": USAGE, **fields}).encode()


def decoded(*output: Any, **fields: Any) -> Choice:
    return openai_responses.decode_answer(response(*output, **fields)).choices[0]


def answer(*blocks: Block, reason: Any = "stop", **fields: Any) -> Answer:
    choices = (Choice(blocks=blocks, finish=Finish(reason=reason), **fields),)
    return Answer(id="a-1", model="m", created=7, choices=choices)


def encoded_answer(*blocks: Block, **fields: Any) -> dict[str, Any]:
    reply = openai_responses.encode_answer(answer(*blocks, **fields), asked())
    assert reply.losses == ()
    judge_answer(reply.body)
    return json.loads(reply.body)


def text(content: str, **fields: Any) -> dict[str, Any]:
    return {**MESSAGE, "content": [{"type": "output_text", "text": content, "annotations": [], **fields}]}


# --- whole ------------------------------------------------------------------------------------------------------------


def test_a_response_repeats_the_request():
    request = {
        "model": "@acme/bot",
        "input": "Hi.",
        "instructions": "Be kind.",
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}, {"type": "web_search"}],
        "tool_choice": {"type": "file_search"},
        "parallel_tool_calls": False,
        "temperature": 0.5,
        "top_p": 0.9,
        "max_output_tokens": 50,
        "max_tool_calls": 3,
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "metadata": {"a": "b"},
        "user": "u",
        "truncation": "auto",
        "safety_identifier": "s",
        "prompt_cache_key": "k",
        "top_logprobs": 2,
    }
    conversation = conversation_of("openai-responses", request)
    reply = openai_responses.encode_answer(answer(Text(text="So.")), asked(conversation))
    judge_answer(reply.body)
    body = json.loads(reply.body)
    for name in request.keys() - {"input", "model", "tools"}:
        assert body[name] == request[name], name
    function, search = body["tools"]
    assert (function["name"], function["strict"], search) == ("f", False, {"type": "web_search"})
    assert (body["id"], body["created_at"], body["model"], body["status"]) == ("a-1", 7, "m", "completed")
    assert (body["usage"], body["store"], body["background"]) == (None, False, False)


def test_texts_and_refusals_that_follow_each_other_are_one_message():
    call = ToolCall(id="c", name="f", arguments="")
    body = encoded_answer(Text(text="A"), Refusal(text="B"), call, Text(text="C"))
    first, called, last = body["output"]
    assert [part["type"] for part in first["content"]] == ["output_text", "refusal"]
    assert (called["call_id"], called["arguments"]) == ("c", "{}")
    assert last["content"][0]["text"] == "C"
    assert len({item["id"] for item in body["output"]}) == 3
    assert all(len(item["id"]) <= 64 for item in body["output"])


@pytest.mark.parametrize(
    ("reason", "status", "why"),
    [
        ("stop", "completed", None),
        ("tool_calls", "completed", None),
        ("length", "incomplete", "max_output_tokens"),
        ("pause", "incomplete", "max_output_tokens"),
        ("content_filter", "incomplete", "content_filter"),
        ("refusal", "incomplete", "content_filter"),
        ("error", "failed", None),
    ],
)
def test_why_an_answer_ended(reason: Any, status: str, why: str | None):
    body = encoded_answer(Text(text="So."), reason=reason)
    assert (body["status"], body["incomplete_details"]) == (status, why and {"reason": why})
    assert (body["error"] is not None) is (status == "failed")
    assert body["output"][0]["status"] == ("completed" if status == "completed" else "incomplete")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "stop"),
        ({"status": None}, "stop"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"status": "incomplete", "incomplete_details": {"reason": "something new"}}, "length"),
        ({"status": "incomplete", "incomplete_details": None}, "length"),
        ({"status": "queued"}, "pause"),
        ({"status": "something new"}, "stop"),
    ],
)
def test_why_a_response_ended(fields: dict[str, Any], reason: str):
    assert decoded(text("So."), **fields).finish.reason == reason


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ({"code": "server_error", "message": "SECRET"}, 502),
        ({"code": "rate_limit_exceeded", "message": "SECRET"}, 429),
        ({"code": "invalid_prompt", "message": "SECRET"}, 400),
        ({"code": "image_content_policy_violation", "message": "SECRET"}, 400),
        ({"code": "something_new", "message": "SECRET"}, 502),
        (None, 502),
        ("SECRET", 502),
    ],
)
def test_a_failed_response_is_a_fault(error: Any, status: int):
    failed = response(status="failed", error=error)
    fault = openai_responses.fault_in(failed)
    assert isinstance(fault, UpstreamRefused)
    assert (fault.status, fault.upstream_status) == (status, 200)
    assert "SECRET" not in str(fault)
    with pytest.raises(UpstreamRefused):
        openai_responses.decode_answer(failed)


@pytest.mark.parametrize(
    "body", [b"", b"7", b"[]", b"{}", b'{"output":7}', b'{"output":[7]}', b'{"output":[{"type":7}]}']
)
def test_what_is_no_response_is_a_fault(body: bytes):
    with pytest.raises(UpstreamRefused) as fault:
        openai_responses.decode_answer(body)
    assert fault.value.code == "upstream_bad_body"


def test_what_is_new_breaks_nothing():
    new = {"type": "hologram_call", "id": "h", "beam": 7}
    part = {**MESSAGE, "content": [{"type": "smell", "intensity": 7}, {"type": "output_text", "text": "So."}]}
    choice = decoded(new, part, aura="violet")
    reply = openai_chat.encode_answer(answer(*choice.blocks), asked())
    assert json.loads(reply.body)["choices"][0]["message"]["content"] == "So."
    assert reply.losses == ("answer.content[0].opaque", "answer.content[1].opaque")


def test_the_providers_own_tools_and_pictures():
    searched = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
    drawn = {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "aGk=", "size": "1x1"}
    reply = openai_chat.encode_answer(answer(*decoded(searched, drawn, text("So.")).blocks), asked())
    message = json.loads(reply.body)["choices"][0]["message"]
    assert message["images"][0]["image_url"]["url"] == "data:image/png;base64,aGk="
    assert reply.losses == ("answer.content[0].server_tool_call",)
    assert encoded_answer(Image(source=Source(data="aGk=", mime="image/webp")))["output"][0]["output_format"] == "webp"


def test_annotations_keep_their_place():
    cited = {"type": "url_citation", "url": "https://a", "title": "A", "start_index": 3, "end_index": 5}
    choice = decoded(text("One."), text("Two three.", annotations=[cited]))
    message = json.loads(openai_chat.encode_answer(answer(*choice.blocks), asked()).body)["choices"][0]["message"]
    assert message["annotations"][0]["url_citation"]["start_index"] == len("One.") + 3
    assert encoded_answer(*choice.blocks)["output"][0]["content"][1]["annotations"] == [cited]
    body = encoded_answer(Text(text="So.", citations=(Citation(url="https://b", wire="anthropic-messages"),)))
    made = body["output"][0]["content"][0]["annotations"][0]
    assert (made["url"], made["start_index"], made["end_index"]) == ("https://b", 0, 3)


def test_log_probabilities_cross_both_ways():
    entry = {"token": "So", "logprob": -0.5, "bytes": [83, 111], "top_logprobs": []}
    choice = decoded(text("So", logprobs=[entry]))
    assert choice.logprobs is not None
    assert json.loads(bytes(choice.logprobs))["content"] == [entry]
    chat = {"message": {"content": "So"}, "finish_reason": "stop"}
    chat["logprobs"] = {"content": [{"token": "So", "logprob": -0.5, "bytes": None, "top_logprobs": None}]}  # type: ignore[assignment]
    found = openai_chat.decode_answer(json.dumps({"choices": [chat]}).encode())
    reply = openai_responses.encode_answer(found, asked())
    judge_answer(reply.body)
    assert json.loads(reply.body)["output"][0]["content"][0]["logprobs"] == [entry]


def test_usage_and_tier_are_those_of_the_answer():
    tools = {"web_search": {"num_requests": 3}, "image_gen": {"total_tokens": 0}}
    usage = openai_responses.read_usage(response(service_tier="flex", tool_usage=tools))
    assert usage is not None
    assert usage.meters == {
        "input_tokens": 100,
        "cache_read_tokens": 10,
        "cache_write_tokens": 5,
        "output_tokens": 20,
        "output_reasoning_tokens": 7,
        "web_searches": 3,
    }
    assert (usage.service_tier, usage.response_model, usage.suspect) == ("flex", "gpt-5", ())
    drawn = openai_responses.read_usage(response(tool_usage={"image_gen": {"total_tokens": 9}}))
    assert drawn is not None
    assert "image generation" in drawn.suspect[0]
    assert openai_responses.read_usage(response(usage=None)) is None
    for broken in (7, {}, {"input_tokens": -1, "output_tokens": 1}, {"input_tokens": "1", "output_tokens": 1}):
        found = openai_responses.read_usage(response(usage=broken))
        assert found is not None
        assert (found.meters, bool(found.suspect)) == ({}, True)


# --- reasoning, there and back ----------------------------------------------------------------------------------------

THOUGHTS = {
    "summarised": {"summary": [{"type": "summary_text", "text": "A"}, {"type": "summary_text", "text": "B"}]},
    "hidden": {"summary": []},
}


@pytest.mark.parametrize("name", THOUGHTS)
def test_thoughts_go_through_an_anthropic_client_and_come_back(name: str):
    thought = {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA", **THOUGHTS[name]}
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"}
    choice = decoded(thought, call)
    message = json.loads(anthropic_messages.encode_answer(answer(*choice.blocks), asked()).body)
    history = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": message["content"]}]
    request = {"model": "m", "max_tokens": 99, "messages": history}
    sent, losses = encoded("openai-responses", conversation_of("anthropic-messages", request), make_model(api="openai"))
    assert losses == ()
    back = sent["input"][1]
    assert (back["type"], back["encrypted_content"]) == ("reasoning", "gAAA")
    expected = [{"type": "summary_text", "text": "A\n\nB"}] if name == "summarised" else []
    assert back["summary"] == expected
    _, losses = encoded("anthropic-messages", conversation_of("anthropic-messages", request))
    assert losses == ()


@pytest.mark.parametrize(
    "block",
    [
        {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
        {"type": "thinking", "thinking": "", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "c2Vj"},
    ],
)
def test_anthropics_thoughts_go_through_a_client_of_responses_and_come_back(block: dict[str, Any]):
    body = json.dumps({"content": [block], "stop_reason": "end_turn"}).encode()
    found = anthropic_messages.decode_answer(body)
    reply = openai_responses.encode_answer(found, asked())
    judge_answer(reply.body)
    items = [{"role": "user", "content": "Hi."}, *json.loads(reply.body)["output"]]
    conversation = conversation_of("openai-responses", {"model": "m", "input": items})
    sent, losses = encoded("anthropic-messages", conversation)
    assert (sent["messages"][1]["content"], losses) == ([block], ())
    _, losses = encoded("openai-responses", conversation_of("openai-chat", {"model": "m", "messages": [items[0]]}))
    assert losses == ()


# --- streams ----------------------------------------------------------------------------------------------------------


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


CREATED = event("response.created", response={"id": "resp_1", "model": "gpt-5", "created_at": 7, "error": None})


def end(*output: Any, kind: str = "response.completed", **fields: Any) -> bytes:
    return event(kind, response=json.loads(response(*output, **fields)))


def read(*pieces: bytes) -> list[Event]:
    decoder = openai_responses.stream_decoder()
    events = [found for piece in pieces for found in decoder.feed(piece)]
    assert decoder.error is None
    assert decoder.done
    return [found for found in events if not isinstance(found, UsageReported)]


def kinds(events: list[Event]) -> list[str]:
    return [type(found).__name__ for found in events]


def test_a_server_that_only_sends_whole_items():
    cited = {"type": "url_citation", "url": "https://a", "title": "A", "start_index": 0, "end_index": 1}
    message = text("So.", annotations=[cited])
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": '{"a":1}'}
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]}
    expected = ["Started", "ReasoningDelta", "BlockEnded", "TextDelta", "Cited", "BlockEnded"]
    expected += ["ToolCallStarted", "ToolArgumentsDelta", "BlockEnded", "Finished"]
    items = (thought, message, call)
    done = b"".join(event("response.output_item.done", output_index=at, item=item) for at, item in enumerate(items))
    assert kinds(read(CREATED, done, end())) == expected
    assert kinds(read(CREATED, done, end(*items))) == expected
    assert kinds(read(CREATED, end(*items))) == expected
    assert kinds(read(end(*items))) == expected


def test_a_server_that_gives_ids_and_no_indexes():
    """As llama.cpp does."""
    first, second = ({"type": "function_call", "id": f"fc_{at}", "call_id": f"c{at}", "name": "f"} for at in (1, 2))
    stream = b"".join(
        event("response.output_item.added", item={**item, "arguments": ""})
        + event("response.function_call_arguments.delta", item_id=item["id"], delta="{}")
        + event("response.output_item.done", item={**item, "arguments": "{}"})
        for item in (first, second)
    )
    found = read(CREATED, stream, end({**first, "arguments": "{}"}, {**second, "arguments": "{}"}))
    assert kinds(found)[1:-1] == ["ToolCallStarted", "ToolArgumentsDelta", "BlockEnded"] * 2
    assert found[-1] == Finished(0, Finish(reason="tool_calls", raw="completed"))


def test_what_is_null_counts_as_not_given():
    blank = event("response.output_item.added", output_index=0, item=None)
    delta = event("response.output_text.delta", output_index=0, content_index=None, delta="So.", logprobs=None)
    more = event("response.output_text.annotation.added", output_index=0, content_index=0, annotation=None)
    created = event("response.created", response=None)
    assert kinds(read(created, blank, delta, more, end(text("So.")))) == [
        *("Started", "TextDelta", "BlockEnded", "Finished")
    ]


def test_summaries_of_several_parts_are_paragraphs():
    def delta(index: int, words: str) -> bytes:
        return event("response.reasoning_summary_text.delta", output_index=0, summary_index=index, delta=words)

    thought = {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA"}
    thought["summary"] = [{"type": "summary_text", "text": words} for words in ("A B", "C")]  # type: ignore[assignment]
    done = event("response.output_item.done", output_index=0, item=thought)
    found = read(CREATED, delta(0, "A"), delta(0, " B"), delta(1, "C"), done, end(thought))
    said = "".join(one.text for one in found if isinstance(one, ReasoningDelta))
    assert said == "A B\n\nC"
    assert [one for one in found if isinstance(one, SignatureDelta)] == [
        SignatureDelta(0, 0, "gAAA", "openai-responses")
    ]


def test_unknown_events_and_done_break_nothing():
    new = event("response.hologram.delta", output_index=0, item_id="x", delta={"beam": 7}, sequence_number="?")
    queued, keepalive = event("response.queued", response={"id": "resp_1"}), event("keepalive", sequence_number=3)
    found = read(CREATED, queued, new, keepalive, b"data: [DONE]\n\n", end(text("So.")))
    assert kinds(found) == ["Started", "TextDelta", "BlockEnded", "Finished"]


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (event("error", code="rate_limit_exceeded", message="SECRET", param=None), 429),
        (event("error", error={"type": "invalid_request_error", "code": "x", "message": "SECRET"}), 400),
        (b'event: error\ndata: {"message":"SECRET"}\n\n', 502),
        (b'data: {"error":{"message":"SECRET","code":"server_error"}}\n\n', 502),
        (end(kind="response.failed", status="failed", error={"code": "server_error", "message": "SECRET"}), 502),
        (event("response.failed", response={"error": {"code": "rate_limit_exceeded"}}), 429),
    ],
)
def test_failures_in_streams(failure: bytes, status: int):
    decoder = openai_responses.stream_decoder()
    decoder.feed(failure)
    reader = openai_responses.stream_reader(client_wants_usage=True)
    assert reader.feed(failure) == b""
    for error in (decoder.error, reader.error):
        assert isinstance(error, UpstreamRefused)
        assert error.status == status
        assert "SECRET" not in str(error)
    reader = openai_responses.stream_reader(client_wants_usage=True)
    assert reader.feed(CREATED + failure) == CREATED
    assert isinstance(reader.error, UpstreamBroken)


def test_a_failed_stream_still_tells_its_usage():
    failed = end(kind="response.failed", status="failed", error={"code": "server_error"})
    for reader in (openai_responses.stream_decoder(), openai_responses.stream_reader(client_wants_usage=True)):
        reader.feed(CREATED + failed)
        assert reader.usage is not None
        assert reader.usage.meters["input_tokens"] == 100


@pytest.mark.parametrize("kind", ["response.completed", "response.incomplete"])
def test_streams_pass_through_byte_for_byte_and_end_apart(kind: str):
    delta = event("response.output_text.delta", output_index=0, content_index=0, delta='"error"')
    last = end(text('"error"'), kind=kind, service_tier="flex")
    stream = CREATED + delta + last
    for size in (1, 7, len(stream)):
        reader = openai_responses.stream_reader(client_wants_usage=False)
        passed = b"".join(reader.feed(stream[at : at + size]) for at in range(0, len(stream), size))
        assert (passed, reader.tail, reader.done, reader.error) == (CREATED + delta, last, True, None)
        assert reader.usage is not None
        assert (reader.usage.meters["input_tokens"], reader.usage.service_tier) == (100, "flex")


def test_the_error_of_a_stream_is_both_the_documented_event_and_one_that_clients_raise():
    name, data = parse_event(openai_responses.stream_error(UpstreamBroken("It broke.", code="upstream_broken")))
    found = json.loads(data)
    assert (name, found["type"], found["message"], found["code"]) == (b"error", "error", "It broke.", "upstream_broken")
    assert found["error"]["message"] == "It broke."


@given(conversation_answers(), st.booleans())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_last_event_of_a_stream_is_the_whole_answer(found: Answer, ends: bool):
    encoder = openai_responses.stream_encoder(asked())
    stream = encoder.encode(events_of_answer(found, ends=ends)) + encoder.end()
    judge_stream(stream)
    whole = json.loads(openai_responses.encode_answer(found, asked()).body)
    assert json.loads(stream.rsplit(b"data: ", 1)[1])["response"] == whole


def test_the_official_client_puts_a_stream_together_and_raises_its_error():
    def answered(body: bytes) -> openai.OpenAI:
        reply = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body)
        transport = httpx.MockTransport(lambda _request: reply)
        return openai.OpenAI(api_key="k", base_url="http://gateway/v1", http_client=httpx.Client(transport=transport))

    encoder = openai_responses.stream_encoder(asked())
    begun = encoder.encode([Started("r", "m"), TextDelta(0, 0, "So"), ToolCallStarted(0, 1, "c", "f")])
    whole = begun + encoder.encode([Finished(0, Finish(reason="tool_calls"))]) + encoder.end()
    with answered(whole) as client, client.responses.stream(model="m", input="Hi.") as stream:
        final = stream.get_final_response()
    assert (final.output_text, final.output[1].type, final.status) == ("So", "function_call", "completed")
    broken = begun + openai_responses.stream_error(UpstreamBroken("It broke.", code="upstream_broken"))
    with answered(broken) as client, pytest.raises(openai.APIError, match=r"It broke\."):
        list(client.responses.create(model="m", input="Hi.", stream=True))


def test_a_stream_of_everything_is_in_order_and_adds_up():
    events: list[Event] = [
        Started("gen-1", "m", 7),
        ReasoningDelta(0, 0, "Hm", is_summary=True),
        ReasoningDelta(0, 0, ".", is_summary=True),
        SignatureDelta(0, 0, "gAAA", "openai-responses"),
        ReasoningDelta(0, 1, "Raw."),
        SignatureDelta(0, 1, "c2ln", "anthropic-messages"),
        WholeBlock(0, 2, Reasoning(encrypted="c2Vj", maker="gemini")),
        TextDelta(0, 3, "So"),
        TextDelta(0, 3, "."),
        Cited(0, 3, Citation(url="https://a", title="A")),
        TextDelta(0, 4, "More."),
        RefusalDelta(0, 5, "No."),
        ToolCallStarted(0, 6, "c1", "f"),
        ToolArgumentsDelta(0, 6, '{"a":'),
        ToolArgumentsDelta(0, 6, "1}"),
        ToolCallStarted(0, 7, "c2", "sh", is_custom=True),
        ToolArgumentsDelta(0, 7, "ls"),
        ToolCallStarted(0, 8, "c3", "g"),
        WholeBlock(0, 9, Image(source=Source(data="aGk=", mime="image/png"))),
        Finished(0, Finish(reason="tool_calls")),
        UsageReported(Usage({"input_tokens": 1, "output_tokens": 2}, b"")),
    ]
    encoder = openai_responses.stream_encoder(asked())
    stream = encoder.encode(events) + encoder.end()
    judge_stream(stream)
    assert encoder.losses == ()
    last = json.loads(stream.rsplit(b"data: ", 1)[1])["response"]
    assert [item["type"] for item in last["output"]] == [
        *("reasoning", "reasoning", "reasoning", "message", "function_call", "custom_tool_call", "function_call"),
        "image_generation_call",
    ]
    assert [item.get("encrypted_content") for item in last["output"][:3]] == [
        *("gAAA", "anthropic-messages#c2ln", "gemini#c2Vj"),
    ]
    assert [part["type"] for part in last["output"][3]["content"]] == ["output_text", "output_text", "refusal"]
    assert [item["arguments"] for item in last["output"] if "arguments" in item] == ['{"a":1}', "{}"]
    assert last["usage"]["total_tokens"] == 3
    back = openai_responses.stream_decoder()
    whole = kinds(back.feed(stream))
    assert back.done
    extra = ("BlockEnded", "UsageReported")
    expected = [*kinds(events[:-3]), "ToolArgumentsDelta", *kinds(events[-3:-1])]
    assert [kind for kind in whole if kind not in extra] == expected


def test_an_incomplete_stream_says_so_of_its_last_item():
    encoder = openai_responses.stream_encoder(asked())
    started = [Started("r", "m"), TextDelta(0, 0, "So"), Finished(0, Finish(reason="length"))]
    stream = encoder.encode(started) + encoder.end()
    judge_stream(stream)
    assert b"event: response.incomplete\n" in stream
    done = stream[stream.index(b"event: response.output_item.done") :]
    assert b'"status":"incomplete"' in done.split(b"event: ")[1]


def test_log_probabilities_of_a_stream():
    entry = {"token": "So", "logprob": -0.5, "top_logprobs": [{"token": "So", "logprob": -0.5}]}
    delta = event("response.output_text.delta", output_index=0, content_index=0, delta="So", logprobs=[entry])
    transcoder = Transcoder(openai_responses.stream_decoder(), openai_responses.stream_encoder(asked()))
    passed = transcoder.feed(CREATED + delta + end(text("So"))) + transcoder.tail
    judge_stream(passed)
    whole = json.loads(transcoder.tail.split(b"data: ")[1])["response"]["output"][0]["content"][0]["logprobs"]
    assert whole[0]["bytes"] == whole[0]["top_logprobs"][0]["bytes"] == [83, 111]
    chat = Transcoder(openai_responses.stream_decoder(), openai_chat.stream_encoder(asked()))
    assert b'"logprobs":{"content":[{"token": "So"' in chat.feed(CREATED + delta)
