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
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeouts: Timeouts = Timeouts()
