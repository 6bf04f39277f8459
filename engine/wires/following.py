"""A stream passed through: whole events, as they come, byte for byte. What all wires of server-sent events share."""

from engine.errors import UpstreamBroken, UpstreamError
from engine.wires.sse import MAX_EVENT_BYTES, EventSplitter, StreamCorrupt
from engine.wires.usage import Usage, fallen


class Following:
    """Follows one stream and says what to pass on. A wire adds `_needs_reading` and `_passes`.

    `usage` is the last one reported, None until then: reports are cumulative. `done` says that the wire's own end was
    seen: that event is kept in `tail`, to be sent when all is settled, and what follows is ignored. `error` is set by
    an event that is an error, which is not passed on: `UpstreamRefused` if it was the first thing in the stream,
    `UpstreamBroken` later; or by a stream that cannot be followed. Nothing is passed on after it.
    """

    __slots__ = ("_client_wants_usage", "_events", "_has_passed", "done", "error", "tail", "usage")

    def __init__(self, *, client_wants_usage: bool) -> None:
        self._client_wants_usage = client_wants_usage
        self._events = EventSplitter()
        self._has_passed = False
        self.usage: Usage | None = None
        self.error: UpstreamError | None = None
        self.done = False
        self.tail = b""

    def feed(self, chunk: bytes) -> bytes:
        """The bytes to pass on now: the events that `chunk` completes."""
        if self.done or self.error is not None:
            return b""
        if (
            chunk.endswith(b"\n\n")
            and self._events.is_between_events
            and not self._needs_reading(chunk)
            and len(chunk) <= MAX_EVENT_BYTES
        ):
            self._has_passed = True
            return chunk  # whole events and nothing in them for us: so it is nearly always
        return self._feed_by_event(chunk)

    def finish(self) -> bytes:
        """The upstream has ended. An event without its blank line is lost, but its end, usage or error counts."""
        rest = self._events.rest
        if rest and not self.done and self.error is None:
            self._passes(rest)
            if self.done:
                self.tail += b"\n\n"
        return b""

    def _needs_reading(self, events: bytes) -> bool:
        """Whether there may be something for us in whole events; a false alarm only costs time."""
        raise NotImplementedError

    def _passes(self, block: bytes) -> bool:
        """Read one event, which may be the last; whether it is to be passed on."""
        raise NotImplementedError

    def _ends_in(self, block: bytes) -> bool:
        self.done, self.tail = True, block
        return False

    def _fails_with(self, error: UpstreamError) -> bool:
        self.error = UpstreamBroken(error.message, code=error.code) if self._has_passed else error
        return False

    def _take(self, usage: Usage) -> None:
        self.usage = usage if self.usage is None else checked(self.usage, usage)

    def _feed_by_event(self, chunk: bytes) -> bytes:
        try:
            blocks = self._events.feed(chunk)
        except StreamCorrupt as corrupt:
            self.error = too_large(corrupt)
            return b""
        passing = []
        for block in blocks:
            if self._passes(block):
                self._has_passed = True
                passing.append(block)
            elif self.done or self.error is not None:
                break
        return b"".join(passing)


def checked(before: Usage, after: Usage) -> Usage:
    """The later of two reports of one stream; it says so where a count fell that can only rise."""
    fell = fallen(before, after)
    if not fell:
        return after
    return Usage(after.meters, after.raw, after.service_tier, after.response_model, (*after.suspect, *fell))


def too_large(corrupt: StreamCorrupt) -> UpstreamBroken:
    """The fault of a stream that cannot be cut into events."""
    return UpstreamBroken(f"The upstream's stream is broken: {corrupt}", code="upstream_too_large")
