"""How records stand in a spool file: each with a mark, its length and its checksum, one after the other.

A file begins with `FILE_HEADER`. A frame is 0xFF "cat", the payload's length and the CRC-32 of the payload begun
with that length (both 32 bits, little-endian), then the payload. Preallocated zeros mean "end so far": no frame begins with a zero. The mark
holds a byte that UTF-8 never has, so it is found again behind damage, and never inside a payload.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from engine.ledger.record import MAX_FRAME_BYTES

FILE_HEADER = b"\xffspool1\x00\x00\x00\x00\x00\x00\x00\x00\x00"
MARK = b"\xffcat"
HEADER = struct.Struct("<4sII")

MAX_PAYLOAD_BYTES = MAX_FRAME_BYTES - HEADER.size


class Frame(NamedTuple):
    """A whole frame: its payload, and the offset behind it."""

    payload: bytes
    end: int


def frame(payload: bytes) -> bytes:
    """`payload`, framed.

    Raises:
        ValueError: the payload is empty or longer than `MAX_PAYLOAD_BYTES`.
    """
    length = len(payload)
    if not 0 < length <= MAX_PAYLOAD_BYTES:
        raise ValueError(f"a payload has 1 to {MAX_PAYLOAD_BYTES} bytes, not {length}")
    return HEADER.pack(MARK, length, _checksum(length, payload)) + payload


def frame_at(data: bytes, offset: int) -> Frame | None:
    """The frame that begins at `offset`, or None where no whole and sound one does."""
    if len(data) - offset < HEADER.size:
        return None
    mark, length, checksum = HEADER.unpack_from(data, offset)
    start = offset + HEADER.size
    if mark != MARK or not 0 < length <= MAX_PAYLOAD_BYTES or start + length > len(data):
        return None
    payload = data[start : start + length]
    return Frame(payload, start + length) if _checksum(length, payload) == checksum else None


def frames(data: bytes, offset: int = 0) -> Iterator[Frame]:
    """The sound frames from `offset` on, up to the first place where none begins."""
    while found := frame_at(data, offset):
        yield found
        offset = found.end


def next_frame(data: bytes, offset: int) -> int | None:
    """Where the first sound frame after `offset` begins, or None."""
    while (offset := data.find(MARK, offset + 1)) >= 0:
        if frame_at(data, offset):
            return offset
    return None


def _checksum(length: int, payload: bytes) -> int:
    # Begun with the length, so that a flipped bit in it cannot make a shorter record out of a longer one.
    return zlib.crc32(payload, length)
