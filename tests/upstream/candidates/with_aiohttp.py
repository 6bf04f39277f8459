"""aiohttp behind the gateway's interface, for the contract and the benchmark: not part of the product."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping

import aiohttp
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult

from engine.errors import UpstreamBroken, UpstreamError, UpstreamMaybeSent, UpstreamNotSent
from engine.gateway.upstream.dial import Addresses, system_resolve, tls_context
from engine.gateway.upstream.slots import Slots
from engine.gateway.upstream.connection import MAX_HEADER_BYTES, MAX_HEADER_FIELDS
from engine.gateway.upstream.types import Resolve, UpstreamRequest
from engine.operator.origins import Origin, OriginPolicy


def _translate(error: Exception) -> UpstreamError:
    """What an exception of aiohttp means for the request; what is not known counts as maybe sent."""
    for kinds, fault, code, status, message in _FAULTS:
        if isinstance(error, kinds):
            return fault(message, code=code, status=status)
    return UpstreamMaybeSent("the upstream connection failed", code="upstream_reset")


_FAULTS: tuple[tuple[tuple[type[Exception], ...], type[UpstreamError], str, int, str], ...] = (
    (
        (aiohttp.ConnectionTimeoutError,),
        UpstreamNotSent,
        "upstream_connect_timeout",
        504,
        "the upstream could not be reached in time",
    ),
    (
        (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError),
        UpstreamNotSent,
        "upstream_tls",
        502,
        "the upstream's TLS handshake failed",
    ),
    ((aiohttp.ClientConnectorError,), UpstreamNotSent, "upstream_connect", 502, "the upstream refused the connection"),
    (
        (aiohttp.ClientPayloadError,),
        UpstreamBroken,
        "upstream_truncated",
        502,
        "the upstream's answer ended early",
    ),
    (
        (aiohttp.ClientResponseError, aiohttp.http.HttpProcessingError),
        UpstreamMaybeSent,
        "upstream_protocol",
        502,
        "the upstream's answer is not valid HTTP",
    ),
)


class _Resolver(AbstractResolver):
    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._addresses.allowed()
        ]

    async def close(self) -> None:
        """Nothing is held."""


class Upstream:
    """The client of one origin; it outlives snapshots.

    `max_connections` bounds the calls at a time, `max_response_bytes` the body of one answer.
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
        self._base = yarl.URL(str(origin))
        self._addresses = Addresses(origin, policy, resolve)
        self._slots = Slots(max_connections)
        self._max_response_bytes = max_response_bytes
        self._tls = tls_context(policy) if origin.scheme == "https" else None
        self._timeouts: dict[int, aiohttp.ClientTimeout] = {}
        self._session: aiohttp.ClientSession | None = None

    def _open_session(self) -> aiohttp.ClientSession:
        """Made in the event loop that uses it, on the first call."""
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                ssl=self._tls or True,
                resolver=_Resolver(self._addresses),
                use_dns_cache=False,
                keepalive_timeout=30,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=("User-Agent", "Accept", "Content-Type"),
            headers={"accept-encoding": "identity"},
            max_line_size=MAX_HEADER_BYTES // 4,
            max_field_size=MAX_HEADER_BYTES // 4,
            max_headers=MAX_HEADER_FIELDS,
        )
        return self._session

    async def send(self, request: UpstreamRequest) -> "UpstreamResponse":
        """Write the request and return when status and headers are there.

        Raises:
            UpstreamNotSent: nothing can have arrived.
            UpstreamMaybeSent: it may have arrived (reset, first-byte or total deadline, not HTTP).
            UpstreamBroken: the answer's body is encoded.
        """
        timeouts = request.timeouts
        deadline = asyncio.get_running_loop().time() + timeouts.total_ms / 1000
        if self.origin.address:  # aiohttp asks no resolver for a literal address
            await self._addresses.allowed()
        try:
            await self._slots.take(timeouts.connect_ms / 1000)
        except TimeoutError:
            message = "no connection to the upstream became free in time"
            raise UpstreamNotSent(message, code="upstream_busy", status=503) from None
        try:
            answer = await self._exchange(request, min(timeouts.first_byte_ms, timeouts.total_ms) / 1000)
        except BaseException:
            self._slots.give_back()
            raise
        response = UpstreamResponse(answer, self._slots, self._max_response_bytes, timeouts.idle_ms / 1000, deadline)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            response.abort()
            raise UpstreamBroken("the upstream compressed its answer unasked", code="upstream_bad_encoding")
        return response

    async def _exchange(self, request: UpstreamRequest, first_byte_s: float) -> aiohttp.ClientResponse:
        session = self._session or self._open_session()
        connect_ms = request.timeouts.connect_ms
        if (client_timeout := self._timeouts.get(connect_ms)) is None:
            client_timeout = aiohttp.ClientTimeout(total=None, connect=connect_ms / 1000, ceil_threshold=3600)
            self._timeouts[connect_ms] = client_timeout
        try:
            async with asyncio.timeout(first_byte_s):
                return await session.request(
                    request.method,
                    self._base.join(yarl.URL(request.target, encoded=True)),
                    headers=request.headers,
                    data=request.body,
                    allow_redirects=False,
                    timeout=client_timeout,
                )
        except UpstreamError:
            raise
        except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError) as error:
            if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
                message = "the upstream did not answer in time"
                raise UpstreamMaybeSent(message, code="upstream_timeout", status=504) from None
            raise _translate(error) from None

    async def close(self) -> None:
        """Close every connection, also those in use."""
        if self._session is not None:
            await self._session.close()


class UpstreamResponse:
    """An answer whose head has arrived. Read it to the end or `abort()` it: it holds a connection until then.

    `headers` have lower-case names; repeated fields are joined with ", ".
    """

    def __init__(
        self, answer: aiohttp.ClientResponse, slots: Slots, max_bytes: int, idle_s: float, deadline: float
    ) -> None:
        self.status = answer.status
        self.headers: Mapping[str, str] = {
            name.lower(): ", ".join(answer.headers.getall(name)) for name in answer.headers
        }
        self._answer = answer
        self._slots: Slots | None = slots
        self._left = max_bytes
        self._idle_s = idle_s
        self._deadline = deadline

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            UpstreamBroken: it ended early, stalled, took too long or is too large.
        """
        return b"".join([chunk async for chunk in self.chunks()])

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives.

        Raises:
            UpstreamBroken: it ended early, stalled, took too long or is too large.
        """
        try:
            while chunk := await self._next():
                self._left -= len(chunk)
                if self._left < 0:
                    raise self._broken("the upstream's answer is too large", "upstream_too_large", 502)  # noqa: TRY301
                yield chunk
        except BaseException:
            self.abort()
            raise
        self._free_slot()

    async def _next(self) -> bytes:
        loop = asyncio.get_running_loop()
        deadline = min(loop.time() + self._idle_s, self._deadline)
        try:
            async with asyncio.timeout_at(deadline):
                return await self._answer.content.readany()
        except TimeoutError:
            if loop.time() >= self._deadline:
                raise self._broken("the upstream's answer took too long", "upstream_timeout", 504) from None
            raise self._broken("the upstream fell silent", "upstream_idle_timeout", 504) from None
        except (aiohttp.ClientError, aiohttp.http.HttpProcessingError, OSError):
            raise self._broken("the upstream's answer ended early", "upstream_truncated", 502) from None

    def _broken(self, message: str, code: str, status: int) -> UpstreamBroken:
        fault = UpstreamBroken(message, code=code, status=status)
        fault.upstream_status = self.status
        return fault

    def abort(self) -> None:
        """Close the connection now, unless the answer was read to its end. May be called again."""
        if self._slots is None:
            return
        connection = self._answer.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()
        self._answer.close()
        self._free_slot()

    def _free_slot(self) -> None:
        if self._slots is not None:
            self._slots.give_back()
            self._slots = None
