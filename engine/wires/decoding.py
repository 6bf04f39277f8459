"""What all decoders of server-sent events share: framing, bad bytes, faults, and the last usage."""

import msgspec

from engine.errors import InvalidRequest, UpstreamError, UpstreamRefused
from engine.wires.events import Event
from engine.wires.following import checked, too_large
from engine.wires.sse import EventSplitter, StreamCorrupt, parse_event
from engine.wires.usage import Usage


class EventDecoder:
    """Decodes one stream of server-sent events; see `codec.StreamDecoder`. A wire adds `_read`."""

    __slots__ = ("_events", "done", "error", "usage")

    def __init__(self) -> None:
        self._events = EventSplitter()
        self.usage: Usage | None = None
        self.error: UpstreamError | None = None
        self.done = False

    def feed(self, chunk: bytes) -> list[Event]:
        """What `chunk` completes."""
        events: list[Event] = []
        if self.done or self.error is not None:
            return events
        try:
            blocks = self._events.feed(chunk)
        except StreamCorrupt as corrupt:
            self.error = too_large(corrupt)
            return events
        for block in blocks:
            self._read_block(block, events)
            if self.done or self.error is not None:
                break
        return events

    def finish(self) -> list[Event]:
        """The upstream has ended. An event without its blank line still counts where it is complete."""
        events: list[Event] = []
        rest = self._events.rest
        if rest.strip() and not self.done and self.error is None:
            self._read_block(rest, events)
            if self.error is not None and self.error.code == "upstream_bad_body":
                self.error = None  # it was cut: that the stream has no end says so
        return events

    def _read_block(self, block: bytes, events: list[Event]) -> None:
        if block.startswith(b"data: ") and block.count(b"\n") == 2 and b"\r" not in block:
            event, data = b"", block[6:-2]  # one line of data: so it is nearly always
        elif (
            block.startswith(b"data: ")
            and block.endswith(b"\r\n\r\n")
            and block.count(b"\n") == block.count(b"\r") == 2
        ):
            event, data = b"", block[6:-4]
        else:
            event, data = parse_event(block)
            if not data:
                return
        if not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError:
                data = data.decode("utf-8", "replace").encode()
        try:
            self._read(event, data, events)
        except (msgspec.MsgspecError, InvalidRequest, RecursionError):
            self.error = self._unreadable()

    def _read(self, event: bytes, data: bytes, events: list[Event]) -> None:
        """Read one event; sets `done` at the wire's own end and `error` for an error."""
        raise NotImplementedError

    def _unreadable(self) -> UpstreamRefused:
        """The fault of an event that is not of this wire: bad JSON, or a value of a wrong type."""
        raise NotImplementedError

    def _take(self, usage: Usage) -> Usage:
        self.usage = usage = usage if self.usage is None else checked(self.usage, usage)
        return usage
