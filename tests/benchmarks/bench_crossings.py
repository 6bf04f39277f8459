"""What carrying a stream from one wire to another costs: `python tests/benchmarks/bench_crossings.py [--write]`.

CPU time of a chunk, one network read each, in streams of 1,000 pieces of text; the best of several rounds, in which all
pairs take turns. `--profile` prints where the time of one pair goes.
"""

import argparse
import cProfile
import json
import pstats
import struct
import time
import zlib
from collections.abc import Callable

import rig

from engine.model import Dialect, Model, Pricing
from engine.wires import WIRES, Usage
from engine.wires.answer import Finish
from engine.wires.body import parse_body
from engine.wires.codec import Asked
from engine.wires.conversation import Conversation
from engine.wires.events import BlockEnded, Finished, Started, TextDelta, UsageReported
from engine.wires.table import CLIENT_APIS, PROVIDER_WIRES
from engine.wires.transcoder import Crossing, Transcoder

ROUNDS = 7
ASKED = Asked(
    conversation=Conversation(wire="", model="@acme/bot", turns=(), wants_usage=True), id="req-1", created=1_700_000_000
)
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


def compact(body: object) -> bytes:
    """As servers encode it."""
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


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


def bedrock_chunks() -> list[bytes]:
    """A text in 1,000 pieces as Bedrock's Converse streams it: binary messages with two checksums each."""

    def message(kind: str, **fields: object) -> bytes:
        named = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
        headers = b"".join(
            struct.pack(f"!B{len(name)}sBH{len(value)}s", len(name), name.encode(), 7, len(value), value.encode())
            for name, value in named.items()
        )
        payload = compact({**fields, "p": "abcdefghijklmnopqrstuvwxyz"[: len(kind)]})
        prelude = struct.pack("!II", 16 + len(headers) + len(payload), len(headers))
        begun = prelude + struct.pack("!I", zlib.crc32(prelude)) + headers + payload
        return begun + struct.pack("!I", zlib.crc32(begun))

    return [
        message("messageStart", role="assistant"),
        *(message("contentBlockDelta", contentBlockIndex=0, delta={"text": f" word{number}"}) for number in range(996)),
        message("contentBlockStop", contentBlockIndex=0),
        message("messageStop", stopReason="end_turn"),
        message("metadata", usage={"inputTokens": 9, "outputTokens": 996, "totalTokens": 1005}),
    ]


def upstream_chunks(wire: str) -> list[bytes]:
    """A text in 1,000 pieces as a provider streams it whose wire clients speak too."""
    encoder = CLIENT_APIS[wire].stream_encoder(ASKED)
    usage = UsageReported(Usage({"input_tokens": 9, "output_tokens": 1_000}, b""))
    pieces = [[Started("id-of-the-answer", "model-of-the-answer", 1_700_000_000, "default")]]
    pieces += [[TextDelta(0, 0, f" word{number}")] for number in range(1_000)]
    last = [BlockEnded(0, 0), Finished(0, Finish(reason="stop")), usage]
    return [encoder.encode(events) for events in (*pieces, last)] + [encoder.end()]


# Wires that no client speaks, and how they stream.
STREAMS = {"bedrock-converse": bedrock_chunks, "cohere-v2": cohere_chunks, "gemini": gemini_chunks}


def carry(wire: str, api: str, read: list[bytes]) -> None:
    """Carry one stream across."""
    transcoder = Transcoder(PROVIDER_WIRES[wire].stream_decoder(), CLIENT_APIS[api].stream_encoder(ASKED))
    _feed(transcoder, read)


def pass_through(wire: str, read: list[bytes]) -> None:
    """Pass one stream on."""
    _feed(WIRES[wire].stream_reader(client_wants_usage=True), read)


def _feed(reader: object, read: list[bytes]) -> None:
    feed = reader.feed
    for chunk in read:
        feed(chunk)
    reader.finish()
    if not reader.done:
        raise RuntimeError("the stream did not end")


def best_of(calls: dict[tuple[str, str], tuple[Callable[[], None], int]]) -> dict[tuple[str, str], float]:
    """Microseconds of CPU a chunk: the best of the rounds, in which all take turns."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(ROUNDS):
        for pair, (call, chunks) in calls.items():
            started = time.process_time()
            call()
            call()
            best[pair] = min(best[pair], (time.process_time() - started) / 2 / chunks * 1e6)
    return best


def streams() -> str:
    """A table: from each provider's wire to each client API."""
    wires = sorted(PROVIDER_WIRES.keys() & (CLIENT_APIS.keys() | STREAMS.keys()))
    apis = sorted(CLIENT_APIS)
    calls: dict[tuple[str, str], tuple[Callable[[], None], int]] = {}
    for wire in wires:
        read = STREAMS[wire]() if wire in STREAMS else upstream_chunks(wire)
        for api in apis:
            if wire == api:
                calls[wire, api] = (lambda wire=wire, read=read: pass_through(wire, read)), len(read)
            else:
                calls[wire, api] = (lambda wire=wire, api=api, read=read: carry(wire, api, read)), len(read)
    best = best_of(calls)
    rows = [(f"`{wire}`", *(_cell(best[wire, api], wire == api) for api in apis)) for wire in wires]
    return rig.table(("µs of CPU a chunk, from ↓ to →", *(f"`{api}`" for api in apis)), rows)


def _cell(microseconds: float, is_same: bool) -> str:
    return f"**{microseconds:.1f}** passed through" if is_same else f"{microseconds:.1f}"


def requests() -> str:
    """A table: one request of an openai-chat client to each wire that has a place for tools."""
    properties = {f"field{number}": {"type": "string", "description": "some text"} for number in range(10)}
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": properties}}}
    messages = [{"role": "system", "content": "Be kind. " * 35}, {"role": "user", "content": "Hello there.\n" * 40}]
    asked = {"model": "@acme/bot", "messages": messages, "tools": [tool] * 10, "max_tokens": 99}
    data = compact(asked)
    body = parse_body(data)
    calls: dict[tuple[str, str], tuple[Callable[[], None], int]] = {}
    for wire in sorted(PROVIDER_WIRES.keys() - {"openai-completions", "openai-chat"}):
        crossing = Crossing(CLIENT_APIS["openai-chat"], PROVIDER_WIRES[wire], MODEL)
        calls[wire, ""] = (lambda crossing=crossing: _encode(crossing, body)), 100
    best = best_of(calls)
    rows = [(f"`{wire}`", f"{microseconds:.0f}") for (wire, _), microseconds in best.items()]
    return rig.table((f"a request of {len(data):,} B with ten tools, from `openai-chat` to", "µs of CPU"), rows)


def _encode(crossing: Crossing, body: object) -> None:
    for _ in range(100):
        crossing.encode(body)


def profile() -> None:
    """Where the time goes, from openai-chat to anthropic-messages."""
    read = upstream_chunks("openai-chat")
    with cProfile.Profile() as profiler:
        for _ in range(50):
            carry("openai-chat", "anthropic-messages", read)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(14)


def main() -> None:
    """Measure, print, and perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/figures.md")
    parser.add_argument("--profile", action="store_true", help="print a profile instead")
    options = parser.parse_args()
    if options.profile:
        profile()
        return
    rig.publish("crossings", f"{streams()}\n\n{requests()}\n\n{rig.machine()}", write=options.write)


if __name__ == "__main__":
    main()
