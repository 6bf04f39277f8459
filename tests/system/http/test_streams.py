"""Streams: at once, byte for byte, and the record stands before the end is seen."""

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness.served import chat
from harness.upstream import raw

from engine.ledger.reader import read_segment, segments

PATH = "/v1/chat/completions"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
CHUNK = b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}'
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}'
DONE = b"data: [DONE]"


def _states(rig: Any, request_id: str) -> list[str]:
    """What the spool holds of a request, read from its files."""
    spool = Path(rig.served.state) / "spool"
    records = [record for path in segments(spool) for record in read_segment(path, 0, limit=1 << 24).attempts]
    return [record.state for record in records if record.request_id == request_id]


def test_each_chunk_reaches_the_client_as_it_is_sent(rig: Any) -> None:
    with rig.client() as client:
        # What is measured is a warm gateway; a first call also connects.
        client.post(PATH, json=chat("input=1", stream=True))
        with client.stream("POST", PATH, json=chat("output=4 gap=0.2", stream=True)) as reply:
            arrived = [time.monotonic() for line in reply.iter_lines() if '"content"' in line]
    received = rig.upstream.journal[f"{reply.headers['x-request-id']}.1"]
    assert len(arrived) == len(received.sent_at) == 4
    late = [ours - theirs for ours, theirs in zip(arrived, received.sent_at, strict=True)]
    assert max(late) < 0.05, late


@pytest.mark.parametrize("model", ["@test/model", "@test/no-stream-usage"])
def test_the_settle_record_is_in_the_spool_when_the_end_arrives(rig: Any, model: str) -> None:
    with rig.client() as client:
        for gap in (0.5, 0.0, 0.0, 0.0, 0.0):
            with client.stream("POST", PATH, json=chat(f"output=2 gap={gap}", model=model, stream=True)) as reply:
                seen = [
                    _states(rig, reply.headers["x-request-id"])
                    for line in reply.iter_lines()
                    if "[DONE]" in line or (gap and "word0" in line)
                ]
            assert seen == ([["open"]] if gap else []) + [["open", "settled"]]


def test_the_settle_record_is_in_the_spool_when_a_whole_answer_arrives(rig: Any) -> None:
    with rig.client() as client:
        for _ in range(5):
            reply = client.post(PATH, json=chat("input=3"))
            assert _states(rig, reply.headers["x-request-id"]) == ["open", "settled"]


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
@pytest.mark.parametrize("wants_usage", [False, True])
def test_all_but_the_unasked_usage_is_passed_through_byte_for_byte(rig: Any, end: bytes, wants_usage: bool) -> None:
    events = [
        b"\xef\xbb\xbf: a comment",
        CHUNK % b"one",
        b"event: other\ndata: {}",
        b"id: 7\nretry: 10\n" + CHUNK % b"two",
        CHUNK % "zwölf 🦀".encode(),
        b'data:   {"choices" : [{"delta":{"content":"spaces"}}],\ndata: "usage":null, "unknown":1e3}',
        CHUNK % b"not UTF-8: \xff\xfe",
        b"data",
        USAGE,
        DONE,
    ]
    sent = b"".join(event.replace(b"\n", end[: len(end) // 2]) + end for event in events)
    expected = sent if wants_usage else sent.replace(USAGE + end, b"")
    options = {"stream_options": {"include_usage": True}} if wants_usage else {}
    with rig.client() as client:
        reply = client.post(PATH, json=chat(raw(HEAD + sent), stream=True, **options))
    assert reply.content == expected
    row = rig.row(reply)
    assert (row["state"], row["cost_usd"]) == ("settled", "0.000007")


def test_what_follows_the_end_is_not_passed_on(rig: Any) -> None:
    sent = CHUNK % b"one" + b"\n\n" + USAGE + b"\n\n" + DONE + b"\n\n"
    with rig.client() as client:
        reply = client.post(PATH, json=chat(raw(HEAD + sent + CHUNK % b"late" + b"\n\n"), stream=True))
    assert b"late" not in reply.content
    assert reply.content.endswith(DONE + b"\n\n")
    assert rig.row(reply)["state"] == "settled"


def test_a_whole_answer_is_passed_through_byte_for_byte(rig: Any) -> None:
    body = b' { "choices" : [ { "x" : 1.0e0 } ],\n"usage":{"prompt_tokens":3,"completion_tokens":2,"new":[]},"new":"\xc3\xa9" }\n'
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: %d\r\n\r\n" % len(body)
    with rig.client() as client:
        reply = client.post(PATH, json=chat(raw(head + body)))
    assert reply.content == body
    assert reply.headers["x-catalog-cost-usd"] == rig.row(reply)["cost_usd"] == "0.000007"


def test_usage_is_asked_of_the_upstream_whatever_the_client_says(rig: Any) -> None:
    cases: list[tuple[str, dict[str, Any], dict[str, Any] | None, bool]] = [
        ("@test/model", {}, {"include_usage": True}, False),
        ("@test/model", {"stream_options": None}, {"include_usage": True}, False),
        ("@test/model", {"stream_options": {"include_usage": False, "x": 1}}, {"include_usage": True, "x": 1}, False),
        ("@test/model", {"stream_options": {"include_usage": True}}, {"include_usage": True}, True),
        ("@test/no-stream-usage", {}, None, False),
    ]
    with rig.client() as client:
        for model, options, asked, is_seen in cases:
            reply = client.post(PATH, json=chat("input=1", model=model, stream=True, **options))
            row = rig.row(reply)
            received = rig.upstream.journal[f"{row['request_id']}.1"]
            assert received.body.get("stream_options") == asked
            assert ('"usage"' in reply.text) == is_seen
            assert (row["cost_usd"] is None) == (asked is None)


def test_the_upstream_connection_is_used_again(rig: Any) -> None:
    with rig.client() as client:
        client.post(PATH, json=chat("input=1", stream=True))
        before = rig.upstream.connections
        for _ in range(5):
            client.post(PATH, json=chat("input=1", stream=True))
            client.post(PATH, json=chat("input=1"))
        # One more, because an answer's last bytes may still be on their way when the next request is there.
        assert rig.upstream.connections <= before + 1


def test_an_upstream_that_does_not_end_after_its_end_is_let_go(rig: Any) -> None:
    sent = b"".join(b"%x\r\n%b\r\n" % (len(event), event) for event in (USAGE + b"\n\n", DONE + b"\n\n"))
    head = HEAD.replace(b"connection: close", b"transfer-encoding: chunked")
    began = time.monotonic()
    with httpx.Client(base_url=rig.served.url, headers={"x-api-key": rig.keys["tests"]}) as client:
        reply = client.post(PATH, json=chat(raw(head + sent), stream=True))
    assert reply.content == DONE + b"\n\n"
    assert time.monotonic() - began < 5
    assert json.loads(json.dumps(rig.row(reply)))["state"] == "settled"
