"""A stream of Converse's events → canonical events.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from typing import Any, Final

import msgspec

from engine.errors import UpstreamRefused
from engine.wires.bedrock_converse.answers import finish_of
from engine.wires.bedrock_converse.decode_blocks import (
    MAKER,
    NAME,
    citation,
    encrypted,
    members,
    picture,
    tool_call,
    tool_result,
    unbase64,
)
from engine.wires.bedrock_converse.usage import Report, bad_answer, usage_in
from engine.wires.blocks import Block, Opaque
from engine.wires.decoding_messages import MessageDecoder
from engine.wires.events import (
    BlockEnded,
    Cited,
    Event,
    Finished,
    ReasoningDelta,
    SignatureDelta,
    Started,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
    WholeBlock,
)
from engine.wires.reading import Reader

_NULL: Final = msgspec.Raw(b"null")


class _ToolUse(msgspec.Struct, rename="camel"):
    input: str = ""


class _Reasoning(msgspec.Struct, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _Source(msgspec.Struct):
    bytes: str = ""


class _Image(msgspec.Struct):
    source: _Source | None = None


class _Delta(msgspec.Struct, rename="camel"):
    text: str | None = None
    tool_use: _ToolUse | None = None
    reasoning_content: _Reasoning | None = None
    citation: msgspec.Raw = _NULL
    tool_result: list[msgspec.Raw] | None = None
    image: _Image | None = None


class _BlockDelta(msgspec.Struct, rename="camel"):
    content_block_index: int | None = None
    delta: _Delta | None = None


class _Unknown(msgspec.Struct):
    delta: dict[str, msgspec.Raw] = {}


class _BlockEvent(msgspec.Struct, rename="camel"):
    content_block_index: int | None = None
    start: dict[str, msgspec.Raw] | None = None


class _Stop(msgspec.Struct, rename="camel"):
    stop_reason: str | None = None
    additional_model_response_fields: msgspec.Raw = _NULL


_DELTA: Final = msgspec.json.Decoder(_BlockDelta)
_BLOCK: Final = msgspec.json.Decoder(_BlockEvent)
_UNKNOWN: Final = msgspec.json.Decoder(_Unknown)
_STOP: Final = msgspec.json.Decoder(_Stop)
_REPORT: Final = msgspec.json.Decoder(Report)


class _Gathered(msgspec.Struct):
    """A block that comes in pieces and goes on whole."""

    kind: str
    head: dict[str, msgspec.Raw]
    pieces: list[Any]


class StreamDecoder(MessageDecoder):
    """Decodes one stream; the end is `metadata`, which comes after `messageStop`.

    Blocks are numbered anew, by their index and what they hold: a text block has no start, and not every model counts.
    """

    __slots__ = ("_count", "_gathered", "_index", "_numbers", "_stopped")

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._index = 0
        self._numbers: dict[int, dict[str, int]] = {}  # of what is open: index → kind → number
        self._gathered: dict[int, _Gathered] = {}
        self._stopped = False

    def _read(self, event: str, data: bytes, events: list[Event]) -> None:
        if event == "contentBlockDelta":
            found = _DELTA.decode(data)
            if found.delta is not None:
                self._delta(self._at(found.content_block_index), found.delta, data, events)
        elif event == "contentBlockStart":
            block = _BLOCK.decode(data)
            self._start(self._at(block.content_block_index), block.start or {}, events)
        elif event == "contentBlockStop":
            self._stop(self._at(_BLOCK.decode(data).content_block_index), events)
        elif event == "messageStart":
            events.append(Started("", ""))
        elif event == "messageStop":
            self._message_stop(_STOP.decode(data), events)
        elif event == "metadata":
            if (usage := usage_in(_REPORT.decode(data))) is not None:
                events.append(UsageReported(self._take(usage)))
            self.done = self._stopped

    def _end(self, events: list[Event]) -> None:  # noqa: ARG002 - the protocol's
        self.done = self._stopped  # without `metadata` the answer is whole, and its usage unknown

    def _unreadable(self) -> UpstreamRefused:
        return bad_answer()

    def _message_stop(self, stop: _Stop, events: list[Event]) -> None:
        for index in list(self._numbers):
            self._stop(index, events)
        events.append(Finished(0, finish_of(stop.stop_reason, stop.additional_model_response_fields)))
        self._stopped = True
        self.done = self.usage is not None

    def _at(self, index: int | None) -> int:
        """The index of an event; one that names none is about the block before."""
        if index is not None:
            self._index = index
        return self._index

    def _number(self, index: int, kind: str) -> int:
        numbers = self._numbers.setdefault(index, {})
        number = numbers.get(kind)
        if number is None:
            number = numbers[kind] = self._count
            self._count += 1
        return number

    def _start(self, index: int, start: dict[str, msgspec.Raw], events: list[Event]) -> None:
        kind = next(iter(start), "text")
        if kind == "text":
            return
        head = members(start[kind]) if kind in ("toolUse", "toolResult", "image") else {}
        if kind == "toolUse" and bytes(head.get("type", b"")) != b'"server_tool_use"':
            call = Reader(head)
            number = self._number(index, kind)
            events.append(ToolCallStarted(0, number, call.needed_text("toolUseId"), call.needed_text("name")))
        elif head:
            self._gather(index, kind).head = head
        else:
            self._unknown(index, kind, msgspec.Raw(msgspec.json.encode(start)), events)

    def _delta(self, index: int, delta: _Delta, data: bytes, events: list[Event]) -> None:
        if delta.text is not None:
            if delta.text:
                events.append(TextDelta(0, self._number(index, "text"), delta.text))
        elif (call := delta.tool_use) is not None:
            if index in self._gathered:
                self._gather(index, "toolUse").pieces.append(call.input)
            elif "toolUse" not in self._numbers.get(index, {}):
                self.error = bad_answer()  # a call that never began has no name
            elif call.input:
                events.append(ToolArgumentsDelta(0, self._number(index, "toolUse"), call.input))
        elif (thought := delta.reasoning_content) is not None:
            self._reasoning(index, thought, data, events)
        elif delta.citation != _NULL:
            cited = citation(Reader(members(delta.citation)), delta.citation)
            events.append(Cited(0, self._number(index, "text"), cited))
        elif delta.tool_result is not None:
            self._gather(index, "toolResult").pieces.extend(delta.tool_result)
        elif delta.image is not None:
            if delta.image.source is not None and delta.image.source.bytes:
                self._gather(index, "image").pieces.append(unbase64(delta.image.source.bytes))
        elif unknown := _UNKNOWN.decode(data).delta:
            self._unknown(index, next(iter(unknown)), msgspec.Raw(msgspec.json.encode(unknown)), events)

    def _reasoning(self, index: int, thought: _Reasoning, data: bytes, events: list[Event]) -> None:
        if (thought.text, thought.signature, thought.redacted_content) == (None, None, None):
            unknown = _UNKNOWN.decode(data).delta
            self._unknown(index, "reasoningContent", msgspec.Raw(msgspec.json.encode(unknown)), events)
        if thought.text:
            events.append(ReasoningDelta(0, self._number(index, "reasoning"), thought.text))
        if thought.signature:
            events.append(SignatureDelta(0, self._number(index, "reasoning"), thought.signature, MAKER))
        if thought.redacted_content:
            self._gather(index, "redacted").pieces.append(unbase64(thought.redacted_content))

    def _unknown(self, index: int, kind: str, raw: msgspec.Raw, events: list[Event]) -> None:
        """What no other API has is named once a block."""
        if kind not in self._numbers.get(index, {}):
            events.append(WholeBlock(0, self._number(index, kind), Opaque(kind=kind, wire=NAME, raw=raw)))

    def _gather(self, index: int, kind: str) -> _Gathered:
        self._number(index, kind)
        return self._gathered.setdefault(index, _Gathered(kind, {}, []))

    def _stop(self, index: int, events: list[Event]) -> None:
        gathered = self._gathered.pop(index, None)
        for kind, number in self._numbers.pop(index, {}).items():
            if gathered is not None and gathered.kind == kind:
                events.append(WholeBlock(0, number, _whole(gathered)))
            events.append(BlockEnded(0, number))


def _whole(gathered: _Gathered) -> Block:
    head, pieces = gathered.head, gathered.pieces
    if gathered.kind == "redacted":
        return encrypted(b"".join(pieces))
    if gathered.kind == "image" and not pieces:  # it stands elsewhere, or there is an error instead
        return Opaque(kind="image", wire=NAME, raw=_raw("image", head))
    if gathered.kind == "image":
        return picture(Reader(head).text("format") or "png", b"".join(pieces))
    if gathered.kind == "toolResult":
        raw = _raw("toolResult", head | {"content": _encoded(pieces)})
        return tool_result(Reader(head), raw)
    text = "".join(pieces) or "{}"
    try:
        members(text)
        arguments = msgspec.Raw(text.encode())
    except msgspec.DecodeError:
        arguments = _encoded({"INVALID_JSON": text})
    return tool_call(Reader(head), _raw("toolUse", head | {"input": arguments}))


def _encoded(value: Any) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def _raw(kind: str, value: dict[str, msgspec.Raw]) -> msgspec.Raw:
    return _encoded({kind: value})
