"""pyreqwest (reqwest and hyper, on a Tokio thread) behind the gateway's interface.

It takes no resolver: a name is resolved and judged here before every call, and pinned by a client for each address.
It has no connect deadline for one request either: one client for each deadline.
"""

import asyncio
from datetime import timedelta
from pathlib import Path

from candidate import Candidate, Source, joined
from pyreqwest import exceptions
from pyreqwest.client import ClientBuilder

from engine.gateway.upstream.connection import KEEP_ALIVE_S

FAULTS = (
    (exceptions.ConnectTimeoutError, "connect_timeout"),
    (exceptions.RequestTimeoutError, "timeout"),
    (exceptions.BuilderError, "bad_header"),
    (exceptions.BodyDecodeError, "truncated"),
    (ValueError, "bad_header"),
)


class Upstream(Candidate):
    def __init__(self, *args, **named) -> None:
        super().__init__(*args, **named)
        self._base = str(self.origin)
        self._clients = {}

    def _client(self, address, connect_ms):
        if client := self._clients.get((address, connect_ms)):
            return client
        builder = (
            ClientBuilder()
            .no_proxy()
            .follow_redirects(enable=False)
            .referer(enable=False)
            .gzip(enable=False)
            .brotli(enable=False)
            .zstd(enable=False)
            .deflate(enable=False)
            .error_for_status(enable=False)
            .connect_timeout(timedelta(milliseconds=connect_ms))
            .pool_idle_timeout(timedelta(seconds=KEEP_ALIVE_S))
            .default_headers({"accept-encoding": "identity"})
        )
        if self.origin.address is None:
            builder = builder.resolve(self.origin.host, address, self.origin.port)
        if self.policy.ca_file:
            builder = builder.add_root_certificate_pem(Path(self.policy.ca_file).read_bytes())
        client = self._clients[address, connect_ms] = builder.build()
        return client

    async def exchange(self, request):
        try:
            async with asyncio.timeout(request.timeouts.connect_ms / 1000):
                addresses = await self.addresses.allowed()
        except TimeoutError:
            raise exceptions.ConnectTimeoutError("resolving", {}) from None
        for address in addresses:
            try:
                return await self._exchange_at(address, request)
            except exceptions.ConnectError as error:
                if address == addresses[-1] or self.translate(error, head=False) != "connect":
                    raise
        raise AssertionError

    async def _exchange_at(self, address, request):
        stream = (
            self._client(address, request.timeouts.connect_ms)
            .request(request.method, self._base + request.target)
            .headers(request.headers)
            .body_bytes(request.body)
            .streamed_read_buffer_limit(0)
            .build_streamed()
        )
        return _Source(stream, await stream.__aenter__())

    def translate(self, error, *, head):
        if head:
            return "truncated"
        if name := next((name for kind, name in FAULTS if isinstance(error, kind)), None):
            return name
        causes = str(getattr(error, "details", "")).lower()
        if isinstance(error, exceptions.ConnectError):
            if any(word in causes for word in ("certificate", "handshake", "corrupt message", "fatal alert")):
                return "tls"
            return "connect" if "tcp connect error" in causes or "refused" in causes else "reset"
        return "protocol" if "invalid http" in causes or "parse" in causes else "reset"

    async def close(self):
        for client in self._clients.values():
            await client.close()


class _Source(Source):
    def __init__(self, stream, answer) -> None:
        self.status = answer.status
        self.headers = joined(answer.headers.items())
        self._stream = stream
        self._reader = answer.body_reader
        self._leaving = None

    async def chunk(self):
        piece = await self._reader.read_chunk()
        if piece is None:
            await self._stream.__aexit__(None, None, None)
            return b""
        return bytes(piece)

    def drop(self):
        self._leaving = asyncio.ensure_future(self._stream.__aexit__(None, None, None))
