"""The two processes around what is measured: an upstream that answers at once, and a client that asks as fast as it can.

Both are bare uvloop protocols (about 15 µs a request together), so that they are not what is measured. What a request should
get, a whole answer or a stream, stands in its text.
"""

import asyncio
import multiprocessing.connection
import re
import time
from collections.abc import Callable
from typing import Any

import uvloop

_TEXT = " ".join(["The quick brown fox jumps over the lazy dog."] * 6)
ANSWER = (
    '{"id":"chatcmpl-0123456789abcdefghij","object":"chat.completion","created":1764000000,"model":"upstream-name",'
    '"choices":[{"index":0,"message":{"role":"assistant","content":"' + _TEXT + '"},"finish_reason":"stop"}],'
    '"usage":{"prompt_tokens":230,"completion_tokens":61,"total_tokens":291,"prompt_tokens_details":'
    '{"cached_tokens":128},"completion_tokens_details":{"reasoning_tokens":0}}}'
).encode()
PLAIN = (
    b"HTTP/1.1 200 OK\r\ndate: Mon, 01 Jan 2026 00:00:00 GMT\r\nserver: bench\r\ncontent-type: application/json\r\n"
    b"x-request-id: req_0123456789abcdef\r\nx-ratelimit-remaining-requests: 9999\r\ncontent-length: %d\r\n\r\n%s"
    % (len(ANSWER), ANSWER)
)
_EVENT = b'data: {"id":"chatcmpl-0123456789abcdefghij","object":"chat.completion.chunk","created":1764000000,"model":"upstream-name","choices":%s}\n\n'
_WORD = _EVENT % b'[{"index":0,"delta":{"content":" word"},"finish_reason":null}]'
_LAST = (
    _EVENT % b'[{"index":0,"delta":{},"finish_reason":"stop"}]',
    _EVENT[:-3] % b"[]" + b',"usage":{"prompt_tokens":230,"completion_tokens":100,"total_tokens":330}}\n\n',
    b"data: [DONE]\n\n",
)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_STREAM = re.compile(rb"chunks=(\d+) gap_ms=(\d+)")


_ENDS = tuple(end + b"\n\n\r\n0\r\n\r\n" for end in (b"data: [DONE]", b'{"type":"message_stop"}'))

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"


def request(host: str, key: str, model: str, *, chunks: int = 0, gap_ms: int = 0, path: str = CHAT) -> bytes:
    """A chat request of about 1 KB with the headers of OpenAI's client; with `chunks`, a streamed one.

    The body is one that both OpenAI's and Anthropic's API take.
    """
    script = f"chunks={chunks} gap_ms={gap_ms} " if chunks else ""
    fields = f'"model":"{model}","temperature":0.2,"max_tokens":256' + (',"stream":true' if chunks else "")
    system = '{"role":"system","content":"You are a support assistant. Answer in one paragraph."}'
    text = (script + "Please summarise this ticket for me. " * 20)[:650]
    body = f'{{{fields},"messages":[{system},{{"role":"user","content":"{text}"}}]}}'
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive"
        "\r\nAccept: application/json\r\nContent-Type: application/json\r\nUser-Agent: OpenAI/Python 2.0.0\r\n"
        "X-Stainless-Lang: python\r\nX-Stainless-Package-Version: 2.0.0\r\nX-Stainless-OS: Linux\r\n"
        "X-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\nX-Stainless-Runtime-Version: 3.11.7\r\n"
        f"X-Stainless-Async: false\r\nX-Stainless-Retry-Count: 0\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


# The upstream.


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


_WORD_CHUNK = _chunk(_WORD)
_LAST_CHUNKS = b"".join(map(_chunk, _LAST)) + b"0\r\n\r\n"


class _Upstream(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self._transport, self._got = transport, b""

    def data_received(self, data: bytes) -> None:
        self._got += data
        head_end = self._got.find(b"\r\n\r\n")
        if head_end < 0:
            return
        length = _LENGTH.search(self._got, 0, head_end + 2)
        if length is None or len(self._got) < head_end + 4 + int(length[1]):
            return
        script = _STREAM.search(self._got, head_end)
        self._got = b""
        if script is None:
            self._transport.write(PLAIN)
        else:
            self._transport.write(STREAM_HEAD)
            self._more(int(script[1]), int(script[2]) / 1000)

    def _more(self, left: int, gap: float) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(_WORD_CHUNK if left else _LAST_CHUNKS)
        if left:
            loop = asyncio.get_running_loop()
            if gap:
                loop.call_later(gap, self._more, left - 1, gap)
            else:
                loop.call_soon(self._more, left - 1, gap)


def serve_upstream(pipe: multiprocessing.connection.Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_Upstream, "127.0.0.1", 0, backlog=1024)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


# The client.


class _Connection(asyncio.Protocol):
    """Sends one request at a time and tells `on_answer(connection, microseconds)`."""

    def __init__(self, message: bytes, on_answer: Callable[["_Connection", float], None]) -> None:
        self._message, self._on_answer = message, on_answer
        self._streamed = b"chunks=" in message
        self._got = b""
        self.error = ""
        self.busy = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def send(self) -> None:
        self.busy = True
        self._began = time.perf_counter()
        self.transport.write(self._message)

    def data_received(self, data: bytes) -> None:
        self._got = got = self._got + data if self._got else data
        if self._streamed:
            complete = got.endswith(_ENDS)
            if not complete and got.startswith(b"HTTP/1.1 200") and len(got) > 64:
                self._got = got[:32] + got[-32:]
        else:
            head_end = got.find(b"\r\n\r\n")
            length = _LENGTH.search(got, 0, head_end + 2) if head_end > 0 else None
            complete = length is not None and len(got) >= head_end + 4 + int(length[1])
        if complete or not got.startswith(b"HTTP/1.1 200"):
            if not got.startswith(b"HTTP/1.1 200"):
                self.error = got[:600].decode("latin-1")
            self._got, self.busy = b"", False
            self._on_answer(self, (time.perf_counter() - self._began) * 1e6)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.busy:
            self.error = f"the connection was closed: {exc}"
            self._on_answer(self, 0.0)


async def _connect(port: int, message: bytes, count: int, on_answer: Any) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Connection(message, on_answer), "127.0.0.1", port) for _ in range(count)
    ]
    return [protocol for _, protocol in made]


async def _closed_loop(
    pipe: Any, port: int, message: bytes, connections: int, seconds: float, calls: int
) -> dict[str, Any]:
    """Every connection sends its next request as soon as it has its answer, for a time or for a number of calls."""
    done, errors, left = 0, [], calls or 1 << 60
    over = asyncio.Event()
    until = 0.0

    def on_answer(connection: _Connection, _took: float) -> None:
        nonlocal done, left
        done += 1
        if connection.error:
            errors.append(connection.error)
            over.set()
        elif left > 0 and time.perf_counter() < until:
            left -= 1
            connection.send()
        elif not any(each.busy for each in made):
            over.set()

    made = await _connect(port, message, connections, on_answer)
    pipe.send("connected")
    pipe.recv()
    began = time.perf_counter()
    until = began + (seconds or 3600)
    for connection in made[: calls or None]:
        left -= 1
        connection.send()
    await over.wait()
    took = time.perf_counter() - began
    for connection in made:
        connection.transport.close()
    return {"done": done, "seconds": took, "error": errors[0] if errors else ""}


async def _open_loop(pipe: Any, port: int, message: bytes, rate: int, calls: int) -> dict[str, Any]:
    """Requests at a steady rate, whatever the answers do; the latency of each, from its writing to its last byte."""
    free: list[_Connection] = []
    latencies: list[float] = []
    errors: list[str] = []

    def on_answer(connection: _Connection, took: float) -> None:
        latencies.append(took)
        if connection.error:
            errors.append(connection.error)
        free.append(connection)

    made = await _connect(port, message, 64, on_answer)
    free += made
    pipe.send("connected")
    pipe.recv()
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(calls):
        await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
        while not free:  # noqa: ASYNC110 - only where the server is far behind
            await asyncio.sleep(0.001)
        free.pop().send()
        if errors:
            break
    while len(latencies) < calls and not errors:  # noqa: ASYNC110 - nothing is measured any more
        await asyncio.sleep(0.005)
    for connection in made:
        connection.transport.close()
    return {"done": len(latencies), "latencies": latencies, "error": errors[0] if errors else ""}


def serve_client(pipe: multiprocessing.connection.Connection) -> None:
    jobs = {"closed": _closed_loop, "open": _open_loop}
    while True:
        try:
            kind, arguments = pipe.recv()
        except EOFError:
            return
        pipe.send(uvloop.run(jobs[kind](pipe, **arguments)))
