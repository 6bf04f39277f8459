"""Canonical events → a stream of Anthropic's events.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from typing import Any, Final

import msgspec

from engine.wires.answer import Finish
from engine.wires.anthropic_messages.answers import block_json, citation_json, ending, full_usage, head
from engine.wires.anthropic_messages.decode_blocks import NAME
from engine.wires.anthropic_messages.encode_blocks import safe_id
from engine.wires.blocks import ServerToolCall
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
from engine.wires.usage import Usage

_json = msgspec.json.encode

_TEXT: Final = b'{"type":"text","text":""}'
_THINKING: Final = b'{"type":"thinking","thinking":"","signature":""}'
_DELTA: Final = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{%s}}\n\n'
_START: Final = b'event: content_block_start\ndata: {"type":"content_block_start","index":%d,"content_block":%s}\n\n'
_STOP: Final = b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n'
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class StreamEncoder(OrderedEncoder):
    """Encodes one stream. Its blocks are numbered anew, since not all that comes has a place."""

    __slots__ = (
        "_asked",
        "_finish",
        "_has_calls",
        "_index",
        "_is_open",
        "_text",
        "_tier",
        "_usage",
    )

    def __init__(self, asked: Asked) -> None:
        super().__init__()
        self._asked = asked
        self._index = -1
        self._is_open = False
        self._has_calls = False
        self._text: list[str] = []  # of the open block, for citations that name a place in it
        self._finish = Finish(reason="error")
        self._usage: Usage | None = None
        self._tier: str | None = None

    def end(self) -> bytes:
        """Why it ended, with the usage, and the end."""
        usage = full_usage(self._usage, None)
        usage.pop("cache_creation", None)  # only the beginning has it
        delta = {"type": "message_delta", "delta": ending(self._finish, has_calls=self._has_calls), "usage": usage}
        return b"event: message_delta\ndata: %s\n\nevent: message_stop\ndata: %s\n\n" % (
            _json(delta),
            b'{"type":"message_stop"}',
        )

    def _write(self, event: Event, written: list[bytes]) -> None:
        if isinstance(event, TextDelta):
            if not self._is_open:
                self._start(_TEXT, written)
            self._text.append(event.text)
            if event.text:
                written.append(_DELTA % (self._index, b'"type":"text_delta","text":' + _json(event.text)))
        elif isinstance(event, ToolArgumentsDelta):
            piece = b'"type":"input_json_delta","partial_json":' + _json(event.text)
            written.append(_DELTA % (self._index, piece))
        elif isinstance(event, BlockEvent):
            self._write_rarer(event, written)
        elif isinstance(event, Started):
            self._tier = event.service_tier
            message = head(event.id or self._asked.id, event.model or self._asked.conversation.model)
            message |= {"content": [], "stop_reason": None, "stop_sequence": None}
            message["usage"] = full_usage(self._usage, self._tier)
            start = _json({"type": "message_start", "message": message})
            written.append(b"event: message_start\ndata: %s\n\n" % start)
        elif isinstance(event, Finished):
            self._finish = event.finish
        elif isinstance(event, UsageReported):
            self._usage = event.usage

    def _write_rarer(self, event: BlockEvent, written: list[bytes]) -> None:
        if isinstance(event, ReasoningDelta):
            if not self._is_open:
                self._start(_THINKING, written)
            if event.text:
                written.append(_DELTA % (self._index, b'"type":"thinking_delta","thinking":' + _json(event.text)))
        elif isinstance(event, SignatureDelta):
            if not self._is_open:
                self._start(_THINKING, written)
            signature = _json(marked(event.signature, event.maker, NAME))
            written.append(_DELTA % (self._index, b'"type":"signature_delta","signature":' + signature))
        elif isinstance(event, ToolCallStarted):
            self._has_calls = True
            call: dict[str, Any] = {"type": "tool_use", "id": safe_id(event.id), "name": event.name, "input": {}}
            self._start(_json(call), written)
        elif isinstance(event, RefusalDelta):
            if not self._is_open:
                self._start(_TEXT, written)
            written.append(_DELTA % (self._index, b'"type":"text_delta","text":' + _json(event.text)))
        elif isinstance(event, Cited):
            if not self._is_open:
                self._start(_TEXT, written)
            cited = _json(citation_json(event.citation, "".join(self._text)))
            written.append(_DELTA % (self._index, b'"type":"citations_delta","citation":' + cited))
        elif isinstance(event, WholeBlock):
            self._whole(event, written)
        elif isinstance(event, BlockEnded) and self._is_open:
            self._is_open = False
            written.append(_STOP % self._index)

    def _start(self, block: bytes, written: list[bytes]) -> None:
        self._index += 1
        self._is_open = True
        self._text = []
        written.append(_START % (self._index, block))

    def _whole(self, event: WholeBlock, written: list[bytes]) -> None:
        json = block_json(event.content)
        if json is None:
            self._losses.append(f"answer.content[{event.block}].{block_name(event.content)}")
        elif isinstance(event.content, ServerToolCall):
            members = _MEMBERS.decode(json)
            arguments = bytes(members.get("input", b"{}")).decode()
            self._start(_json({**members, "input": {}}), written)
            piece = b'"type":"input_json_delta","partial_json":' + _json(arguments)
            written.append(_DELTA % (self._index, piece))
        else:
            self._start(_json(json), written)
