"""A stream of the Responses API's events → canonical events.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from typing import Any, Final

import msgspec

from engine.errors import UpstreamRefused
from engine.wires.blocks import Block, Reasoning, Refusal, Text, ToolCall
from engine.wires.decoding import EventDecoder
from engine.wires.events import (
    BlockEnded,
    Cited,
    Event,
    Finished,
    ReasoningDelta,
    RefusalDelta,
    SignatureDelta,
    Started,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
    WholeBlock,
)
from engine.wires.openai_responses.answers import finish_of, output_blocks, tier_of
from engine.wires.openai_responses.decode_items import PARAGRAPH, citation, item_kind, part
from engine.wires.openai_responses.following import ENDS
from engine.wires.openai_responses.usage import bad_answer, error_of, fault_of, read_envelope, usage_in
from engine.wires.reading import Reader

_ABSENT: Final = msgspec.Raw(b"")
_DONE: Final = b"[DONE]"

# Places of what is no part of a message's content.
_SUMMARY: Final = -1
_THOUGHT: Final = -2
_CALL: Final = -3
_WHOLE: Final = -4

_Place = tuple[int, int]  # an item's index in the output, and a part's in the item


class _Event(msgspec.Struct):
    type: str | None = None
    output_index: int | None = None
    item_id: str | None = None
    content_index: int | None = None
    summary_index: int | None = None
    delta: Any = None
    text: Any = None
    refusal: Any = None
    logprobs: msgspec.Raw = _ABSENT
    item: msgspec.Raw = _ABSENT
    annotation: msgspec.Raw = _ABSENT
    response: msgspec.Raw = _ABSENT
    error: Any = None
    code: Any = None
    param: Any = None


class _Response(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    created_at: float | None = None
    service_tier: Any = None


class _Item(msgspec.Struct):
    id: str | None = None


class _Typed(msgspec.Struct):
    type: str | None = None


# The events that are read; all else of an item or a part comes once more when it is done.
_KNOWN: Final = frozenset(
    {
        *("response.created", "response.queued", "response.in_progress", "error", *ENDS),
        *("response.output_item.added", "response.output_item.done"),
        *("response.output_text.delta", "response.output_text.annotation.added", "response.refusal.delta"),
        *("response.function_call_arguments.delta", "response.custom_tool_call_input.delta"),
        *("response.reasoning_summary_text.delta", "response.reasoning_text.delta"),
    }
)

_EVENT: Final = msgspec.json.Decoder(_Event)
_TYPED: Final = msgspec.json.Decoder(_Typed)
_ITEM: Final = msgspec.json.Decoder(_Item)
_RESPONSE: Final = msgspec.json.Decoder(_Response)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class StreamDecoder(EventDecoder):
    """Decodes one stream; the end is the event that holds the whole response."""

    __slots__ = (
        "_blocks",
        "_cited",
        "_count",
        "_ended",
        "_has_calls",
        "_has_started",
        "_heard",
        "_indexes",
        "_part_index",
    )

    def __init__(self) -> None:
        super().__init__()
        self._has_started = False
        self._blocks: dict[_Place, int] = {}
        self._count = 0
        self._heard: set[_Place] = set()  # what came in pieces, so that the whole of it is not told again
        self._cited: dict[_Place, int] = {}  # how many annotations came
        self._ended: set[int] = set()  # the items that are complete
        self._indexes: dict[str, int] = {}  # of the items of servers that only give their ids, as llama.cpp does
        self._part_index: dict[_Place, int] = {}  # which part of a thought came last
        self._has_calls = False

    def _read(self, event: bytes, data: bytes, events: list[Event]) -> None:
        if data[:1] != b"{" and data.strip() == _DONE:
            return  # of servers that add it; the end is another event
        try:
            found = _EVENT.decode(data)
        except msgspec.ValidationError:
            if (_TYPED.decode(data).type or event.decode("utf-8", "replace")) in _KNOWN:
                raise
            return  # an event that we do not know, whose members mean something else
        kind = found.type or event.decode("utf-8", "replace")
        if kind == "response.output_text.delta":
            if found.delta:
                logprobs = found.logprobs if _has_entries(found.logprobs) else None
                index = found.output_index
                place = (self._index(found.item_id) if index is None else index, found.content_index or 0)
                at = self._hear(place, events)
                events.append(TextDelta(0, at, str(found.delta), logprobs))
        elif kind == "error" or event == b"error" or (found.error and not _is_given(found.response)):
            error = found.error if isinstance(found.error, dict) else {"code": found.code, "param": found.param}
            self.error = error_of(error)
        elif kind in ENDS:
            self._end(kind, found.response, events)
        elif kind in _KNOWN:
            self._start(found.response, events)
            self._read_rarer(kind, found, events)

    def _unreadable(self) -> UpstreamRefused:
        return bad_answer()

    def _start(self, response: msgspec.Raw, events: list[Event]) -> None:
        if not self._has_started:
            self._has_started = True
            head = _RESPONSE.decode(response) if _is_given(response) else _Response()
            created, tier = int(head.created_at or 0), tier_of(head.service_tier)
            events.append(Started(head.id or "", head.model or "", created, tier))

    def _hear(self, place: _Place, events: list[Event]) -> int:
        """The block of a place that more comes for."""
        if not self._has_started:
            self._start(_ABSENT, events)
        self._heard.add(place)
        return self._block(place)

    def _index(self, item_id: str | None) -> int:
        """The index of an item that is known by its id alone."""
        return self._indexes.setdefault(item_id or "", len(self._indexes))

    def _block(self, place: _Place) -> int:
        found = self._blocks.get(place)
        if found is None:
            found = self._blocks[place] = self._count
            self._count += 1
        return found

    def _read_rarer(self, kind: str, found: _Event, events: list[Event]) -> None:
        item = found.output_index
        if item is None:
            if found.item_id is None and not _is_given(found.item):
                return  # of no item
            item = self._index(found.item_id or _id_of(found.item))
        if kind in ("response.function_call_arguments.delta", "response.custom_tool_call_input.delta"):
            if (item, _CALL) in self._blocks and found.delta:
                events.append(ToolArgumentsDelta(0, self._hear((item, _CALL), events), str(found.delta)))
        elif kind == "response.output_item.added":
            self._item_added(item, found.item, events)
        elif kind == "response.output_item.done":
            self._item_done(item, found.item, events)
        elif kind == "response.reasoning_summary_text.delta":
            self._think(item, _SUMMARY, found.summary_index or 0, found.delta, events)
        elif kind == "response.reasoning_text.delta":
            self._think(item, _THOUGHT, found.content_index or 0, found.delta, events)
        elif kind == "response.refusal.delta":
            if found.delta:
                events.append(RefusalDelta(0, self._hear((item, found.content_index or 0), events), str(found.delta)))
        elif kind == "response.output_text.annotation.added" and _is_given(found.annotation):
            place = (item, found.content_index or 0)
            self._cited[place] = self._cited.get(place, 0) + 1
            cited = citation(Reader(_MEMBERS.decode(found.annotation)), found.annotation)
            events.append(Cited(0, self._block(place), cited))

    def _think(self, item: int, place: int, index: int, delta: Any, events: list[Event]) -> None:
        if not delta:
            return
        is_next_part = (item, place) in self._heard and index != self._part_index.get((item, place))
        at = self._hear((item, place), events)
        self._part_index[item, place] = index
        events.append(ReasoningDelta(0, at, f"{PARAGRAPH if is_next_part else ''}{delta}", place == _SUMMARY))

    def _item_added(self, index: int, raw: msgspec.Raw, events: list[Event]) -> None:
        if not _is_given(raw):
            return
        item = Reader(_MEMBERS.decode(raw))
        if item.text("type") in ("function_call", "custom_tool_call"):
            for call in output_blocks(Reader(_MEMBERS.decode(raw)), raw, []):
                self._call(index, call, events)

    def _item_done(self, index: int, raw: msgspec.Raw, events: list[Event]) -> None:
        """An item is complete: what of it did not come in pieces is told now."""
        if not _is_given(raw) or index in self._ended:
            return
        self._ended.add(index)
        members = _MEMBERS.decode(raw)
        item = Reader(members)
        if item_kind(item) == "message":
            for at, (one, json) in enumerate(item.objects("content")):
                logprobs = Reader(_MEMBERS.decode(json)).raw("logprobs")
                self._part((index, at), part(one, json), logprobs, events)
            return
        blocks = output_blocks(Reader(members), raw, [])
        for block in blocks:
            if isinstance(block, ToolCall):
                self._call(index, block, events)
                place = (index, _CALL)
                if block.arguments and place not in self._heard:
                    events.append(ToolArgumentsDelta(0, self._block(place), block.arguments))
                events.append(BlockEnded(0, self._block(place)))
            elif isinstance(block, Reasoning):
                self._thought(index, block, events)
            else:
                events.append(WholeBlock(0, self._block((index, _WHOLE)), block))

    def _call(self, index: int, block: Block, events: list[Event]) -> None:
        if isinstance(block, ToolCall) and (index, _CALL) not in self._blocks:
            self._has_calls = True
            events.append(ToolCallStarted(0, self._block((index, _CALL)), block.id, block.name, block.is_custom))

    def _part(self, place: _Place, block: Block, logprobs: msgspec.Raw | None, events: list[Event]) -> None:
        at = self._block(place)
        if place not in self._heard:
            if isinstance(block, Text) and block.text:
                events.append(TextDelta(0, at, block.text, logprobs if logprobs and _has_entries(logprobs) else None))
            elif isinstance(block, Refusal) and block.text:
                events.append(RefusalDelta(0, at, block.text))
        if isinstance(block, Text):
            events += [Cited(0, at, one) for one in block.citations[self._cited.get(place, 0) :]]
        events.append(BlockEnded(0, at))

    def _thought(self, index: int, block: Reasoning, events: list[Event]) -> None:
        place = (index, _SUMMARY if block.is_summary else _THOUGHT)
        heard = [known for known in ((index, _SUMMARY), (index, _THOUGHT)) if known in self._heard]
        if block.encrypted is not None and not heard:
            events.append(WholeBlock(0, self._block(place), block))
            return
        if block.encrypted is not None:
            place = heard[-1]
        elif place not in self._heard and block.text:
            events.append(ReasoningDelta(0, self._block(place), block.text, block.is_summary))
        if (data := block.signature or block.encrypted) is not None:
            events.append(SignatureDelta(0, self._block(place), data, block.maker))
        events.append(BlockEnded(0, self._block(place)))

    def _end(self, kind: str, raw: msgspec.Raw, events: list[Event]) -> None:
        envelope = read_envelope(raw)
        usage = usage_in(envelope) if envelope is not None else None
        if envelope is None or kind in ("response.failed", "response.cancelled"):
            if usage is not None:
                self._take(usage)
            self.error = (fault_of(envelope) if envelope is not None else None) or error_of(None)
            return
        self._start(raw, events)
        response = Reader(_MEMBERS.decode(raw))
        for index, (_, item) in enumerate(response.objects("output")):
            self._item_done(self._index(_id_of(item)) if self._indexes else index, item, events)
        if usage is not None:
            events.append(UsageReported(self._take(usage)))
        events.append(Finished(0, finish_of(response, has_calls=self._has_calls)))
        self.done = True


def _id_of(item: msgspec.Raw) -> str | None:
    return _ITEM.decode(item).id if _is_given(item) else None


def _is_given(raw: msgspec.Raw) -> bool:
    return len(raw) > 4 or bytes(raw) not in (b"", b"null")


def _has_entries(raw: msgspec.Raw) -> bool:
    return len(raw) > 4 and memoryview(raw)[0] == ord("[")  # neither null nor []
