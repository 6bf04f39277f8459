"""Blocks one after the other: what APIs that open and close each block need of streams whose blocks overlap."""

from collections.abc import Iterator, Sequence
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

    __slots__ = ("_arguments", "_closed", "_held", "_held_size", "_is_judged", "_may_end", "_open", "late")

    def __init__(self) -> None:
        self._open: int | None = None
        self._arguments: list[str] = []
        self._is_judged = False
        self._may_end = True
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
        elif self._open is None or block == self._open:
            yield from self._take(event)
        else:
            self._held.setdefault(block, []).append(event)
            self._held_size += len(event.text) if isinstance(event, ToolArgumentsDelta) else 1
        if self._held:
            yield from self._promote()

    def _take(self, event: BlockEvent) -> Iterator[Event]:
        if self._open is None:
            self._open = event.block
            self._arguments = []
            self._may_end = not isinstance(event, ToolCallStarted) or event.is_custom
        if isinstance(event, BlockEnded):
            yield from self._close()
            return
        if isinstance(event, ToolArgumentsDelta):
            self._arguments.append(event.text)
            self._is_judged = False
        yield event

    def _promote(self) -> Iterator[Event]:
        """Go on to the next block that waits, where the open one can end."""
        while self._held and (self._open is None or self._is_complete()):
            yield from self._close()
            yield from self._release()

    def _flush(self) -> Iterator[Event]:
        yield from self._close()
        while self._held:
            yield from self._release()
            yield from self._close()

    def _release(self) -> Iterator[Event]:
        for event in self._held.pop(next(iter(self._held))):
            yield from self._take(event)
        if not self._held:
            self._held_size = 0

    def _close(self) -> Iterator[Event]:
        if self._open is not None:
            yield BlockEnded(0, self._open)
            self._closed.add(self._open)
            self._open = None

    def _is_complete(self) -> bool:
        """Whether the open block can end; arguments are judged once after each piece of them."""
        if self._held_size > MAX_HELD:
            return True
        if not (self._may_end or self._is_judged):
            self._is_judged = True
            self._may_end = is_json("".join(self._arguments))
        return self._may_end


def is_json(text: str) -> bool:
    """Whether `text` is one whole JSON value."""
    try:
        _ANY.decode(text)
    except (msgspec.DecodeError, UnicodeError):
        return False
    except RecursionError:
        return True  # who nests so deep means no more of it
    return True


class OrderedEncoder:
    """Encodes one stream block by block; see `codec.StreamEncoder`. A wire adds `_write` and `end`."""

    __slots__ = ("_losses", "_order")

    def __init__(self) -> None:
        self._order = InOrder()
        self._losses: list[str] = []

    @property
    def losses(self) -> tuple[str, ...]:
        """What could not be carried."""
        late = (f"answer.content[{event.block}]" for event in self._order.late)
        return (*self._losses, *dict.fromkeys(late))

    def encode(self, events: Sequence[Event]) -> bytes:
        """The bytes for `events`."""
        written: list[bytes] = []
        for event in events:
            for one in self._order.put(event):
                self._write(one, written)
        return b"".join(written)

    def _write(self, event: Event, written: list[bytes]) -> None:
        """Write one event; `written` takes the bytes."""
        raise NotImplementedError
