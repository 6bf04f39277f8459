"""What all decoders of AWS's event streams share: framing, exceptions, faults, and the last usage."""

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.errors import InvalidRequest, UpstreamBroken, UpstreamError, UpstreamRefused
from engine.wires.event_stream import Message, MessageSplitter, MessageTooLarge
from engine.wires.events import Event
from engine.wires.following import checked, too_large
from engine.wires.refused import refused
from engine.wires.sse import StreamCorrupt
from engine.wires.usage import Usage

# Exception → the HTTP status that AWS gives it where it is a reply.
# Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
STATUS_OF: Final[Mapping[str, int]] = {
    "accessDeniedException": 403,
    "internalServerException": 500,
    "modelErrorException": 424,
    "modelNotReadyException": 429,
    "modelStreamErrorException": 424,
    "modelTimeoutException": 408,
    "resourceNotFoundException": 404,
    "serviceQuotaExceededException": 400,
    "serviceUnavailableException": 503,
    "throttlingException": 429,
    "validationException": 400,
}


class MessageDecoder:
    """Decodes one event stream; see `codec.StreamDecoder`. A wire adds `_read`, `_unreadable` and perhaps `_end`."""

    __slots__ = ("_messages", "done", "error", "usage")

    def __init__(self) -> None:
        self._messages = MessageSplitter()
        self.usage: Usage | None = None
        self.error: UpstreamError | None = None
        self.done = False

    def feed(self, chunk: bytes) -> list[Event]:
        """What `chunk` completes."""
        events: list[Event] = []
        if self.done or self.error is not None:
            return events
        try:
            for message in self._messages.feed(chunk):
                self._read_message(message, events)
                if self.done or self.error is not None:
                    break
        except MessageTooLarge as corrupt:
            self.error = too_large(corrupt)
        except StreamCorrupt as corrupt:
            self.error = UpstreamBroken(f"The upstream's stream is broken: {corrupt}", code="upstream_bad_body")
        return events

    def finish(self) -> list[Event]:
        """The upstream has ended. A message that was cut is lost: that the stream has no end says so."""
        events: list[Event] = []
        if not self.done and self.error is None:
            self._end(events)
        return events

    def _read_message(self, message: Message, events: list[Event]) -> None:
        kind = message.headers.get(":message-type")
        if kind == "exception":
            self.error = exception_of(message.headers.get(":exception-type", ""))
        elif kind == "error":
            self.error = refused(500, http_status=200)
        else:
            try:
                self._read(message.headers.get(":event-type", ""), message.payload, events)
            except (msgspec.MsgspecError, InvalidRequest, UnicodeDecodeError, RecursionError):
                self.error = self._unreadable()

    def _read(self, event: str, data: bytes, events: list[Event]) -> None:
        """Read one event; sets `done` at the wire's own end and `error` for an error."""
        raise NotImplementedError

    def _unreadable(self) -> UpstreamRefused:
        """The fault of an event that is not of this wire: bad JSON, or a value of a wrong type."""
        raise NotImplementedError

    def _end(self, events: list[Event]) -> None:
        """The upstream has ended without the wire's own end."""

    def _take(self, usage: Usage) -> Usage:
        self.usage = usage = usage if self.usage is None else checked(self.usage, usage)
        return usage


def exception_of(name: str) -> UpstreamRefused:
    """The fault of an exception; it came in a stream of status 200, so what it cost is not known."""
    return refused(STATUS_OF.get(name, 500), http_status=200)
