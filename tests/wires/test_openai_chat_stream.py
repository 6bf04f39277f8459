import itertools
import json
import random
from collections.abc import Iterable

import httpx2
import openai
import pytest

from engine.errors import InvalidRequest, UpstreamBroken, UpstreamRefused
from engine.wires.openai_chat.following import StreamReader
from engine.wires.openai_errors import openai_error, openai_stream_error
from engine.wires.sse import MAX_EVENT_BYTES, EventSplitter, parse_event

CHUNK = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"h\xc3\xa9 \xf0\x9f\x98\x80"}}],"usage":null}\n\n'
LAST = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n'
USAGE = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
DONE = b"data: [DONE]\n\n"
METERS = {"input_tokens": 3, "output_tokens": 2}


def read(pieces: Iterable[bytes], *, client_wants_usage: bool = True) -> tuple[StreamReader, bytes]:
    reader = StreamReader(client_wants_usage=client_wants_usage)
    passed = b"".join(map(reader.feed, pieces))
    return reader, passed + reader.finish()


def in_bytes(stream: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in stream]


def cut(stream: bytes, at: int) -> list[bytes]:
    return [stream[:at], stream[at:]]


def contents(stream: bytes) -> list[tuple[bytes, bytes]]:
    blocks = EventSplitter().feed(stream)
    return [event for event in map(parse_event, blocks) if event[1]]


def with_line_end(stream: bytes, line_end: bytes) -> bytes:
    assert b"\r" not in stream
    return stream.replace(b"\n", line_end)


def assert_reads_alike(pieces: list[bytes], expected: StreamReader, passed: bytes, *, client_wants_usage: bool) -> None:
    reader, found = read(pieces, client_wants_usage=client_wants_usage)
    assert found == passed
    assert (reader.tail, reader.done, reader.usage) == (expected.tail, expected.done, expected.usage)
    assert str(reader.error) == str(expected.error)


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_recorded_streams_are_the_same_however_they_are_cut(streams, line_end: bytes):
    for recording in streams:
        stream = with_line_end(recording.response, line_end)
        reader, passed = read([stream])
        if reader.error is None:
            assert passed + reader.tail == stream
            assert reader.done
        assert_reads_alike(in_bytes(stream), reader, passed, client_wants_usage=True)


@pytest.mark.parametrize(("line_end", "wanted"), [(b"\n", True), (b"\n", False), (b"\r\n", False)])
def test_recorded_streams_cut_in_two(streams, line_end: bytes, wanted: bool):
    """The start and the end of each at every position, the whole of it somewhere."""
    somewhere = random.Random(7)
    for recording in streams:
        whole = with_line_end(recording.response, line_end)
        events = EventSplitter().feed(whole)
        ends = b"".join(events[:3] + events[-4:])
        for stream, places in ((ends, range(len(ends))), (whole, somewhere.sample(range(len(whole)), 20))):
            reader, passed = read([stream], client_wants_usage=wanted)
            for at in places:
                assert_reads_alike(cut(stream, at), reader, passed, client_wants_usage=wanted)


def test_who_did_not_ask_gets_everything_but_the_usage_only_chunk(streams):
    dropped = 0
    for recording in streams:
        _, all_of_it = read([recording.response])
        reader, passed = read([recording.response], client_wants_usage=False)
        missing = [event for event in contents(all_of_it) if event not in contents(passed)]
        for _, data in missing:
            chunk = json.loads(data)
            assert chunk["choices"] == []
            assert reader.usage is not None
            assert json.loads(reader.usage.raw) == chunk["usage"]
        dropped += len(missing)
        assert len(missing) <= 1
    assert dropped >= 5


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("wanted", [True, False])
def test_characters_may_be_cut_anywhere(line_end: bytes, wanted: bool):
    parts = [CHUNK, LAST, USAGE, DONE] if wanted else [CHUNK, LAST, DONE]
    stream = with_line_end(CHUNK + LAST + USAGE + DONE, line_end)
    for one, two in itertools.combinations(range(0, len(stream), 3), 2):
        reader, passed = read([stream[:one], stream[one:two], stream[two:]], client_wants_usage=wanted)
        assert contents(passed + reader.tail) == contents(b"".join(parts))
        assert reader.usage is not None
        assert reader.usage.meters == METERS


def test_whole_events_come_at_once_and_done_is_held_back():
    reader = StreamReader(client_wants_usage=False)
    assert reader.feed(CHUNK) == CHUNK
    assert reader.feed(CHUNK[:40]) == b""
    assert reader.feed(CHUNK[40:] + LAST + USAGE[:20]) == CHUNK + LAST
    assert reader.usage is None
    assert reader.feed(USAGE[20:] + DONE) == b""
    assert reader.done
    assert reader.tail == DONE
    assert reader.feed(CHUNK + USAGE) == b""
    assert reader.finish() == b""
    assert reader.tail == DONE
    assert reader.usage is not None
    assert reader.usage.meters == METERS


def test_without_done_it_is_not_done():
    for stream in (b"", CHUNK, CHUNK + LAST, CHUNK + DONE[:-4], CHUNK + b": [DONE]\n\n", CHUNK + b'data: "[DONE]"\n\n'):
        reader, _ = read([stream])
        assert not reader.done
        assert reader.tail == b""


@pytest.mark.parametrize("ending", [b"data: [DONE]", b"data:[DONE]\n", b"data: [DONE]\r\n"])
def test_done_counts_without_its_blank_line(ending: bytes):
    reader, passed = read([CHUNK, ending])
    assert passed == CHUNK
    assert reader.done
    assert contents(reader.tail) == [(b"", b"[DONE]")]


def test_usage_counts_without_its_blank_line_but_is_not_passed_on():
    reader, passed = read([CHUNK, USAGE.rstrip()])
    assert passed == CHUNK
    assert not reader.done
    assert reader.usage is not None


def test_odd_events_pass_unchanged():
    odd = b"\xef\xbb\xbf: hello\n\nretry: 10\n\nid: 7\ndata: x\n\nevent: ping\ndata: {}\n\ndata: \xff\xfe\0\n\n\n\nevent:\n\n"
    reader, passed = read(in_bytes(odd + CHUNK + DONE))
    assert passed == odd + CHUNK
    assert (reader.done, reader.error, reader.usage) == (True, None, None)


def test_data_over_several_lines_is_one_chunk():
    lines = USAGE.strip().replace(b'"usage":{', b'"usage":\ndata: {\ndata:') + b"\n\n"
    for wanted in (True, False):
        reader, passed = read([CHUNK, lines, DONE], client_wants_usage=wanted)
        assert passed == CHUNK + (lines if wanted else b"")
        assert reader.usage is not None
        assert reader.usage.meters == METERS


def usage_chunk(usage: str, choices: str = '[{"index":0,"delta":{}}]', **more: str) -> bytes:
    fields = "".join(f',"{name}":{value}' for name, value in more.items())
    return f'data: {{"choices":{choices},"usage":{usage}{fields}}}\n\n'.encode()


def test_usage_in_every_chunk_is_passed_on_and_never_summed():
    chunks = [usage_chunk(f'{{"prompt_tokens":3,"completion_tokens":{count}}}') for count in range(1, 6)]
    reader, passed = read([*chunks, DONE], client_wants_usage=False)
    assert passed == b"".join(chunks)
    assert reader.usage is not None
    assert reader.usage.meters == {"input_tokens": 3, "output_tokens": 5}
    assert reader.usage.suspect == ()


def test_usage_that_falls_is_noted():
    chunks = [usage_chunk(f'{{"prompt_tokens":3,"completion_tokens":{count}}}') for count in (50, 4)]
    reader, _ = read([*chunks, DONE])
    assert reader.usage is not None
    assert reader.usage.meters == {"input_tokens": 3, "output_tokens": 4}
    assert reader.usage.suspect == ("output_tokens fell from 50 to 4",)


@pytest.mark.parametrize("nothing", ["null", "{}", "{ }"])
def test_an_empty_usage_takes_nothing_back(nothing: str):
    reader, _ = read([USAGE, usage_chunk(nothing), DONE])
    assert reader.usage is not None
    assert reader.usage.meters == METERS


def test_groq_and_moonshot_put_usage_elsewhere():
    counts = '{"prompt_tokens":3,"completion_tokens":2}'
    groq = usage_chunk("null", x_groq=f'{{"id":"r","usage":{counts}}}')
    moonshot = f'data: {{"choices":[{{"index":0,"delta":{{}},"usage":{counts}}}]}}\n\n'.encode()
    for chunk in (groq, moonshot):
        reader, passed = read([chunk, DONE], client_wants_usage=False)
        assert passed == chunk
        assert reader.usage is not None
        assert reader.usage.meters == METERS


def test_text_that_speaks_of_usage_and_errors_is_text():
    text = json.dumps('data: [DONE]\n\n{"usage": {"prompt_tokens": 1}, "error": {"code": 500}} event: error')
    chunk = f'data: {{"choices":[{{"index":0,"delta":{{"content":{text},"role":"error"}}}}]}}\n\n'.encode()
    reader, passed = read([chunk, CHUNK, DONE])
    assert passed == chunk + CHUNK
    assert (reader.usage, reader.error) == (None, None)


ERRORS = [
    b'data: {"error":{"message":"SECRET","code":429}}\n\n',
    b'event: error\ndata: {"error":{"message":"SECRET","code":"rate_limit_exceeded"}}\n\n',
    b'event: error\ndata: {"message":"SECRET","status":429}\n\n',
    b'data: {"id":"c","error":{"message":"SECRET","code":429},"choices":[{"index":0,"finish_reason":"error"}]}\n\n',
    b'data: {"object":"error","message":"SECRET","code":429}\n\n',
]


@pytest.mark.parametrize("event", [*ERRORS, b"event: error\ndata: SECRET\n\n", b"event: error\ndata:\n\n"])
def test_an_error_first_is_a_refusal_and_later_a_broken_stream(event: bytes):
    for pieces in ([event + CHUNK + DONE], in_bytes(event + CHUNK), [event.strip()]):
        reader, passed = read(pieces)
        assert passed == b""
        assert isinstance(reader.error, UpstreamRefused)
        assert reader.error.upstream_status == 200
        if event in ERRORS:
            assert (reader.error.status, reader.error.code) == (429, "upstream_rate_limited")
        assert "SECRET" not in reader.error.message
    for pieces in ([CHUNK + event + CHUNK + DONE], in_bytes(CHUNK + event + DONE)):
        reader, passed = read(pieces)
        assert passed == CHUNK
        assert isinstance(reader.error, UpstreamBroken)
        assert (reader.done, reader.tail) == (False, b"")
        assert "SECRET" not in reader.error.message


@pytest.mark.parametrize("size", [1 << 16, MAX_EVENT_BYTES * 2])
def test_an_endless_event_breaks_the_stream(size: int):
    endless = b"data: " + b"x" * MAX_EVENT_BYTES + b"\n\n"
    reader, passed = read([CHUNK, *(endless[start : start + size] for start in range(0, len(endless), size))])
    assert passed == CHUNK
    assert isinstance(reader.error, UpstreamBroken)
    assert reader.error.code == "upstream_too_large"


def through_openais_client(stream: bytes) -> openai.Stream[openai.types.chat.ChatCompletionChunk]:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=stream)

    client = openai.OpenAI(api_key="none", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))
    return client.chat.completions.create(model="m", messages=[], stream=True)


def test_openais_client_reads_what_is_passed_on(streams):
    for recording in streams:
        if recording.host == "api.openai.com":
            reader, passed = read(in_bytes(recording.response), client_wants_usage=False)
            ours = list(through_openais_client(passed + reader.tail))
            theirs = [chunk for chunk in through_openais_client(recording.response) if chunk.choices or not chunk.usage]
            assert ours == theirs
            assert ours


def test_openais_client_raises_our_last_event():
    stream = through_openais_client(CHUNK + openai_stream_error(UpstreamBroken("It broke.")))
    assert next(stream).choices[0].delta.content == "hé 😀"
    with pytest.raises(openai.APIError, match=r"It broke\.") as raised:
        next(stream)
    assert raised.value.body == {
        "message": "It broke.",
        "type": "upstream_error",
        "param": None,
        "code": "upstream_truncated",
    }


def test_openais_client_raises_our_error_reply():
    error = InvalidRequest("n may be at most 128 here.", code="integer_above_max_value", param="n")

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(error.status, headers={"content-type": "application/json"}, content=openai_error(error))

    client = openai.OpenAI(api_key="none", http_client=httpx2.Client(transport=httpx2.MockTransport(answer)))
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(model="m", messages=[])
    assert (raised.value.code, raised.value.param, raised.value.type) == (
        "integer_above_max_value",
        "n",
        "invalid_request_error",
    )
