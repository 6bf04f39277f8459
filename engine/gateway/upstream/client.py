"""The upstream client: one per origin, with its pool of warm connections."""

import asyncio
import ssl

from engine.errors import UpstreamBroken, UpstreamNotSent
from engine.gateway.upstream.connection import Connection
from engine.gateway.upstream.dial import Addresses, system_resolve, tls_context
from engine.gateway.upstream.request import Resolve, UpstreamRequest
from engine.gateway.upstream.response import UpstreamResponse
from engine.gateway.upstream.slots import Slots
from engine.operator.origins import Origin, OriginPolicy

# The client alone says where a message ends and to whom it goes.
_OWN_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "expect", "te"}
)


class Upstream:
    """The client of one origin; it outlives snapshots and belongs to the event loop of its first call.

    `max_connections` bounds the calls at a time, `max_response_bytes` the body of one answer. No redirect is followed,
    no proxy, cookie or credential of the environment is used, no body is decompressed.

    Raises:
        OSError: the policy's CA file cannot be read.
    """

    def __init__(
        self,
        origin: Origin,
        policy: OriginPolicy,
        *,
        max_connections: int,
        max_response_bytes: int,
        resolve: Resolve = system_resolve,
    ) -> None:
        self.origin = origin
        self._addresses = Addresses(origin, policy, resolve)
        self._tls = tls_context(policy) if origin.scheme == "https" else None
        self._slots = Slots(max_connections)
        self._max_response_bytes = max_response_bytes
        self._start = f" HTTP/1.1\r\nhost: {origin.host_header}\r\naccept-encoding: identity\r\n"
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._closed = False

    async def send(self, request: UpstreamRequest) -> UpstreamResponse:
        """Write the request and return when status and headers are there.

        Raises:
            UpstreamNotSent: nothing can have arrived.
            UpstreamMaybeSent: it may have arrived: upstream_reset, upstream_timeout or upstream_protocol.
            UpstreamBroken: upstream_bad_encoding, the answer is compressed although nobody asked for that.
        """
        message = self._message(request)
        loop = asyncio.get_running_loop()
        started = loop.time()
        limits = request.timeouts
        connect_by = started + min(limits.connect_ms, limits.first_byte_ms, limits.total_ms) / 1000
        await self._take_slot(connect_by)
        connection = self._reuse()
        if connection is None:
            try:
                connection = await self._connect(loop, connect_by)
            except BaseException:
                self._slots.give_back()
                raise
        # From here on the connection gives the slot back.
        response = connection.exchange(message, limits, started, self._max_response_bytes)
        await response.head()
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            response.abort()
            fault = UpstreamBroken("the upstream compressed its answer unasked", code="upstream_bad_encoding")
            fault.upstream_status = response.status
            raise fault
        return response

    async def close(self) -> None:
        """Close every connection, also those in use; a call that waits or comes later is not sent."""
        self._closed = True
        for connection in list(self._open):
            connection.drop()
        for _ in range(2):  # sockets are closed in the next turns of the loop
            await asyncio.sleep(0)

    def _message(self, request: UpstreamRequest) -> bytes:
        lines = [f"{request.method} {request.target}{self._start}"]
        lines += [f"{name}: {value}\r\n" for name, value in request.headers]
        lines.append(f"content-length: {len(request.body)}\r\n\r\n")
        head = "".join(lines)
        ends = len(request.headers) + 5
        if head.count("\n") != ends or head.count("\r") != ends or " " in request.target or "\0" in head:
            raise UpstreamNotSent("a header of the request holds a control character", code="upstream_bad_header")
        if any(name.lower() in _OWN_HEADERS for name, _ in request.headers):
            raise UpstreamNotSent("a header of the request is the client's own to set", code="upstream_bad_header")
        try:
            return head.encode("latin-1") + request.body
        except UnicodeEncodeError:
            raise UpstreamNotSent("a header of the request is not Latin-1", code="upstream_bad_header") from None

    async def _take_slot(self, deadline: float) -> None:
        try:
            await self._slots.take(deadline)
        except TimeoutError:
            message = "no connection to the upstream became free in time"
            raise UpstreamNotSent(message, code="upstream_busy", status=503) from None

    def _reuse(self) -> Connection | None:
        """The warm connection that was used last, if it is still good."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_fresh():
                return connection
            connection.drop()
        return None

    async def _connect(self, loop: asyncio.AbstractEventLoop, deadline: float) -> Connection:
        try:
            async with asyncio.timeout_at(deadline):
                addresses = await self._addresses.allowed()
                connection = await self._first_of(loop, addresses, deadline)
        except TimeoutError:
            message = "the upstream could not be reached in time"
            raise UpstreamNotSent(message, code="upstream_connect_timeout", status=504) from None
        except ssl.SSLError:  # the certificate, the version, the cipher: before the OSError that it is
            raise UpstreamNotSent("the TLS handshake with the upstream failed", code="upstream_tls") from None
        except OSError:
            raise UpstreamNotSent("the upstream refused the connection", code="upstream_connect") from None
        if self._closed:
            connection.drop()
            raise UpstreamNotSent("the gateway is stopping", code="upstream_busy", status=503)
        return connection

    async def _first_of(self, loop: asyncio.AbstractEventLoop, addresses: list[str], deadline: float) -> Connection:
        """Try each address in turn; a silent one gets its share of the time that is left."""
        for position, address in enumerate(addresses):
            share = (deadline - loop.time()) / (len(addresses) - position)
            try:
                async with asyncio.timeout(share):
                    return await self._dial(loop, address)
            except OSError:  # TimeoutError is one
                if position == len(addresses) - 1:
                    raise
        raise AssertionError("addresses are never empty")

    async def _dial(self, loop: asyncio.AbstractEventLoop, address: str) -> Connection:
        connection = Connection(loop, self._open, self._on_free)
        try:
            await loop.create_connection(
                lambda: connection,
                address,
                self.origin.port,
                ssl=self._tls,
                server_hostname=self.origin.host if self._tls else None,
            )
        except BaseException:
            connection.drop()
            raise
        return connection

    def _on_free(self, connection: Connection, reusable: bool) -> None:  # noqa: FBT001
        if reusable and not self._closed:
            self._idle.append(connection)
        self._slots.give_back()
