"""What a request to an upstream is made of, and where the limits are."""

from collections.abc import Awaitable, Callable

import msgspec

from engine.model import Timeouts

MAX_HEADER_FIELDS = 128
MAX_HEADER_BYTES = 64 * 1024
"""Status line and header fields of one answer, together; a longer head is `upstream_protocol`."""

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Looks up the addresses of a host: `await resolve(host, port)`; raises OSError where there are none."""


class UpstreamRequest(msgspec.Struct, frozen=True):
    """One call to one upstream, ready to be written.

    `target` is path and query as they go on the wire ("/v1/chat/completions"). `headers` are complete but for `host`,
    `content-length` and `accept-encoding`, which the client writes; names and values are checked for control
    characters by whoever makes them at load time, and once more when they are written.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    timeouts: Timeouts = Timeouts()
