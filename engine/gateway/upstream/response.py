"""One exchange, seen from its reader: an answer that arrives piece by piece, may break, and may be given up."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

from engine.errors import UpstreamBroken, UpstreamError, UpstreamMaybeSent
from engine.model import Timeouts

HIGH_WATER_BYTES = 256 * 1024
"""What may lie unread before the socket is no longer read."""


class Carrier(Protocol):
    """The connection as its exchange needs it."""

    def hold(self) -> None:
        """Read no more from the socket for now."""

    def go_on(self) -> None:
        """Read from the socket again."""

    def drop(self) -> None:
        """Close the socket at once."""


class UpstreamResponse:
    """An answer whose head has arrived. Read it to its end or `abort()` it: it holds a connection until then.

    `status` is the HTTP status; `headers` have lower-case names, repeated fields are joined with ", ".
    """

    __slots__ = (
        "_carrier",
        "_chunks",
        "_ended",
        "_fault",
        "_held",
        "_left",
        "_loop",
        "_unread",
        "_waiter",
        "headers",
        "idle_s",
        "status",
        "total_at",
    )

    def __init__(
        self, loop: asyncio.AbstractEventLoop, carrier: Carrier, timeouts: Timeouts, started: float, max_bytes: int
    ) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.idle_s = timeouts.idle_ms / 1000
        self.total_at = started + timeouts.total_ms / 1000
        self._loop = loop
        self._carrier = carrier
        self._chunks: deque[bytes] = deque()
        self._left = max_bytes
        self._unread = 0
        self._held = False
        self._ended = False
        self._fault: UpstreamError | None = None
        self._waiter: asyncio.Future[None] | None = None

    # For the reader.

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            UpstreamBroken: upstream_truncated, upstream_idle_timeout, upstream_timeout, upstream_too_large or
                upstream_protocol.
        """
        pieces = []
        while not self._ended or self._chunks:
            if self._chunks:
                pieces.append(self._take())
            else:
                await self._change()
        self._raise_fault()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body piece by piece: each as it was sent, as soon as it is there, never empty.

        Raises:
            UpstreamBroken: as `read`, after all that arrived was handed out.
        """
        while not self._ended or self._chunks:
            if self._chunks:
                yield self._take()
            else:
                await self._change()
        self._raise_fault()

    def abort(self) -> None:
        """Close the connection now, unless the answer has arrived to its end. May be called again."""
        if not self._ended:
            self.fail("the answer was given up", "upstream_truncated")
            self._carrier.drop()

    # For the connection.

    @property
    def ended(self) -> bool:
        """Whether nothing more will come: the answer is complete, or it failed."""
        return self._ended

    async def head(self) -> None:
        """Wait for status and headers.

        Raises:
            UpstreamMaybeSent: they will not come.
        """
        while not self.status and not self._ended:
            await self._change()
        if not self.status:
            self._raise_fault()

    def begin(self, status: int, headers: dict[str, str]) -> None:
        """The head is there."""
        self.headers = headers
        self.status = status
        self._wake()

    def feed(self, data: bytes) -> None:
        """A piece of the body is there."""
        self._left -= len(data)
        if self._left < 0:
            self.fail("the upstream's answer is too large", "upstream_too_large")
            return
        self._chunks.append(data)
        self._unread += len(data)
        if self._unread > HIGH_WATER_BYTES and not self._held:
            self._held = True
            self._carrier.hold()
        self._wake()

    def end(self) -> None:
        """The answer is complete."""
        self._ended = True
        self._held = False
        self._wake()

    def fail(self, message: str, code: str, status: int = 502) -> None:
        """The answer will not be complete. Before its head the request may have arrived; after it, it is broken."""
        if self._ended:
            return
        self._fault = (UpstreamBroken if self.status else UpstreamMaybeSent)(message, code=code, status=status)
        self._fault.upstream_status = self.status or None
        self._ended = True
        self._held = False
        self._wake()

    def _take(self) -> bytes:
        chunk = self._chunks.popleft()
        self._unread -= len(chunk)
        if self._held and self._unread <= HIGH_WATER_BYTES // 2:
            self._held = False
            self._carrier.go_on()
        return chunk

    async def _change(self) -> None:
        """Wait until something arrives; giving up the wait gives up the answer."""
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        except BaseException:
            self.abort()
            raise
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _raise_fault(self) -> None:
        if self._fault is not None:
            raise self._fault
