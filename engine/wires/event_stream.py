"""AWS's binary event streams (`application/vnd.amazon.eventstream`), cut into messages as they arrive.

    total length 4 | headers length 4 | CRC-32 of these 4 | headers | payload | CRC-32 of all before 4

Numbers are big-endian. Both checksums are checked, the first before its lengths are believed.

Source: https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from collections.abc import Iterator
from struct import Struct
from struct import error as struct_error
from typing import Final
from zlib import crc32

import msgspec

from engine.wires.sse import StreamCorrupt

# As published.
MAX_HEADERS_BYTES: Final = 128 << 10
MAX_PAYLOAD_BYTES: Final = 24 << 20

_PRELUDE: Final = Struct(">III")
_CHECKED: Final = 8  # bytes of the prelude before its checksum
_CHECKSUM: Final = Struct(">I")
_LENGTH: Final = Struct(">H")
_OVERHEAD: Final = _PRELUDE.size + _CHECKSUM.size
_BYTES, _STRING = 6, 7
# True, false, byte, short, integer, long, timestamp, UUID: the value's length, by its type.
_FIXED: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}

# Header blocks are few and repeat: what one says is kept, up to so many of so many bytes.
_MAX_KNOWN: Final = 32
_MAX_KNOWN_BYTES: Final = 512


class MessageTooLarge(StreamCorrupt):
    """A message is longer than AWS allows."""


class Message(msgspec.Struct, frozen=True):
    """One message. `headers` are those that hold text, by their names (":event-type")."""

    headers: dict[str, str]
    payload: bytes


class MessageSplitter:
    """Cuts one stream into messages, wherever its pieces were cut."""

    __slots__ = ("_held", "_known")

    def __init__(self) -> None:
        self._held = bytearray()
        self._known: dict[bytes, dict[str, str]] = {}

    @property
    def is_between_messages(self) -> bool:
        """Whether all that came was handed out."""
        return not self._held

    def feed(self, chunk: bytes) -> Iterator[Message]:
        """The messages that `chunk` completes; those before a fault come first.

        Raises:
            StreamCorrupt: a checksum or a length is wrong, or the headers cannot be read.
            MessageTooLarge: a message is longer than `MAX_HEADERS_BYTES` and `MAX_PAYLOAD_BYTES` allow.
        """
        held = self._held
        held += chunk
        start = 0
        try:
            while len(held) - start >= _PRELUDE.size:
                total, headers_length = _lengths(held, start)
                if len(held) - start < total:
                    break
                message = bytes(held[start : start + total])
                start += total
                yield self._message(message, headers_length)
        finally:
            del held[:start]

    def _message(self, message: bytes, headers_length: int) -> Message:
        if crc32(memoryview(message)[: -_CHECKSUM.size]) != _CHECKSUM.unpack_from(message, len(message) - 4)[0]:
            raise StreamCorrupt("A message's checksum is wrong.")
        payload_at = _PRELUDE.size + headers_length
        block = message[_PRELUDE.size : payload_at]
        headers = self._known.get(block)
        if headers is None:
            headers = _headers(block)
            if len(self._known) < _MAX_KNOWN and len(block) <= _MAX_KNOWN_BYTES:
                self._known[block] = headers
        return Message(headers, message[payload_at : -_CHECKSUM.size])


def _lengths(held: bytearray, start: int) -> tuple[int, int]:
    """The length of the message at `start`, and of its headers."""
    total, headers_length, checksum = _PRELUDE.unpack_from(held, start)
    if crc32(held[start : start + _CHECKED]) != checksum:
        raise StreamCorrupt("The checksum of a message's prelude is wrong.")
    payload_length = total - headers_length - _OVERHEAD
    if headers_length > MAX_HEADERS_BYTES or payload_length > MAX_PAYLOAD_BYTES:
        raise MessageTooLarge(f"A message is longer than {MAX_PAYLOAD_BYTES} bytes.")
    if payload_length < 0:
        raise StreamCorrupt("A message's lengths contradict each other.")
    return total, headers_length


def _headers(block: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    try:
        while at < len(block):
            value_type_at = at + 1 + block[at]
            name = block[at + 1 : value_type_at].decode()
            value_type = block[value_type_at]
            at = value_type_at + 1
            if value_type in (_BYTES, _STRING):
                length = _LENGTH.unpack_from(block, at)[0]
                at += _LENGTH.size
            else:
                length = _FIXED[value_type]
            value = block[at : at + length]
            at += length
            if value_type == _STRING:
                found[name] = value.decode()
    except (IndexError, KeyError, ValueError, struct_error):
        raise StreamCorrupt("A message's headers cannot be read.") from None
    if at > len(block):
        raise StreamCorrupt("A message's headers are cut short.")
    return found
