"""Text to a tree with comments.

No round-trip library does this for us: ruamel.yaml, the best kept one, hangs a comment on the value *before* it, so a
key that is moved leaves its own comment behind and takes its successor's along.

Which comment belongs to what, as people read: one beside something belongs to that; one on its own line to what
follows it, unless it is indented deeper than what follows: then it closes the block above it. What stands at the top is
about the file.
"""

import bisect
import re
from typing import Any, NamedTuple

import msgspec
import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs do not export it

from engine.authoring.nodes import Commented, Entry, Mapping, Node, Scalar, Sequence
from engine.catalog.scalars import resolve_plain

_BREAK = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r"#[^\r\n]*")
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*[ \t]*(#[^\r\n]*)?")

Position = tuple[int, int]


class Remark(NamedTuple):
    """A comment, or a blank line (""). `alone`: nothing else stands on its line."""

    at: Position
    text: str
    alone: bool


def parse(text: str) -> Commented:
    """The tree of a text that `engine.catalog.reading` has read without a problem."""
    text = text.removeprefix("\ufeff")
    events = _events(text)
    return _Composer(text, events).compose()


def _events(text: str) -> list[Any]:
    parser = CParser(text)
    events: list[Any] = []
    try:
        while (event := parser.get_event()) is not None:
            events.append(event)
    finally:
        parser.dispose()
    return events


def _remarks(text: str, events: list[Any]) -> list[Remark]:
    """All comments and blank lines, in order: what "#" begins between two scalars is a comment."""
    starts = [0, *(match.end() for match in _BREAK.finditer(text))]
    inside: set[int] = set()
    remarks: list[Remark] = []
    gap = 0
    for event in (each for each in events if isinstance(each, yaml.ScalarEvent)):
        assert event.start_mark is not None
        assert event.end_mark is not None
        start, end = (_index(mark, starts, len(text)) for mark in (event.start_mark, event.end_mark))
        remarks += _comments(text, starts, gap, start)
        if event.style in {"|", ">"}:
            header = _BLOCK_HEADER.match(text, start)
            if header is not None and header[1]:
                remarks += _comments(text, starts, header.start(1), header.end())
            end = _end_of_block(event, text, starts, start, end)
        inside.update(range(event.start_mark.line + 1, _line_of(starts, end)))
        gap = end
    remarks += _comments(text, starts, gap, len(text))
    lines = _BREAK.split(text)
    remarks += [
        Remark((number, 0), "", alone=True)
        for number, line in enumerate(lines)
        if not line.strip() and number not in inside
    ]
    return sorted(remarks)


def _end_of_block(event: yaml.ScalarEvent, text: str, starts: list[int], start: int, end: int) -> int:
    """Where a text written as a block ends, without the blank lines after it, which the parser takes along."""
    content = event.value.rstrip("\n")
    if event.style == "|" and content:
        after = _line_of(starts, start) + content.count("\n") + 2
        return min(starts[after] if after < len(starts) else len(text), end)
    return start + len(text[start:end].rstrip())


def _index(mark: Any, starts: list[int], end: int) -> int:
    """Where a mark is in the text; the parser ends a last line without a break in a line of its own."""
    return min(starts[mark.line] + mark.column, end) if mark.line < len(starts) else end


def _line_of(starts: list[int], index: int) -> int:
    return bisect.bisect_right(starts, index) - 1


def _comments(text: str, starts: list[int], begin: int, end: int) -> list[Remark]:
    found = []
    for match in _COMMENT.finditer(text, begin, end):
        line = _line_of(starts, match.start())
        before = text[starts[line] : match.start()]
        found.append(Remark((line, len(before)), match[0].rstrip(), alone=not before.strip()))
    return found


class _Open(msgspec.Struct):
    """A list or mapping that is being filled; `waiting` is the entry whose value comes next."""

    node: Mapping | Sequence
    column: int
    waiting: Entry | None = None


class _Composer:
    def __init__(self, text: str, events: list[Any]) -> None:
        self.lines = _BREAK.split(text)
        self.events = events
        self.remarks = _remarks(text, events)
        self.next = 0
        self.open: list[_Open] = []
        self.closed: list[_Open] = []  # block lists and mappings that end here, the innermost first
        self.pending: list[str] = []
        self.last: tuple[Entry, int] | None = None  # what a comment on this line would be beside
        self.root = Entry(None)

    def compose(self) -> Commented:
        for event in self.events:
            kind = type(event)
            if kind is yaml.ScalarEvent:
                self._scalar(event)
            elif kind is yaml.MappingStartEvent:
                self._start(event, Mapping(flow=event.flow_style))
            elif kind is yaml.SequenceStartEvent:
                self._start(event, Sequence(flow=event.flow_style))
            elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                self._end(event)
        self._remarks_before((len(self.lines), 0))
        root = self.root
        top = [*root.above, root.beside] if root.beside else root.above
        if not isinstance(root.value, Scalar) and root.value.entries:
            first = root.value.entries[0]
            of_file, first.above = _of_the_file(first.above)
            top = [*top, *of_file]
        return Commented(root.value, top, self.pending)

    def _scalar(self, event: Any) -> None:
        at = (event.start_mark.line, event.start_mark.column)
        self._remarks_before(at)
        parent = self.open[-1] if self.open else None
        if parent is not None and isinstance(parent.node, Mapping) and parent.waiting is None:
            parent.waiting = Entry(event.value, above=self._take_pending())
            parent.node.entries.append(parent.waiting)
            self.last = (parent.waiting, event.end_mark.line)
        else:
            entry = self._place(self._value(event), comments_move_up=True)
            block = event.style in {"|", ">"}
            self.last = (entry, at[0] if block else event.end_mark.line)

    def _value(self, event: Any) -> Scalar:
        first, last = event.start_mark, event.end_mark
        block = event.style in {"|", ">"}
        lines = self.lines[first.line : last.line + (last.column > 0 or not block)]
        if block:
            written = tuple(line.strip() for line in lines[1:])
        elif len(lines) > 1:
            quote = 1 if event.style else 0
            ends = (lines[0][first.column + quote :], *lines[1:-1], lines[-1][: last.column - quote])
            written = tuple(line.strip() for line in ends)
        else:
            written = ()
        return Scalar(event.value if event.style else resolve_plain(event.value), event.style or "", written)

    def _start(self, event: Any, node: Mapping | Sequence) -> None:
        self._remarks_before((event.start_mark.line, event.start_mark.column))
        entry = self._place(node, comments_move_up=node.flow)
        if node.flow:
            self.last = (entry, event.start_mark.line)
        self.open.append(_Open(node, event.start_mark.column))

    def _end(self, event: Any) -> None:
        ended = self.open[-1]
        if ended.node.flow:
            self._remarks_before((event.start_mark.line, event.start_mark.column))
            remarks = self._take_pending()
            self.open.pop()
            owner = self.open[-1].node.entries[-1] if self.open else self.root
            (ended.node.below if ended.node.entries else owner.above).extend(remarks)
            self.last = (owner, event.end_mark.line)
        else:
            self.open.pop()
            self.closed.append(ended)

    def _place(self, node: Node, *, comments_move_up: bool) -> Entry:
        """Put a value where it belongs. Comments between a key and its value go above the key, or to the first part."""
        parent = self.open[-1] if self.open else None
        if parent is None:
            entry = self.root
        elif parent.waiting is not None:
            entry, parent.waiting = parent.waiting, None
        else:
            entry = Entry(None, above=self._take_pending())
            parent.node.entries.append(entry)
        entry.value = node
        if comments_move_up:
            entry.above += self._take_pending()
        return entry

    def _take_pending(self) -> list[str]:
        taken, self.pending = self.pending, []
        if self.open and self.open[-1].node.flow:
            return [text for text in taken if text]
        return taken

    def _remarks_before(self, position: Position) -> None:
        while self.next < len(self.remarks) and self.remarks[self.next].at < position:
            self._attach(self.remarks[self.next])
            self.next += 1
        self.closed.clear()

    def _attach(self, remark: Remark) -> None:
        if not remark.alone and self.last is not None and self.last[1] == remark.at[0]:
            entry = self.last[0]
            if entry.beside:
                entry.above.append(entry.beside)
            entry.beside = remark.text
        elif not remark.text:
            self.pending.append("")
        else:
            closing = self._closing(remark.at[1])
            if closing is None:
                self.pending.append(remark.text)
            else:
                closing.below += [*self.pending, remark.text]
                self.pending.clear()

    def _closing(self, column: int) -> Mapping | Sequence | None:
        """The ended block to which a comment at this column still belongs. Comments after it belong no deeper."""
        if column <= (self.open[-1].column if self.open else -1):
            self.closed.clear()
        while len(self.closed) > 1 and (
            self.closed[0].column > column or self.closed[0].column == self.closed[1].column
        ):
            self.closed.pop(0)
        return self.closed[0].node if self.closed else None


def _of_the_file(above: list[str]) -> tuple[list[str], list[str]]:
    """The comments above a document's first key, as those of the file and those of the key.

    They are the file's, but for those that a blank line sets off from what stands at the top.
    """
    while above and not above[0]:
        above = above[1:]
    upto = next((index + 1 for index in reversed(range(len(above))) if not above[index]), len(above))
    return above[:upto], above[upto:]
