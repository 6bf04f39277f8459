"""Claude by InvokeModel: Anthropic's bodies, Anthropic's events in AWS's messages."""

import base64
import json
from typing import Any

import msgspec
import pytest
from wires.matrix import asked, conversation_of, make_model, normal_anthropic, recordings, streams
from wires.of_bedrock_converse import event, exception, message

from engine.errors import InvalidRequest, UpstreamBroken, UpstreamRefused
from engine.wires import anthropic_messages, bedrock_invoke
from engine.wires.sse import EventSplitter, parse_event
from engine.wires.table import CLIENT_APIS
from engine.wires.transcoder import Transcoder

MODEL = make_model(api="aws", wire="bedrock-invoke", upstream_model="us.anthropic.claude-opus-4-8")
HELLO = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello."}]}
METRICS = {"amazon-bedrock-invocationMetrics": {"inputTokenCount": 3, "outputTokenCount": 2}}


def chunk(data: bytes) -> bytes:
    return event("chunk", {"bytes": base64.b64encode(data).decode()})


def in_messages(stream: bytes) -> bytes:
    """A stream of Anthropic's, as Bedrock sends it."""
    events = [data for _, data in map(parse_event, EventSplitter().feed(stream)) if data]
    return b"".join(map(chunk, events))


def sent(request: dict[str, Any]) -> dict[str, Any]:
    encoded = bedrock_invoke.encode_request(conversation_of("anthropic-messages", request), MODEL)
    assert encoded.losses == ()
    return encoded.fields


def test_a_request_is_anthropics_but_for_the_model_and_the_version():
    unheard_of = {"unheard_of": {"a": 1}, "tools": [{"type": "bash_20250124", "name": "bash"}]}
    fields = sent({**HELLO, **unheard_of, "stream": True})
    assert json.loads(json.dumps({name: fields[name] for name in ("anthropic_version", "max_tokens", "messages")})) == {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hello."}],
    }
    assert set(fields) == {"anthropic_version", "max_tokens", "messages", "unheard_of", "tools"}


def test_recorded_requests_can_be_asked_again():
    found = recordings("bedrock-invoke")
    assert found
    for recording in found:
        expected = json.loads(recording.request)
        request = {name: value for name, value in expected.items() if name != "anthropic_version"}
        fields = sent({**request, "model": "m"})
        assert normal_anthropic(json.loads(msgspec.json.encode(fields))) == normal_anthropic(expected)


def test_the_path_says_the_model_and_whether_it_streams():
    model = make_model(upstream_model="arn:aws:bedrock:us-east-1:1:x/y")
    assert bedrock_invoke.path(model, stream=False) == "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ax%2Fy/invoke"
    assert bedrock_invoke.path(model, stream=True).endswith("%2Fy/invoke-with-response-stream")


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
        {"type": "document", "source": {"type": "file", "file_id": "file_1"}},
    ],
)
def test_what_bedrock_would_have_to_fetch_is_refused(block: dict[str, Any]):
    result = {"type": "tool_result", "tool_use_id": "c", "content": [block]}
    for content, path in ((block, "messages[0].content[0]"), (result, "messages[0].content[0].content[0]")):
        with pytest.raises(InvalidRequest) as refused:
            sent({**HELLO, "messages": [{"role": "user", "content": [content]}]})
        assert refused.value.param == path


def test_streams_say_what_anthropics_say():
    recorded = streams("anthropic-messages")
    assert len(recorded) > 5
    for recording in recorded:
        theirs = anthropic_messages.stream_decoder()
        expected = theirs.feed(recording.response)
        whole = in_messages(recording.response)
        for size in (len(whole), 7):
            ours = bedrock_invoke.stream_decoder()
            found = [one for at in range(0, len(whole), size) for one in ours.feed(whole[at : at + size])]
            assert found == expected, recording.id
            assert (ours.usage, str(ours.error), ours.done) == (theirs.usage, str(theirs.error), theirs.done)


def test_the_end_may_say_more():
    ours = bedrock_invoke.stream_decoder()
    ours.feed(chunk(json.dumps({"type": "message_stop", **METRICS}, indent=1).encode()))
    assert ours.done


def test_events_that_are_no_chunks_change_nothing():
    ours = bedrock_invoke.stream_decoder()
    assert ours.feed(event("news", {"bytes": "!"})) == []
    assert ours.error is None


@pytest.mark.parametrize(
    "broken",
    [
        event("chunk", {"bytes": "!"}),
        event("chunk", {"bytes": 1}),
        chunk(b"{"),
        message({":event-type": "chunk", ":message-type": "event"}, b"{"),
    ],
)
def test_a_chunk_that_cannot_be_read_is_a_fault(broken: bytes):
    ours = bedrock_invoke.stream_decoder()
    ours.feed(broken)
    assert isinstance(ours.error, UpstreamRefused)
    assert ours.error.code == "upstream_bad_body"


def test_exceptions_and_errors_end_the_stream():
    start = chunk(json.dumps({"type": "message_start", "message": {"id": "m", "model": "c"}}).encode())
    for fault in (exception("throttlingException"), chunk(b'{"type":"error","error":{"type":"rate_limit_error"}}')):
        ours = bedrock_invoke.stream_decoder()
        ours.feed(fault)
        assert isinstance(ours.error, UpstreamRefused)
        assert ours.error.code == "upstream_rate_limited"
        transcoder = Transcoder(
            bedrock_invoke.stream_decoder(), CLIENT_APIS["anthropic-messages"].stream_encoder(asked())
        )
        assert transcoder.feed(start + fault)
        assert isinstance(transcoder.error, UpstreamBroken)
