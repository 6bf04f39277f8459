"""Clients that leave: whenever they do it, there is exactly one settled row, and nothing goes on that nobody wants."""

import json
import resource
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from harness.catalogs import CatalogDir
from harness.inprocess import InProcess
from harness.served import chat, wait_for
from harness.upstream import ScriptedUpstream

from engine.operator.settings import DisconnectSettings

Start = Callable[..., InProcess]


def _connect(worker: InProcess, key: str, body: dict[str, object], *, send: int | None = None) -> socket.socket:
    """Send a request, or only the first `send` bytes of its body."""
    sock = socket.socket()
    sock.settimeout(10)
    sock.connect(("127.0.0.1", worker.port))
    data = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(data)}\r\n\r\n"
    )
    sock.sendall(head.encode() + data[:send])
    return sock


def _reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def _read_until(sock: socket.socket, mark: bytes) -> bytes:
    found = b""
    while mark not in found:
        piece = sock.recv(65536)
        assert piece, found
        found += piece
    return found


def _nothing_is_left(worker: InProcess, upstream: ScriptedUpstream) -> None:
    wait_for(lambda: not worker.tasks(), seconds=5, message=f"tasks are left: {worker.tasks()}")
    assert worker.in_loop(lambda: worker.gateway.calls.detached) == 0
    assert not upstream.duplicates


LEAVING = (socket.socket.close, _reset)


@pytest.mark.parametrize("leave", LEAVING)
def test_before_the_body_is_complete_there_is_no_call(
    start: Start, catalog: CatalogDir, upstream: ScriptedUpstream, leave: Callable[[socket.socket], None]
) -> None:
    worker = start()
    leave(_connect(worker, catalog.key, chat("input=1"), send=10))
    wait_for(lambda: worker.gateway.refusals["client_left_early"] == 1)
    assert worker.settled(0) == []
    assert not upstream.journal
    _nothing_is_left(worker, upstream)


@pytest.mark.parametrize("leave", LEAVING)
@pytest.mark.parametrize("stream", [False, True])
def test_before_the_first_byte(
    start: Start, catalog: CatalogDir, upstream: ScriptedUpstream, leave: Callable[[socket.socket], None], stream: bool
) -> None:
    worker = start()
    for model in ("model", "cancel"):
        sock = _connect(worker, catalog.key, chat("input=5 output=2 delay=0.4", model=f"@test/{model}", stream=stream))
        wait_for(lambda: upstream.answering)
        left = time.monotonic()
        leave(sock)
        wait_for(lambda: not upstream.answering and not len(worker.gateway.calls))
        if model == "cancel":
            assert time.monotonic() - left < 1.0
    drained, cancelled = worker.settled(2)
    assert (drained.state, drained.client_status, drained.cost_pico_usd) == ("settled", 499, 9_000_000)
    assert (cancelled.state, cancelled.client_status, cancelled.cost_pico_usd) == ("cancelled", 499, None)
    assert cancelled.error_code == "client_left"
    assert upstream.journal[f"{cancelled.request_id}.1"].closed_early
    _nothing_is_left(worker, upstream)


@pytest.mark.parametrize("leave", LEAVING)
def test_in_mid_stream(
    start: Start, catalog: CatalogDir, upstream: ScriptedUpstream, leave: Callable[[socket.socket], None]
) -> None:
    worker = start()
    for model in ("model", "cancel"):
        asked = chat("input=5 output=6 gap=0.1", model=f"@test/{model}", stream=True)
        sock = _connect(worker, catalog.key, asked)
        _read_until(sock, b"word1")
        left = time.monotonic()
        leave(sock)
        wait_for(lambda: not upstream.answering and not len(worker.gateway.calls))
        if model == "cancel":
            (received,) = (each for each in upstream.journal.values() if each.closed_early)
            assert received.closed_at - left < 1.0
    drained, cancelled = worker.settled(2)
    assert (drained.state, drained.client_status, drained.cost_pico_usd) == ("settled", 499, 17_000_000)
    assert drained.meters == {"input_tokens": 5, "output_tokens": 6, "cache_read_tokens": 0}
    assert (cancelled.state, cancelled.client_status, cancelled.cost_pico_usd) == ("cancelled", 499, None)
    _nothing_is_left(worker, upstream)


def test_at_the_end(start: Start, catalog: CatalogDir, upstream: ScriptedUpstream) -> None:
    worker = start()
    for stream in (False, True):
        sock = _connect(worker, catalog.key, chat("input=5 output=2", stream=stream))
        _read_until(sock, b"[DONE]" if stream else b'"usage"')
        _reset(sock)
    rows = worker.settled(2)
    assert {(row.state, row.client_status, row.cost_pico_usd) for row in rows} == {("settled", 200, 9_000_000)}
    _nothing_is_left(worker, upstream)


@pytest.mark.parametrize(
    ("cap", "script"),
    [
        (DisconnectSettings(max_time_ms=200), "input=5 output=1000 gap=0.05"),
        (DisconnectSettings(max_bytes=2_000), "fault=endless"),
        (DisconnectSettings(max_calls=0), "input=5 output=1000 gap=0.05"),
    ],
)
def test_an_answer_is_read_on_within_caps(
    start: Start, catalog: CatalogDir, upstream: ScriptedUpstream, cap: DisconnectSettings, script: str
) -> None:
    worker = start(on_disconnect=cap)
    sock = _connect(worker, catalog.key, chat(script, stream=True))
    _read_until(sock, b"word")
    _reset(sock)
    (row,) = worker.settled()
    assert (row.state, row.client_status, row.cost_pico_usd) == ("cancelled", 499, None)
    assert row.error_code == ("client_left" if cap.max_calls == 0 else "drain_cap")
    wait_for(lambda: not upstream.open_connections)
    _nothing_is_left(worker, upstream)


def test_a_whole_answer_is_read_on_within_caps_too(
    start: Start, catalog: CatalogDir, upstream: ScriptedUpstream
) -> None:
    worker = start(on_disconnect=DisconnectSettings(max_bytes=1_000))
    sock = _connect(worker, catalog.key, chat("output=5000 delay=0.2"))
    wait_for(lambda: upstream.answering)
    _reset(sock)
    (row,) = worker.settled()
    assert (row.state, row.error_code, row.cost_pico_usd) == ("cancelled", "drain_cap", None)
    _nothing_is_left(worker, upstream)


def test_only_so_many_are_read_on_without_their_client(
    start: Start, catalog: CatalogDir, upstream: ScriptedUpstream
) -> None:
    worker = start(on_disconnect=DisconnectSettings(max_calls=2))
    socks = [_connect(worker, catalog.key, chat("output=5 gap=0.1", stream=True)) for _ in range(5)]
    for sock in socks:
        _read_until(sock, b"word0")
    for sock in socks:
        _reset(sock)
    states = sorted(row.state for row in worker.settled(5))
    assert states == ["cancelled"] * 3 + ["settled"] * 2
    _nothing_is_left(worker, upstream)


def test_a_client_that_does_not_read_holds_its_upstream_back_and_is_gone_in_the_end(
    start: Start, catalog: CatalogDir, upstream: ScriptedUpstream
) -> None:
    worker = start(write_stall_seconds=1.0)
    sock = _connect(worker, catalog.key, chat("fault=endless", model="@test/cancel", stream=True))
    wait_for(lambda: upstream.answering)
    (received,) = upstream.journal.values()

    def stands_still() -> bool:
        before = received.sent_bytes
        time.sleep(0.2)
        return received.sent_bytes == before > 0

    wait_for(stands_still)
    held = _resident_bytes()
    time.sleep(0.3)
    assert received.sent_bytes < 32 * 2**20  # what the kernel's buffers take on both sides
    assert _resident_bytes() - held < 8 * 2**20
    (row,) = worker.settled()
    assert (row.state, row.error_code, row.client_status) == ("cancelled", "client_left", 499)
    sock.close()
    _nothing_is_left(worker, upstream)


def test_a_slow_reader_is_waited_for(start: Start, catalog: CatalogDir, upstream: ScriptedUpstream) -> None:
    """As long as it takes something now and then, also with an answer that lies whole in the gateway."""
    worker = start(write_stall_seconds=0.5)
    sock = _connect(worker, catalog.key, chat("input=5 output=2000000"))
    size = 0
    ended = time.monotonic() + 1.2
    while time.monotonic() < ended:
        size += len(sock.recv(400_000))
        time.sleep(0.1)
    while piece := sock.recv(1 << 20):
        size += len(piece)
        if size > 10_000_000:
            break
    assert size > 10_000_000
    (row,) = worker.settled()
    assert (row.state, row.client_status) == ("settled", 200)
    sock.close()
    _nothing_is_left(worker, upstream)


def test_a_whole_answer_that_nobody_reads_does_not_stay_in_memory(
    start: Start, catalog: CatalogDir, upstream: ScriptedUpstream
) -> None:
    worker = start(write_stall_seconds=0.3)
    sock = _connect(worker, catalog.key, chat("input=5 output=4000000"))
    (row,) = wait_for(lambda: worker.settled() if worker.records() else [])
    assert (row.state, row.cost_pico_usd) == ("settled", 8_000_005_000_000)
    wait_for(lambda: not worker.connections(), seconds=5)
    sock.close()
    _nothing_is_left(worker, upstream)


def test_a_hundred_clients_that_leave_at_once(start: Start, catalog: CatalogDir, upstream: ScriptedUpstream) -> None:
    worker = start()
    socks = [
        _connect(worker, catalog.key, chat("input=5 output=3 gap=0.05 delay=0.2", stream=True)) for _ in range(100)
    ]
    wait_for(lambda: upstream.answering == 100)
    for sock in socks:
        _reset(sock)
    rows = worker.settled(100)
    assert {(row.state, row.client_status, row.cost_pico_usd) for row in rows} == {("settled", 499, 11_000_000)}
    _nothing_is_left(worker, upstream)


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_a_stream_that_crosses_is_read_on_for_its_usage(
    start: Start, catalog: CatalogDir, upstream: ScriptedUpstream
) -> None:
    worker = start()
    headers = {"x-api-key": catalog.key, "anthropic-version": "2023-06-01"}
    body = chat("input=7 output=20 gap=0.02", stream=True) | {"max_tokens": 100}
    with httpx.stream("POST", f"{worker.url}/v1/messages", json=body, headers=headers) as reply:
        assert next(reply.iter_text()).startswith("event: message_start")
    (record,) = worker.settled()
    assert (record.state, record.client_status) == ("settled", 499)
    assert (record.meters["input_tokens"], record.meters["output_tokens"]) == (7, 20)
    _nothing_is_left(worker, upstream)
