"""What a client sent: its body within size and time, and the headers that are put on record."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec

from engine.errors import BodyTimeout, BodyTooLarge, InvalidRequest, UnsupportedMedia
from engine.gateway.reply import harmless_id

Receive = Callable[[], Awaitable[Any]]

BODY_IS_LATE = "catalog.body_is_late"  # set in the scope by our server
MAX_METADATA_BYTES = 2048
_metadata_decoder = msgspec.json.Decoder(dict[str, str | int | float | bool | None])


class ClientGone(Exception):
    """The client left before its request was complete."""


class RequestHeaders:
    """The headers of a request that mean something to us; everything else is ignored and never passed on."""

    __slots__ = (
        "anthropic_beta",
        "client_request_id",
        "content_length",
        "content_type",
        "encoding",
        "metadata",
        "provider",
        "trace_id",
    )

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Read them.

        Raises:
            InvalidRequest: a header that is put on record is malformed, or the length is not a number.
        """
        self.anthropic_beta = ""
        self.client_request_id: str | None = None
        self.content_length: int | None = None
        self.content_type = b""
        self.encoding = b""
        self.metadata: dict[str, str] = {}
        self.provider = ""
        self.trace_id: str | None = None
        for name, value in headers:
            if name == b"content-type":
                self.content_type = value
            elif name == b"content-length":
                self.content_length = int(value) if value.isdigit() and len(value) < 19 else None
            elif name == b"content-encoding":
                self.encoding = value.strip().lower()
            elif name == b"x-request-id":
                self.client_request_id = _identifier(value)
            elif name == b"x-portkey-trace-id":
                self.trace_id = _identifier(value)
            elif name == b"x-portkey-provider":
                self.provider = value.decode("latin-1").strip()
            elif name == b"anthropic-beta":  # may stand there several times
                self.anthropic_beta += f"{',' if self.anthropic_beta else ''}{value.decode('latin-1')}"
            elif name == b"x-portkey-metadata":
                self.metadata = _metadata(value)

    def check_json_body(self, limit: int) -> None:
        """Refuse, before a byte of it is read, a body that is not plain JSON or is said to be too large.

        Raises:
            UnsupportedMedia, BodyTooLarge
        """
        media_type = self.content_type.partition(b";")[0].strip().lower()
        if media_type != b"application/json":
            raise UnsupportedMedia("The body must be JSON: send 'Content-Type: application/json'.")
        if self.encoding not in (b"", b"identity"):
            raise UnsupportedMedia("A compressed request body is not accepted: send it without Content-Encoding.")
        if self.content_length is not None and self.content_length > limit:
            raise too_large(limit)


async def read_body(scope: Mapping[str, Any], receive: Receive, *, limit: int) -> bytes:
    """The whole request body.

    Raises:
        BodyTooLarge: more than `limit` bytes came.
        BodyTimeout: it was not complete in time; the server watches the clock, and says so in the scope.
        ClientGone: the connection ended first.
    """
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > limit:
            raise too_large(limit)
        if not message.get("more_body"):
            return parts[0] if len(parts) == 1 else b"".join(parts)
        if BODY_IS_LATE in scope:
            raise BodyTimeout("The request body did not arrive in time.", headers={"connection": "close"})


def too_large(limit: int) -> BodyTooLarge:
    """The refusal of a body over `limit` bytes. The server takes the rest and drops it, so that a client reads this."""
    return BodyTooLarge(f"The request body is larger than {limit} bytes.")


def _identifier(value: bytes) -> str | None:
    """An id of the client's, if it is a harmless one; anything else is dropped rather than cleaned."""
    text = value.decode("latin-1").strip()
    return text if harmless_id(text) else None


def _metadata(value: bytes) -> dict[str, str]:
    if len(value) > MAX_METADATA_BYTES:
        raise InvalidRequest(
            f"The header x-portkey-metadata is longer than {MAX_METADATA_BYTES} bytes.", param="x-portkey-metadata"
        )
    try:
        pairs = _metadata_decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise InvalidRequest(
            'The header x-portkey-metadata must be a JSON object of plain values, such as {"team": "search"}.',
            param="x-portkey-metadata",
        ) from None
    return {name: item if isinstance(item, str) else msgspec.json.encode(item).decode() for name, item in pairs.items()}
