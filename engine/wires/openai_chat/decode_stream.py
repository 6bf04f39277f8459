"""A stream of chat completion chunks → canonical events.

Source: https://platform.openai.com/docs/api-reference/chat-streaming; what vendors add is named where it is read.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from engine.errors import InvalidRequest, UpstreamRefused
from engine.wires.answer import Finish
from engine.wires.blocks import Audio, Source
from engine.wires.decoding import EventDecoder
from engine.wires.events import (
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
from engine.wires.openai_chat.answers import finish_of, image_of, known_citation
from engine.wires.openai_chat.decode_messages import reasoning_detail
from engine.wires.openai_chat.following import DONE
from engine.wires.openai_chat.usage import bad_answer, error_in, is_nothing, read_envelope, usage_in
from engine.wires.reading import Reader

_ABSENT = msgspec.Raw(b"")


class _Function(msgspec.Struct, gc=False):
    name: str | None = None
    arguments: Any = None
    input: str | None = None


class _ToolCall(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None
    custom: _Function | None = None


class _Audio(msgspec.Struct, gc=False):
    id: str | None = None
    data: str | None = None
    transcript: str | None = None
    expires_at: int | None = None


class _Part(msgspec.Struct):
    type: str = ""
    text: str | None = None
    thinking: "list[_Part] | str | None" = None
    summary: "list[_Part] | None" = None


class _Delta(msgspec.Struct):
    content: str | list[_Part] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[dict[str, msgspec.Raw]] | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None
    annotations: list[msgspec.Raw] | None = None
    images: list[msgspec.Raw] | None = None
    audio: _Audio | None = None


class _Choice(msgspec.Struct):
    index: int | None = None
    delta: _Delta | None = None
    finish_reason: str | None = None
    stop_reason: Any = None
    logprobs: msgspec.Raw = _ABSENT  # Together has a number there


class _Chunk(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    created: float | None = None
    service_tier: Any = None
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = _ABSENT
    x_groq: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


_CHUNK = msgspec.json.Decoder(_Chunk)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Blocks:
    """The blocks of one answer so far."""

    __slots__ = ("audio", "calls", "count", "finish", "kind", "latest_call", "open")

    def __init__(self) -> None:
        self.count = 0
        self.kind = ""  # of the block that text may still be added to
        self.open = -1
        self.calls: dict[int, tuple[int, str]] = {}  # by the upstream's index: our block, and the call's id
        self.latest_call = -1
        self.audio: dict[str, Any] = {}
        self.finish: Finish | None = None

    def of(self, kind: str) -> int:
        """The block for a delta of this kind: a new one where the last block is of another."""
        if kind != self.kind:
            self.kind, self.open = kind, self.new()
        return self.open

    def new(self) -> int:
        """The number of a new block."""
        self.count += 1
        return self.count - 1


class StreamDecoder(EventDecoder):
    """Decodes one stream; the end is `[DONE]`."""

    __slots__ = ("_choices", "_has_started")

    def __init__(self) -> None:
        super().__init__()
        self._has_started = False
        self._choices: dict[int, _Blocks] = {}

    def _read(self, event: bytes, data: bytes, events: list[Event]) -> None:
        if data[:1] != b"{" and data.strip() == DONE:
            self._end(events)
            return
        chunk = _CHUNK.decode(data)
        if len(chunk.error) or event == b"error" or b'"error"' in data[:64]:
            self.error = error_in(data, read_envelope(data), is_error=event == b"error")
            if self.error is not None:
                return
        if not self._has_started:
            self._has_started = True
            tier = chunk.service_tier if isinstance(chunk.service_tier, str) else None
            events.append(Started(chunk.id or "", chunk.model or "", int(chunk.created or 0), tier))
        for choice in chunk.choices or ():
            self._choice(choice, events)
        if len(chunk.usage) > 4 or len(chunk.x_groq) or b'"usage":{' in data:
            self._usage(data, events)

    def _unreadable(self) -> UpstreamRefused:
        return bad_answer()

    def _end(self, events: list[Event]) -> None:
        self.done = True
        for index, blocks in self._choices.items():
            if blocks.finish is None:  # some servers never say why
                self._finish(index, blocks, finish_of("tool_calls" if blocks.calls else None), events)

    def _finish(self, index: int, blocks: _Blocks, finish: Finish, events: list[Event]) -> None:
        blocks.finish = finish
        if blocks.audio:
            events.append(WholeBlock(index, blocks.new(), _audio(blocks.audio)))
        events.append(Finished(index, finish))

    def _usage(self, data: bytes, events: list[Event]) -> None:
        envelope = read_envelope(data)
        usage = usage_in(envelope) if envelope is not None else None
        if usage is not None:
            events.append(UsageReported(self._take(usage)))

    def _choice(self, choice: _Choice, events: list[Event]) -> None:
        index = choice.index or 0
        blocks = self._choices.get(index)
        if blocks is None:
            blocks = self._choices[index] = _Blocks()
        delta = choice.delta
        if delta is not None:
            self._reasoning(index, blocks, delta, events)
            content = delta.content
            if content:
                if isinstance(content, str):
                    events.append(TextDelta(index, blocks.of("text"), content, _logprobs(choice.logprobs)))
                else:
                    _parts(index, blocks, content, events)
            if delta.refusal:
                events.append(RefusalDelta(index, blocks.of("refusal"), delta.refusal))
            for annotation in delta.annotations or ():
                _cite(index, blocks, annotation, events)
            for picture in delta.images or ():
                _show(index, blocks, picture, events)
            for call in delta.tool_calls or ():
                _call(index, blocks, call, events)
            if delta.function_call is not None and (delta.function_call.name or delta.function_call.arguments):
                _call(index, blocks, _ToolCall(index=-1, function=delta.function_call), events)
            if delta.audio is not None:
                _hear(blocks.audio, delta.audio)
        if choice.finish_reason and blocks.finish is None:  # some have an empty one until the end
            stop = choice.stop_reason if isinstance(choice.stop_reason, str) else None
            self._finish(index, blocks, finish_of(choice.finish_reason, stop), events)

    def _reasoning(self, choice: int, blocks: _Blocks, delta: _Delta, events: list[Event]) -> None:
        """From the richest of the fields that say it, as in whole answers."""
        if delta.reasoning_details:
            for detail in delta.reasoning_details:
                _detail(choice, blocks, detail, events)
        elif text := delta.reasoning_content or delta.reasoning:
            events.append(ReasoningDelta(choice, blocks.of("reasoning"), text))


def _detail(choice: int, blocks: _Blocks, detail: dict[str, msgspec.Raw], events: list[Event]) -> None:
    try:
        thought = reasoning_detail(Reader(detail))
    except InvalidRequest:
        return
    if thought is None:
        return
    if thought.encrypted is not None:
        blocks.kind = ""
        events.append(WholeBlock(choice, blocks.new(), msgspec.structs.replace(thought, path="")))
        return
    kind = "summary" if thought.is_summary else "reasoning"
    if thought.text:
        events.append(ReasoningDelta(choice, blocks.of(kind), thought.text, thought.is_summary))
    if thought.signature is not None:
        events.append(SignatureDelta(choice, blocks.of(kind), thought.signature, thought.maker))
        blocks.kind = ""  # nothing comes behind a signature


def _parts(choice: int, blocks: _Blocks, parts: Sequence[_Part], events: list[Event]) -> None:
    """Content of Mistral's, Cohere's and Databricks' form: thinking and text."""
    for part in parts:
        if part.text:
            events.append(TextDelta(choice, blocks.of("text"), part.text))
        said = part.thinking or part.summary or ()
        thinking = [said] if isinstance(said, str) else [piece.text for piece in said]
        events += [ReasoningDelta(choice, blocks.of("reasoning"), text) for text in thinking if text]


def _logprobs(raw: msgspec.Raw) -> msgspec.Raw | None:
    if bytes(memoryview(raw)[:1]) != b"{":
        return None
    content = _MEMBERS.decode(raw).get("content", _ABSENT)
    return None if is_nothing(content) else content


def _show(choice: int, blocks: _Blocks, picture: msgspec.Raw, events: list[Event]) -> None:
    try:
        image = image_of(Reader(_MEMBERS.decode(picture)))
    except msgspec.DecodeError:
        return
    if image is not None:
        blocks.kind = ""
        events.append(WholeBlock(choice, blocks.new(), image))


def _cite(choice: int, blocks: _Blocks, annotation: msgspec.Raw, events: list[Event]) -> None:
    try:
        citation = known_citation(Reader(_MEMBERS.decode(annotation)), annotation)
    except msgspec.DecodeError:
        return
    if citation is not None:
        events.append(Cited(choice, blocks.of("text"), citation))


def _call(choice: int, blocks: _Blocks, call: _ToolCall, events: list[Event]) -> None:
    function = call.function or _Function()
    custom = call.custom if call.custom is not None and call.custom.name else None
    index = call.index
    if index is None:  # without one, a new id is a new call
        known = [at for at, (_, call_id) in blocks.calls.items() if call_id == call.id]
        index = known[0] if known else blocks.latest_call if not call.id else len(blocks.calls)
    known_call = blocks.calls.get(index)
    name = custom.name if custom is not None else function.name
    # Some servers give all calls one index: a new id with a name is a new call then.
    if known_call is None or (call.id and name and call.id != known_call[1]):
        call_id = call.id or f"call_{choice}_{len(blocks.calls)}"
        blocks.calls[index] = known_call = (blocks.new(), call_id)
        blocks.kind = ""
        events.append(ToolCallStarted(choice, known_call[0], call_id, name or "", custom is not None))
    blocks.latest_call = index
    arguments = function.arguments if call.custom is None or function.arguments else call.custom.input
    if arguments:
        text = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
        events.append(ToolArgumentsDelta(choice, known_call[0], text))


def _hear(heard: dict[str, Any], audio: _Audio) -> None:
    for name in ("data", "transcript"):
        if piece := getattr(audio, name):
            heard[name] = heard.get(name, "") + piece
    if audio.id:
        heard["id"] = audio.id
    if audio.expires_at:
        heard["expires_at"] = audio.expires_at


def _audio(heard: dict[str, Any]) -> Audio:
    source = Source(data=heard["data"]) if "data" in heard else None
    return Audio(
        id=heard.get("id", ""),
        source=source,
        transcript=heard.get("transcript", ""),
        expires_at=heard.get("expires_at"),
    )
