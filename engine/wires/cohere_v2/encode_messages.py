"""Canonical turns → Cohere's messages.

Source: https://docs.cohere.com/reference/chat (`messages`)
"""

from collections.abc import Iterable
from typing import Any, Final

from engine.wires.blocks import (
    Block,
    File,
    Image,
    Opaque,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
    ToolResult,
)
from engine.wires.conversation import INSTRUCTING, Conversation, Turn
from engine.wires.losses import Losses

NAME: Final = "cohere-v2"


class MessageWriter:
    """Writes the messages of one request, and names what it cannot carry. `thinks` says that the model reasons."""

    def __init__(self, losses: Losses, *, thinks: bool) -> None:
        self._losses = losses
        self._thinks = thinks

    def messages(self, conversation: Conversation) -> list[dict[str, Any]]:
        """All messages."""
        return [message for turn in conversation.turns for message in self._turn(turn)]

    def _turn(self, turn: Turn) -> Iterable[dict[str, Any]]:
        if turn.name is not None:
            self._losses.drop(f"{turn.path}.name")
        self._losses.keep(turn.extra, turn.path)
        if turn.role == "tool":
            return [self._result(block) for block in turn.blocks if isinstance(block, ToolResult)]
        if turn.role == "assistant":
            message = self._assistant(turn)
            return [message] if len(message) > 1 else []
        content = self._content(turn.blocks)
        role = "system" if turn.role in INSTRUCTING else turn.role
        return [{"role": role, "content": content}] if content else []

    def _result(self, result: ToolResult) -> dict[str, Any]:
        if result.is_error:
            self._losses.drop(f"{result.path}.is_error")
        self._keep(result)
        for block in result.content:
            if not isinstance(block, Text):
                raise self._losses.refusal(block.path, "a tool's result can only be text there")
        return {"role": "tool", "tool_call_id": result.call_id, "content": self._content(result.content)}

    def _assistant(self, turn: Turn) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant"}
        calls = [self._call(block) for block in turn.blocks if isinstance(block, ToolCall)]
        parts: list[dict[str, Any]] = []
        plan: list[str] = []
        for block in turn.blocks:
            if isinstance(block, Reasoning):
                self._think(block, parts, plan, has_calls=bool(calls))
            elif isinstance(block, ServerToolCall | ServerToolResult):
                self._losses.drop(block.path)
            elif not isinstance(block, ToolCall):
                parts += self._part(block)
        if plan:
            message["tool_plan"] = "".join(plan)
        if calls:
            message["tool_calls"] = calls
        if parts:
            message["content"] = _plain(parts)
        return message

    def _think(self, thought: Reasoning, parts: list[dict[str, Any]], plan: list[str], *, has_calls: bool) -> None:
        """What the model thought goes back to models that think, and as the plan behind tool calls to the others."""
        losses = self._losses
        is_anothers = bool(thought.encrypted or thought.signature) and thought.maker != NAME
        if is_anothers or not (self._thinks or has_calls):
            losses.drop(thought.path)
        elif not thought.text:
            return
        elif self._thinks:
            parts.append({"type": "thinking", "thinking": thought.text})
        else:
            plan.append(thought.text)

    def _call(self, call: ToolCall) -> dict[str, Any]:
        if call.is_custom:
            raise self._losses.refusal(call.path, "its API has no tool of this form")
        if call.signature is not None:
            self._losses.drop(f"{call.path}.signature")
        self._keep(call)
        return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}

    def _content(self, blocks: Iterable[Block]) -> Any:
        return _plain([part for block in blocks for part in self._part(block)])

    def _part(self, block: Block) -> list[dict[str, Any]]:
        """A part of a content; none where it says nothing."""
        losses = self._losses
        written: dict[str, Any]
        if isinstance(block, Text):
            written = {"type": "text", "text": block.text}
            if block.citations:
                losses.drop(f"{block.path}.citations")
            if block.signature is not None:
                losses.drop(f"{block.path}.signature")
        elif isinstance(block, Image):
            written = {"type": "image_url", "image_url": self._image(block)}
        elif isinstance(block, File) and block.source.text is not None:
            written = {"type": "text", "text": block.source.text}
            if block.name:
                losses.drop(f"{block.path}.title")
        elif isinstance(block, Refusal):
            written = {"type": "text", "text": block.text}
        elif isinstance(block, Opaque):
            raise losses.refusal(block.path, "its API has nothing like it")
        else:
            raise losses.refusal(block.path, "its API takes text and pictures alone")
        self._keep(block)
        return [] if written.get("text") == "" else [written]

    def _image(self, image: Image) -> dict[str, Any]:
        if image.source.file_id is not None:
            raise self._losses.refusal(image.path, "its API takes pictures by URL or as data, not by file id")
        written = {"url": image.source.data_url}
        if image.detail in ("auto", "low", "high"):
            return {**written, "detail": image.detail}
        if image.detail is not None:
            self._losses.drop(f"{image.path}.image_url.detail")
        return written

    def _keep(self, block: Block) -> None:
        """Nothing of a block but what is written has a place there."""
        if block.cache is not None:
            self._losses.drop(f"{block.path}.{block.cache.field}")
        self._losses.keep(block.extra, block.path)


def _plain(parts: list[dict[str, Any]]) -> Any:
    """The text alone where there is nothing else."""
    if not parts:
        return ""
    return parts[0]["text"] if len(parts) == 1 and parts[0]["type"] == "text" else parts
