"""What a request to an upstream is made of."""

from collections.abc import Awaitable, Callable

import msgspec

from engine.model import Timeouts

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Looks up the addresses of a host: `await resolve(host, port)`; raises OSError where there are none."""


class UpstreamRequest(msgspec.Struct, frozen=True):
    """One call to one upstream, ready to be written.

    `target` is path and query as they go on the wire ("/v1/chat/completions"). `headers` are all but those that say
    where the message ends and to whom it goes (`host`, `content-length`, `accept-encoding`, …): the client writes them.
    All deadlines count from the call of `send`; waiting for a free connection is part of `connect_ms`.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeouts: Timeouts = Timeouts()

    def __repr__(self) -> str:
        """Without what may be secret: headers and body."""
        path = self.target.partition("?")[0]
        return f"UpstreamRequest({self.method} {path}, {len(self.headers)} headers, {len(self.body)} bytes)"
