"""Completions: one text that goes on; for clients and providers, crossed and passed through."""

import json
from typing import Any

import openai.types
import pytest
from wires.matrix import APIS, JUDGES, READERS, asked, conversation_of, encoded, events_of, make_model, send

from engine.errors import InvalidRequest, UpstreamRefused
from engine.wires import openai_chat, openai_completions, openai_responses
from engine.wires.answer import Answer, Choice, Finish
from engine.wires.blocks import Citation, Reasoning, Refusal, Text
from engine.wires.body import parse_body
from engine.wires.events import Cited, Finished, ReasoningDelta, Started, TextDelta, UsageReported, WholeBlock
from engine.wires.table import CLIENT_APIS
from engine.wires.transcoder import Transcoder
from engine.wires.usage import Usage

LOGPROBS = {
    "tokens": ["Hé", "!"],
    "token_logprobs": [None, -0.5],
    "top_logprobs": [None, {"!": -0.5, "?": -1.5}],
    "text_offset": [0, 2],
}
CHUNK = {"id": "cmpl-1", "object": "text_completion", "created": 7, "model": "m"}
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
VLLM = make_model(api="vllm")


def ask(prompt: Any = "Once", **fields: Any) -> dict[str, Any]:
    return {"model": "m", "prompt": prompt, **fields}


def to(wire: str, request: dict[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    return encoded(wire, conversation_of("openai-completions", request), VLLM)


def from_chat(*messages: Any, **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    request = {"model": "m", "messages": list(messages) or [{"role": "user", "content": "Hi."}], **fields}
    return encoded("openai-completions", conversation_of("openai-chat", request), VLLM)


def chunk(*choices: dict[str, Any], **fields: Any) -> bytes:
    return b"data: " + json.dumps({**CHUNK, "choices": list(choices), **fields}).encode() + b"\n\n"


# --- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prompt", ["Once", ["Once"]])
def test_a_prompt_is_what_a_user_says(prompt: Any):
    request = ask(prompt, max_tokens=9, temperature=0.5, stop="x", seed=7, logprobs=2, n=2, best_of=1, echo=False)
    sent, losses = to("openai-chat", request)
    assert sent["messages"] == [{"role": "user", "content": "Once"}]
    assert (sent["max_tokens"], sent["temperature"], sent["stop"], sent["seed"]) == (9, 0.5, ["x"], 7)
    assert (sent["logprobs"], sent["top_logprobs"], sent["n"], losses) == (True, 2, 2, ())


@pytest.mark.parametrize("prompt", [["a", "b"], [1, 2], [[1], [2]], []])
def test_several_prompts_and_tokens_stay_at_home(prompt: Any):
    sent, losses = to("openai-completions", ask(prompt))
    assert (sent["prompt"], losses) == (prompt, ())
    for wire in APIS:
        outcome = send(wire, conversation_of("openai-completions", ask(prompt)), VLLM)
        assert isinstance(outcome, InvalidRequest)
        assert outcome.param == "prompt"


@pytest.mark.parametrize(("field", "value"), [("suffix", "the end"), ("echo", True)])
def test_what_makes_another_task_of_it_is_refused(field: str, value: Any):
    outcome = send("openai-chat", conversation_of("openai-completions", ask(**{field: value})), VLLM)
    assert isinstance(outcome, InvalidRequest)
    assert outcome.param == field
    sent, losses = to("openai-completions", ask(**{field: value}))
    assert (sent[field], losses) == (value, ())


def test_what_others_have_no_place_for_is_named():
    _, losses = to("anthropic-messages", ask(best_of=3, logprobs=0, frequency_penalty=1, stream_options={"x": 1}))
    assert set(losses) == {"best_of", "logprobs", "frequency_penalty", "stream_options.x"}


def test_a_request_comes_back():
    options = {"max_tokens": 0, "temperature": 1.5, "top_p": 0.5, "top_k": 4, "n": 2, "best_of": 3, "logprobs": 5}
    more = {"stop": ["a", "b"], "seed": 1, "presence_penalty": 0.5, "logit_bias": {"5": 1}, "user": "u", "min_p": 0.1}
    request = ask(**options, **more, stream=True, stream_options={"include_usage": True, "x": 1})
    assert to("openai-completions", request) == ({**request, "model": "upstream-bot"}, ())


def test_the_systems_words_and_the_users_are_paragraphs():
    system, user = {"role": "system", "content": "Be kind."}, {"role": "user", "content": "Once"}
    sent, losses = from_chat(system, user, max_completion_tokens=9, logprobs=True, top_logprobs=3, user="u")
    assert (sent["prompt"], sent["max_tokens"], sent["logprobs"]) == ("Be kind.\n\nOnce", 9, 3)
    assert losses == ()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": [{"role": "user", "content": "A"}, {"role": "user", "content": "B"}]}, "messages[1]"),
        ({"messages": [{"role": "user", "content": "A"}, {"role": "assistant", "content": "B"}]}, "messages[1]"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a"}}]}]},
            "messages[0].content[0]",
        ),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
    ],
)
def test_what_is_no_text_is_refused(fields: dict[str, Any], param: str):
    request = {"model": "m", "messages": [{"role": "user", "content": "Hi."}], **fields}
    outcome = send("openai-completions", conversation_of("openai-chat", request), VLLM)
    assert isinstance(outcome, InvalidRequest)
    assert outcome.param == param


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": "x", "max_tokens": -1}, "max_tokens"),
        ({"prompt": "x", "n": 1000}, "n"),
        ({"prompt": "x", "logprobs": True}, "logprobs"),
    ],
)
def test_bad_requests_name_the_parameter(fields: dict[str, Any], param: str):
    with pytest.raises(InvalidRequest) as refused:
        conversation_of("openai-completions", {"model": "m", **fields})
    assert (refused.value.status, refused.value.param) == (400, param)


# --- answers ----------------------------------------------------------------------------------------------------------


def completion(*choices: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({**CHUNK, "choices": list(choices), "usage": USAGE, **fields}).encode()


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("word", "finish"), [("stop", "stop"), ("length", "length"), ("content_filter", "filter")])
def test_an_answer_reaches_every_client(api: str, word: str, finish: str):
    found = openai_completions.decode_answer(completion({"index": 0, "text": " upon.", "finish_reason": word}))
    reply = CLIENT_APIS[api].encode_answer(found, asked())
    JUDGES[api].answer(reply.body)
    seen = READERS[api].answer(reply.body)
    assert (seen.text, seen.finish, seen.usage) == (" upon.", finish, (3, 2))


def test_an_answer_comes_back_with_its_log_probabilities():
    first = {"index": 0, "text": "Hé!", "logprobs": LOGPROBS, "finish_reason": "stop"}
    found = openai_completions.decode_answer(completion(first, {**first, "index": 1, "logprobs": None}))
    reply = openai_completions.encode_answer(found, asked())
    openai.types.Completion.model_validate_json(reply.body)
    body = json.loads(reply.body)
    written = {**LOGPROBS, "token_logprobs": [0.0, -0.5], "top_logprobs": [{}, {"!": -0.5, "?": -1.5}]}
    assert body["choices"] == [{**first, "logprobs": written}, {**first, "index": 1, "logprobs": None}]
    assert {**body, "choices": []} == {**CHUNK, "choices": [], "usage": USAGE}


def test_log_probabilities_as_chat_has_them_are_read_too():
    """As llama.cpp sends them."""
    entry = {"token": "So", "bytes": [83, 111], "logprob": -0.5, "top_logprobs": []}
    first = {"index": 0, "text": "So", "logprobs": {"content": [entry]}, "finish_reason": "stop"}
    found = openai_completions.decode_answer(completion(first))
    chat = json.loads(openai_chat.encode_answer(found, asked()).body)
    assert chat["choices"][0]["logprobs"]["content"] == [entry]


def test_only_text_has_a_place():
    cited = Text(text="A", citations=(Citation(url="https://a"),))
    blocks = (Reasoning(text="Hm."), cited, Refusal(text="B"))
    choice = Choice(blocks=blocks, finish=Finish(reason="tool_calls"))
    reply = openai_completions.encode_answer(Answer(id="", model="", choices=(choice,)), asked())
    openai.types.Completion.model_validate_json(reply.body)
    body = json.loads(reply.body)
    assert (body["choices"][0]["text"], body["choices"][0]["finish_reason"]) == ("AB", "stop")
    assert (body["id"], body["model"], body["created"]) == ("req-1", "@acme/bot", 1_700_000_000)
    assert reply.losses == ("answer.content[0].reasoning", "answer.content[1].citations")
    encoder = openai_completions.stream_encoder(asked())
    pieces = [ReasoningDelta(0, 0, "Hm."), TextDelta(0, 1, "A"), Cited(0, 1, Citation()), WholeBlock(0, 2, Reasoning())]
    encoder.encode([Started("", ""), *pieces])
    assert encoder.losses == (
        "answer.content[0].reasoning",
        "answer.content[1].citations",
        "answer.content[2].reasoning",
    )


@pytest.mark.parametrize("body", [b"", b"[]", b'{"choices":7}', b'{"choices":[{"text":7}]}'])
def test_what_is_no_completion_is_a_fault(body: bytes):
    with pytest.raises(UpstreamRefused) as fault:
        openai_completions.decode_answer(body)
    assert fault.value.code == "upstream_bad_body"


# --- streams ----------------------------------------------------------------------------------------------------------

TEXT = [chunk({"index": 0, "text": piece, "logprobs": None, "finish_reason": None}) for piece in (" upon", " a", " é.")]
LAST = chunk({"index": 0, "text": "", "finish_reason": "length"})
STREAM = b"".join([*TEXT, LAST, chunk(usage=USAGE), b"data: [DONE]\n\n"])


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("size", [1, 5, 10**6])
def test_a_stream_reaches_every_client(api: str, size: int):
    transcoder = Transcoder(openai_completions.stream_decoder(), CLIENT_APIS[api].stream_encoder(asked()))
    passed = b"".join(transcoder.feed(STREAM[at : at + size]) for at in range(0, len(STREAM), size))
    JUDGES[api].stream(passed + transcoder.tail)
    seen = READERS[api].stream(passed + transcoder.tail)
    assert (seen.text, seen.finish, seen.usage) == (" upon a é.", "length", (3, 2))
    assert transcoder.usage is not None
    assert transcoder.usage.meters == {"input_tokens": 3, "output_tokens": 2}


def test_a_stream_comes_back():
    transcoder = Transcoder(openai_completions.stream_decoder(), openai_completions.stream_encoder(asked()))
    passed = transcoder.feed(STREAM) + transcoder.tail
    assert passed.endswith(b"data: [DONE]\n\n")
    for found in events_of(passed):
        ended = [{**choice, "finish_reason": choice["finish_reason"] or "stop"} for choice in found["choices"]]
        openai.types.Completion.model_validate({**found, "choices": ended})  # the type has no word for "not yet"
    expected = [json.loads(line[6:]) for line in STREAM.splitlines() if line.startswith(b"data: {")]
    assert [found["choices"] for found in events_of(passed)] == [
        [{"logprobs": None, **choice} for choice in chunk["choices"]] for chunk in expected
    ]
    assert list(events_of(passed))[-1]["usage"] == USAGE


def test_a_stream_of_several_answers_with_log_probabilities():
    pieces = [chunk({"index": at, "text": "Hé!", "logprobs": LOGPROBS, "finish_reason": None}) for at in (0, 1, 0)]
    transcoder = Transcoder(openai_completions.stream_decoder(), openai_completions.stream_encoder(asked()))
    passed = transcoder.feed(b"".join(pieces) + b"data: [DONE]\n\n")
    found = [event["choices"][0] for event in events_of(passed)]
    assert [choice["index"] for choice in found] == [0, 1, 0, 0, 1]
    assert [choice["finish_reason"] for choice in found] == [None, None, None, "stop", "stop"]
    assert found[2]["logprobs"]["text_offset"] == [3, 5]


def test_errors_in_streams():
    for reader in (openai_completions.stream_decoder(), openai_completions.stream_reader(client_wants_usage=False)):
        reader.feed(b'data: {"error":{"message":"SECRET","code":429}}\n\n')
        assert isinstance(reader.error, UpstreamRefused)
        assert reader.error.status == 429
    decoder = openai_completions.stream_decoder()
    decoder.feed(b"data: 7\n\n")
    assert decoder.error is not None


def test_the_usage_goes_to_who_asked_for_it():
    usage = UsageReported(Usage({"input_tokens": 1, "output_tokens": 2}, b""))
    for wants_usage in (True, False):
        request = ask(stream=True, stream_options={"include_usage": wants_usage})
        encoder = openai_completions.stream_encoder(asked(conversation_of("openai-completions", request)))
        passed = encoder.encode([Started("a", "m"), TextDelta(0, 0, "x"), Finished(0, Finish(reason="stop")), usage])
        assert (b'"usage"' in passed + encoder.end()) is wants_usage


# --- passed through ---------------------------------------------------------------------------------------------------


def test_bytes_pass_through_but_for_the_model_and_the_asking_for_usage():
    text = '{"model":"@acme/bot","prompt":[ 1,2 ],"temperature":1.0}'
    prepared = openai_completions.prepare(make_model(defaults={"max_completion_tokens": 7}))
    sent, wants_usage = prepared.encode(parse_body(text.encode()))
    assert sent.decode() == text.replace("@acme/bot", "upstream-bot").replace("}", ',"max_tokens":7}')
    assert not wants_usage
    sent, wants_usage = prepared.encode(parse_body(b'{"model":"m","prompt":"x","stream":true}'))
    assert json.loads(sent)["stream_options"] == {"include_usage": True}
    assert not wants_usage
    with pytest.raises(ValueError, match="prompt"):
        openai_completions.prepare(make_model(overrides={"prompt": "x"}))


def test_a_client_of_completions_reaches_a_provider_of_responses():
    sent, losses = encoded("openai-responses", conversation_of("openai-completions", ask(max_tokens=20)), VLLM)
    assert (sent["input"][0]["content"], sent["max_output_tokens"], losses) == ("Once", 20, ())
    message = {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": " upon"}]}
    found = openai_responses.decode_answer(json.dumps({"output": [message], "status": "completed"}).encode())
    assert json.loads(openai_completions.encode_answer(found, asked()).body)["choices"][0]["text"] == " upon"
