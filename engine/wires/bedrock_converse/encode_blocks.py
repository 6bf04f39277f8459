"""Canonical turns and blocks → Converse's messages.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Message.html
"""

import base64
import re
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final

import msgspec

from engine.wires.anthropic_messages.encode_blocks import object_json
from engine.wires.bedrock_converse.decode_blocks import MAKER, NAME
from engine.wires.bedrock_converse.families import Family
from engine.wires.bedrock_converse.media import DOCUMENTS, IMAGES, SOUNDS, VIDEOS, Forms, form_of
from engine.wires.blocks import (
    Audio,
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

_NOT_IN_IDS: Final = re.compile(r"[^a-zA-Z0-9_.:-]")
_NOT_IN_CLAUDES_IDS: Final = re.compile(r"[^a-zA-Z0-9_-]")
_MAX_ID: Final = 64
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9\-()\[\]]+")
_MAX_NAME: Final = 180  # of 200: a number may follow
_KNOWN_ENDING: Final = re.compile(r"\.(?:pdf|csv|docx?|xlsx?|html?|txt|md)$", re.IGNORECASE)

_IN_RESULTS: Final = frozenset({"text", "image", "document", "video"})

# What Anthropic's documents have, and Converse's too; its name there.
_OF_DOCUMENTS: Final = ("citations", "context")


class BlockWriter:
    """Writes the messages of one request, and names what it cannot carry."""

    def __init__(self, losses: Losses, family: Family, *, reads_late_instructions: bool) -> None:
        self._losses = losses
        self._family = family
        self._reads_late_instructions = reads_late_instructions
        self._names: dict[str, int] = {}
        self.has_tools = False

    def messages(self, conversation: Conversation) -> tuple[list[Any], list[dict[str, Any]]]:
        """The system prompt and the messages. Neighbours of one role become one: roles must alternate here."""
        system: list[Any] = []
        for turn in conversation.instructions:
            system += self._instructions(turn)
        messages: list[dict[str, Any]] = []
        for turn in conversation.dialogue:
            role = "user" if turn.role == "tool" else "system" if turn.role in INSTRUCTING else turn.role
            if role == "system" and not self._reads_late_instructions:
                system += self._instructions(turn)
                continue
            written = self._instructions(turn) if role == "system" else self._turn(turn)
            if messages and messages[-1]["role"] == role:
                messages[-1]["content"] += written
            elif written:
                messages.append({"role": role, "content": written})
        return system, messages

    def cache_point(self, mark: CacheMark) -> dict[str, Any]:
        """A cache mark. What lives for five minutes needs no time; what is not one of Bedrock's is its longest."""
        timed = mark.ttl not in (None, "5m") and self._family.is_claude
        return {"cachePoint": {"type": "default", **({"ttl": "1h"} if timed else {})}}

    def safe_id(self, call_id: str) -> str:
        """An id with the letters and the length that Bedrock allows, or Claude, who allows less."""
        allowed = _NOT_IN_CLAUDES_IDS if self._family.is_claude else _NOT_IN_IDS
        written = allowed.sub("_", call_id)
        if len(written) <= _MAX_ID:
            return written
        return f"{written[:40]}_{blake2b(written.encode(), digest_size=10).hexdigest()}"

    def _instructions(self, turn: Turn) -> list[Any]:
        for block in turn.blocks:
            if not isinstance(block, Text | Refusal):
                raise self._losses.refusal(block.path, "instructions are text in its API")
        return self._turn(turn)

    def _turn(self, turn: Turn) -> list[Any]:
        if turn.name is not None:
            self._losses.drop(f"{turn.path}.name")
        self._losses.keep(turn.extra, turn.path)
        return [written for block in turn.blocks for written in self._block(block)]

    def _block(self, block: Block) -> Iterable[Any]:
        """One block with its cache mark; none where it says nothing, or is left out."""
        written = self._written(block)
        if written is None:
            return
        yield written
        if block.cache is not None:
            if self._family.caches:
                yield self.cache_point(block.cache)
            else:
                self._losses.drop(f"{block.path}.{block.cache.field}")

    def _written(self, block: Block) -> Any:
        losses = self._losses
        if isinstance(block, Opaque | ServerToolCall | ServerToolResult):
            return self._raw(block)
        extra = dict(block.extra)
        written: dict[str, Any] | None
        if isinstance(block, Text):
            written = self._text(block)
        elif isinstance(block, Image):
            if block.detail not in (None, "auto"):
                losses.drop(f"{block.path}.image_url.detail")
            written = self._media("image", IMAGES, block, block.source)
        elif isinstance(block, Audio):
            if block.source is None:
                raise losses.refusal(block.path, "an id of sound means nothing to another provider")
            written = self._media("audio", SOUNDS, block, block.source)
        elif isinstance(block, File):
            written = self._file(block, extra)
        elif isinstance(block, ToolCall):
            written = self._call(block)
        elif isinstance(block, ToolResult):
            written = self._result(block)
        elif isinstance(block, Reasoning):
            written = self._reasoning(block)
        elif isinstance(block, Refusal):
            written = {"text": block.text} if block.text.strip() else None
        else:
            raise losses.refusal(block.path, "its API has nothing like it")
        losses.keep(extra, block.path)
        return written

    def _raw(self, block: Opaque | ServerToolCall | ServerToolResult) -> Any:
        if block.wire == NAME:
            return block.raw
        if isinstance(block, Opaque):
            raise self._losses.refusal(block.path, "its API has nothing like it")
        self._losses.drop(block.path)
        return None

    def _text(self, text: Text) -> dict[str, Any] | None:
        if text.signature is not None:
            self._losses.drop(f"{text.path}.signature")
        if text.citations:
            self._losses.drop(f"{text.path}.citations")
        return {"text": text.text} if text.text.strip() else None  # Bedrock refuses a blank one

    def _call(self, call: ToolCall) -> dict[str, Any]:
        if call.is_custom:
            raise self._losses.refusal(call.path, "its API has no tool of this form")
        if call.signature is not None:
            self._losses.drop(f"{call.path}.signature")
        self.has_tools = True
        return {
            "toolUse": {
                "toolUseId": self.safe_id(call.id),
                "name": call.name,
                "input": object_json(call.arguments),
            }
        }

    def _result(self, result: ToolResult) -> dict[str, Any]:
        self.has_tools = True
        content = []
        for block in result.content:
            if block.cache is not None:
                self._losses.drop(f"{block.path}.{block.cache.field}")
            written = self._written(block)
            if isinstance(written, dict) and not written.keys() <= _IN_RESULTS:
                raise self._losses.refusal(block.path, "results of tools hold none of it in its API")
            if written is not None:
                content.append(written)
        fields = {"toolUseId": self.safe_id(result.call_id), "content": content}
        return {"toolResult": {**fields, "status": "error"} if result.is_error else fields}

    def _reasoning(self, reasoning: Reasoning) -> dict[str, Any] | None:
        """Only what Claude signed or encrypted, and only to Claude: the others refuse it."""
        if self._family.is_claude and reasoning.maker in ("", MAKER, NAME):
            if reasoning.encrypted is not None:
                data = reasoning.encrypted
                data = data if reasoning.maker == NAME else base64.b64encode(data.encode()).decode()
                return {"reasoningContent": {"redactedContent": data}}
            if reasoning.signature is not None:
                text = {"text": reasoning.text, "signature": reasoning.signature}
                return {"reasoningContent": {"reasoningText": text}}
        self._losses.drop(reasoning.path)
        return None

    def _file(self, file: File, extra: dict[str, msgspec.Raw]) -> dict[str, Any]:
        source = file.source
        for kind, forms in (("image", IMAGES), ("video", VIDEOS), ("audio", SOUNDS)):
            if source.mime.startswith(f"{kind}/"):
                return self._media(kind, forms, file, source)
        if source.text is not None:
            source = Source(data=base64.b64encode(source.text.encode()).decode(), mime=source.mime or "text/plain")
        written = self._media("document", DOCUMENTS, file, source, file.name)
        written["document"]["name"] = self._name(file.name)
        for name in _OF_DOCUMENTS:
            if name in extra:
                written["document"][name] = extra.pop(name)
        return written

    def _media(self, kind: str, forms: Forms, block: Block, source: Source, name: str = "") -> dict[str, Any]:
        if source.file_id is not None:
            raise self._losses.refusal(block.path, "a file id means nothing to another provider")
        is_in_s3 = source.url is not None and source.url.startswith("s3://")
        if source.url is not None and not is_in_s3:
            raise self._losses.refusal(block.path, "its API reads no URLs: send the data, or an s3:// URL")
        form = form_of(source, forms, name)
        if form is None:
            known = ", ".join(dict.fromkeys(forms.values()))
            raise self._losses.refusal(block.path, f"the types that its API takes are {known}")
        place = {"s3Location": {"uri": source.url}} if is_in_s3 else {"bytes": source.data}
        return {kind: {"format": form, "source": place}}

    def _name(self, name: str) -> str:
        """A document's name, in letters that Bedrock allows; no two of one request are the same."""
        clean = _NOT_IN_NAMES.sub(" ", _KNOWN_ENDING.sub("", name)).strip()[:_MAX_NAME].strip() or "Document"
        self._names[clean] = count = self._names.get(clean, 0) + 1
        return clean if count == 1 else f"{clean} {count}"
