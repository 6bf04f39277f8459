"""The other side of the upstream contract: a raw-socket server that does exactly what a test's script says.

The contract is run against the client that the gateway uses. `UPSTREAM_CANDIDATE=NAME` runs another one through it:
`candidates/with_NAME.py` must have an `Upstream` with the same interface. `compare.py` does that for all of them.
"""

import contextlib
import importlib
import os
import select
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
import trustme

from engine.gateway.upstream import Upstream, UpstreamRequest
from engine.model import Timeouts
from engine.operator.origins import Origin, OriginPolicy

HERE = Path(__file__).parent
QUICK = Timeouts(connect_ms=2_000, first_byte_ms=5_000, idle_ms=5_000, total_ms=20_000)


class Peer:
    """One accepted connection, as its script sees it. Blocking, in a thread of its own."""

    def __init__(self, raw: socket.socket, server: "Server") -> None:
        self.socket = raw
        self._server = server

    def read_request(self) -> bytes:
        """One request, head and body, put on the server's record; b"" where the client closed instead."""
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := self.socket.recv(65536)):
                return b""
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:"))
        while len(body) < length:
            body += self.socket.recv(65536)
        request = head + b"\r\n\r\n" + body
        self._server.requests.append(request)
        return request

    def send(self, data: bytes) -> float:
        """Send, and say when."""
        now = time.monotonic()
        self.socket.sendall(data)
        return now

    def answer(self, body: bytes = b"{}", head: str = "", status: str = "200 OK") -> None:
        """One complete answer."""
        self.send(f"HTTP/1.1 {status}\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body)

    def begin_chunked(self, head: str = "") -> None:
        """The head of a stream."""
        self.send(f"HTTP/1.1 200 OK\r\n{head}transfer-encoding: chunked\r\n\r\n".encode())

    def chunk(self, data: bytes) -> float:
        """One chunk of a stream; an empty one ends it."""
        return self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def close(self) -> None:
        """FIN."""
        self.socket.close()

    def reset(self) -> None:
        """RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def closed_within(self, seconds: float) -> bool:
        """Whether the client closes (FIN or RST) within so many seconds."""
        end = time.monotonic() + seconds
        try:
            while (left := end - time.monotonic()) > 0:
                if select.select([self.socket], [], [], left)[0] and not self.socket.recv(65536):
                    return True
        except OSError:
            return True
        return False


class Server:
    """Runs `script(peer)` for each connection on a loopback port of the system's choice."""

    def __init__(self, script: Callable[[Peer], None], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.faults: list[BaseException] = []
        self._script = script
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._raws: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        scheme = "https" if tls else "http"
        self.origin = Origin(scheme, "127.0.0.1", self._listener.getsockname()[1])

    def named(self, host: str) -> Origin:
        return Origin(self.origin.scheme, host, self.origin.port)

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._raws.append(raw)
            thread = threading.Thread(target=self._serve, args=(raw,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, raw: socket.socket) -> None:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.settimeout(15)
        try:
            if self._tls:
                raw = self._tls.wrap_socket(raw, server_side=True)
                self._raws.append(raw)
            self._script(Peer(raw, self))
        except OSError:
            pass  # the client left: what a script wants to know of that, it asks
        except BaseException as fault:
            self.faults.append(fault)
        finally:
            raw.close()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for raw in self._raws:
            with contextlib.suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)
        assert not any(thread.is_alive() for thread in self._threads), "a script hangs"
        if self.faults:
            raise self.faults[0]


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(script: Callable[[Peer], None], tls: ssl.SSLContext | None = None) -> Server:
        servers.append(Server(script, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def upstream_class():
    name = os.environ.get("UPSTREAM_CANDIDATE")
    if not name:
        return Upstream
    sys.path.insert(0, str(HERE / "candidates"))
    return importlib.import_module(f"with_{name}").Upstream


@pytest.fixture
async def connect_to(upstream_class):
    """`connect_to(server or origin, …)` makes an upstream client that is closed after the test."""
    made = []

    def make(target, policy=None, *, max_connections=4, max_response_bytes=1 << 20, **more):
        origin = target.origin if isinstance(target, Server) else target
        policy = policy or OriginPolicy(private=True)
        client = upstream_class(
            origin, policy, max_connections=max_connections, max_response_bytes=max_response_bytes, **more
        )
        made.append(client)
        return client

    yield make
    for client in made:
        await client.close()


@pytest.fixture(scope="session")
def ask():
    """`ask(**timeouts)` is a request of the usual shape."""

    def make(body: bytes = b'{"a":1}', headers=(("content-type", "application/json"),), **timeouts) -> UpstreamRequest:
        limits = {name: getattr(QUICK, name) for name in QUICK.__struct_fields__} | timeouts
        return UpstreamRequest("POST", "/v1/x?y=%2F", tuple(headers), body, Timeouts(**limits))

    return make


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    """A private authority, and server contexts whose certificate is good, for another host, or expired."""
    authority = trustme.CA()
    ca_file = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))

    def context(host: str, not_after: datetime | None = None) -> ssl.SSLContext:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(host, not_after=not_after).configure_cert(made)
        return made

    return SimpleNamespace(
        ca_file=str(ca_file),
        good=context("127.0.0.1"),
        named=context("llm.test"),
        wrong_host=context("other.test"),
        expired=context("127.0.0.1", datetime.now(UTC) - timedelta(days=1)),
    )
