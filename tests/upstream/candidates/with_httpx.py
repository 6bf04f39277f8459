"""httpx (httpcore, h11) behind the gateway's interface: the known quantity."""

import asyncio
import ssl
from http.cookiejar import CookieJar, DefaultCookiePolicy

import anyio
import httpcore
import httpx
from candidate import Candidate, Source, joined

from engine.gateway.upstream.connection import KEEP_ALIVE_S
from engine.gateway.upstream.dial import tls_context

FAULTS = (
    (httpx.ConnectTimeout, "connect_timeout"),
    (httpx.ConnectError, "connect"),
    (httpx.RemoteProtocolError, "protocol"),
    (httpx.LocalProtocolError, "bad_header"),
    (httpx.InvalidURL, "address"),
    (UnicodeEncodeError, "bad_header"),
)


class Upstream(Candidate):
    def __init__(self, *args, **named) -> None:
        super().__init__(*args, **named)
        self._base = str(self.origin)
        tls = tls_context(self.policy)
        transport = httpx.AsyncHTTPTransport(verify=tls, trust_env=False)
        transport._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls, keepalive_expiry=KEEP_ALIVE_S, network_backend=_Backend(self.addresses)
        )
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        self._client = httpx.AsyncClient(
            transport=transport, trust_env=False, follow_redirects=False, cookies=no_cookies
        )
        self._client.headers.clear()

    async def exchange(self, request):
        built = self._client.build_request(
            request.method,
            self._base + request.target,
            headers=[*request.headers, ("accept-encoding", "identity")],
            content=request.body,
            timeout=httpx.Timeout(None, connect=request.timeouts.connect_ms / 1000),
        )
        return _Source(await self._client.send(built, stream=True))

    def translate(self, error, *, head):
        if head:
            return "truncated"
        if isinstance(error, httpx.ConnectError) and _caused_by(error, ssl.SSLError):
            return "tls"
        if isinstance(error, httpx.RemoteProtocolError) and "without sending" in str(error):
            return "reset"
        return next((name for kind, name in FAULTS if isinstance(error, kind)), "reset")

    async def close(self):
        await self._client.aclose()


class _Source(Source):
    def __init__(self, answer) -> None:
        self.status = answer.status_code
        self.headers = joined(answer.headers.items())
        self._answer = answer
        self._pieces = answer.aiter_raw()
        self._leaving = None

    async def chunk(self):
        return await anext(self._pieces, b"")

    def drop(self):
        self._leaving = asyncio.ensure_future(self._answer.aclose())


class _Backend(httpcore.AnyIOBackend):
    def __init__(self, addresses) -> None:
        self._addresses = addresses

    async def connect_tcp(self, host, port, timeout=None, local_address=None, socket_options=None):  # noqa: ASYNC109
        with anyio.move_on_after(timeout):
            for address in await self._addresses.allowed():
                try:
                    return await super().connect_tcp(address, port, timeout, local_address, socket_options)
                except httpcore.ConnectError as error:
                    last = error
            raise last
        raise httpcore.ConnectTimeout


def _caused_by(error, kind):
    while error is not None and not isinstance(error, kind):
        error = error.__cause__ or error.__context__
    return error is not None
