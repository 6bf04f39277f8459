"""A stream of the wire `openai-chat` passed through: what is read of it, and what is kept back."""

import re
from typing import Final

from engine.wires.following import Following
from engine.wires.openai_chat.usage import error_in, read_envelope, usage_in
from engine.wires.sse import parse_event

DONE: Final = b"[DONE]"

# A usage that is there. OpenAI sends `"usage":null` with every chunk, so the name alone says nothing.
_USAGE = re.compile(rb'"usage"\s*:\s*[^\sn]')


class StreamReader(Following):
    """See `Following`; the end is `[DONE]`, and the usage-only chunk goes to those who asked for it."""

    __slots__ = ()

    def _needs_reading(self, events: bytes) -> bool:
        return _needs_reading(events)

    def _passes(self, block: bytes) -> bool:
        if not _needs_reading(block):
            return True
        event, data = parse_event(block)
        if data.strip() == DONE:
            return self._ends_in(block)
        envelope = read_envelope(data)
        error = error_in(data, envelope, is_error=event == b"error")
        if error is not None:
            return self._fails_with(error)
        usage = usage_in(envelope) if envelope is not None else None
        if envelope is None or usage is None:
            return True
        self._take(usage)
        return envelope.has_choices or self._client_wants_usage


def _needs_reading(events: bytes) -> bool:
    return (
        DONE in events
        or b'"error"' in events
        or b"event:" in events
        or (b'"usage"' in events and _USAGE.search(events) is not None)
    )
