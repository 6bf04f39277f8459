"""The HTTP server of a worker: uvicorn on an inherited socket, with the deadlines and caps that it lacks.

Measured on one pinned core with the same raw Litestar handler and 32 connections: uvicorn (uvloop, httptools) 37,000
requests a second, granian 2.8 (uvloop) 21,000. uvicorn has no deadline for a request's head and none for a client that
does not read, so ours are added here.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from engine.errors import InvalidRequest
from engine.gateway.request import BODY_IS_LATE
from engine.wires.openai_errors import openai_error

HEAD_DEADLINE_SECONDS = 10.0
BODY_SECONDS = 30.0
MAX_HEAD_BYTES = 32 * 1024
MAX_HEADERS = 100
MAX_TARGET_BYTES = 8 * 1024

# A client that has been answered before it sent all may go on so long: closing at once would reset the connection,
# and it would see that instead of the answer.
LINGER_SECONDS = 30.0
LINGER_BYTES = 64 * 1024 * 1024

# A client that takes no byte for so long is gone.
WRITE_STALL_SECONDS = 60.0

_REFUSALS = {
    status: (
        b"HTTP/1.1 %d %s\r\nconnection: close\r\ncontent-type: application/json\r\n" % (status, phrase),
        code,
        openai_error(InvalidRequest(message, code=code)),
    )
    for status, phrase, code, message in (
        (400, b"Bad Request", "malformed_http", "This is not valid HTTP/1.1."),
        (408, b"Request Timeout", "head_timeout", "The head of the request did not arrive in time."),
        (414, b"URI Too Long", "uri_too_long", f"The URL is longer than {MAX_TARGET_BYTES} bytes."),
        (
            431,
            b"Request Header Fields Too Large",
            "headers_too_large",
            f"There are more than {MAX_HEADERS} headers, or they take more than {MAX_HEAD_BYTES} bytes.",
        ),
    )
}


class GuardedConfig(uvicorn.Config):
    """uvicorn's configuration, and what `GuardedProtocol` needs.

    `on_refusal` is told the code of each request that is refused before it could be read, and gives it an id.
    """

    def __init__(
        self,
        app: Any,
        *,
        on_refusal: Callable[[str], str],
        body_seconds: float,
        write_stall_seconds: float,
        **options: Any,
    ) -> None:
        super().__init__(app, http=GuardedProtocol, **options)
        self.on_refusal = on_refusal
        self.body_seconds = body_seconds
        self.write_stall_seconds = write_stall_seconds


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol, with caps on a request's head, and a deadline in every state that it can be in.

    Those are: the head is awaited (`_head_timer`); the body is (`_body_timer`, after which `receive` returns and the
    scope has `BODY_IS_LATE`); the app answers, in its own time; the answer is complete and the body is not
    (`_linger_timer`); nothing is asked (uvicorn's keep-alive timer). Beside them runs `_stall_timer` while the client
    owes us reading. A timer for what has arrived already, as it nearly always has, is never started.
    """

    config: GuardedConfig
    _in_head = False
    _refused = False
    _is_upgrade_ignored = False
    _head_bytes = 0
    _linger_left = 0
    _unsent = 0
    _head_timer: asyncio.TimerHandle | None = None
    _body_timer: asyncio.TimerHandle | None = None
    _linger_timer: asyncio.TimerHandle | None = None
    _stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        self._stop_body_timer()
        self._stop_linger_timer()
        self._stop_stall_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            self._linger(len(data))
            return
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(400)
        if self._head_timer is None and (self._in_head or self._is_unguarded()):
            self._start_head_timer()
        elif self._body_timer is None and self._is_in_body():
            self._body_timer = self.loop.call_later(self.config.body_seconds, self._say_body_is_late)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > MAX_TARGET_BYTES:
            self._refuse(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head or self._refused:
            return  # a trailer must not become a header: proxies in front may let it pass unseen
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEAD_BYTES or len(self.headers) >= MAX_HEADERS:
            self._refuse(431)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._stop_head_timer()
        if not self._refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._linger_timer is not None:
            self._linger(len(body))
        elif not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade() and not self._is_upgrade_ignored:
            return  # said too early: the body is still to come
        self._stop_body_timer()
        if self._linger_timer is not None and not self._refused:
            self._stop_linger_timer()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        elif not self._refused:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._stop_body_timer()
        if self.transport.is_closing():
            self._start_stall_timer()
        elif self.cycle.response_complete and self.cycle.more_body:
            self._start_linger_timer()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # the last answer was never read: closing would wait for that
        else:
            super().timeout_keep_alive_handler()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_stall_timer()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_stall_timer()

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """The parser stops where another protocol would begin, and takes the body for that. We stay with HTTP/1.1.

        Java's own client asks for `Upgrade: h2c` with every first request.
        """
        if self._refused:
            return
        self._is_upgrade_ignored = True
        self.cycle.keep_alive = False
        self.parser = httptools.HttpRequestParser(_BodyOf(self))
        framing = [
            b"%b: %b\r\n" % field for field in self.headers if field[0] in (b"content-length", b"transfer-encoding")
        ]
        self.parser.feed_data(b"POST / HTTP/1.1\r\n%b\r\n" % b"".join(framing))
        self.data_received(rest)

    def _is_unguarded(self) -> bool:
        """Whether nothing runs and no timer does: an empty line before a request ends uvicorn's, and begins nothing."""
        is_answered = self.cycle is None or self.cycle.response_complete
        is_timed = self._linger_timer is not None or self.timeout_keep_alive_task is not None
        return is_answered and not is_timed and not self.transport.is_closing()

    def _is_in_body(self) -> bool:
        cycle = self.cycle
        return cycle is not None and cycle.more_body and not cycle.response_complete

    def _say_body_is_late(self) -> None:
        self._body_timer = None
        self.cycle.scope[BODY_IS_LATE] = True  # type: ignore[literal-required]
        self.cycle.message_event.set()

    def _refuse(self, status: int) -> None:
        """Answer what cannot be read, and read no more."""
        if self._refused or self.transport is None or self.transport.is_closing():
            return
        self._refused = True
        self._stop_head_timer()
        head, code, body = _REFUSALS[status]
        request_id = self.config.on_refusal(code)
        if self.cycle is not None and not self.cycle.response_complete:
            self.transport.abort()  # an answer to an earlier request is under way: nothing may get in between
            return
        rest = f"x-request-id: {request_id}\r\ncontent-length: {len(body)}\r\n\r\n"
        self.transport.write(head + rest.encode() + body)
        self.transport.write_eof()
        self._start_linger_timer()

    def _linger(self, size: int) -> None:
        self._linger_left -= size
        if self._linger_left < 0:
            self.transport.abort()

    def _start_linger_timer(self) -> None:
        self._linger_left = LINGER_BYTES
        self._linger_timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _stop_linger_timer(self) -> None:
        if self._linger_timer is not None:
            self._linger_timer.cancel()
            self._linger_timer = None

    def _start_head_timer(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_DEADLINE_SECONDS, self._refuse, 408)

    def _stop_body_timer(self) -> None:
        if self._body_timer is not None:
            self._body_timer.cancel()
            self._body_timer = None

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _start_stall_timer(self) -> None:
        self._stop_stall_timer()
        self._unsent = self.transport.get_write_buffer_size()
        self._stall_timer = self.loop.call_later(self.config.write_stall_seconds, self._check_stall)

    def _stop_stall_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _check_stall(self) -> None:
        if self.transport.get_write_buffer_size() < self._unsent:
            self._start_stall_timer()
        else:
            self.transport.abort()


class _BodyOf:
    """Passes on the body of one request whose head the protocol has seen already; anything behind it is ignored."""

    def __init__(self, protocol: GuardedProtocol) -> None:
        self._protocol: GuardedProtocol | None = protocol

    def on_body(self, body: bytes) -> None:
        if self._protocol is not None:
            self._protocol.on_body(body)

    def on_message_complete(self) -> None:
        if self._protocol is not None:
            self._protocol.on_message_complete()
            self._protocol = None


class Server(uvicorn.Server):
    """A server whose signals belong to the process that owns it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone: uvicorn would raise them again after a graceful shutdown, and the exit code be wrong."""
        yield


def build_server(
    app: Any,
    *,
    grace_seconds: float,
    on_refusal: Callable[[str], str] = lambda _code: "",
    body_seconds: float = BODY_SECONDS,
    write_stall_seconds: float = WRITE_STALL_SECONDS,
) -> Server:
    """A server for `app` that, once told to exit, waits `grace_seconds` for running requests."""
    return Server(
        GuardedConfig(
            app,
            on_refusal=on_refusal,
            body_seconds=body_seconds,
            write_stall_seconds=write_stall_seconds,
            loop="uvloop",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            log_level="error",  # its warnings are about clients' mistakes: counted, and answered
            server_header=False,
            date_header=True,
            proxy_headers=False,
            backlog=2048,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=int(grace_seconds) + 1,
        )
    )
