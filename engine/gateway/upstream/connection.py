"""One HTTP/1.1 connection to an upstream: bytes in and out, parsed by httptools (llhttp), with its deadlines.

It carries one exchange at a time (`UpstreamResponse`) and reports to its pool when that is over.
"""

import asyncio
import select
from collections.abc import Callable
from typing import cast

import httptools

from engine.gateway.upstream.response import UpstreamResponse
from engine.model import Timeouts

MAX_HEADER_FIELDS = 128
MAX_HEADER_BYTES = 64 * 1024
"""What may come without a byte of body: all heads of one answer, interim ones (1xx) too; its trailers."""

KEEP_ALIVE_S = 30.0
"""An idle connection that is older is not used again: servers and middleboxes forget such ones silently."""

_NO_BODY = frozenset({204, 304})


class Connection(asyncio.Protocol):
    """One socket, a member of `siblings` while it is open.

    `on_free(connection, reusable)` is called once when an exchange is over, however it ended.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        siblings: "set[Connection]",
        on_free: "Callable[[Connection, bool], None]",
    ) -> None:
        self._loop = loop
        self._siblings = siblings
        self._on_free = on_free
        self._transport: asyncio.Transport | None = None
        self._poll = select.poll()
        self._parser = httptools.HttpResponseParser(self)
        self._exchange: UpstreamResponse | None = None
        self._paused = False
        self._spent = False  # no further exchange is possible
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0
        self._idle_since = 0.0
        self._bare_bytes = 0
        self._head_fields = 0
        self._headers: dict[str, str] = {}
        self._until_close = False
        self._complete = False

    # For the pool.

    def exchange(self, request: bytes, timeouts: Timeouts, started: float, max_bytes: int) -> UpstreamResponse:
        """Write a request. From here on it may have been sent."""
        transport = cast("asyncio.Transport", self._transport)
        exchange = UpstreamResponse(self._loop, self, timeouts, started, max_bytes)
        self._exchange = exchange
        self._bare_bytes = self._head_fields = 0
        self._headers = {}
        self._complete = False
        self._until_close = False
        self._arm(min(started + timeouts.first_byte_ms / 1000, exchange.total_at))
        transport.write(request)
        return exchange

    def is_fresh(self) -> bool:
        """Whether an idle connection can be used: it is open, young, and the peer has said nothing since.

        The kernel is asked as well, because the event loop may not have seen the peer's closing yet. This is what makes
        a stale connection a harmless one: it is noticed before a byte is written.
        """
        if self._spent or self._transport is None or self._transport.is_closing():
            return False
        return self._loop.time() - self._idle_since < KEEP_ALIVE_S and not self._poll.poll(0)

    def drop(self) -> None:
        """Close the socket at once, without the goodbyes of TLS; an exchange under way fails."""
        self._spent = True
        self._siblings.discard(self)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._transport is not None:
            self._transport.abort()
        self._release()

    def hold(self) -> None:
        """Read no more from the socket for now."""
        if self._transport is not None and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Read from the socket again."""
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket stands, TLS included."""
        self._transport = cast("asyncio.Transport", transport)
        if self._spent:  # uvloop tells so even after the dialling was cancelled, and never tells of the end
            self._transport.abort()
            return
        self._siblings.add(self)
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def data_received(self, data: bytes) -> None:
        """Some bytes of an answer; bytes that nobody asked for end the connection."""
        exchange = self._exchange
        if exchange is None:
            self.drop()
            return
        self._bare_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._spent = True
            if not self._complete:  # what follows a complete answer does not spoil it
                exchange.fail("the upstream's answer is not valid HTTP/1.1", "upstream_protocol")
        if self._bare_bytes > MAX_HEADER_BYTES and not self._complete:
            exchange.fail("the head of the upstream's answer is too large", "upstream_protocol")
        if exchange.ended:
            self.drop()
        elif self._complete:
            self._finish()
        elif exchange.status:
            self._arm(min(self._loop.time() + exchange.idle_s, exchange.total_at))

    def connection_lost(self, exc: Exception | None) -> None:
        """The peer closed, or we did."""
        self._spent = True
        if (exchange := self._exchange) is not None:
            if exchange.status and self._until_close and exc is None:
                exchange.end()
            elif exchange.status:
                exchange.fail("the upstream's answer ended early", "upstream_truncated")
            else:
                exchange.fail("the upstream closed the connection without an answer", "upstream_reset")
        self.drop()
        self._transport = None

    # httptools

    def on_message_begin(self) -> None:
        """A second answer to one request is a fault of the peer."""
        if self._complete:
            self._spent = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header or trailer field."""
        exchange = self._exchange
        if exchange is None or self._complete or exchange.status:
            return  # trailers are dropped
        self._head_fields += 1
        if self._head_fields > MAX_HEADER_FIELDS:
            exchange.fail("the upstream's answer has too many header fields", "upstream_protocol")
            return
        key = name.decode("latin-1").lower()
        text = value.decode("latin-1")
        self._headers[key] = f"{self._headers[key]}, {text}" if key in self._headers else text

    def on_headers_complete(self) -> None:
        """The end of a head: an interim one (1xx) is dropped, the real one starts the answer."""
        exchange = self._exchange
        if exchange is None or self._complete or exchange.ended:
            return
        status = self._parser.get_status_code()
        headers, self._headers = self._headers, {}
        if status < 200:
            if status == 101:
                exchange.fail("the upstream switched protocols unasked", "upstream_protocol")
            return
        coding = headers.get("transfer-encoding", "").lower()
        if coding not in {"", "chunked"}:
            exchange.fail("the upstream's transfer encoding is not 'chunked'", "upstream_protocol")
            return
        self._until_close = not coding and "content-length" not in headers and status not in _NO_BODY
        exchange.begin(status, headers)

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        if (exchange := self._exchange) is not None and not exchange.ended and not self._complete:
            self._bare_bytes = 0
            exchange.feed(data)

    def on_message_complete(self) -> None:
        """The end of an answer, or of an interim one."""
        if (exchange := self._exchange) is not None and exchange.status and not exchange.ended:
            self._complete = True
            if not self._parser.should_keep_alive():  # it knows in this callback only
                self._spent = True

    # Inside.

    def _finish(self) -> None:
        """The answer is complete: hand the connection back before the reader wakes up."""
        exchange, transport = self._exchange, self._transport
        if exchange is None or transport is None:
            return
        self.go_on()
        if self._spent or transport.get_write_buffer_size():  # the latter: answered before it read the request
            self._spent = True
            exchange.end()
            self.drop()
            return
        self._idle_since = self._loop.time()
        self._release()
        exchange.end()

    def _release(self) -> None:
        if (exchange := self._exchange) is None:
            return
        self._exchange = None
        if self._spent:
            exchange.fail("the upstream connection was closed", "upstream_truncated")
        self._on_free(self, not self._spent)

    def _arm(self, deadline: float) -> None:
        """Move the deadline. A timer that would fire too early stays: moving it is dearer than letting it fire."""
        self._deadline = deadline
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        exchange, now = self._exchange, self._loop.time()
        if exchange is None:
            expires = self._idle_since + KEEP_ALIVE_S
            if now < expires:
                self._arm(expires)
            else:
                self.drop()
        elif now < self._deadline:
            self._arm(self._deadline)
        elif self._paused and now < exchange.total_at:  # our reader is slow, not the peer
            self._arm(min(now + exchange.idle_s, exchange.total_at))
        else:
            self._time_out(exchange, now)

    def _time_out(self, exchange: UpstreamResponse, now: float) -> None:
        if not exchange.status:
            exchange.fail("the upstream did not answer in time", "upstream_timeout", 504)
        elif now >= exchange.total_at:
            exchange.fail("the upstream's answer took too long", "upstream_timeout", 504)
        else:
            exchange.fail("the upstream fell silent in mid-answer", "upstream_idle_timeout", 504)
        self.drop()
