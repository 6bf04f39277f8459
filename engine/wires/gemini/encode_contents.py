"""Canonical turns → Gemini's contents.

A signature is a block of reasoning here (see `parts`). It goes back onto its own part: the call whose id it names, the
call behind it, the part in front of it, or else the next text.

Sources: https://ai.google.dev/api/caching#Content, https://ai.google.dev/gemini-api/docs/function-calling,
https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from engine.model import Model
from engine.wires.blocks import (
    Audio,
    Block,
    File,
    Image,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
    ToolResult,
)
from engine.wires.conversation import INSTRUCTING, Conversation, Turn
from engine.wires.gemini.generations import generation
from engine.wires.gemini.media import MediaWriter
from engine.wires.gemini.parts import NAME
from engine.wires.losses import Losses

# What Google's documentation has for calls that another model made, in base64 as all signatures are: without it
# Gemini 3 refuses the request. It says "skip_thought_signature_validator".
NO_SIGNATURE: Final = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="

_SIGNABLE: Final = (Text, Image, Audio, File)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Google(msgspec.Struct):
    thought_signature: str


class _ExtraContent(msgspec.Struct):
    google: _Google


_EXTRA_CONTENT: Final = msgspec.json.Decoder(_ExtraContent)


class ContentWriter:
    """Writes the contents of one request, and names what it cannot carry."""

    def __init__(self, conversation: Conversation, model: Model, losses: Losses) -> None:
        self._turns = conversation.turns
        self._names: dict[str, str] = {}  # of the calls so far, by id
        self._losses = losses
        self._media = MediaWriter(conversation, model, losses)
        self._is_new = generation(model) == "level"

    def contents(self) -> tuple[list[Any], list[dict[str, Any]]]:
        """The system prompt's parts, wherever they stood, and the contents.

        The results of the calls of one turn stand in one content. Where there are only instructions, they are asked.
        """
        system: list[Any] = []
        contents: list[dict[str, Any]] = []
        follows_results = False
        for turn in self._turns:
            is_result = turn.role == "tool"
            if turn.name is not None and not is_result:
                self._losses.drop(f"{turn.path}.name")
            self._losses.keep(turn.extra, turn.path)
            if turn.role in INSTRUCTING:
                system += self._instructions(turn.blocks)
            elif parts := self._parts(turn):
                if is_result and follows_results:
                    contents[-1]["parts"] += parts
                else:
                    contents.append({"role": "model" if turn.role == "assistant" else "user", "parts": parts})
                follows_results = is_result
        if contents or not system:
            return system, contents
        return [], [{"role": "user", "parts": system}]

    def _instructions(self, blocks: Iterable[Block]) -> list[Any]:
        for block in blocks:
            if not isinstance(block, Text):
                raise self._losses.refusal(block.path, "instructions can only be text there")
        return [part for block in blocks if (part := self._part(block)) is not None]

    def _parts(self, turn: Turn) -> list[Any]:
        if turn.role == "tool":
            return [self._result(block, turn) for block in turn.blocks if isinstance(block, ToolResult)]
        if turn.role != "assistant":
            return [part for block in turn.blocks if (part := self._part(block)) is not None]
        signatures, alone = self._signatures(turn.blocks)
        parts: list[Any] = []
        calls: list[dict[str, Any]] = []
        for at, block in enumerate(turn.blocks):
            if at in alone:
                parts.append({"text": "", "thoughtSignature": alone[at]})
                continue
            part = self._part(block)
            if part is None:
                continue
            if at in signatures:
                part["thoughtSignature"] = signatures[at]
            parts.append(part)
            if isinstance(block, ToolCall):
                calls.append(part)
        if calls and self._is_new:
            calls[0].setdefault("thoughtSignature", NO_SIGNATURE)  # of parallel calls the first one has it
        return parts

    def _signatures(self, blocks: Sequence[Block]) -> tuple[dict[int, str], dict[int, str]]:
        """The signatures by the place of the block that has them; and, by their own, those that have none."""
        calls = {block.id: at for at, block in enumerate(blocks) if isinstance(block, ToolCall)}
        signed: dict[int, str] = {}
        alone: dict[int, str] = {}
        for at, block in enumerate(blocks):
            if not isinstance(block, Reasoning) or block.text or block.maker != NAME:
                continue
            signature = block.encrypted or block.signature
            if signature is None:
                continue
            owner = calls.get(block.id or "")
            if owner is None:
                owner = _owner(blocks, at)
            if owner is None or owner in signed:
                alone[at] = signature
            else:
                signed[owner] = signature
        return signed, alone

    def _part(self, block: Block) -> dict[str, Any] | None:
        """One part; None where it says nothing, or is left out."""
        losses = self._losses
        if block.cache is not None:
            losses.drop(f"{block.path}.{block.cache.field}")
        if isinstance(block, ToolCall):
            return self._call(block)
        losses.keep(block.extra, block.path)
        if isinstance(block, Text):
            if block.citations:
                losses.drop(f"{block.path}.citations")
            if block.signature is not None:
                losses.drop(f"{block.path}.signature")
            return {"text": block.text} if block.text else None
        if isinstance(block, Image | Audio | File):
            return self._media.part(block)
        if isinstance(block, Reasoning):
            return self._thought(block)
        if isinstance(block, Refusal):
            return {"text": block.text} if block.text else None
        if isinstance(block, ServerToolCall | ServerToolResult):
            losses.drop(block.path)
            return None
        raise losses.refusal(block.path, "its API has nothing like it")

    def _thought(self, thought: Reasoning) -> dict[str, Any] | None:
        """Thoughts that nobody signed are Gemini's own, or do no harm; what another signed is of use to him alone."""
        is_signed = thought.encrypted is not None or thought.signature is not None
        if is_signed and thought.maker != NAME:
            self._losses.drop(thought.path)
            return None
        if not thought.text:
            return None
        part: dict[str, Any] = {"text": thought.text, "thought": True}
        return {**part, "thoughtSignature": thought.signature} if thought.signature is not None else part

    def _call(self, call: ToolCall) -> dict[str, Any]:
        if call.is_custom:
            raise self._losses.refusal(call.path, "its API has no tool of this form")
        self._names[call.id] = call.name
        extra = dict(call.extra)
        signature = call.signature or _signature_in(extra)
        self._losses.keep(extra, call.path)
        part: dict[str, Any] = {
            "functionCall": {"id": call.id, "name": call.name, "args": _object(call.arguments, "INVALID_JSON")}
        }
        return {**part, "thoughtSignature": signature} if signature else part

    def _result(self, result: ToolResult, turn: Turn) -> dict[str, Any]:
        """A result is an object: another one stands under `output`, and an error under `error`."""
        losses = self._losses
        if result.cache is not None:
            losses.drop(f"{result.path}.{result.cache.field}")
        losses.keep(result.extra, result.path)
        parts = [self._part(block) if isinstance(block, Text) else self._seen(block) for block in result.content]
        text = "\n".join(part["text"] for part in parts if part is not None and "text" in part)
        seen = [part for part in parts if part is not None and "text" not in part]
        response: Any = {"error": text} if result.is_error else _object(text, "output")
        name = self._names.get(result.call_id) or turn.name or result.call_id
        written: dict[str, Any] = {"id": result.call_id, "name": name, "response": response}
        return {"functionResponse": {**written, "parts": seen} if seen else written}

    def _seen(self, block: Block) -> dict[str, Any]:
        if not isinstance(block, Image | File):
            raise self._losses.refusal(block.path, "its API has nothing like it in a tool's result")
        part = self._media.part(block)
        if not self._is_new and "text" not in part:
            raise self._losses.refusal(block.path, "a tool's result can only be text before Gemini 3")
        return part


def _owner(blocks: Sequence[Block], at: int) -> int | None:
    """The place of the block that the signature at `at` belongs to, which names no call."""
    after = blocks[at + 1] if at + 1 < len(blocks) else None
    if isinstance(after, ToolCall):
        return at + 1
    if at and isinstance(blocks[at - 1], _SIGNABLE):
        return at - 1
    return next((later for later in range(at + 1, len(blocks)) if isinstance(blocks[later], Text)), None)


def _signature_in(extra: dict[str, msgspec.Raw]) -> str | None:
    """`extra_content.google.thought_signature`, as clients of Google's own OpenAI-compatible API send it back."""
    if "extra_content" not in extra:
        return None
    try:
        found = _EXTRA_CONTENT.decode(extra["extra_content"]).google.thought_signature
    except msgspec.MsgspecError:
        return None
    del extra["extra_content"]
    return found


def _object(text: str, name: str) -> Any:
    """A JSON object as it is; any other text under `name` in one."""
    if not (stripped := text.strip()) and name != "output":
        return {}
    try:
        _MEMBERS.decode(stripped)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return {name: text}
    return msgspec.Raw(stripped.encode())
