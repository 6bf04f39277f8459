# ruff: noqa: T201 - a script, it prints
"""What a request and its answer cost, passed through and carried across: `python tests/benchmarks/bench_wires.py`.

Best CPU time of several rounds, for bodies and chunks as clients and servers send them, and for hostile bodies.
"""

import contextlib
import json
import time
from collections.abc import Callable

from engine.errors import InvalidRequest
from engine.model import Dialect, Model, Pricing
from engine.wires import WIRES, Usage
from engine.wires.answer import Finish
from engine.wires.body import parse_body
from engine.wires.codec import Asked
from engine.wires.conversation import Conversation
from engine.wires.events import BlockEnded, Finished, Started, TextDelta, UsageReported
from engine.wires.table import CLIENT_APIS, PROVIDER_WIRES
from engine.wires.transcoder import Crossing, Transcoder

WIRE = WIRES["openai-chat"]
MODEL = Model(
    name="@acme/bot",
    provider="acme",
    slug="bot",
    type="custom",
    api="openai",
    wire="openai-chat",
    upstream_model="ft:acme",
    pricing=Pricing("free"),
    file="models/acme/bot.yaml",
    blob="",
    dialect=Dialect(is_openai=True),
)
ASKED = Asked(
    conversation=Conversation(wire="", model="@acme/bot", turns=(), wants_usage=True), id="req-1", created=1_700_000_000
)
SMALL = {
    "model": "@acme/bot",
    "messages": [{"role": "system", "content": "Be kind. " * 35}, {"role": "user", "content": "Hello there.\n" * 40}],
    "temperature": 0.2,
    "stream": True,
}
PROPERTIES = {f"field{number}": {"type": "string", "description": "some text"} for number in range(10)}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": PROPERTIES}}}
CHUNK = (
    b'data: {"id":"chatcmpl-C2P2HtMJhPkWjQ2adKerkdVilXmRL","object":"chat.completion.chunk","created":1754688929,'
    b'"model":"gpt-4o-2024-08-06","service_tier":"default","choices":[{"index":0,"delta":{"content":" Paris"},'
    b'"finish_reason":null}],"usage":null}\n\n'
)
COUNTS = b'{"prompt_tokens":14,"completion_tokens":8,"total_tokens":22,"prompt_tokens_details":{"cached_tokens":0}}'


def compact(body: object) -> bytes:
    """As OpenAI's client encodes it."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def measure(name: str, call: Callable[[], object], rounds: int = 7, seconds: float = 0.05, per: int = 1) -> None:
    """Print the best time of one call, or of one of `per` things that it does."""
    calls, started = 0, time.process_time()
    while time.process_time() - started < seconds:
        call()
        calls += 1
    best = float("inf")
    for _ in range(rounds):
        started = time.process_time()
        for _ in range(calls):
            call()
        best = min(best, (time.process_time() - started) / calls / per)
    print(f"{name:48} {best * 1e6:12.2f} µs")


def bodies() -> None:
    """Reading a body, and encoding it for the upstream."""
    prepared = WIRE.prepare(MODEL)
    samples = {
        "1 KB, compact": compact(SMALL),
        "1 KB, with spaces": json.dumps(SMALL).encode(),
        "1 KB, not ASCII": compact({**SMALL, "user": "é"}),
        "200 KB, one text": compact({**SMALL, "messages": [{"role": "user", "content": "abcdefgh" * 25_000}]}),
        "200 KB, 900 messages": compact({**SMALL, "messages": [{"role": "user", "content": 'a "b"\n' * 30}] * 900}),
        "200 KB, 250 tools": compact({**SMALL, "tools": [TOOL] * 250}),
    }
    for name, data in samples.items():
        body = parse_body(data)
        measure(f"parse_body, {name} ({len(data)} B)", lambda data=data: parse_body(data))
        measure(f"encode, {name}", lambda body=body: prepared.encode(body))


def hostile_bodies() -> None:
    """Bodies of one megabyte, made to be slow."""
    values = {
        "60 levels, 8,000 times": b"[" + b",".join([b"[" * 60 + b"]" * 60] * 8_000) + b"]",
        "400 levels, 1,250 times": b"[" + b",".join([b"[" * 400 + b"]" * 400] * 1_250) + b"]",
        "500,000 levels": b"[" * 500_000 + b"]" * 500_000,
        "long numbers": b"[" + b",".join([b"1" * 308] * 3_200) + b"]",
        "exponents": b"[" + b",".join([b"1e99"] * 200_000) + b"]",
        "escapes": b'"' + rb"\"" * 500_000 + b'"',
        "empty strings": b"[" + b'"",' * 330_000 + b"1]",
    }
    for name, value in values.items():
        measure(f"parse_body, hostile: {name}", lambda data=b'{ "model":"m","a":%s}' % value: judge(data), rounds=3)


def judge(data: bytes) -> None:
    """Read a body that may be refused."""
    with contextlib.suppress(InvalidRequest):
        parse_body(data)


def chunks() -> None:
    """Passing a stream's chunks on."""
    reader = WIRE.stream_reader(client_wants_usage=False)
    crlf, usage = CHUNK.replace(b"\n", b"\r\n"), CHUNK.replace(b"null}\n", COUNTS + b"}\n")
    measure(f"one event a chunk ({len(CHUNK)} B)", lambda: reader.feed(CHUNK))
    measure("one event a chunk, CRLF", lambda: reader.feed(crlf))
    measure("one event in two chunks", lambda: (reader.feed(CHUNK[:99]), reader.feed(CHUNK[99:])))
    measure("ten events a chunk", lambda: reader.feed(CHUNK * 10))
    measure("an event with usage", lambda: reader.feed(usage))
    answer = b'{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"%s"}}],"usage":%s}'
    whole = answer % (b"Paris " * 300, COUNTS)
    measure(f"usage of a whole answer ({len(whole)} B)", lambda: WIRE.read_usage(whole))
    measure("fault of a whole answer", lambda: WIRE.fault_in(whole))


def gemini_chunks() -> list[bytes]:
    """A text in 1,000 pieces as Gemini streams it: usage comes with each."""

    def chunk(number: int, **end: str) -> bytes:
        content = {"parts": [{"text": f" word{number}"}], "role": "model"}
        counts = {"promptTokenCount": 9, "candidatesTokenCount": number, "totalTokenCount": number + 9}
        details = {"promptTokensDetails": [{"modality": "TEXT", "tokenCount": 9}], "thoughtsTokenCount": 28}
        head = {"modelVersion": "gemini-3-flash-preview", "responseId": "J3dHapyWENS3g8UPyrefuAE"}
        candidate = {"content": content, "index": 0, **end}
        return compact({"candidates": [candidate], "usageMetadata": {**counts, **details}, **head})

    chunks_of_text = [*(chunk(number) for number in range(999)), chunk(999, finishReason="STOP")]
    return [b"data: " + each + b"\r\n\r\n" for each in chunks_of_text]


def cohere_chunks() -> list[bytes]:
    """A text in 1,000 pieces as Cohere streams it."""

    def event(kind: str, **fields: object) -> bytes:
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), compact({"type": kind, **fields}))

    def piece(text: str) -> dict[str, object]:
        return {"index": 0, "delta": {"message": {"content": {"text": text}}}}

    billed = {"billed_units": {"input_tokens": 9, "output_tokens": 998}}
    return [
        event("message-start", id="c14c80c3", delta={"message": {"role": "assistant", "content": []}}),
        *(event("content-delta", **piece(f" word{number}")) for number in range(998)),
        event("message-end", delta={"finish_reason": "COMPLETE", "usage": billed}),
    ]


# Wires that no client speaks, and how they stream.
STREAMS = {"cohere-v2": cohere_chunks, "gemini": gemini_chunks}


def crossings() -> None:
    """A stream of 1,000 chunks between two wires, one network read a chunk; requests and answers of common size."""
    for wire in sorted(PROVIDER_WIRES.keys() & (CLIENT_APIS.keys() | STREAMS.keys())):
        chunks_of_wire = STREAMS[wire]() if wire in STREAMS else upstream_chunks(wire)
        for api in sorted(CLIENT_APIS):
            measure(
                f"a chunk of {len(chunks_of_wire)}, {wire} to {api}",
                lambda wire=wire, api=api, read=chunks_of_wire: carry(wire, api, read),
                rounds=5,
                per=len(chunks_of_wire),
            )
    data = compact({**SMALL, "tools": [TOOL] * 10, "max_tokens": 99})
    body = parse_body(data)
    for wire in sorted(PROVIDER_WIRES):
        crossing = Crossing(CLIENT_APIS["openai-chat"], PROVIDER_WIRES[wire], MODEL)
        measure(f"a request ({len(data)} B), openai-chat to {wire}", lambda crossing=crossing: crossing.encode(body))


def upstream_chunks(wire: str) -> list[bytes]:
    """A text in 1,000 pieces as a provider streams it."""
    encoder = CLIENT_APIS[wire].stream_encoder(ASKED)
    finish = Finish(reason="stop")
    usage = UsageReported(Usage({"input_tokens": 9, "output_tokens": 1_000}, b""))
    pieces = [[Started("id-of-the-answer", "model-of-the-answer", 1_700_000_000, "default")]]
    pieces += [[TextDelta(0, 0, f" word{number}")] for number in range(1_000)]
    return [encoder.encode(events) for events in (*pieces, [BlockEnded(0, 0), Finished(0, finish), usage])] + [
        encoder.end()
    ]


def carry(wire: str, api: str, read: list[bytes]) -> None:
    """Carry one stream across."""
    transcoder = Transcoder(PROVIDER_WIRES[wire].stream_decoder(), CLIENT_APIS[api].stream_encoder(ASKED))
    for chunk in read:
        transcoder.feed(chunk)
    transcoder.finish()
    if not transcoder.done:
        raise RuntimeError("the stream did not end")


if __name__ == "__main__":
    bodies()
    hostile_bodies()
    chunks()
    crossings()
