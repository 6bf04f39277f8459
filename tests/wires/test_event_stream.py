"""AWS's binary framing, held to botocore's, to every cut and to every flipped byte."""

import struct
import zlib

import botocore.eventstream
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wires.of_bedrock_converse import message

from engine.wires.event_stream import (
    MAX_HEADERS_BYTES,
    MAX_PAYLOAD_BYTES,
    Message,
    MessageSplitter,
    MessageTooLarge,
)
from engine.wires.sse import StreamCorrupt

HEADERS = {":event-type": "contentBlockDelta", ":content-type": "application/json", ":message-type": "event"}
ONE = message(HEADERS, '{"delta":{"text":"hé 😀"}}'.encode())
TWO = message({":event-type": "metadata"}, b"")
BOTH = [Message(HEADERS, '{"delta":{"text":"hé 😀"}}'.encode()), Message({":event-type": "metadata"}, b"")]


def split(pieces: list[bytes]) -> tuple[list[Message], bool]:
    """The messages, and whether the stream was found corrupt."""
    splitter = MessageSplitter()
    found: list[Message] = []
    try:
        for piece in pieces:
            found.extend(splitter.feed(piece))
    except StreamCorrupt:
        return found, True
    return found, False


def prelude(total: int, headers: int) -> bytes:
    lengths = struct.pack(">II", total, headers)
    return lengths + struct.pack(">I", zlib.crc32(lengths))


def test_messages_are_the_same_wherever_they_are_cut():
    stream = ONE + TWO
    assert split([bytes([byte]) for byte in stream]) == (BOTH, False)
    for at in range(len(stream) + 1):
        assert split([stream[:at], stream[at:]]) == (BOTH, False)


def test_a_message_is_out_with_its_last_byte():
    splitter = MessageSplitter()
    assert list(splitter.feed(ONE[:-1])) == []
    assert not splitter.is_between_messages
    assert list(splitter.feed(ONE[-1:])) == BOTH[:1]
    assert splitter.is_between_messages


def test_no_flipped_byte_is_believed():
    """And what came before it counts, whether it came in the same piece or not."""
    for at in range(len(ONE)):
        broken = bytearray(ONE)
        broken[at] ^= 0x40
        stream = ONE + bytes(broken) + TWO
        assert split([stream]) == (BOTH[:1], True)
        assert split([stream[:40], stream[40:]]) == (BOTH[:1], True)
        assert split([bytes([byte]) for byte in stream]) == (BOTH[:1], True)


@given(
    st.dictionaries(st.text(min_size=1, max_size=20), st.text(max_size=40), max_size=5),
    st.binary(max_size=200),
    st.lists(st.integers(0, 600), max_size=6),
)
def test_botocore_reads_the_same(headers: dict[str, str], payload: bytes, cuts: list[int]):
    stream = message(headers, payload) + ONE
    buffer = botocore.eventstream.EventStreamBuffer()
    buffer.add_data(stream)
    theirs = [Message(one.headers, one.payload) for one in buffer]
    places = sorted({min(cut, len(stream)) for cut in cuts})
    pieces = [stream[start:end] for start, end in zip([0, *places], [*places, len(stream)], strict=True)]
    assert split(pieces) == (theirs, False)


def test_headers_that_hold_no_text_are_skipped():
    values = [
        *(b"\x00", b"\x01", b"\x02\x07", b"\x03\x00\x07", b"\x04" + bytes(4), b"\x05" + bytes(8)),
        *(b"\x06\x00\x03abc", b"\x08" + bytes(8), b"\x09" + bytes(16), b"\x07\x00\x04text"),
    ]
    block = b"".join(b"\x01" + bytes([ord("a") + at]) + value for at, value in enumerate(values))
    body = prelude(16 + len(block), len(block)) + block
    assert split([body + struct.pack(">I", zlib.crc32(body))]) == ([Message({"j": "text"}, b"")], False)


@pytest.mark.parametrize(
    "block",
    [b"\x05ab", b"\x01a\x0a", b"\x01a\x07\x00\x09ab", b"\x01a\x07\x00", b"\x01a\x07\x00\x01\xff", b"\x01\xff\x00"],
)
def test_headers_that_cannot_be_read_are_a_fault(block: bytes):
    body = prelude(16 + len(block), len(block)) + block
    assert split([body + struct.pack(">I", zlib.crc32(body))]) == ([], True)


def test_lengths_that_cannot_be_are_refused_before_anything_is_kept():
    for total, headers in ((15, 0), (0, 0), (20, 5)):
        assert split([prelude(total, headers)]) == ([], True)
    most = MAX_PAYLOAD_BYTES + MAX_HEADERS_BYTES + 16
    for total, headers in ((2**32 - 1, 0), (MAX_PAYLOAD_BYTES + 17, 0), (most + 1, MAX_HEADERS_BYTES + 1)):
        with pytest.raises(MessageTooLarge, match="longer than"):
            list(MessageSplitter().feed(prelude(total, headers)))
    assert split([prelude(most, MAX_HEADERS_BYTES)]) == ([], False)
