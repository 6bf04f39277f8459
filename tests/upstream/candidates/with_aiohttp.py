"""aiohttp behind the gateway's interface."""

import socket

import aiohttp
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult
from candidate import Candidate, Source, joined

from engine.gateway.upstream.connection import KEEP_ALIVE_S, MAX_HEADER_BYTES, MAX_HEADER_FIELDS
from engine.gateway.upstream.dial import tls_context

FAULTS = (
    (aiohttp.ConnectionTimeoutError, "connect_timeout"),
    (aiohttp.ClientConnectorCertificateError, "tls"),
    (aiohttp.ClientConnectorSSLError, "tls"),
    (aiohttp.ClientConnectorError, "connect"),
    (aiohttp.InvalidURL, "address"),
    (aiohttp.ClientPayloadError, "truncated"),
    (aiohttp.ClientResponseError, "protocol"),
    (aiohttp.http.HttpProcessingError, "protocol"),
    (ValueError, "bad_header"),
)


class Upstream(Candidate):
    def __init__(self, *args, **named) -> None:
        super().__init__(*args, **named)
        self._base = str(self.origin)
        self._tls = tls_context(self.policy) if self.origin.scheme == "https" else True
        self._timeouts = {}
        self._session = None

    def _open_session(self):
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                ssl=self._tls,
                resolver=_Resolver(self.addresses),
                use_dns_cache=False,
                keepalive_timeout=KEEP_ALIVE_S,
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

    async def exchange(self, request):
        if self.origin.address:  # aiohttp asks no resolver for a literal address
            await self.addresses.allowed()
        session = self._session or self._open_session()
        connect_ms = request.timeouts.connect_ms
        if (timeout := self._timeouts.get(connect_ms)) is None:
            timeout = aiohttp.ClientTimeout(total=None, connect=connect_ms / 1000, ceil_threshold=3600)
            self._timeouts[connect_ms] = timeout
        return _Source(
            await session.request(
                request.method,
                yarl.URL(self._base + request.target, encoded=True),
                headers=request.headers,
                data=request.body,
                allow_redirects=False,
                timeout=timeout,
            )
        )

    def translate(self, error, *, head):
        name = next((name for kind, name in FAULTS if isinstance(error, kind)), "reset")
        return "truncated" if head else name

    async def close(self):
        if self._session is not None:
            await self._session.close()


class _Source(Source):
    def __init__(self, answer) -> None:
        self.status = answer.status
        self.headers = joined(answer.headers.items())
        self._answer = answer
        self.chunk = answer.content.readany

    def drop(self):
        connection = self._answer.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()  # close() would wait for TLS to say goodbye
        self._answer.close()


class _Resolver(AbstractResolver):
    def __init__(self, addresses) -> None:
        self._addresses = addresses

    async def resolve(self, host, port=0, family=socket.AF_UNSPEC):
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

    async def close(self):
        pass
