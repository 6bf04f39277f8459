"""Blocks one after the other: what APIs that open and close each block need of streams whose blocks overlap."""

from collections.abc import Iterator
from typing import Final

import msgspec

from engine.wires.events import BlockEnded, BlockEvent, Event, Finished, ToolArgumentsDelta, ToolCallStarted

# Held back at most, in characters of arguments; beyond it an unfinished call is closed.
MAX_HELD: Final = 1 << 20

_ANY: Final = msgspec.json.Decoder(msgspec.Raw)


class InOrder:
    """Puts the events of one stream into an order in which one block is open at a time.

    A block that is not a tool call ends where the next one begins. A tool call ends where its arguments are complete
    JSON, or the upstream says so; what comes for later blocks until then is held back. `late` are the events that came
    for a block that had ended.
    """

    __slots__ = ("_arguments", "_closed", "_held", "_held_size", "_is_call", "_open", "late")

    def __init__(self) -> None:
        self._open: int | None = None
        self._is_call = False
        self._arguments: list[str] = []
        self._closed: set[int] = set()
        self._held: dict[int, list[BlockEvent]] = {}
        self._held_size = 0
        self.late: list[BlockEvent] = []

    def put(self, event: Event) -> Iterator[Event]:
        """The events that come next; blocks of other answers than the first are `late`."""
        if isinstance(event, BlockEvent):
            if event.choice:
                self.late.append(event)
                return
            yield from self._put(event)
        else:
            if isinstance(event, Finished) and not event.choice:
                yield from self._flush()
            yield event

    def _put(self, event: BlockEvent) -> Iterator[Event]:
        block = event.block
        if block in self._closed:
            if not isinstance(event, BlockEnded):
                self.late.append(event)
            return
        if self._open is None or block == self._open:
            yield from self._take(event)
            return
        self._held.setdefault(block, []).append(event)
        self._held_size += len(event.text) if isinstance(event, ToolArgumentsDelta) else 1
        yield from self._promote()

    def _take(self, event: BlockEvent) -> Iterator[Event]:
        if self._open is None:
            self._open = event.block
            self._is_call = isinstance(event, ToolCallStarted)
            self._arguments = []
        if isinstance(event, BlockEnded):
            yield from self._close()
            yield from self._promote()
            return
        if isinstance(event, ToolArgumentsDelta):
            self._arguments.append(event.text)
        yield event
        if self._held:
            yield from self._promote()

    def _promote(self) -> Iterator[Event]:
        """Go on to the next block that waits, where the open one can end."""
        while self._held and (self._open is None or self._may_end()):
            if self._open is not None:
                yield from self._close()
            for event in self._held.pop(next(iter(self._held))):
                yield from self._take_quietly(event)

    def _take_quietly(self, event: BlockEvent) -> Iterator[Event]:
        """As `_take`, of an event that waited."""
        if self._open is None:
            self._open = event.block
            self._is_call = isinstance(event, ToolCallStarted)
            self._arguments = []
        if isinstance(event, BlockEnded):
            yield from self._close()
            return
        if isinstance(event, ToolArgumentsDelta):
            self._arguments.append(event.text)
            self._held_size -= len(event.text)
        yield event

    def _may_end(self) -> bool:
        if not self._is_call or self._held_size > MAX_HELD:
            return True
        try:
            _ANY.decode("".join(self._arguments))
        except msgspec.DecodeError:
            return False
        return True

    def _close(self) -> Iterator[Event]:
        if self._open is not None:
            yield BlockEnded(0, self._open)
            self._closed.add(self._open)
            self._open = None

    def _flush(self) -> Iterator[Event]:
        yield from self._close()
        while self._held:
            for event in self._held.pop(next(iter(self._held))):
                yield from self._take_quietly(event)
            yield from self._close()
