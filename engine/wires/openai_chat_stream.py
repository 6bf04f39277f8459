"""A stream of the wire `openai-chat` passed through: whole events, as they come, byte for byte."""

import re
from typing import Final

from engine.errors import UpstreamBroken, UpstreamError
from engine.wires.openai_chat_answer import error_in, read_envelope, usage_in
from engine.wires.sse import MAX_EVENT_BYTES, EventSplitter, StreamCorrupt, parse_event
from engine.wires.usage import Usage, fallen

_DONE: Final = b"[DONE]"

# A usage that is there. OpenAI sends `"usage":null` with every chunk, so the name alone says nothing.
_USAGE = re.compile(rb'"usage"\s*:\s*[^\sn]')


class StreamReader:
    """Follows one stream and says what to pass on.

    `usage` is the last one reported, None until then: where a vendor reports it with every chunk, it is cumulative.
    `done` says that `[DONE]` was seen: that event is kept in `tail`, to be sent when all is settled, and what follows
    is ignored. `error` is set by an event that is an error, which is not passed on: `UpstreamRefused` if it was the
    first thing in the stream, `UpstreamBroken` later; or by a stream that cannot be followed. Nothing is passed on
    after it.
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
            and not _needs_reading(chunk)
            and len(chunk) <= MAX_EVENT_BYTES
        ):
            self._has_passed = True
            return chunk  # whole events and nothing in them for us: so it is nearly always
        return self._feed_by_event(chunk)

    def finish(self) -> bytes:
        """The upstream has ended. An event without its blank line is lost, but its `[DONE]`, usage or error counts."""
        rest = self._events.rest
        if rest and not self.done and self.error is None:
            self._passes(rest)
            if self.done:
                self.tail += b"\n\n"
        return b""

    def _feed_by_event(self, chunk: bytes) -> bytes:
        try:
            blocks = self._events.feed(chunk)
        except StreamCorrupt as corrupt:
            self.error = UpstreamBroken(f"The upstream's stream is broken: {corrupt}", code="upstream_too_large")
            return b""
        passing = []
        for block in blocks:
            if self._passes(block):
                self._has_passed = True
                passing.append(block)
            elif self.done or self.error is not None:
                break
        return b"".join(passing)

    def _passes(self, block: bytes) -> bool:
        if not _needs_reading(block):
            return True
        event, data = parse_event(block)
        if data.strip() == _DONE:
            self.done, self.tail = True, block
            return False
        envelope = read_envelope(data)
        error = error_in(data, envelope, is_error=event == b"error")
        if error is not None:
            self.error = UpstreamBroken(error.message, code=error.code) if self._has_passed else error
            return False
        usage = usage_in(envelope) if envelope is not None else None
        if envelope is None or usage is None:
            return True
        self._take(usage)
        return envelope.has_choices or self._client_wants_usage

    def _take(self, usage: Usage) -> None:
        before = self.usage
        if before is not None and (fell := fallen(before, usage)):
            usage = Usage(usage.meters, usage.raw, usage.service_tier, usage.response_model, (*usage.suspect, *fell))
        self.usage = usage


def _needs_reading(events: bytes) -> bool:
    """Whether there may be something for us; a false alarm only costs time."""
    return (
        _DONE in events
        or b'"error"' in events
        or b"event:" in events
        or (b'"usage"' in events and _USAGE.search(events) is not None)
    )
