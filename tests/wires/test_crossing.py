"""What all crossings have in common: the splice, faults of streams, blocks that overlap, the old forms of OpenAI's API."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from wires.matrix import (
    BINARY,
    asked,
    conversation_of,
    encoded,
    events_of,
    make_model,
    read_anthropic_stream,
    read_chat_answer,
)

from engine.errors import InvalidRequest, UpstreamBroken, UpstreamRefused
from engine.model import Limits
from engine.wires import anthropic_messages, openai_chat
from engine.wires.body import parse_body
from engine.wires.conversation import Conversation
from engine.wires.events import BlockEnded, Event, Finished, TextDelta, ToolArgumentsDelta, ToolCallStarted
from engine.wires.in_order import InOrder
from engine.wires.sse import MAX_EVENT_BYTES
from engine.wires.table import CLIENT_APIS, PROVIDER_WIRES
from engine.wires.transcoder import Crossing, Transcoder

CHUNK = b'data: {"id":"c","model":"m","created":7,"choices":[{"index":0,"delta":{%s},"finish_reason":%s}]}\n\n'
TEXT = CHUNK % (b'"content":"h\xc3\xa9 \xf0\x9f\x98\x80"', b"null")
LAST = CHUNK % (b"", b'"stop"')
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"SECRET","code":429}}\n\n'


def to_anthropic() -> Transcoder:
    return Transcoder(openai_chat.stream_decoder(), anthropic_messages.stream_encoder(asked()))


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "@acme/bot", "messages": [{"role": "user", "content": "Hi."}], **fields}).encode()


# --- requests ---------------------------------------------------------------------------------------------------------


def crossed(model_fields: dict[str, Any], **fields: Any) -> dict[str, Any]:
    model = make_model(api="anthropic", wire="anthropic-messages", **model_fields)
    crossing = Crossing(openai_chat, anthropic_messages, model)
    request = crossing.encode(parse_body(body(**fields)))
    return json.loads(request.body)


def test_declared_values_go_where_the_wire_has_them():
    declared = {
        "defaults": {"stop": ["END"], "temperature": 0.5, "max_tokens": 7},
        "overrides": {"top_k": 5, "inference_geo": "us"},
    }
    sent = crossed(declared, temperature=0.1, top_k=9)
    assert (sent["stop_sequences"], sent["temperature"], sent["top_k"]) == (["END"], 0.1, 5)
    assert (sent["max_tokens"], sent["inference_geo"], sent["model"]) == (7, "us", "upstream-bot")
    assert crossed(declared, max_completion_tokens=9)["max_tokens"] == 9
    sent = crossed({"overrides": {"reasoning_effort": "low"}}, reasoning_effort="high")
    assert (sent["thinking"], sent["output_config"]) == ({"type": "adaptive"}, {"effort": "low"})


def test_a_declared_value_of_a_wrong_type_is_told_at_load_time():
    with pytest.raises(ValueError, match="temperature is of a wrong type"):
        crossed({"defaults": {"temperature": "warm"}})


@pytest.mark.parametrize(
    ("forbidden", "field", "value"),
    [
        ("stop", "stop", ["x"]),
        ("stop_sequences", "stop", "x"),
        ("max_tokens", "max_completion_tokens", 5),
        ("reasoning_effort", "reasoning_effort", "low"),
        ("moderation", "moderation", {}),
    ],
)
def test_what_the_model_forbids_is_refused_by_the_clients_name(forbidden: str, field: str, value: Any):
    with pytest.raises(InvalidRequest) as refused:
        crossed({"forbid": (forbidden,)}, **{field: value})
    assert refused.value.param == field
    assert crossed({"forbid": (forbidden,)})


def test_names_of_what_is_lost_are_fit_for_a_header():
    _, losses = encoded("anthropic-messages", conversation_of("openai-chat", json.loads(body(**{"a,\r\né": 1}))))
    assert losses == ("a????",)


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_limits_speak_of_the_clients_field(field: str):
    with pytest.raises(InvalidRequest) as refused:
        crossed({"limits": Limits(max_output_tokens=10)}, **{field: 11})
    assert refused.value.param == field
    assert crossed({"limits": Limits(max_output_tokens=10, over_limit="clamp")}, **{field: 11})["max_tokens"] == 10


@pytest.mark.parametrize("wire", sorted(PROVIDER_WIRES))
def test_a_model_may_not_set_what_the_gateway_answers_for(wire: str):
    for name in PROVIDER_WIRES[wire].reserved:
        with pytest.raises(ValueError, match=name):
            Crossing(openai_chat, PROVIDER_WIRES[wire], make_model(defaults={name: 1}))


def test_an_option_under_its_old_and_its_new_name():
    conversation = conversation_of("openai-chat", json.loads(body(max_tokens=5, max_completion_tokens=6)))
    assert conversation.max_output_tokens == 6
    sent, losses = encoded("anthropic-messages", conversation)
    assert (sent["max_tokens"], losses) == (6, ("max_tokens",))


# --- streams ----------------------------------------------------------------------------------------------------------


def test_the_first_event_being_an_error_is_a_refusal_and_a_later_one_breaks_it():
    transcoder = to_anthropic()
    assert transcoder.feed(ERROR) == b""
    assert isinstance(transcoder.error, UpstreamRefused)
    assert transcoder.error.status == 429
    transcoder = to_anthropic()
    assert transcoder.feed(TEXT)
    assert transcoder.feed(ERROR + TEXT) == b""
    assert isinstance(transcoder.error, UpstreamBroken)
    assert "SECRET" not in str(transcoder.error)
    assert transcoder.feed(TEXT) == transcoder.finish() == b""
    assert not transcoder.done


def test_without_its_end_a_stream_is_not_done():
    for stream in (b"", TEXT, TEXT + LAST, TEXT + LAST + DONE[:9]):
        transcoder = to_anthropic()
        transcoder.feed(stream)
        transcoder.finish()
        assert (transcoder.done, transcoder.tail, transcoder.error) == (False, b"", None)


def test_the_end_counts_without_its_blank_line_and_nothing_counts_after_it():
    transcoder = to_anthropic()
    transcoder.feed(TEXT + LAST + DONE.rstrip())
    assert not transcoder.done
    transcoder.finish()
    assert transcoder.done
    assert b"message_stop" in transcoder.tail
    transcoder = to_anthropic()
    transcoder.feed(TEXT + LAST + DONE + ERROR)
    assert (transcoder.done, transcoder.error) == (True, None)


@pytest.mark.parametrize("wire", sorted(PROVIDER_WIRES.keys() - BINARY))
@pytest.mark.parametrize(
    "event", [b"data: 7\n\n", b"data: {\n\n", b"data: []\n\n", b"data: {" + b'"a":{' * 10**5 + b"\n\n"]
)
def test_what_is_no_event_of_the_wire_is_a_fault(wire: str, event: bytes):
    decoder = PROVIDER_WIRES[wire].stream_decoder()
    decoder.feed(event)
    assert decoder.error is not None
    assert decoder.error.code == "upstream_bad_body"


@pytest.mark.parametrize("wire", sorted(PROVIDER_WIRES.keys() - BINARY))
def test_an_endless_event_is_a_fault(wire: str):
    decoder = PROVIDER_WIRES[wire].stream_decoder()
    for _ in range(MAX_EVENT_BYTES // 2**16 + 1):
        decoder.feed(b"x" * 2**16)
    assert decoder.error is not None
    assert decoder.error.code == "upstream_too_large"


def test_bad_bytes_become_one_replacement_character_and_good_ones_survive():
    transcoder = to_anthropic()
    bad = CHUNK % (b'"content":"a\xffb\xc3\xa9"', b"null")
    passed = b"".join(transcoder.feed(bytes([byte])) for byte in bad + LAST + DONE)
    assert read_anthropic_stream(passed + transcoder.tail).text == "a\ufffdbé"


def test_comments_and_other_fields_and_several_data_lines():
    split = TEXT.replace(b',"created"', b',\ndata: "created"')
    stream = b"\xef\xbb\xbf: ping\n\nid: 7\nretry: 9\n" + split + b"event: x\n\n" + LAST.replace(b"data: ", b"data:")
    transcoder = to_anthropic()
    passed = transcoder.feed(stream + DONE)
    assert transcoder.error is None
    assert read_anthropic_stream(passed + transcoder.tail).text == "hé 😀"


def calls(*deltas: str) -> bytes:
    chunks = b"".join(CHUNK % (b'"tool_calls":[%s]' % delta.encode(), b"null") for delta in deltas)
    return chunks + CHUNK % (b"", b'"tool_calls"') + DONE


@pytest.mark.parametrize(
    "deltas",
    [
        pytest.param(
            (
                '{"index":0,"id":"a","function":{"name":"f","arguments":"{\\"x\\""}}',
                '{"index":1,"id":"b","function":{"name":"g","arguments":"{\\"y\\""}}',
                '{"index":0,"function":{"arguments":":1}"}}',
                '{"index":1,"function":{"arguments":":2}"}}',
            ),
            id="interleaved",
        ),
        pytest.param(
            (
                '{"index":0,"id":"a","function":{"name":"f","arguments":"{\\"x\\":1}"}}',
                '{"index":0,"id":"b","function":{"name":"g","arguments":"{\\"y\\":2}"}}',
            ),
            id="one index for all",
        ),
        pytest.param(
            (
                '{"id":"a","function":{"name":"f","arguments":"{\\"x\\""}}',
                '{"function":{"arguments":":1}"}}',
                '{"id":"b","function":{"name":"g","arguments":"{\\"y\\":2}"}}',
            ),
            id="no index",
        ),
        pytest.param(
            (
                '{"id":"a","function":{"name":"f","arguments":"{\\"x\\""}}',
                '{"id":"","function":{"name":"","arguments":":1}"}}',
                '{"id":"b","function":{"name":"g","arguments":"{\\"y\\":2}"}}',
            ),
            id="no index, and an empty id in what follows",
        ),
        pytest.param(
            (
                '{"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}}}',
                '{"index":1,"id":"b","function":{"name":"g","arguments":{"y":2}}}',
            ),
            id="arguments as an object",
        ),
        pytest.param(
            (
                (
                    '{"index":0,"id":"a","function":{"name":"f","arguments":""}},'
                    '{"index":1,"id":"b","function":{"name":"g","arguments":""}}'
                ),
                (
                    '{"index":1,"id":"b","function":{"name":null,"arguments":"{\\"y\\":2}"}},'
                    '{"index":0,"id":"a","function":{"name":null,"arguments":"{\\"x\\":1}"}}'
                ),
            ),
            id="both at once",
        ),
    ],
)
def test_tool_calls_come_one_after_the_other_however_they_came(deltas: Sequence[str]):
    transcoder = to_anthropic()
    passed = transcoder.feed(calls(*deltas))
    seen = read_anthropic_stream(passed + transcoder.tail)
    assert (seen.calls, seen.finish) == ([("f", {"x": 1}), ("g", {"y": 2})], "tools")


def in_order(*events: Event) -> list[Event]:
    order = InOrder()
    found = [out for event in events for out in order.put(event)]
    assert order.late == []
    return found


def test_an_unfinished_call_is_closed_at_the_end():
    started, other = ToolCallStarted(0, 0, "a", "f"), ToolCallStarted(0, 1, "b", "g")
    half = ToolArgumentsDelta(0, 0, '{"x')
    finished = Finished(0, openai_chat.decode_answer(b'{"choices":[{"message":{}}]}').choices[0].finish)
    ended = [started, half, BlockEnded(0, 0), other, BlockEnded(0, 1), finished]
    assert in_order(started, half, other, finished) == ended


@pytest.mark.parametrize("arguments", ["[" * 10**5, "\ufffd", "", "7"])
def test_arguments_that_are_no_object_reach_clients(arguments: str):
    text = json.dumps(arguments)
    transcoder = to_anthropic()
    passed = transcoder.feed(calls(f'{{"index":0,"id":"a","function":{{"name":"f","arguments":{text}}}}}'))
    pieces = [event["delta"]["partial_json"] for event in events_of(passed) if event["type"] == "content_block_delta"]
    assert ("".join(pieces), transcoder.done) == (arguments, True)
    assert b'"stop_reason":"tool_use"' in transcoder.tail
    message = {"tool_calls": [{"id": "a", "type": "function", "function": {"name": "f", "arguments": arguments}}]}
    whole = json.dumps({"choices": [{"message": message, "finish_reason": "tool_calls"}]}).encode()
    reply = json.loads(anthropic_messages.encode_answer(openai_chat.decode_answer(whole), asked()).body)
    assert reply["content"][0]["input"] == ({"INVALID_JSON": arguments} if arguments else {})


def test_what_comes_late_is_told():
    order = InOrder()
    list(order.put(TextDelta(0, 0, "a")))
    list(order.put(TextDelta(0, 1, "b")))
    late = TextDelta(0, 0, "c")
    assert list(order.put(late)) == []
    assert order.late == [late]


# --- OpenAI's API as it was, and as vendors have it -------------------------------------------------------------------


def test_functions_as_they_were_before_tools():
    messages = [
        {"role": "user", "content": "Hi."},
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": '{"a":1}'}},
        {"role": "function", "name": "f", "content": "Sunny."},
    ]
    functions = [{"name": "f", "parameters": {"type": "object"}}]
    request = {"model": "m", "messages": messages, "functions": functions, "function_call": {"name": "f"}}
    conversation = conversation_of("openai-chat", request)
    sent, losses = encoded("anthropic-messages", conversation)
    assert losses == ()
    assert sent["tool_choice"] == {"type": "tool", "name": "f"}
    (call,), (result,) = sent["messages"][1]["content"], sent["messages"][2]["content"]
    assert call["id"] == result["tool_use_id"]
    answer = anthropic_messages.decode_answer(
        b'{"content":[{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"tool_use"}'
    )
    reply = json.loads(openai_chat.encode_answer(answer, asked(conversation)).body)["choices"][0]
    assert reply["message"]["function_call"] == {"name": "f", "arguments": '{"a":1}'}
    assert reply["finish_reason"] == "function_call"


def test_an_answer_without_a_usage_or_an_id_or_a_time():
    answer = openai_chat.decode_answer(b'{"choices":[{"message":{"content":"So."},"finish_reason":"stop"}]}')
    for api in CLIENT_APIS.values():
        reply = json.loads(api.encode_answer(answer, asked()).body)
        assert reply["id"] == "req-1"
    chat = json.loads(openai_chat.encode_answer(answer, asked()).body)
    assert chat["created"] == 1_700_000_000
    assert "usage" not in chat


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"content": "So.", "reasoning": "Hm."}, ("So.", "Hm.")),
        ({"content": "So.", "reasoning_content": "Hm.", "reasoning": None}, ("So.", "Hm.")),
        ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]}, ("", "Hm.")),
        ({"content": [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": "So."}]}, ("So.", "Hm.")),
        ({"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]}]}, ("", "Hm.")),
        ({"content": "", "refusal": "", "function_call": {"name": "", "arguments": ""}, "audio": {"id": ""}}, ("", "")),
        ({"content": None, "tool_calls": None, "annotations": None, "images": None}, ("", "")),
    ],
)
def test_messages_as_vendors_have_them(message: dict[str, Any], expected: tuple[str, str]):
    answer = openai_chat.decode_answer(
        json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
    )
    seen = read_chat_answer(openai_chat.encode_answer(answer, asked()).body)
    assert (seen.text, seen.reasoning) == expected


@pytest.mark.parametrize(
    "thought",
    [
        b'{"type":"thinking","thinking":"Hm."}',
        b'{"type":"thinking","thinking":[{"type":"text","text":"Hm."}]}',
        b'{"type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}]}',
    ],
)
def test_thinking_may_be_a_part_of_the_content_in_streams_too(thought: bytes):
    transcoder = to_anthropic()
    part = b'"content":[%s,{"type":"text","text":"So."}]' % thought
    passed = transcoder.feed(CHUNK % (part, b"null") + LAST + DONE)
    seen = read_anthropic_stream(passed + transcoder.tail)
    assert (seen.text, seen.reasoning) == ("So.", "Hm.")


@pytest.mark.parametrize(
    "annotation",
    [
        {"type": "url_citation", "url": "https://a", "title": "A"},
        {"type": "url_citation", "url_citation": {"url": 7}},
        {"type": "url_citation", "url_citation": {"url": "https://a", "start_index": "0"}},
        {"type": ["url_citation"]},
        {},
    ],
)
def test_an_annotation_of_another_form_costs_no_answer(annotation: dict[str, Any]):
    message = {"content": "So.", "annotations": [annotation]}
    whole = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
    reply = anthropic_messages.encode_answer(openai_chat.decode_answer(whole), asked())
    assert json.loads(reply.body)["content"] == [{"type": "text", "text": "So."}]
    transcoder = to_anthropic()
    passed = transcoder.feed(CHUNK % (json.dumps(message)[1:-1].encode(), b"null") + LAST + DONE)
    assert read_anthropic_stream(passed + transcoder.tail).text == "So."


def test_pictures_of_streams_are_carried():
    url = "data:image/png;base64,iVBORw0KGgo="
    picture = {"type": "image_url", "image_url": {"url": url}, "index": 0}
    pictures = [picture, {"type": "image_url"}, {"image_url": {"url": 7}}]
    delta = b'"content":"So.","images":' + json.dumps(pictures).encode()
    transcoder = Transcoder(openai_chat.stream_decoder(), openai_chat.stream_encoder(asked()))
    passed = transcoder.feed(CHUNK % (delta, b"null") + LAST + DONE)
    found = [image for event in events_of(passed) for image in event["choices"][0]["delta"].get("images", ())]
    assert [image["image_url"]["url"] for image in found] == [url]
    choice = {"message": {"content": "So.", "images": pictures}, "finish_reason": "stop"}
    answer = openai_chat.decode_answer(json.dumps({"choices": [choice]}).encode())
    message = json.loads(openai_chat.encode_answer(answer, asked()).body)["choices"][0]["message"]
    assert [image["image_url"]["url"] for image in message["images"]] == [url]


@pytest.mark.parametrize(
    "member", ['"logprobs":-0.25', '"logprobs":[]', '"logprobs":{"tokens":["So"]}', '"index":null']
)
def test_choices_as_vendors_have_them(member: str):
    chunk = b'data: {"choices":[{"index":0,%s,"delta":{"content":"So."},"finish_reason":""}]}\n\n' % member.encode()
    transcoder = to_anthropic()
    passed = transcoder.feed(chunk + chunk + LAST + DONE)
    assert read_anthropic_stream(passed + transcoder.tail).text == "So.So."
    whole = b'{"choices":[{"index":0,%s,"message":{"content":"So."},"finish_reason":""}]}' % member.encode()
    assert read_chat_answer(openai_chat.encode_answer(openai_chat.decode_answer(whole), asked()).body).text == "So."


def test_a_call_of_a_kind_that_is_not_known_costs_no_answer():
    known = {"id": "b", "type": "builtin", "function": {"name": "f", "arguments": "{}"}}
    message = {"content": "So.", "tool_calls": [{"id": "a", "type": "lookup", "lookup": {"at": 1}}, known]}
    whole = json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode()
    seen = read_chat_answer(openai_chat.encode_answer(openai_chat.decode_answer(whole), asked()).body)
    assert (seen.text, seen.calls) == ("So.", [("f", {})])


@pytest.mark.parametrize("names", [{}, {"tools": "functions"}])
def test_a_call_without_arguments_has_an_empty_object_for_clients_of_chat(names: dict[str, str]):
    conversation = Conversation(wire="openai-chat", model="@acme/bot", turns=(), names=names)
    call = {"id": "a", "type": "function", "function": {"name": "f"}}
    choice = {"message": {"content": None, "tool_calls": [call]}, "finish_reason": "tool_calls"}
    answer = openai_chat.decode_answer(json.dumps({"choices": [choice]}).encode())
    assert b'"arguments":"{}"' in openai_chat.encode_answer(answer, asked(conversation)).body
    for word, expected in ((b'"tool_calls"', 1), (b'"length"', 0)):
        transcoder = Transcoder(openai_chat.stream_decoder(), openai_chat.stream_encoder(asked(conversation)))
        started = CHUNK % (b'"tool_calls":[{"index":0,"id":"a","function":{"name":"f"}}]', b"null")
        passed = transcoder.feed(started + CHUNK % (b"", word) + DONE)
        assert passed.count(b'"arguments":"{}"') == expected


def test_tokens_that_were_read_and_written_again_are_not_counted_twice():
    details = {"cached_tokens": 90, "cache_write_tokens": 90}
    usage = {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": details}
    whole = json.dumps({"choices": [{"message": {"content": "So."}}], "usage": usage}).encode()
    reply = json.loads(anthropic_messages.encode_answer(openai_chat.decode_answer(whole), asked()).body)
    told = [reply["usage"][f"{name}input_tokens"] for name in ("", "cache_creation_", "cache_read_")]
    assert told == [0, 10, 90]


def test_citations_name_their_place_in_the_joined_text():
    cited = {"type": "web_search_result_location", "url": "https://a", "title": "A", "cited_text": "q"}
    content = [
        {"type": "text", "text": "One. "},
        {"type": "text", "text": "Two.", "citations": [{**cited, "encrypted_index": "x"}]},
    ]
    answer = anthropic_messages.decode_answer(json.dumps({"content": content, "stop_reason": "end_turn"}).encode())
    message = json.loads(openai_chat.encode_answer(answer, asked()).body)["choices"][0]["message"]
    annotation = message["annotations"][0]["url_citation"]
    assert message["content"][annotation["start_index"] : annotation["end_index"]] == "Two."
    assert (annotation["url"], annotation["title"]) == ("https://a", "A")
