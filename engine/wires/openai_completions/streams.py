"""Streams of completions ↔ canonical events.

Source: https://platform.openai.com/docs/api-reference/completions/object
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from engine.errors import UpstreamRefused
from engine.wires.codec import Asked
from engine.wires.decoding import EventDecoder
from engine.wires.events import (
    BlockEnded,
    BlockEvent,
    Event,
    Finished,
    RefusalDelta,
    SignatureDelta,
    Started,
    TextDelta,
    UsageReported,
    WholeBlock,
)
from engine.wires.losses import block_name
from engine.wires.openai_chat.answers import WORDS, finish_of
from engine.wires.openai_chat.following import DONE
from engine.wires.openai_chat.usage import bad_answer, error_in, read_envelope, usage_in, usage_json
from engine.wires.openai_completions.answers import entries_of, logprobs_json
from engine.wires.usage import Usage

_ABSENT: Final = msgspec.Raw(b"")
_END: Final = b"data: [DONE]\n\n"

_json = msgspec.json.encode


class _Choice(msgspec.Struct):
    index: int = 0
    text: str | None = None
    finish_reason: str | None = None
    stop_reason: Any = None
    logprobs: msgspec.Raw = _ABSENT


class _Chunk(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    created: float | None = None
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


_CHUNK: Final = msgspec.json.Decoder(_Chunk)


class StreamDecoder(EventDecoder):
    """Decodes one stream; the end is `[DONE]`."""

    __slots__ = ("_choices", "_has_started")

    def __init__(self) -> None:
        super().__init__()
        self._has_started = False
        self._choices: dict[int, bool] = {}  # whether each has said why it ended

    def _read(self, event: bytes, data: bytes, events: list[Event]) -> None:
        if data[:1] != b"{" and data.strip() == DONE:
            self.done = True
            ended = (index for index, has_ended in self._choices.items() if not has_ended)
            events += [Finished(index, finish_of(None)) for index in ended]  # some servers never say why
            return
        chunk = _CHUNK.decode(data)
        if len(chunk.error) or event == b"error":
            self.error = error_in(data, read_envelope(data), is_error=event == b"error")
            if self.error is not None:
                return
        if not self._has_started:
            self._has_started = True
            events.append(Started(chunk.id or "", chunk.model or "", int(chunk.created or 0)))
        for choice in chunk.choices or ():
            self._choice(choice, events)
        if len(chunk.usage) > 4:
            envelope = read_envelope(data)
            usage = usage_in(envelope) if envelope is not None else None
            if usage is not None:
                events.append(UsageReported(self._take(usage)))

    def _unreadable(self) -> UpstreamRefused:
        return bad_answer()

    def _choice(self, choice: _Choice, events: list[Event]) -> None:
        has_ended = self._choices.setdefault(choice.index, False)
        if choice.text:
            entries = entries_of(choice.logprobs) if len(choice.logprobs) > 4 else []
            logprobs = msgspec.Raw(_json(entries)) if entries else None
            events.append(TextDelta(choice.index, 0, choice.text, logprobs))
        if choice.finish_reason is not None and not has_ended:
            self._choices[choice.index] = True
            stop = choice.stop_reason if isinstance(choice.stop_reason, str) else None
            events.append(Finished(choice.index, finish_of(choice.finish_reason, stop)))


class StreamEncoder:
    """Encodes one stream."""

    __slots__ = ("_asked", "_head", "_lengths", "_losses", "_usage", "_wants_usage")

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._wants_usage = asked.conversation.wants_usage
        self._head = b""
        self._lengths: dict[int, int] = {}  # of each answer's text so far
        self._usage: Usage | None = None
        self._losses: dict[str, None] = {}

    @property
    def losses(self) -> tuple[str, ...]:
        """What could not be carried."""
        return tuple(self._losses)

    def encode(self, events: Sequence[Event]) -> bytes:
        """The chunks for `events`."""
        return b"".join(chunk for event in events if (chunk := self._chunk(event)))

    def end(self) -> bytes:
        """The usage, for who asked for it, and `[DONE]`."""
        if not self._wants_usage or self._usage is None or not self._usage.meters:
            return _END
        return self._head + b'],"usage":' + _json(usage_json(self._usage)) + b"}\n\n" + _END

    def _chunk(self, event: Event) -> bytes | None:
        if isinstance(event, TextDelta | RefusalDelta):
            return self._text(event)
        if isinstance(event, Started):
            head = {
                "id": event.id or self._asked.id,
                "object": "text_completion",
                "created": event.created or self._asked.created,
                "model": event.model or self._asked.conversation.model,
            }
            self._head = b"data: " + _json(head)[:-1] + b',"choices":['
        elif isinstance(event, Finished):
            word = WORDS[event.finish.reason]
            return self._choice(event.choice, b'""', b"null", b'"stop"' if word == "tool_calls" else _json(word))
        elif isinstance(event, UsageReported):
            self._usage = event.usage
        elif isinstance(event, BlockEvent) and not isinstance(event, BlockEnded):
            self._lose(event)
        return None

    def _text(self, event: TextDelta | RefusalDelta) -> bytes:
        before = self._lengths.get(event.choice, 0)
        self._lengths[event.choice] = before + len(event.text)
        logprobs = b"null"
        if isinstance(event, TextDelta) and event.logprobs is not None:
            logprobs = _json(logprobs_json(event.logprobs, before))
        return self._choice(event.choice, _json(event.text), logprobs, b"null")

    def _choice(self, index: int, text: bytes, logprobs: bytes, finish: bytes) -> bytes:
        usage = b',"usage":null' if self._wants_usage else b""
        choice = b'%s{"index":%d,"text":%s,"logprobs":%s,"finish_reason":%s}]%s}\n\n'
        return choice % (self._head, index, text, logprobs, finish, usage)

    def _lose(self, event: BlockEvent) -> None:
        if isinstance(event, WholeBlock):
            name = block_name(event.content)
        else:
            name = _NAMES.get(type(event).__name__, "reasoning")
        if not isinstance(event, SignatureDelta):
            self._losses[f"answer.content[{event.block}].{name}"] = None


_NAMES: Final = {"ToolCallStarted": "tool_call", "ToolArgumentsDelta": "tool_call", "Cited": "citations"}
