"""Server-sent events, framed as they arrive and kept byte for byte.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

import re
from typing import Final

MAX_EVENT_BYTES: Final = 1 << 24  # pictures come in one event, and the last of a response repeats all of it

_BOM: Final = b"\xef\xbb\xbf"

# Two line ends in a row. CRLF is one line end: after `\n\r` an LF may still come, and it belongs to it.
_BLANK_LINE = re.compile(rb"\n\n|\n\r\n|\n\r(?=[^\n])|\r\n\n|\r\n\r\n|\r\n\r(?=[^\n])|\r\r\n?")
_LINE_END = re.compile(rb"\r\n|\n|\r")


class StreamCorrupt(Exception):
    """The bytes cannot be followed as an event stream."""


class EventSplitter:
    """Cuts a stream into blocks, each up to and with its blank line; joined, they are the stream, byte for byte.

    A block holds one event, or none: comments or more blank lines. Where lines end in CR alone, a block does not wait
    for an LF that may still come: it would lead the next block, where it means nothing.
    """

    __slots__ = ("_held", "_scanned")

    def __init__(self) -> None:
        self._held = bytearray()
        self._scanned = 0

    @property
    def rest(self) -> bytes:
        """The start of a block whose blank line has not come."""
        return bytes(self._held)

    @property
    def is_between_events(self) -> bool:
        """Whether all that came was handed out."""
        return not self._held

    def feed(self, chunk: bytes) -> list[bytes]:
        """The blocks that `chunk` completes.

        Raises:
            StreamCorrupt: a block is longer than `MAX_EVENT_BYTES`.
        """
        held = self._held
        held += chunk
        blocks = []
        start, scan_from = 0, self._scanned
        while (blank_line := _BLANK_LINE.search(held, scan_from)) is not None:
            end = blank_line.end()
            blocks.append(bytes(held[start:end]))
            start = scan_from = end
        del held[:start]
        self._scanned = max(len(held) - 3, 0)  # of a blank line up to three bytes, `\r\n\r`, may be waiting
        if len(held) > MAX_EVENT_BYTES or (blocks and len(max(blocks, key=len)) > MAX_EVENT_BYTES):
            raise StreamCorrupt(f"An event is longer than {MAX_EVENT_BYTES} bytes.")
        return blocks


def parse_event(block: bytes) -> tuple[bytes, bytes]:
    """The type and the data of the event in `block`: data lines joined by LF, empty where there are none."""
    event = b""
    data = []
    for line in _LINE_END.split(block.removeprefix(_BOM)):
        name, _, value = line.partition(b":")
        if name == b"data":
            data.append(value.removeprefix(b" "))
        elif name == b"event":
            event = value.removeprefix(b" ")
    return event, b"\n".join(data)
