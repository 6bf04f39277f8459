"""Framing: no cut and no flipped bit loses what stands before it, or invents anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger.framing import HEADER, MARK, MAX_PAYLOAD_BYTES, frame, frame_at, frames, next_frame

# As records are: JSON holds neither zeros nor the byte that the mark begins with.
records = st.binary(min_size=1, max_size=300).map(lambda data: data.replace(b"\xff", b"f").replace(b"\x00", b"0"))
payloads = st.lists(records, max_size=6)


def read(data):
    return [found.payload for found in frames(data)]


def starts(written):
    places = [0]
    for payload in written:
        places.append(places[-1] + HEADER.size + len(payload))
    return places


@given(payloads, st.integers(0, 100))
def test_what_is_written_is_read_up_to_the_zeros(written, room):
    assert read(b"".join(map(frame, written)) + bytes(room)) == written


@given(payloads, st.data())
def test_a_cut_anywhere_loses_only_what_it_cuts(written, data):
    whole = b"".join(map(frame, written))
    cut = data.draw(st.integers(0, len(whole)))
    complete = sum(end <= cut for end in starts(written)[1:])
    assert read(whole[:cut]) == written[:complete]
    assert read(whole[:cut] + bytes(len(whole) - cut)) == written[:complete]


@given(payloads.filter(bool), st.data())
def test_a_changed_byte_anywhere_loses_only_its_frame(written, data):
    whole = bytearray(b"".join(map(frame, written)))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    broken = sum(end <= place for end in starts(written)[1:])
    assert read(bytes(whole)) == written[:broken]
    behind = next_frame(bytes(whole), starts(written)[broken])
    assert ([] if behind is None else read(bytes(whole)[behind:])) == written[broken + 1 :]


@given(st.binary(max_size=2000))
def test_noise_is_no_frame(noise):
    assert read(noise) == []


@pytest.mark.parametrize("size", [0, MAX_PAYLOAD_BYTES + 1])
def test_a_payload_that_no_frame_holds_is_refused(size):
    with pytest.raises(ValueError, match="a payload has"):
        frame(bytes(size))


def test_the_longest_payload_fits():
    data = frame(b"x" * MAX_PAYLOAD_BYTES)
    assert len(data) == 16 * 1024
    assert frame_at(data, 0).end == len(data)


def test_a_length_beyond_the_limit_is_no_frame():
    data = bytearray(frame(b"x" * MAX_PAYLOAD_BYTES) * 2)
    data[4:8] = (MAX_PAYLOAD_BYTES + 1).to_bytes(4, "little")
    assert frame_at(bytes(data), 0) is None
    assert next_frame(bytes(data), 0) == 16 * 1024
    assert data[:4] == MARK
