"""Canonical events → a stream of the Responses API's events.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from typing import Any, Final

import msgspec

from engine.wires.answer import Finish
from engine.wires.blocks import Image, Reasoning
from engine.wires.codec import Asked
from engine.wires.events import (
    BlockEnded,
    BlockEvent,
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
from engine.wires.in_order import OrderedEncoder
from engine.wires.losses import block_name
from engine.wires.makers import marked
from engine.wires.openai_family import logprob_entries
from engine.wires.openai_responses.decode_items import NAME
from engine.wires.openai_responses.echo import ending, head, status_of
from engine.wires.openai_responses.encode_output import (
    Ids,
    annotation_json,
    call_json,
    item_json,
    item_status,
    message_json,
    reasoning_json,
    refusal_json,
    text_json,
)
from engine.wires.usage import Usage

_json = msgspec.json.encode

_DELTA: Final = b'event: %s\ndata: {"type":"%s","item_id":"%s","output_index":%d,%s"delta":'
_END_OF: Final = {
    "completed": "response.completed",
    "incomplete": "response.incomplete",
    "failed": "response.failed",
}


class _Part:
    """What is being written: one part of a message or of a thought, or the arguments of a call."""

    __slots__ = ("annotations", "before", "kind", "logprobs", "pieces")

    def __init__(self, kind: str, before: bytes) -> None:
        self.kind = kind  # "text", "refusal", "summary", "thought", "arguments", "input"
        self.before = before  # each delta of it begins like this
        self.pieces: list[str] = []
        self.annotations: list[Any] = []
        self.logprobs: list[Any] = []

    @property
    def text(self) -> str:
        """All of it so far."""
        return "".join(self.pieces)


# The kind of a part → its events, and what says where it is in its item.
_EVENTS: Final = {
    "text": ("response.output_text", "content_index"),
    "refusal": ("response.refusal", "content_index"),
    "summary": ("response.reasoning_summary_text", "summary_index"),
    "thought": ("response.reasoning_text", "content_index"),
    "arguments": ("response.function_call_arguments", None),
    "input": ("response.custom_tool_call_input", None),
}
_FIELDS: Final = {"text": "text", "refusal": "refusal", "summary": "text", "thought": "text"}


class StreamEncoder(OrderedEncoder):
    """Encodes one stream. All of the answer is kept, since the last event repeats it.

    The last item stays open until the next one begins or the answer ends: only then is it known to be complete.
    """

    __slots__ = (
        "_asked",
        "_finish",
        "_head",
        "_ids",
        "_item",
        "_items",
        "_part",
        "_sequence",
        "_signature",
        "_tier",
        "_usage",
    )

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self._asked = asked
        self._head: dict[str, Any] = {}
        self._ids = Ids("")
        self._sequence = -1
        self._items: list[Any] = []  # of the output, the open one included
        self._item: dict[str, Any] | None = None  # the open one
        self._part: _Part | None = None  # the open one of the open item
        self._signature: list[str] = []
        self._finish = Finish(reason="error")
        self._usage: Usage | None = None
        self._tier: str | None = None

    def end(self) -> bytes:
        """The whole response."""
        if not self._head:
            self._head = head(self._asked, "", "", 0)
        status, _ = status_of(self._finish)
        tier = self._usage.service_tier if self._usage is not None and self._usage.service_tier else self._tier
        response = {**self._head, **ending(self._finish, self._items, self._usage, tier)}
        return self._event(_END_OF[status], response=response)

    def _event(self, kind: str, **fields: Any) -> bytes:
        self._sequence += 1
        event = {"type": kind, **fields, "sequence_number": self._sequence}
        return b"event: %s\ndata: %s\n\n" % (kind.encode(), _json(event))

    def _write(self, event: Event, written: list[bytes]) -> None:
        if isinstance(event, TextDelta):
            part = self._part
            if part is None or part.kind != "text":
                part = self._open_part("text", written)
            if event.text:
                self._delta(part, event.text, written, self._logprobs(part, event))
        elif isinstance(event, ToolArgumentsDelta):
            if self._part is not None and self._part.kind in ("arguments", "input") and event.text:
                self._delta(self._part, event.text, written)
        elif isinstance(event, BlockEvent):
            self._write_rarer(event, written)
        elif isinstance(event, Started):
            self._start(event, written)
        elif isinstance(event, Finished):
            self._finish = event.finish
            self._close_item(written, status_of(event.finish)[0])
        elif isinstance(event, UsageReported):
            self._usage = event.usage

    def _write_rarer(self, event: BlockEvent, written: list[bytes]) -> None:
        if isinstance(event, ReasoningDelta):
            self._think(event.text, written, is_summary=event.is_summary)
        elif isinstance(event, SignatureDelta):
            self._think("", written, is_summary=event.maker == NAME)
            self._signature.append(event.signature if self._signature else marked(event.signature, event.maker, NAME))
        elif isinstance(event, ToolCallStarted):
            self._start_call(event, written)
        elif isinstance(event, RefusalDelta):
            part = self._part
            if part is None or part.kind != "refusal":
                part = self._open_part("refusal", written)
            self._delta(part, event.text, written)
        elif isinstance(event, Cited):
            self._cite(event, written)
        elif isinstance(event, WholeBlock):
            self._whole(event, written)
        elif isinstance(event, BlockEnded):
            self._close_part(written)

    def _start(self, event: Started, written: list[bytes]) -> None:
        self._tier = event.service_tier
        self._head = head(self._asked, event.id, event.model, event.created)
        self._ids = Ids(self._head["id"])
        written.append(self._event("response.created", response=self._head))
        written.append(self._event("response.in_progress", response=self._head))

    # --- items

    def _open_item(self, item: dict[str, Any], written: list[bytes]) -> None:
        self._close_item(written)
        self._item = item
        self._items.append(item)
        shown = {**item, "status": "in_progress"} if "status" in item else item
        written.append(self._event("response.output_item.added", output_index=len(self._items) - 1, item=shown))

    def _close_item(self, written: list[bytes], status: str = "completed") -> None:
        self._close_part(written)
        item = self._item
        if item is None:
            return
        if "status" in item:
            item["status"] = item_status(status)
        if self._signature:
            item["encrypted_content"] = "".join(self._signature)
            self._signature = []
        self._item = None
        written.append(self._event("response.output_item.done", output_index=len(self._items) - 1, item=item))

    def _next_id(self, prefix: str) -> str:
        return self._ids.of(prefix, len(self._items))

    def _start_call(self, event: ToolCallStarted, written: list[bytes]) -> None:
        item_id = self._next_id("ctc" if event.is_custom else "fc")
        self._open_item(call_json(event.id, event.name, "", item_id, is_custom=event.is_custom), written)
        self._open_part("input" if event.is_custom else "arguments", written)

    def _think(self, text: str, written: list[bytes], *, is_summary: bool) -> None:
        part = self._part
        if part is None or part.kind not in ("summary", "thought"):
            self._open_item(reasoning_json(self._next_id("rs"), None, None, is_summary=is_summary), written)
            part = self._open_part("summary" if is_summary else "thought", written)
        if text:
            self._delta(part, text, written)

    def _whole(self, event: WholeBlock, written: list[bytes]) -> None:
        item = item_json(event.content, self._ids, len(self._items))
        if item is None:
            self._losses.append(f"answer.content[{event.block}].{block_name(event.content)}")
            return
        if not isinstance(item, dict):  # OpenAI's own, as it came: its status may be one that others have not
            self._close_item(written)
            self._items.append(item)
            place = {"output_index": len(self._items) - 1, "item": item}
            written.append(self._event("response.output_item.added", **place))
            written.append(self._event("response.output_item.done", **place))
            return
        self._open_item(item, written)
        if isinstance(event.content, Image):
            place = {"item_id": item["id"], "output_index": len(self._items) - 1}
            written.append(self._event("response.image_generation_call.completed", **place))
        if isinstance(event.content, Image | Reasoning):
            self._close_item(written)

    # --- parts of items

    def _open_part(self, kind: str, written: list[bytes]) -> _Part:
        self._close_part(written)
        if kind in ("text", "refusal") and (self._item is None or self._item.get("type") != "message"):
            self._open_item(message_json(self._next_id("msg"), []), written)
        item = self._item
        assert item is not None
        name, index_name = _EVENTS[kind]
        index = b"" if index_name is None else b'"%s":%d,' % (index_name.encode(), self._part_index(kind))
        name_bytes = f"{name}.delta".encode()
        before = _DELTA % (name_bytes, name_bytes, item["id"].encode(), len(self._items) - 1, index)
        part = self._part = _Part(kind, before)
        if index_name is not None:
            event = "response.reasoning_summary_part.added" if kind == "summary" else "response.content_part.added"
            written.append(self._event(event, **self._place(kind), part=_part_json(part)))
        return part

    def _part_index(self, kind: str) -> int:
        assert self._item is not None
        found: list[Any] = self._item.get("summary" if kind == "summary" else "content", [])
        return len(found)

    def _place(self, kind: str) -> dict[str, Any]:
        assert self._item is not None
        place = {"item_id": self._item["id"], "output_index": len(self._items) - 1}
        _, index_name = _EVENTS[kind]
        return place if index_name is None else {**place, index_name: self._part_index(kind)}

    def _delta(self, part: _Part, text: str, written: list[bytes], more: bytes = b"") -> None:
        part.pieces.append(text)
        self._sequence += 1
        if part.kind == "text":
            more = more or b',"logprobs":[]'
        written.append(b'%s%s%s,"sequence_number":%d}\n\n' % (part.before, _json(text), more, self._sequence))

    def _logprobs(self, part: _Part, event: TextDelta) -> bytes:
        if event.logprobs is None:
            return b""
        entries = logprob_entries(event.logprobs)
        part.logprobs += entries
        return b',"logprobs":' + _json(entries)

    def _cite(self, event: Cited, written: list[bytes]) -> None:
        part = self._part
        if part is None or part.kind != "text":
            part = self._open_part("text", written)
        annotation = annotation_json(event.citation, sum(map(len, part.pieces)))
        if annotation is None:
            self._losses.append(f"answer.content[{event.block}].citations")
            return
        place = {**self._place("text"), "annotation_index": len(part.annotations), "annotation": annotation}
        part.annotations.append(annotation)
        written.append(self._event("response.output_text.annotation.added", **place))

    def _close_part(self, written: list[bytes]) -> None:
        part, item = self._part, self._item
        if part is None or item is None:
            return
        if part.kind in ("arguments", "input"):
            self._close_arguments(part, item, written)
            return
        whole = _part_json(part)
        place = self._place(part.kind)
        name, _ = _EVENTS[part.kind]
        field = _FIELDS[part.kind]
        more = {"logprobs": whole["logprobs"]} if part.kind == "text" else {}
        written.append(self._event(f"{name}.done", **place, **{field: whole[field]}, **more))
        event = "response.reasoning_summary_part.done" if part.kind == "summary" else "response.content_part.done"
        written.append(self._event(event, **place, part=whole))
        item.setdefault("summary" if part.kind == "summary" else "content", []).append(whole)
        self._part = None

    def _close_arguments(self, part: _Part, item: dict[str, Any], written: list[bytes]) -> None:
        if not part.pieces and part.kind == "arguments":
            self._delta(part, "{}", written)  # a call without arguments has an empty object here
        item[part.kind] = part.text
        name, _ = _EVENTS[part.kind]
        written.append(self._event(f"{name}.done", **self._place(part.kind), **{part.kind: part.text}))
        self._part = None


def _part_json(part: _Part) -> dict[str, Any]:
    if part.kind == "text":
        return text_json(part.text, part.annotations, part.logprobs)
    if part.kind == "refusal":
        return refusal_json(part.text)
    return {"type": "summary_text" if part.kind == "summary" else "reasoning_text", "text": part.text}
