"""A stream of the wire `anthropic-messages` passed through: what is read of it, and what is kept back."""

from typing import Any, Final

import msgspec

from engine.wires.anthropic_messages.decode_stream import UsageSoFar
from engine.wires.anthropic_messages.usage import UNREADABLE, error_of
from engine.wires.following import Following
from engine.wires.sse import parse_event

_READ: Final = (b"message_start", b"message_delta", b"message_stop", b"error")


class _Message(msgspec.Struct):
    model: Any = None
    usage: dict[str, Any] | None = None


class _Event(msgspec.Struct):
    type: Any = None
    message: _Message | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


_EVENT: Final = msgspec.json.Decoder(_Event)


class StreamReader(Following):
    """See `Following`; the end is `message_stop`. Usage is in events that every client wants, so that all pass."""

    __slots__ = ("_usage_so_far",)

    def __init__(self, *, client_wants_usage: bool) -> None:
        super().__init__(client_wants_usage=client_wants_usage)
        self._usage_so_far = UsageSoFar()

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
        if found.type == "message_stop":
            return self._ends_in(block)
        if found.type == "error" or event == b"error":
            return self._fails_with(error_of(found.error))
        if found.type == "message_start" and found.message is not None:
            model = found.message.model if isinstance(found.message.model, str) else None
            if found.message.usage is not None:
                self._take(self._usage_so_far.add(found.message.usage, model))
        elif found.type == "message_delta" and found.usage is not None:
            self._take(self._usage_so_far.add(found.usage, None))
        return True
