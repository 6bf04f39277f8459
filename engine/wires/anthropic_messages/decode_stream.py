"""A stream of Anthropic's events → canonical events.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.errors import UpstreamRefused
from engine.wires.anthropic_messages.answers import finish_of
from engine.wires.anthropic_messages.decode_blocks import NAME, block, citation
from engine.wires.anthropic_messages.usage import bad_answer, error_of, split_of, usage_of
from engine.wires.blocks import Opaque, Reasoning, ServerToolCall, Text, ToolCall
from engine.wires.decoding import EventDecoder
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
from engine.wires.makers import unmarked
from engine.wires.reading import Reader

_ABSENT: Final = msgspec.Raw(b"")


class _Message(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    usage: dict[str, Any] | None = None


class _Delta(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    citation: msgspec.Raw = _ABSENT
    stop_reason: str | None = None
    stop_sequence: str | None = None


class _Event(msgspec.Struct):
    type: str = ""
    index: int = 0
    delta: _Delta | None = None
    content_block: msgspec.Raw = _ABSENT
    message: _Message | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


class _Kind(msgspec.Struct):
    type: Any = None
    delta: Any = None


_EVENT: Final = msgspec.json.Decoder(_Event)
_KIND: Final = msgspec.json.Decoder(_Kind)
_EVENTS: Final = (
    "content_block_start",
    "content_block_stop",
    "message_start",
    "message_delta",
    "message_stop",
    "error",
)
_DELTAS: Final = ("text_delta", "thinking_delta", "input_json_delta", "signature_delta", "citations_delta")
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class StreamDecoder(EventDecoder):
    """Decodes one stream; the end is `message_stop`."""

    __slots__ = ("_calls", "_initial_input", "_opaque", "_server_calls", "_usage_so_far")

    def __init__(self) -> None:
        super().__init__()
        self._usage_so_far = UsageSoFar()
        self._server_calls: dict[int, tuple[ServerToolCall, list[str]]] = {}  # they come in pieces, and go on whole
        self._opaque: dict[int, tuple[Opaque, dict[str, msgspec.Raw]]] = {}  # so do blocks that only Anthropic has
        self._calls: set[int] = set()
        self._initial_input: dict[int, str] = {}  # a tool call's, which counts where no pieces come

    def _read(self, event: bytes, data: bytes, events: list[Event]) -> None:
        try:
            found = _EVENT.decode(data)
        except msgspec.ValidationError:
            if event == b"error" or _is_known(_KIND.decode(data)):
                raise
            return  # an event of a later version, whose members mean something else
        kind = found.type
        if kind == "content_block_delta" and found.delta is not None:
            self._delta(found.index, found.delta, data, events)
        elif kind == "content_block_start":
            self._start(found.index, found.content_block, events)
        elif kind == "content_block_stop":
            self._stop(found.index, events)
        elif kind == "message_start" and found.message is not None:
            message = found.message
            self._report(message.usage, message.model, events)
            tier = self.usage.service_tier if self.usage is not None else None
            events.append(Started(message.id or "", message.model or "", 0, tier))
        elif kind == "message_delta":
            self._report(found.usage, None, events)
            if found.delta is not None and found.delta.stop_reason is not None:
                for index in (*self._server_calls, *self._opaque, *self._initial_input):
                    self._stop(index, events)  # not every server says that a block ends
                events.append(Finished(0, finish_of(found.delta.stop_reason, found.delta.stop_sequence)))
        elif kind == "message_stop":
            self.done = True
        elif kind == "error" or event == b"error" or found.error:
            self.error = error_of(found.error)

    def _unreadable(self) -> UpstreamRefused:
        return bad_answer()

    def _report(self, usage: dict[str, Any] | None, model: str | None, events: list[Event]) -> None:
        if usage is not None:
            events.append(UsageReported(self._take(self._usage_so_far.add(usage, model))))

    def _start(self, index: int, raw: msgspec.Raw, events: list[Event]) -> None:
        found = block(Reader(_MEMBERS.decode(raw)), raw)
        if isinstance(found, Text):
            events.append(TextDelta(0, index, found.text))
            events += [Cited(0, index, one) for one in found.citations]
        elif isinstance(found, Reasoning) and found.encrypted is None:
            events.append(ReasoningDelta(0, index, found.text))
            if found.signature is not None:
                events.append(SignatureDelta(0, index, found.signature, found.maker))
        elif isinstance(found, ToolCall):
            self._calls.add(index)
            events.append(ToolCallStarted(0, index, found.id, found.name))
            if found.arguments != "{}":
                self._initial_input[index] = found.arguments
        elif isinstance(found, ServerToolCall):
            self._server_calls[index] = (found, [])
        elif isinstance(found, Opaque):
            self._opaque[index] = (found, _MEMBERS.decode(raw))
        else:
            events.append(WholeBlock(0, index, msgspec.structs.replace(found, path="", extra={})))

    def _delta(self, index: int, delta: _Delta, data: bytes, events: list[Event]) -> None:
        kind = delta.type
        if index in self._opaque:
            _add(self._opaque[index][1], _MEMBERS.decode(_MEMBERS.decode(data)["delta"]))
            return
        if kind == "text_delta":
            if delta.text:
                events.append(TextDelta(0, index, delta.text))
        elif kind == "thinking_delta":
            if delta.thinking:
                events.append(ReasoningDelta(0, index, delta.thinking))
        elif kind == "input_json_delta":
            if delta.partial_json:
                self._initial_input.pop(index, None)
                if index in self._server_calls:
                    self._server_calls[index][1].append(delta.partial_json)
                elif index not in self._calls:
                    self.error = bad_answer()  # a call that never began has no name
                else:
                    events.append(ToolArgumentsDelta(0, index, delta.partial_json))
        elif kind == "signature_delta":
            signature, maker = unmarked(delta.signature or "", NAME)
            events.append(SignatureDelta(0, index, signature, maker))
        elif kind == "citations_delta":
            events.append(Cited(0, index, citation(Reader(_MEMBERS.decode(delta.citation)), delta.citation)))

    def _stop(self, index: int, events: list[Event]) -> None:
        if index in self._initial_input:
            events.append(ToolArgumentsDelta(0, index, self._initial_input.pop(index)))
        if index in self._server_calls:
            call, pieces = self._server_calls.pop(index)
            events.append(WholeBlock(0, index, _with_input(call, "".join(pieces))))
        if index in self._opaque:
            found, members = self._opaque.pop(index)
            raw = msgspec.Raw(msgspec.json.encode(members))
            events.append(WholeBlock(0, index, msgspec.structs.replace(found, raw=raw, path="")))
        events.append(BlockEnded(0, index))


def _is_known(found: _Kind) -> bool:
    if found.type != "content_block_delta":
        return found.type in _EVENTS
    return not isinstance(found.delta, dict) or found.delta.get("type") in _DELTAS


class UsageSoFar:
    """The usage of one stream. Reports are cumulative and partial: what a later one does not mention stays."""

    __slots__ = ("_model", "_value")

    def __init__(self) -> None:
        self._value: dict[str, Any] = {}
        self._model: str | None = None

    def add(self, usage: dict[str, Any], model: str | None) -> Any:
        """The usage with one more report."""
        self._model = model or self._model
        self._value |= {name: value for name, value in usage.items() if value is not None}
        if usage.get("cache_creation") is None:
            self._split_anew(usage)
        return usage_of(self._value, self._model, msgspec.json.encode(self._value))

    def _split_anew(self, usage: dict[str, Any]) -> None:
        """A report without a split of what was written: its iterations have it, or what stood before must fit."""
        split = split_of(usage.get("iterations"))
        before, written = self._value.get("cache_creation"), self._value.get("cache_creation_input_tokens")
        if split:
            self._value["cache_creation"] = split
        elif isinstance(before, dict) and type(written) is int and _total(before) > written:
            del self._value["cache_creation"]


def _total(counts: Mapping[str, Any]) -> int:
    return sum(count for count in counts.values() if type(count) is int)


def _add(members: dict[str, msgspec.Raw], delta: dict[str, msgspec.Raw]) -> None:
    """More of a block: texts are joined, any other member takes the place of what stood there."""
    for name, more in delta.items():
        if name == "type" or bytes(more) == b"null":
            continue
        before = members.get(name)
        if before is not None and bytes(before)[:1] == bytes(more)[:1] == b'"':
            more = msgspec.Raw(bytes(before)[:-1] + bytes(more)[1:])  # noqa: PLW2901
        members[name] = more


def _with_input(call: ServerToolCall, arguments: str) -> ServerToolCall:
    members = _MEMBERS.decode(call.raw)
    if arguments:
        try:
            _MEMBERS.decode(arguments)
            members["input"] = msgspec.Raw(arguments.encode())
        except msgspec.DecodeError:
            members["input"] = msgspec.Raw(msgspec.json.encode({"INVALID_JSON": arguments}))
    return ServerToolCall(id=call.id, name=call.name, wire=NAME, raw=msgspec.Raw(msgspec.json.encode(members)))
