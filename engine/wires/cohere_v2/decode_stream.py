"""A stream of Cohere's events → canonical events.

Sources: https://docs.cohere.com/docs/streaming, https://docs.cohere.com/docs/tool-use-streaming,
https://docs.cohere.com/docs/rag-streaming
"""

from typing import Any, Final

import msgspec

from engine.errors import UpstreamRefused
from engine.wires.cohere_v2.answers import citations_of, finish_of, logprob_json, place_of, uncited
from engine.wires.cohere_v2.usage import GIVEN_UP, bad_answer, error_of, usage_of
from engine.wires.decoding import EventDecoder
from engine.wires.events import (
    BlockEnded,
    Cited,
    Event,
    Finished,
    ReasoningDelta,
    Started,
    TextDelta,
    ToolArgumentsDelta,
    ToolCallStarted,
    UsageReported,
    WholeBlock,
)

_ABSENT: Final = msgspec.Raw(b"")


class _Content(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    thinking: str | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    id: str | None = None
    function: _Function | None = None


class _Message(msgspec.Struct):
    """A delta's message. What it may hold is one thing; the empty lists of the first event say nothing."""

    content: _Content | list[Any] | str | None = None
    tool_calls: _Call | list[Any] | None = None
    tool_plan: str | None = None
    citations: msgspec.Raw = _ABSENT


class _Delta(msgspec.Struct):
    message: _Message | None = None
    finish_reason: str | None = None
    usage: Any = None


class _Event(msgspec.Struct):
    type: str = ""
    index: int | None = None
    id: str | None = None
    delta: _Delta | None = None
    logprobs: Any = None
    message: Any = None  # of an error


class _Kind(msgspec.Struct):
    type: str = ""


_EVENT: Final = msgspec.json.Decoder(_Event)
_KIND: Final = msgspec.json.Decoder(_Kind)
_READ: Final = frozenset(
    {
        *("message-start", "content-start", "content-delta", "content-end", "tool-plan-delta", "tool-call-start"),
        *("tool-call-delta", "tool-call-end", "citation-start", "message-end", ""),
    }
)
_DONE: Final = b"[DONE]"
_PLAN: Final = ("plan", 0)


class StreamDecoder(EventDecoder):
    """Decodes one stream; the end is `message-end`. Contents and calls are numbered apart, and the plan not at all."""

    __slots__ = ("_blocks", "_has_started", "_latest_text")

    def __init__(self) -> None:
        super().__init__()
        self._blocks: dict[tuple[str, int], int] = {}  # what it is, and Cohere's number → ours
        self._latest_text: int | None = None
        self._has_started = False

    def _read(self, event: bytes, data: bytes, events: list[Event]) -> None:
        if data.strip() == _DONE:
            return
        try:
            found = _EVENT.decode(data)
        except msgspec.ValidationError:
            if _KIND.decode(data).type in _READ:
                raise
            return  # an event that is not known yet may have any form
        kind, delta = found.type, found.delta
        message = delta.message if delta is not None else None
        if kind in {"content-delta", "content-start"}:
            if message is not None:
                self._content(found, message, events)
        elif kind in {"tool-call-delta", "tool-call-start"}:
            if message is not None:
                self._call(found.index or 0, message.tool_calls, events)
        elif kind == "tool-plan-delta":
            if message is not None and message.tool_plan:
                self._start(events)
                events.append(ReasoningDelta(0, self._block(_PLAN), message.tool_plan))
        elif kind == "tool-call-end":
            block = self._blocks.get(("call", found.index or 0))
            if block is not None:
                events.append(BlockEnded(0, block))
        elif kind == "citation-start":
            if message is not None:
                self._cite(message.citations, events)
        elif kind == "message-start":
            self._start(events, found.id)
        elif kind == "message-end":
            self._end(delta or _Delta(), events)
        elif event == b"error" or (not kind and isinstance(found.message, str)):
            self.error = error_of()

    def _unreadable(self) -> UpstreamRefused:
        return bad_answer()

    def _start(self, events: list[Event], answer_id: str | None = None) -> None:
        if not self._has_started:
            self._has_started = True
            events.append(Started(answer_id or "", ""))

    def _block(self, key: tuple[str, int]) -> int:
        return self._blocks.setdefault(key, len(self._blocks))

    def _content(self, found: _Event, message: _Message, events: list[Event]) -> None:
        content = message.content
        if not isinstance(content, _Content):
            return
        index = found.index or 0
        if content.thinking:
            self._start(events)
            events.append(ReasoningDelta(0, self._block(("thinking", index)), content.thinking))
        if content.text:
            self._start(events)
            block = self._latest_text = self._block(("text", index))
            entry = logprob_json(found.logprobs) if found.logprobs is not None else None
            logprobs = msgspec.Raw(msgspec.json.encode([entry])) if entry is not None else None
            events.append(TextDelta(0, block, content.text, logprobs))

    def _call(self, index: int, call: _Call | list[Any] | None, events: list[Event]) -> None:
        if not isinstance(call, _Call):
            return
        function = call.function or _Function()
        key = ("call", index)
        if key not in self._blocks:
            self._start(events)
            events.append(ToolCallStarted(0, self._block(key), call.id or f"call_{index}", function.name or ""))
        if function.arguments:
            events.append(ToolArgumentsDelta(0, self._blocks[key], function.arguments))

    def _cite(self, raw: msgspec.Raw, events: list[Event]) -> None:
        """Citations come between the pieces of their text, or behind them."""
        if not raw or memoryview(raw)[0] != ord("{"):
            return
        kind, index = place_of(raw)
        named = self._blocks.get(("text", index)) if index is not None else None
        block = named if named is not None else self._latest_text
        if kind == "TEXT_CONTENT" and block is not None:
            events += [Cited(0, block, citation) for citation in citations_of(raw)]
        else:
            self._start(events)
            events.append(WholeBlock(0, self._block(("citation", len(self._blocks))), uncited(raw)))

    def _end(self, delta: _Delta, events: list[Event]) -> None:
        if not self._blocks and delta.finish_reason in GIVEN_UP:
            self.error = error_of(delta.finish_reason or "")
            return
        self._start(events)
        if delta.usage is not None:
            events.append(UsageReported(self._take(usage_of(delta.usage))))
        events.append(Finished(0, finish_of(delta.finish_reason)))
        self.done = True
