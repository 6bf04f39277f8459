"""Canonical turns and blocks → Anthropic's messages.

Source: https://platform.claude.com/docs/en/api/messages
"""

import base64
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from engine.wires.anthropic_messages.decode_blocks import NAME
from engine.wires.blocks import (
    Block,
    CacheMark,
    File,
    Image,
    Opaque,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from engine.wires.conversation import INSTRUCTING, Conversation, Turn
from engine.wires.losses import Losses

_TTLS: Final = ("5m", "1h")
_NOT_IN_IDS: Final = re.compile(r"[^a-zA-Z0-9_-]")
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class BlockWriter:
    """Writes the messages of one request, and names what it cannot carry."""

    def __init__(self, losses: Losses, *, reads_late_instructions: bool) -> None:
        self._losses = losses
        self._reads_late_instructions = reads_late_instructions or losses.is_same_wire

    def messages(self, conversation: Conversation) -> tuple[Any, list[dict[str, Any]]]:
        """The system prompt ("" for none) and the messages. Neighbours of one role become one, as Anthropic does it."""
        system: list[Any] = []
        for turn in conversation.instructions:
            system += self._turn(turn)
        messages: list[tuple[str, list[Any], dict[str, Any]]] = []
        for turn in conversation.dialogue:
            written = self._turn(turn)
            role = "user" if turn.role == "tool" else "system" if turn.role in INSTRUCTING else turn.role
            extra = dict(self._losses.keep(turn.extra, turn.path))
            if role == "system" and not self._reads_late_instructions:
                system += written
            elif messages and messages[-1][0] == role and role != "system":
                messages[-1][1].extend(written)
                messages[-1][2].update(extra)
            elif written or extra:
                messages.append((role, written, extra))
        return _plain(system), [
            {"role": role, "content": _plain(written), **extra} for role, written, extra in messages
        ]

    def _turn(self, turn: Turn) -> list[Any]:
        if turn.name is not None:
            self._losses.drop(f"{turn.path}.name")
        return self._blocks(turn.blocks)

    def _blocks(self, blocks: Iterable[Block]) -> list[Any]:
        return [written for block in blocks if (written := self._block(block)) is not None]

    def _block(self, block: Block) -> Any:
        """One block; None where it says nothing, or is left out."""
        losses = self._losses
        if isinstance(block, Opaque | ServerToolCall | ServerToolResult):
            return self._raw(block)
        written: Any
        if isinstance(block, Text):
            written = self._text(block)
        elif isinstance(block, Image):
            if block.detail not in (None, "auto"):
                losses.drop(f"{block.path}.image_url.detail")
            written = {"type": "image", "source": self._source(block, block.source)}
        elif isinstance(block, File):
            written = self._file(block)
        elif isinstance(block, ToolCall):
            written = self._call(block)
        elif isinstance(block, ToolResult):
            written = self._result(block)
        elif isinstance(block, Reasoning):
            written = self._reasoning(block)
        elif isinstance(block, Refusal):
            written = {"type": "text", "text": block.text}
        else:
            raise losses.refusal(block.path, "its API has nothing like it")
        if written is None:
            return None
        if block.cache is not None:
            written["cache_control"] = cache_json(block.cache)
        return {**written, **losses.keep(block.extra, block.path)}

    def _raw(self, block: Opaque | ServerToolCall | ServerToolResult) -> Any:
        if block.wire == NAME:
            return block.raw
        if isinstance(block, Opaque):
            raise self._losses.refusal(block.path, "its API has nothing like it")
        self._losses.drop(block.path)
        return None

    def _text(self, text: Text) -> dict[str, Any] | None:
        if not text.text:
            return None  # Anthropic refuses an empty one
        if text.signature is not None:
            self._losses.drop(f"{text.path}.signature")
        written: dict[str, Any] = {"type": "text", "text": text.text}
        own = [citation.raw for citation in text.citations if citation.wire == NAME]
        if len(own) < len(text.citations):
            self._losses.drop(f"{text.path}.citations")
        return {**written, "citations": own} if own else written

    def _call(self, call: ToolCall) -> dict[str, Any]:
        if call.is_custom:
            raise self._losses.refusal(call.path, "its API has no tool of this form")
        if call.signature is not None:
            self._losses.drop(f"{call.path}.signature")
        return call_json(call)

    def _result(self, result: ToolResult) -> dict[str, Any]:
        written: dict[str, Any] = {"type": "tool_result", "tool_use_id": safe_id(result.call_id)}
        content = self._blocks(result.content)
        if content:
            written["content"] = _plain(content)
        if result.is_error:
            written["is_error"] = True
        return written

    def _reasoning(self, reasoning: Reasoning) -> dict[str, Any] | None:
        """Only what Anthropic signed itself: it refuses all else."""
        is_own = reasoning.maker in ("", NAME) or self._losses.is_same_wire
        if is_own and reasoning.encrypted is not None:
            return {"type": "redacted_thinking", "data": reasoning.encrypted}
        if is_own and (reasoning.signature is not None or self._losses.is_same_wire):
            return {"type": "thinking", "thinking": reasoning.text, "signature": reasoning.signature or ""}
        self._losses.drop(reasoning.path)
        return None

    def _file(self, file: File) -> dict[str, Any]:
        source = file.source
        if source.mime.startswith("image/"):
            return {"type": "image", "source": self._source(file, source)}
        if source.data is not None and source.mime.startswith("text/"):
            try:
                text = base64.b64decode(source.data).decode()
            except ValueError:
                raise self._losses.refusal(file.path, "it is not text, as it says") from None
            source = Source(text=text, mime="text/plain")
        elif source.mime not in ("", "application/pdf", "text/plain"):
            raise self._losses.refusal(file.path, "its API takes PDF and plain text")
        written = {"type": "document", "source": self._source(file, source, default_mime="application/pdf")}
        return {**written, "title": file.name} if file.name else written

    def _source(self, block: Block, source: Source, default_mime: str = "image/png") -> dict[str, Any]:
        if source.file_id is not None:
            if not self._losses.is_same_wire:
                raise self._losses.refusal(block.path, "a file id means nothing to another provider")
            return {"type": "file", "file_id": source.file_id}
        if source.url is not None:
            return {"type": "url", "url": source.url}
        if source.text is not None:
            return {"type": "text", "media_type": "text/plain", "data": source.text}
        return {"type": "base64", "media_type": source.mime or default_mime, "data": source.data}


def cache_json(mark: CacheMark) -> dict[str, Any]:
    """A cache mark; a time that Anthropic does not have becomes its longest."""
    if mark.ttl is None:
        return {"type": "ephemeral"}
    return {"type": "ephemeral", "ttl": mark.ttl if mark.ttl in _TTLS else "1h"}


def call_json(call: ToolCall) -> dict[str, Any]:
    """A tool call. Arguments must be an object here."""
    return {"type": "tool_use", "id": safe_id(call.id), "name": call.name, "input": object_json(call.arguments)}


def object_json(arguments: str) -> Any:
    """Arguments as an object; what is none goes in one, as Anthropic's documentation has it.

    Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/fine-grained-tool-streaming
    """
    text = arguments.strip()
    if not text:
        return {}
    try:
        _OBJECT.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {"INVALID_JSON": arguments}
    return msgspec.Raw(text.encode())


def safe_id(call_id: str) -> str:
    """An id with the letters that Anthropic allows; others give ids such as `functions.f:0`."""
    return _NOT_IN_IDS.sub("_", call_id)


def _plain(written: list[Any]) -> Any:
    """A single text block as its text alone."""
    only = written[0] if len(written) == 1 else None
    is_plain = isinstance(only, dict) and only.keys() == {"type", "text"}
    return only["text"] if isinstance(only, dict) and is_plain else written
