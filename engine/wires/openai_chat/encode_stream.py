"""Canonical events → a stream of chat completion chunks.

Source: https://platform.openai.com/docs/api-reference/chat-streaming
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from engine.wires.answer import Finish
from engine.wires.blocks import Audio, Image, Reasoning
from engine.wires.codec import Asked
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
from engine.wires.losses import block_name
from engine.wires.openai_chat.answers import WORDS, annotation_json, audio_json, extra_content, image_json, tier_of
from engine.wires.openai_chat.encode_messages import reasoning_detail
from engine.wires.openai_chat.usage import usage_json
from engine.wires.usage import Usage

DONE = b"data: [DONE]\n\n"

_json = msgspec.json.encode


class StreamEncoder:
    """Encodes one stream."""

    __slots__ = (
        "_asked",
        "_calls",
        "_custom",
        "_details",
        "_head",
        "_is_legacy",
        "_losses",
        "_texts",
        "_unargued",
        "_usage",
        "_wants_usage",
    )

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._wants_usage = asked.conversation.wants_usage
        self._is_legacy = asked.conversation.names.get("tools") == "functions"
        self._head = b""
        self._usage: Usage | None = None
        self._calls: dict[int, dict[int, int]] = {}  # choice → block → index among its tool calls
        self._texts: dict[int, dict[int, tuple[int, int]]] = {}  # choice → text block → where it starts, how long it is
        self._details: dict[int, dict[int, int]] = {}  # choice → block → index among its reasoning details
        self._custom: set[tuple[int, int]] = set()  # choice and block of calls that take free text
        self._unargued: set[tuple[int, int]] = set()  # choice and block of function calls without arguments so far
        self._losses: list[str] = []

    @property
    def losses(self) -> tuple[str, ...]:
        """What could not be carried."""
        return tuple(self._losses)

    def encode(self, events: Sequence[Event]) -> bytes:
        """The chunks for `events`."""
        written = []
        for event in events:
            if isinstance(event, TextDelta):
                self._measure(event)
                logprobs = b',"logprobs":{"content":%s}' % event.logprobs if event.logprobs is not None else b""
                written.append(self._delta(event.choice, b'"content":' + _json(event.text), logprobs))
            elif (chunk := self._chunk(event)) is not None:
                written.append(chunk)
        return b"".join(written)

    def end(self) -> bytes:
        """The usage, for who asked for it, and `[DONE]`."""
        if not self._wants_usage or self._usage is None or not self._usage.meters:
            return DONE
        return self._head + b'],"usage":' + _json(usage_json(self._usage)) + b"}\n\n" + DONE

    def _chunk(self, event: Event) -> bytes | None:
        if isinstance(event, ToolArgumentsDelta):
            self._unargued.discard((event.choice, event.block))
            return self._arguments(event)
        if isinstance(event, ReasoningDelta):
            return self._delta(event.choice, b'"reasoning_content":' + _json(event.text))
        if isinstance(event, Started):
            return self._start(event)
        if isinstance(event, ToolCallStarted):
            return self._call(event)
        if isinstance(event, RefusalDelta):
            return self._delta(event.choice, b'"refusal":' + _json(event.text))
        if isinstance(event, SignatureDelta):
            thought = Reasoning(signature=event.signature, maker=event.maker)
            return self._detail(event.choice, event.block, thought)
        if isinstance(event, Cited):
            return self._cite(event)
        if isinstance(event, WholeBlock):
            return self._whole(event)
        if isinstance(event, Finished):
            return self._finish(event.choice, event.finish)
        if isinstance(event, UsageReported):
            self._usage = event.usage
        return None

    def _start(self, event: Started) -> bytes:
        head: dict[str, Any] = {
            "id": event.id or self._asked.id,
            "object": "chat.completion.chunk",
            "created": event.created or self._asked.created,
            "model": event.model or self._asked.conversation.model,
        }
        if (tier := tier_of(event.service_tier)) is not None:
            head["service_tier"] = tier
        self._head = b"data: " + _json(head)[:-1] + b',"choices":['
        return self._delta(0, b'"role":"assistant","content":""')

    def _delta(self, choice: int, delta: bytes, more: bytes = b"") -> bytes:
        usage = b',"usage":null' if self._wants_usage else b""
        return b'%s{"index":%d,"delta":{%s}%s,"finish_reason":null}]%s}\n\n' % (self._head, choice, delta, more, usage)

    def _arguments(self, event: ToolArgumentsDelta) -> bytes:
        if self._is_legacy:
            return self._delta(event.choice, b'"function_call":{"arguments":%s}' % _json(event.text))
        index = self._calls[event.choice][event.block]
        key = b'"custom":{"input":' if (event.choice, event.block) in self._custom else b'"function":{"arguments":'
        return self._delta(event.choice, b'"tool_calls":[{"index":%d,%s%s}}]' % (index, key, _json(event.text)))

    def _finish(self, choice: int, finish: Finish) -> bytes:
        is_whole = finish.reason in ("stop", "tool_calls")
        # A call without arguments has an empty object: clients read them as JSON.
        bare = [ToolArgumentsDelta(*call, "{}") for call in sorted(self._unargued) if is_whole and call[0] == choice]
        word = WORDS[finish.reason]
        if self._is_legacy and word == "tool_calls":
            word = "function_call"
        usage = b',"usage":null' if self._wants_usage else b""
        ending = b'%s{"index":%d,"delta":{},"finish_reason":"%s"}]%s}\n\n'
        return b"".join(map(self._arguments, bare)) + ending % (self._head, choice, word.encode(), usage)

    def _call(self, event: ToolCallStarted) -> bytes:
        calls = self._calls.setdefault(event.choice, {})
        index = calls[event.block] = len(calls)
        if not event.is_custom:
            self._unargued.add((event.choice, event.block))
        if self._is_legacy:
            return self._delta(event.choice, b'"function_call":{"name":%s,"arguments":""}' % _json(event.name))
        call: dict[str, Any] = {"index": index, "id": event.id}
        if event.is_custom:
            self._custom.add((event.choice, event.block))
            call |= {"type": "custom", "custom": {"name": event.name, "input": ""}}
        else:
            call |= {"type": "function", "function": {"name": event.name, "arguments": ""}}
        if event.signature is not None:
            call |= extra_content(event.signature)
        return self._delta(event.choice, b'"tool_calls":[%s]' % _json(call))

    def _measure(self, event: TextDelta) -> None:
        texts = self._texts.setdefault(event.choice, {})
        start, length = texts.get(event.block, (0, 0))
        if not length and texts:
            start = sum(long for _, long in texts.values())
        texts[event.block] = (start, length + len(event.text))

    def _cite(self, event: Cited) -> bytes | None:
        start, length = self._texts.get(event.choice, {}).get(event.block, (0, 0))
        annotation = annotation_json(event.citation, start, length)
        if annotation is None:
            self._losses.append(f"answer.content[{event.block}].citations")
            return None
        return self._delta(event.choice, b'"annotations":[%s]' % _json(annotation))

    def _detail(self, choice: int, block: int, thought: Reasoning) -> bytes:
        details = self._details.setdefault(choice, {})
        index = details.setdefault(block, len(details))
        return self._delta(choice, b'"reasoning_details":[%s]' % _json(reasoning_detail(thought, index)))

    def _whole(self, event: WholeBlock) -> bytes | None:
        block = event.content
        if isinstance(block, Reasoning):
            return self._detail(event.choice, event.block, block)
        if isinstance(block, Image) and block.source.file_id is None:
            return self._delta(event.choice, b'"images":[%s]' % _json(image_json(block)))
        if isinstance(block, Audio):
            return self._delta(event.choice, b'"audio":%s' % _json(audio_json(block)))
        self._losses.append(f"answer.content[{event.block}].{block_name(block)}")
        return None
