"""An upstream of the tests' own: OpenAI's chat API on raw sockets, scripted by the request, with a journal.

It stands where a real model cannot: where hundreds of calls must be in flight, or where the upstream must misbehave.
What it should do is the last message's text, words of the form name=value (see `Script`).
"""

import asyncio
import base64
import contextlib
import json
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

_FIRST_LINE = re.compile(rb"POST (\S+) HTTP/1\.1\r\n")


@dataclass
class Script:
    """What to do with one request.

    `input` and `output` are the usage reported. A stream has `output` chunks with `gap` seconds between them. `delay`
    seconds pass before the answer's head. `status` other than 200 is an error reply. `fault` is one of: reset (before
    the head), cut (in the body), hang (no head), stall (no end), html, nousage, nodone, error_event, endless (as fast as
    it is read), endless_event. `raw` is, in base64, all that is answered, byte for byte, with `{credential}` replaced by
    the credential that came; the connection is closed after it.
    """

    delay: float = 0.0
    gap: float = 0.0
    input: int = 10
    output: int = 4
    cached: int = 0
    status: int = 200
    fault: str = ""
    retry_after: str = ""
    raw: str = ""


@dataclass
class Received:
    """One request as it arrived. `attempt` is our id of it; `finished` that the whole answer was written.

    `sent_at` are the times (monotonic) at which the events of a stream were written, `sent_bytes` their size.
    """

    attempt: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    script: Script
    at: float = field(default_factory=time.monotonic)
    finished: bool = False
    closed_early: bool = False
    closed_at: float = 0.0
    sent_at: list[float] = field(default_factory=list)
    sent_bytes: int = 0


class ScriptedUpstream:
    """Serves from a thread of this process. `journal` holds every request that was received whole, by attempt id."""

    def __init__(self) -> None:
        self.journal: dict[str, Received] = {}
        self.duplicates: list[str] = []
        self.connections = 0
        self.open_connections = 0
        self.answering = 0
        self.hold = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="scripted-upstream", daemon=True)
        self._ready = threading.Event()
        self.port = 0

    @property
    def origin(self) -> str:
        """http://127.0.0.1:PORT."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=1024))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        received: Received | None = None
        try:
            while True:
                received = None
                received = await self._receive(reader)
                if not await self._answer(received, reader, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            if received is not None and not received.finished:
                received.closed_early = True
        finally:
            self.open_connections -= 1
            writer.close()
            with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _receive(self, reader: asyncio.StreamReader) -> Received:
        head = await reader.readuntil(b"\r\n\r\n")
        match = _FIRST_LINE.match(head)
        assert match is not None, head
        headers = {}
        for line in head.split(b"\r\n")[1:-2]:
            name, _, value = line.partition(b":")
            headers[name.decode().lower()] = value.strip().decode()
        body = json.loads(await reader.readexactly(int(headers["content-length"])))
        attempt = headers.get("x-catalog-attempt", "")
        received = Received(attempt, match[1].decode(), headers, body, script_of(body))
        if attempt in self.journal:
            self.duplicates.append(attempt)
        self.journal[attempt] = received
        return received

    async def _answer(self, received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Answer; whether the connection goes on. The client's leaving ends the answer at once."""
        self.answering += 1
        answering = asyncio.ensure_future(self._play(received, writer))
        gone = asyncio.ensure_future(reader.read(1))
        try:
            await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answering.done():
                received.closed_early, received.closed_at = True, time.monotonic()
                return False
            return answering.result()
        finally:
            self.answering -= 1
            for task in (answering, gone):
                task.cancel()
            await asyncio.gather(answering, gone, return_exceptions=True)

    async def _play(self, received: Received, writer: asyncio.StreamWriter) -> bool:
        script = received.script
        if script.delay:
            await asyncio.sleep(script.delay)
        while self.hold.is_set():  # noqa: ASYNC110 - set from another thread
            await asyncio.sleep(0.005)
        if script.fault == "hang":
            await asyncio.sleep(3600)
        if script.fault == "reset":
            _reset(writer)
            return False
        if script.raw:
            credential = received.headers.get("authorization", "").removeprefix("Bearer ")
            writer.write(base64.urlsafe_b64decode(script.raw).replace(b"{credential}", credential.encode()))
            await writer.drain()
            received.finished = True
            return False
        if script.status != 200:
            extra = f"retry-after: {script.retry_after}\r\n" if script.retry_after else ""
            key = received.headers.get("authorization", "")
            error = {
                "error": {"message": f"no: {key}", "type": "x", "code": "context_length_exceeded", "param": "messages"}
            }
            _write_whole(writer, json.dumps(error).encode(), status=script.status, extra=extra)
        elif script.fault == "html":
            _write_whole(writer, b"<html>hello</html>", content_type="text/html")
        elif received.body.get("stream"):
            return await self._stream(received, writer)
        else:
            data = json.dumps(completion(received)).encode()
            if script.fault == "cut":
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9999\r\n\r\n" + data
                )
                await writer.drain()
                return False
            _write_whole(writer, data)
        await writer.drain()
        received.finished = True
        return True

    async def _stream(self, received: Received, writer: asyncio.StreamWriter) -> bool:
        script = received.script
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        if script.fault == "error_event":
            _write_event(writer, {"error": {"message": "secret text", "type": "overloaded_error", "code": 529}})
            _write_chunk(writer, b"")
            return True
        if script.fault == "endless_event":
            _write_event(writer, chunk_of(received, "word0 "))
            while True:
                _write_chunk(writer, b"x" * 65_536)
                await writer.drain()
        while script.fault == "endless":
            _write_event(writer, chunk_of(received, "word " * 1000))
            received.sent_bytes += 5000
            await writer.drain()
        for number in range(script.output):
            if number and script.gap:
                await asyncio.sleep(script.gap)
            received.sent_at.append(time.monotonic())
            _write_event(writer, chunk_of(received, f"word{number} "))
            await writer.drain()
            if script.fault == "cut" and number >= 1:
                _reset(writer)
                return False
            if script.fault == "stall" and number >= 1:
                await asyncio.sleep(3600)
        _write_event(writer, chunk_of(received, None))
        if script.fault != "nousage" and received.body.get("stream_options", {}).get("include_usage"):
            _write_event(writer, {**chunk_of(received, None), "choices": [], "usage": usage_of(script)})
        if script.fault == "nodone":
            _write_chunk(writer, b"")
            return True
        _write_chunk(writer, b"data: [DONE]\n\n")
        _write_chunk(writer, b"")
        await writer.drain()
        received.finished = True
        return True


def script_of(body: dict[str, Any]) -> Script:
    """The script in a request's last message."""
    if isinstance(body.get("messages"), list):
        words = re.findall(r"(\w+)=(\S+)", str(body["messages"][-1]["content"]))
    else:  # another API than chat: anywhere in the body
        words = re.findall(r'(\w+)=([^\s"\\]+)', json.dumps(body))
    script = Script()
    for name, value in words:
        kind = type(getattr(script, name))
        setattr(script, name, kind(value))
    return script


def usage_of(script: Script) -> dict[str, Any]:
    """The usage object for a script."""
    return {
        "prompt_tokens": script.input,
        "completion_tokens": script.output,
        "total_tokens": script.input + script.output,
        "prompt_tokens_details": {"cached_tokens": script.cached},
    }


def completion(received: Received) -> dict[str, Any]:
    """A whole answer."""
    message = {"role": "assistant", "content": "word " * received.script.output}
    answer = {
        "id": f"chatcmpl-{received.attempt}",
        "object": "chat.completion",
        "created": 1,
        "model": received.body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": usage_of(received.script),
    }
    if received.script.fault == "nousage":
        del answer["usage"]
    return answer


def chunk_of(received: Received, text: str | None) -> dict[str, Any]:
    """One chunk of a stream; the last has no text."""
    delta = {"content": text} if text is not None else {}
    choice = {"index": 0, "delta": delta, "finish_reason": None if text is not None else "stop"}
    return {
        "id": f"chatcmpl-{received.attempt}",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": received.body["model"],
        "choices": [choice],
    }


def _write_whole(
    writer: asyncio.StreamWriter,
    body: bytes,
    *,
    status: int = 200,
    content_type: str = "application/json",
    extra: str = "",
) -> None:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\n{extra}content-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)


def _write_event(writer: asyncio.StreamWriter, value: dict[str, Any]) -> None:
    _write_chunk(writer, b"data: " + json.dumps(value).encode() + b"\n\n")


def _write_chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))


def _reset(writer: asyncio.StreamWriter) -> None:
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def raw(answer: bytes) -> str:
    """The script that answers with exactly these bytes."""
    return f"raw={base64.urlsafe_b64encode(answer).decode()}"


def raw_json(body: bytes, *, status: int = 200, headers: str = "", content_type: str = "application/json") -> str:
    """The script that answers with this body; `headers` are lines that end in CRLF."""
    head = f"HTTP/1.1 {status} X\r\ncontent-type: {content_type}\r\n{headers}connection: close\r\n\r\n"
    return raw(head.encode("latin-1") + body)
