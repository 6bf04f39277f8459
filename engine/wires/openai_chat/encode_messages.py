"""Canonical turns → the messages of a Chat Completions request.

Source: https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages
"""

from collections.abc import Iterable
from typing import Any, Final

from engine.model import Model
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
    Text,
    ToolCall,
    ToolResult,
)
from engine.wires.conversation import Conversation, Turn
from engine.wires.losses import Losses
from engine.wires.openai_chat.decode_messages import MAKERS

NAME: Final = "openai-chat"

_SAYING: Final = ("content", "tool_calls", "refusal", "audio", "reasoning_content", "reasoning_details")
_FORMATS: Final = {maker: name for name, maker in MAKERS.items()}
_AUDIO_FORMATS: Final = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav"}


class MessageWriter:
    """Writes the messages of one request, and names what it cannot carry."""

    def __init__(self, conversation: Conversation, model: Model, losses: Losses) -> None:
        self._conversation = conversation
        self._losses = losses
        self._reasoning_field = model.dialect.reasoning_field
        self._is_openai = model.dialect.is_openai
        self._keeps_cache_marks = model.dialect.cache_marks
        self._takes_file_urls = model.dialect.file_urls
        self._shares_files = conversation.wire.startswith("openai-")

    def messages(self) -> list[dict[str, Any]]:
        """All messages."""
        return [message for turn in self._conversation.turns for message in self._turn(turn)]

    def _turn(self, turn: Turn) -> Iterable[dict[str, Any]]:
        if turn.role == "tool":
            return [self._result(turn, block) for block in turn.blocks if isinstance(block, ToolResult)]
        if turn.role == "assistant":
            message = self._assistant(turn)
            says_something = self._losses.is_same_wire or any(message.get(field) for field in _SAYING)
            return [message] if says_something else []  # OpenAI refuses an empty one
        knows_developers = self._losses.is_same_wire or self._is_openai
        role = "system" if turn.role == "developer" and not knows_developers else turn.role
        return [{**self._head(role, turn), "content": self._content(turn.blocks)}]

    def _head(self, role: str, turn: Turn) -> dict[str, Any]:
        head: dict[str, Any] = {"role": role}
        if turn.name is not None:
            head["name"] = turn.name
        return {**head, **self._losses.keep(turn.extra, turn.path)}

    def _result(self, turn: Turn, result: ToolResult) -> dict[str, Any]:
        if result.is_error:
            self._losses.drop(f"{result.path}.is_error")
        self._drop_cache(result)
        self._losses.keep(result.extra, result.path)
        for block in result.content:
            if not isinstance(block, Text) and not self._losses.is_same_wire:
                raise self._losses.refusal(block.path, "a tool's result can only be text there")
        return {**self._head("tool", turn), "tool_call_id": result.call_id, "content": self._content(result.content)}

    def _assistant(self, turn: Turn) -> dict[str, Any]:
        message = self._head("assistant", turn)
        parts: list[Block] = []
        calls: list[dict[str, Any]] = []
        thoughts: list[Reasoning] = []
        for block in turn.blocks:
            if isinstance(block, ToolCall):
                calls.append(self._call(block))
            elif isinstance(block, Reasoning) and not (self._losses.is_same_wire and _is_part(block)):
                thoughts.append(block)
            elif isinstance(block, Audio):
                message["audio"] = {"id": self._same_wire_audio(block)}
            elif isinstance(block, Refusal) and not _is_part(block):
                message["refusal"] = block.text
            elif isinstance(block, ServerToolCall | ServerToolResult):
                self._losses.drop(block.path)
            else:
                parts.append(block)
        message["content"] = self._content(parts) or None
        if calls:
            message["tool_calls"] = calls
        if self._losses.is_same_wire:
            message |= turn.verbatim
        elif thoughts:
            self._write_reasoning(message, thoughts)
        return message

    def _same_wire_audio(self, audio: Audio) -> str:
        if not self._losses.is_same_wire:
            raise self._losses.refusal(audio.path, "what the model spoke cannot be sent back to another API")
        return audio.id

    def _write_reasoning(self, message: dict[str, Any], thoughts: list[Reasoning]) -> None:
        """Only to those who read it; a signature only where it has a place."""
        if self._reasoning_field == "reasoning_details":
            message["reasoning_details"] = [reasoning_detail(thought, at) for at, thought in enumerate(thoughts)]
            return
        for thought in thoughts:
            if not self._reasoning_field:
                self._losses.drop(thought.path)
            elif thought.signature or thought.encrypted:
                self._losses.drop(f"{thought.path}.{'signature' if thought.signature else 'data'}")
        if self._reasoning_field and (text := "".join(thought.text for thought in thoughts)):
            message[self._reasoning_field] = text

    def _call(self, call: ToolCall) -> dict[str, Any]:
        self._drop_cache(call)
        if call.signature is not None:
            self._losses.drop(f"{call.path}.signature")
        kind, key = ("custom", "input") if call.is_custom else ("function", "arguments")
        written = {"id": call.id, "type": kind, kind: {"name": call.name, key: call.arguments}}
        return {**written, **self._losses.keep(call.extra, call.path)}

    def _content(self, blocks: Iterable[Block]) -> Any:
        """The text alone where there is nothing else: all servers read that."""
        parts = [self._part(block) for block in blocks]
        if not parts:
            return ""
        only = parts[0]
        is_plain = len(parts) == 1 and isinstance(only, dict) and only.keys() == {"type", "text"}
        return only["text"] if is_plain else parts

    def _part(self, block: Block) -> Any:
        losses = self._losses
        if isinstance(block, Opaque) and block.wire == NAME:
            return block.raw
        written: dict[str, Any]
        if isinstance(block, Text):
            written = {"type": "text", "text": block.text}
            if block.citations:
                losses.drop(f"{block.path}.citations")
            if block.signature is not None:
                losses.drop(f"{block.path}.signature")
        elif isinstance(block, Image):
            written = {"type": "image_url", "image_url": self._image(block)}
        elif isinstance(block, Audio) and block.source is not None and block.source.data is not None:
            mime = block.source.mime
            form = _AUDIO_FORMATS.get(mime, mime.removeprefix("audio/"))
            written = {"type": "input_audio", "input_audio": {"data": block.source.data, "format": form}}
        elif isinstance(block, File):
            written = self._file(block)
        elif isinstance(block, Refusal):
            written = {"type": "refusal", "refusal": block.text}
        elif isinstance(block, Reasoning):
            written = {"type": "thinking", "thinking": [{"type": "text", "text": block.text}]}
        else:
            raise losses.refusal(block.path, "its API has nothing like it")
        written |= losses.keep(block.extra, block.path)
        self._mark(written, block)
        return written

    def _mark(self, written: dict[str, Any], block: Block) -> None:
        mark = block.cache
        if mark is None:
            return
        if not self._losses.is_same_wire and not self._keeps_cache_marks:
            self._losses.drop(f"{block.path}.{mark.field}")
            return
        written[mark.field] = cache_json(mark)

    def _drop_cache(self, block: Block) -> None:
        if block.cache is not None:
            self._losses.drop(f"{block.path}.{block.cache.field}")

    def _image(self, image: Image) -> dict[str, Any]:
        if image.source.file_id is not None:
            raise self._losses.refusal(image.path, "its API takes pictures by URL or as data, not by file id")
        written = {"url": image.source.data_url}
        return written if image.detail is None else {**written, "detail": image.detail}

    def _file(self, file: File) -> dict[str, Any]:
        source = file.source
        if source.text is not None:
            if file.name:
                self._losses.drop(f"{file.path}.title")
            return {"type": "text", "text": source.text}
        if source.file_id is not None:
            if not self._shares_files:
                raise self._losses.refusal(file.path, "a file id means nothing to another provider")
            written = {"file_id": source.file_id}
        elif source.url is not None and not self._takes_file_urls and not self._losses.is_same_wire:
            raise self._losses.refusal(file.path, "its API takes files as data, not by URL")
        else:
            written = {"file_data": source.data_url}
        name = file.name or ("" if self._losses.is_same_wire or source.file_id else "document")
        return {"type": "file", "file": {**written, "filename": name} if name else written}


def cache_json(mark: CacheMark) -> dict[str, Any]:
    """A cache mark under the name that the client used."""
    head = {"mode": "explicit"} if mark.field == "prompt_cache_breakpoint" else {"type": "ephemeral"}
    return {**head, "ttl": mark.ttl} if mark.ttl is not None else head


def reasoning_detail(thought: Reasoning, at: int) -> dict[str, Any]:
    """Reasoning as one of OpenRouter's `reasoning_details`."""
    written: dict[str, Any] = {"type": "reasoning.text", "text": thought.text}
    if thought.encrypted is not None:
        written = {"type": "reasoning.encrypted", "data": thought.encrypted}
    elif thought.is_summary:
        written = {"type": "reasoning.summary", "summary": thought.text}
    if thought.signature is not None:
        written["signature"] = thought.signature
    if thought.id is not None:
        written["id"] = thought.id
    return {**written, "format": _FORMATS.get(thought.maker, "unknown"), "index": at}


def _is_part(block: Block) -> bool:
    """Whether the client wrote it as a part of the content (Mistral's thinking), and not as a field of the message."""
    return ".content[" in block.path
