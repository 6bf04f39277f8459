"""What the adapters of client libraries share: slots, deadlines, caps and the translation of their exceptions.

Each adapter is the gateway's upstream interface on one library, with every setting that helps it to keep the contract.
They are for the contract and the benchmark only.
"""

import asyncio
from collections.abc import Mapping

from engine.errors import UpstreamBroken, UpstreamError, UpstreamMaybeSent, UpstreamNotSent
from engine.gateway.upstream.dial import Addresses, system_resolve
from engine.gateway.upstream.slots import Slots

FAULTS = {
    "connect": (UpstreamNotSent, "upstream_connect", 502),
    "connect_timeout": (UpstreamNotSent, "upstream_connect_timeout", 504),
    "tls": (UpstreamNotSent, "upstream_tls", 502),
    "bad_header": (UpstreamNotSent, "upstream_bad_header", 502),
    "address": (UpstreamNotSent, "upstream_address_refused", 502),
    "reset": (UpstreamMaybeSent, "upstream_reset", 502),
    "timeout": (UpstreamMaybeSent, "upstream_timeout", 504),
    "protocol": (UpstreamMaybeSent, "upstream_protocol", 502),
    "truncated": (UpstreamBroken, "upstream_truncated", 502),
    "broken_protocol": (UpstreamBroken, "upstream_protocol", 502),
}


def fault(name: str) -> UpstreamError:
    kind, code, status = FAULTS[name]
    return kind(name, code=code, status=status)


class Candidate:
    """`exchange(request)` returns a `Source` or raises; `translate(error, head)` names a row of `FAULTS`."""

    def __init__(self, origin, policy, *, max_connections, max_response_bytes, resolve=system_resolve) -> None:
        self.origin = origin
        self.policy = policy
        self.addresses = Addresses(origin, policy, resolve)
        self.slots = Slots(max_connections)
        self.max_response_bytes = max_response_bytes

    async def send(self, request):
        limits = request.timeouts
        deadline = asyncio.get_running_loop().time() + limits.total_ms / 1000
        try:
            await self.slots.take(asyncio.get_running_loop().time() + limits.connect_ms / 1000)
        except TimeoutError:
            raise UpstreamNotSent("busy", code="upstream_busy", status=503) from None
        try:
            source = await self._bounded(request, min(limits.first_byte_ms, limits.total_ms) / 1000)
        except BaseException:
            self.slots.give_back()
            raise
        response = Response(self, source, limits.idle_ms / 1000, deadline)
        if source.headers.get("content-encoding", "identity").lower() != "identity":
            response.abort()
            raise response.broken("compressed", "upstream_bad_encoding")
        return response

    async def _bounded(self, request, first_byte_s):
        try:
            async with asyncio.timeout(first_byte_s) as limit:
                return await self.exchange(request)
        except UpstreamError:
            raise
        except Exception as error:
            if limit.expired():
                raise fault("timeout") from None
            raise fault(self.translate(error, head=False)) from error

    async def exchange(self, request):
        raise NotImplementedError

    def translate(self, error, *, head):
        raise NotImplementedError


class Source:
    """A library's response: `status`, `headers` (lower case), `chunk()` (b"" at the end), `drop()`."""

    status: int
    headers: Mapping[str, str]

    async def chunk(self):
        raise NotImplementedError

    def drop(self):
        raise NotImplementedError


class Response:
    def __init__(self, candidate, source, idle_s, deadline) -> None:
        self.status = source.status
        self.headers = source.headers
        self._candidate = candidate
        self._source = source
        self._left = candidate.max_response_bytes
        self._idle_s = idle_s
        self._deadline = deadline
        self._open = True

    async def read(self):
        return b"".join([chunk async for chunk in self.chunks()])

    async def chunks(self):
        try:
            while chunk := await self._next():
                self._left -= len(chunk)
                if self._left < 0:
                    raise self.broken("too large", "upstream_too_large")  # noqa: TRY301
                yield chunk
        except BaseException:
            self.abort()
            raise
        self._give_back()

    async def _next(self):
        ends = min(asyncio.get_running_loop().time() + self._idle_s, self._deadline)
        try:
            async with asyncio.timeout_at(ends) as limit:
                return await self._source.chunk()
        except Exception as error:
            if limit.expired():
                code = "upstream_timeout" if ends == self._deadline else "upstream_idle_timeout"
                raise self.broken(code, code, 504) from None
            kind, code, status = FAULTS[self._candidate.translate(error, head=True)]
            raise self.broken(kind.__name__, code, status) from error

    def broken(self, message, code, status=502):
        made = UpstreamBroken(message, code=code, status=status)
        made.upstream_status = self.status
        return made

    def abort(self):
        if self._open:
            self._source.drop()
            self._give_back()

    def _give_back(self):
        if self._open:
            self._open = False
            self._candidate.slots.give_back()


def joined(pairs) -> dict[str, str]:
    """Header fields by lower-case name, repeated ones joined."""
    headers: dict[str, str] = {}
    for name, value in pairs:
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    return headers
