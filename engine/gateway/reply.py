"""What goes back to a client: headers that name model, commit and cost, and one way to send an error."""

import math
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from email.utils import formatdate, parsedate_to_datetime
from typing import Any

from engine.errors import GatewayError
from engine.gateway.endpoints import ANTHROPIC_ERRORS, Errors
from engine.model import Lifecycle, Model

Send = Callable[[Any], Awaitable[None]]

JSON_TYPE = b"application/json"
EVENT_STREAM_TYPE = b"text/event-stream; charset=utf-8"

# What an upstream says of its limits may be passed on; anything else of its headers stays here. Neither names nor values
# are free text, so that no header can carry a credential out: counts, durations ("6m0s", "1.5s") and times only.
_PASSED_NAME = re.compile(
    r"x-ratelimit-(?:limit|remaining|reset)(?:-[a-z]{1,12}){0,3}|openai-(?:processing-ms|version)"
    r"|anthropic-ratelimit(?:-[a-z]{1,12}){1,3}-(?:limit|remaining|reset)"
)
_PASSED_VALUE = re.compile(
    r"[0-9]{1,12}(?:\.[0-9]{1,9})?|(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|[smhd])){1,4}"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9:.]{5,18}(?:Z|[+-][0-9]{2}:?[0-9]{2}))?",
    re.ASCII,
)
_HARMLESS_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
MAX_RETRY_AFTER_SECONDS = 86_400
MAX_DROPPED_BYTES = 1_000


class Reply:
    """The reply to one request, with errors as the API that was called has them.

    `started` says whether its head is out; `gone` that nobody reads it any more. `dropped` names what of the request
    and of the answer could not be carried from one API to another.
    """

    __slots__ = (
        "_errors",
        "_fixed",
        "_is_stream",
        "_send",
        "attempts",
        "cost_usd",
        "dropped",
        "gone",
        "request_id",
        "started",
        "status",
    )

    def __init__(self, send: Send, request_id: str, errors: Errors) -> None:
        self._send = send
        self.request_id = request_id
        self.dropped: tuple[str, ...] = ()
        self.attempts = 0
        self.cost_usd: str | None = None
        self._fixed: list[tuple[bytes, bytes]] = [(b"x-request-id", request_id.encode())]
        self.started = False
        self._is_stream = False
        self.gone = False
        self.status = 0
        self.speak(errors)

    def speak(self, errors: Errors) -> None:
        """Say errors as this API does."""
        self._errors = errors
        if errors is ANTHROPIC_ERRORS:
            self._fixed.append((b"request-id", self.request_id.encode()))  # where Anthropic's clients look for it

    def name_model(self, model: Model, trace_id: str | None) -> None:
        """Say which model answers, and what Portkey's clients read."""
        self._fixed += [
            (b"x-catalog-model", model.name.encode()),
            (b"x-portkey-provider", model.provider.encode()),
            (b"x-portkey-trace-id", (trace_id or self.request_id).encode()),
            (b"x-portkey-retry-attempt-count", b"0"),
            (b"x-portkey-cache-status", b"DISABLED"),
            (b"x-portkey-last-used-option-index", b"config"),
            *lifecycle_headers(model.lifecycle),
        ]

    def name_revision(self, revision: str) -> None:
        """Say which commit of the catalog answers."""
        self._fixed.append((b"x-catalog-revision", revision.encode()))

    async def whole(self, status: int, body: bytes, extra: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Send a complete JSON reply."""
        head = [*self._fixed, (b"x-catalog-attempts", b"%d" % self.attempts), *extra]
        if self.cost_usd is not None:
            head.append((b"x-catalog-cost-usd", self.cost_usd.encode()))
        head.append((b"content-type", JSON_TYPE))
        head.append((b"content-length", b"%d" % len(body)))
        await self._start(status, head)
        await self._body(body, more=False)

    async def start_stream(self, extra: Iterable[tuple[bytes, bytes]] = ()) -> None:
        """Send the head of a stream of events; what it costs is not known yet."""
        self._is_stream = True
        await self._start(
            200,
            [
                *self._fixed,
                (b"x-catalog-attempts", b"%d" % self.attempts),
                *extra,
                (b"content-type", EVENT_STREAM_TYPE),
                (b"cache-control", b"no-cache"),
                (b"x-accel-buffering", b"no"),
            ],
        )

    async def more(self, data: bytes) -> None:
        """Send events of a stream."""
        await self._body(data, more=True)

    async def end(self, data: bytes) -> None:
        """Send the last events of a stream."""
        await self._body(data, more=False)

    async def error(self, error: GatewayError) -> None:
        """Send an error: as a reply of its own, or as the last event of a stream that has begun."""
        if self._is_stream:
            await self._body(self._errors.stream_error(error), more=False)
        if self.started:
            return
        extra = [(name.encode(), value.encode("latin-1", "replace")) for name, value in error.headers.items()]
        await self.whole(error.status, self._errors.error(error), extra)

    async def _start(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        self.started, self.status = True, status
        if self.dropped:
            headers.append((b"x-catalog-dropped", dropped_header(self.dropped)))
        if not self.gone:
            await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def _body(self, data: bytes, *, more: bool) -> None:
        if not self.gone:
            await self._send({"type": "http.response.body", "body": data, "more_body": more})


def lifecycle_headers(lifecycle: Lifecycle) -> list[tuple[bytes, bytes]]:
    """`Deprecation` (RFC 9745) and `Sunset` (RFC 8594), where the catalog says that a model is on its way out."""
    headers: list[tuple[bytes, bytes]] = []
    if lifecycle.status != "active":
        headers.append((b"deprecation", b"@%d" % ((lifecycle.deprecated_at or 0) // 10**9)))
    if lifecycle.sunset is not None:
        headers.append((b"sunset", formatdate(lifecycle.sunset // 10**9, usegmt=True).encode()))
    return headers


def dropped_header(losses: Iterable[str]) -> bytes:
    """The names of what was dropped, sorted; of a long list the beginning and how many more there are."""
    names = sorted(set(losses))
    kept, size = [], 0
    for name in names:
        size += len(name) + 2
        if size > MAX_DROPPED_BYTES:
            break
        kept.append(name)
    if len(kept) < len(names):
        kept.append(f"+{len(names) - len(kept)} more")
    return ", ".join(kept).encode("ascii", "replace")


def passed_on(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """The upstream's headers that a client may see."""
    return [(name.encode(), value.encode()) for name, value in passed_on_text(headers).items()]


def passed_on_text(headers: Mapping[str, str]) -> dict[str, str]:
    """The same as text."""
    return {
        name: value
        for name, value in headers.items()
        if _PASSED_NAME.fullmatch(name) and _PASSED_VALUE.fullmatch(value)
    }


def retry_after(headers: Mapping[str, str]) -> dict[str, str]:
    """The upstream's Retry-After in seconds, if it is a number or a date (RFC 9110) of at most a day ahead."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        seconds = int(value) if len(value) <= 6 else MAX_RETRY_AFTER_SECONDS + 1
    elif value.endswith(" GMT") and len(value) == len("Sun, 06 Nov 1994 08:49:37 GMT"):
        try:
            seconds = max(0, math.ceil(parsedate_to_datetime(value).timestamp() - time.time()))
        except (ValueError, OverflowError):
            return {}
    else:
        return {}
    return {"retry-after": str(seconds)} if seconds <= MAX_RETRY_AFTER_SECONDS else {}


def harmless_id(text: str) -> bool:
    """Whether an id that somebody else chose can go on record and into headers as it is."""
    return _HARMLESS_ID.fullmatch(text) is not None
