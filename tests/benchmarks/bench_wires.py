# ruff: noqa: T201 - a script, it prints
"""What reading a body and passing a request and its answer through costs: `python tests/benchmarks/bench_wires.py`.

Best CPU time of several rounds, for bodies and chunks as clients and servers send them, and for hostile bodies.
"""

import contextlib
import json
import time
from collections.abc import Callable

from engine.errors import InvalidRequest
from engine.model import Dialect, Model, Pricing
from engine.wires import WIRES
from engine.wires.body import parse_body

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


if __name__ == "__main__":
    bodies()
    hostile_bodies()
    chunks()
