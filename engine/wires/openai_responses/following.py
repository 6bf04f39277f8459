"""A stream of the wire `openai-responses` passed through: what is read of it, and what is kept back."""

from typing import Any, Final

import msgspec

from engine.wires.following import Following
from engine.wires.openai_responses.usage import UNREADABLE, error_of, fault_of, read_envelope, usage_in
from engine.wires.sse import parse_event

ENDS: Final = ("response.completed", "response.incomplete", "response.failed", "response.cancelled")
_READ: Final = (*(word.encode() for word in ENDS), b'"error"', b"event: error", b"event:error")
_ABSENT: Final = msgspec.Raw(b"")


class _Event(msgspec.Struct):
    type: Any = None
    response: msgspec.Raw = _ABSENT
    error: Any = None
    code: Any = None
    param: Any = None


_EVENT: Final = msgspec.json.Decoder(_Event)


class StreamReader(Following):
    """See `Following`; the end is the event that holds the whole response. Usage is in it, so that all passes."""

    __slots__ = ()

    def _needs_reading(self, events: bytes) -> bool:
        return any(word in events for word in _READ)

    def _passes(self, block: bytes) -> bool:
        if not self._needs_reading(block):
            return True
        event, data = parse_event(block)
        try:
            found = _EVENT.decode(data)
        except UNREADABLE:
            return event != b"error" or self._fails_with(error_of(None))
        kind = found.type if isinstance(found.type, str) else event.decode("utf-8", "replace")
        if kind == "error" or (found.error and not len(found.response)):
            error = found.error if isinstance(found.error, dict) else {"code": found.code, "param": found.param}
            return self._fails_with(error_of(error))
        if kind not in ENDS:
            return True
        envelope = read_envelope(found.response)
        usage = usage_in(envelope) if envelope is not None else None
        if usage is not None:
            self._take(usage)
        if kind in ("response.failed", "response.cancelled"):
            fault = fault_of(envelope) if envelope is not None else None
            return self._fails_with(fault or error_of(None))
        return self._ends_in(block)
