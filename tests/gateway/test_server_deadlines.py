"""A connection has a deadline in every state that a client can bring it into."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from harness.catalogs import CatalogDir
from harness.inprocess import InProcess
from harness.served import wait_for

from engine.operator.settings import LimitSettings

Start = Callable[..., InProcess]


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.gateway.server.HEAD_DEADLINE_SECONDS", 0.4)
    monkeypatch.setattr("engine.gateway.server.LINGER_SECONDS", 0.4)


@pytest.fixture
def worker(start: Start) -> InProcess:
    return start(limits=LimitSettings(max_body_bytes=1_000_000, body_timeout_ms=400))


@pytest.fixture
def sock(worker: InProcess) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", worker.port), timeout=5) as sock:
        yield sock


def _drip(sock: socket.socket, data: bytes, *, seconds: float) -> None:
    """Send byte by byte, until the other side has had enough."""
    ended = time.monotonic() + seconds
    for byte in data:
        if time.monotonic() > ended:
            break
        try:
            sock.sendall(bytes([byte]))
        except ConnectionError:
            return
        time.sleep(0.03)


def _rest(sock: socket.socket) -> bytes:
    found = b""
    while True:
        try:
            piece = sock.recv(65536)
        except ConnectionError:
            return found
        if not piece:
            return found
        found += piece


def _is_closed(worker: InProcess) -> None:
    wait_for(lambda: worker.connections() == 0, seconds=5)


def test_who_says_nothing(worker: InProcess, sock: socket.socket) -> None:
    assert _rest(sock).startswith(b"HTTP/1.1 408 ")
    _is_closed(worker)
    assert worker.gateway.refusals["head_timeout"] == 1


@pytest.mark.parametrize("head", [b"GET /livez HTTP/1.1\r\nx: " + b"y" * 100, b"GET /" + b"x" * 100, b"\r\n" * 50])
def test_whose_head_comes_byte_by_byte(worker: InProcess, sock: socket.socket, head: bytes) -> None:
    _drip(sock, head, seconds=2)
    assert _rest(sock).startswith(b"HTTP/1.1 408 ")
    _is_closed(worker)


def test_a_second_head_has_a_deadline_too(worker: InProcess, sock: socket.socket) -> None:
    for start in (b"GET /li", b"\r\n"):
        with socket.create_connection(("127.0.0.1", worker.port), timeout=5) as again:
            again.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
            assert again.recv(65536).startswith(b"HTTP/1.1 200 ")
            again.sendall(start)
            assert _rest(again).startswith(b"HTTP/1.1 408 ")


def test_whose_body_comes_byte_by_byte(worker: InProcess, sock: socket.socket, catalog: CatalogDir) -> None:
    head = f"POST /v1/chat/completions HTTP/1.1\r\nx-api-key: {catalog.key}\r\ncontent-type: application/json\r\n"
    sock.sendall(head.encode() + b"content-length: 1000\r\n\r\n")
    _drip(sock, b"x" * 1000, seconds=2)
    assert b"body_timeout" in _rest(sock)
    _is_closed(worker)


def test_whose_body_goes_on_after_the_answer(worker: InProcess, sock: socket.socket) -> None:
    sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n")
    assert sock.recv(65536).startswith(b"HTTP/1.1 401 ")
    _drip(sock, b"x" * 1000, seconds=2)
    assert _rest(sock) == b""
    _is_closed(worker)


def test_whose_body_ends_after_the_answer_may_ask_again(worker: InProcess, sock: socket.socket) -> None:
    sock.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n")
    assert sock.recv(65536).startswith(b"HTTP/1.1 401 ")
    sock.sendall(b"x" * 1000)
    time.sleep(0.6)
    sock.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
    assert sock.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_a_refused_head_that_goes_on(worker: InProcess, sock: socket.socket) -> None:
    sock.sendall(b"nonsense\r\n\r\n")
    assert sock.recv(65536).startswith(b"HTTP/1.1 400 ")
    _drip(sock, b"x" * 1000, seconds=2)
    _is_closed(worker)
