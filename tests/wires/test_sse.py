import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.wires.sse import MAX_EVENT_BYTES, EventSplitter, StreamCorrupt, parse_event

LINES = [
    "data: a",
    "data:b",
    "data",
    "data: ",
    "event: ping",
    ": note",
    "id: 7",
    "retry: 10",
    "",
    "😀",
    "data: é\0",
    "\ufeff",
]
LINE_ENDS = ["\n", "\r\n", "\r"]


def split(stream: bytes, cuts: list[int]) -> tuple[list[bytes], bytes]:
    splitter, blocks, start = EventSplitter(), [], 0
    for cut in [*sorted(cuts), len(stream)]:
        blocks += splitter.feed(stream[start:cut])
        start = cut
    assert splitter.is_between_events is (splitter.rest == b"")
    return blocks, splitter.rest


def events(blocks: list[bytes]) -> list[tuple[bytes, bytes]]:
    return [event for event in map(parse_event, blocks) if event != (b"", b"")]


@given(
    st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(LINE_ENDS)), max_size=20),
    st.lists(st.integers(0, 200), max_size=8),
)
def test_blocks_are_the_stream_however_it_is_cut(lines: list[tuple[str, str]], cuts: list[int]):
    stream = "".join(line + end for line, end in lines).encode()
    blocks, rest = split(stream, [min(cut, len(stream)) for cut in cuts])
    assert b"".join(blocks) + rest == stream
    whole, whole_rest = split(stream, [])
    assert events(blocks) == events(whole)
    assert parse_event(rest) == parse_event(whole_rest)


@pytest.mark.parametrize("ends", [["\n", "\r\n"], ["\r", "\r\n"]])  # CR, then LF, would be one line end
@given(st.data())
def test_line_ends_do_not_matter(ends: list[str], data: st.DataObject):
    lines = data.draw(st.lists(st.sampled_from(LINES), max_size=20))
    mixed = "".join(line + data.draw(st.sampled_from(ends)) for line in lines)
    plain = "".join(line + "\n" for line in lines)
    end = ": no LF follows\n"
    assert events(split((mixed + end).encode(), [])[0]) == events(split((plain + end).encode(), [])[0])


def test_an_event_is_out_as_soon_as_its_blank_line_is():
    for end in (b"\n", b"\r\n", b"\r"):
        splitter = EventSplitter()
        assert splitter.feed(b"data: x" + end) == []
        assert splitter.feed(end) == [b"data: x" + end + end]


@pytest.mark.parametrize(
    ("block", "event"),
    [
        (b"data: x\n\n", (b"", b"x")),
        (b"data:x\n\n", (b"", b"x")),
        (b"data:  x \n\n", (b"", b" x ")),
        (b"data: {\ndata:  1}\n\n", (b"", b"{\n 1}")),
        (b"data\n\n", (b"", b"")),
        (b"\xef\xbb\xbfdata: x\n\n", (b"", b"x")),
        (b"event: error\r\ndata: x\r\n\r\n", (b"error", b"x")),
        (b"event: a\revent: b\r\r", (b"b", b"")),
        (b": data: x\n\n", (b"", b"")),
        (b"database: x\n data: y\n\n", (b"", b"")),
        (b"\ndata: x\n\n", (b"", b"x")),
    ],
)
def test_an_event_is_parsed(block: bytes, event: tuple[bytes, bytes]):
    assert parse_event(block) == event


@pytest.mark.parametrize("piece", [1 << 14, MAX_EVENT_BYTES * 2])
def test_an_endless_event_is_not_kept(piece: int):
    stream = b"data: x\n\ndata: " + b"y" * MAX_EVENT_BYTES + b"\n\n"
    splitter = EventSplitter()
    pieces = [stream[start : start + piece] for start in range(0, len(stream), piece)]
    with pytest.raises(StreamCorrupt, match="longer than"):
        list(map(splitter.feed, pieces))
    long = b"data: " + b"y" * (MAX_EVENT_BYTES - 8) + b"\n\n"
    assert EventSplitter().feed(long) == [long]
