"""Canonical turns → the input items of a Responses request.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
"""

import re
from collections.abc import Iterable
from hashlib import blake2b
from itertools import groupby
from typing import Any, Final

import msgspec

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
from engine.wires.conversation import INSTRUCTING, Conversation, Turn
from engine.wires.losses import Losses
from engine.wires.makers import marked
from engine.wires.openai_responses.decode_items import NAME

_MAX_ID: Final = 64

_ITEM: Final = re.compile(r"input\[\d+\]")
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_AUDIO_FORMATS: Final = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav"}


class ItemWriter:
    """Writes the input of one request, and names what it cannot carry."""

    def __init__(self, conversation: Conversation, model: Model, losses: Losses) -> None:
        self._conversation = conversation
        self._losses = losses
        self._knows_developers = losses.is_same_wire or model.dialect.is_openai
        self._shares_files = conversation.wire.startswith("openai-")
        calls = (block for turn in conversation.turns for block in turn.blocks if isinstance(block, ToolCall))
        self._custom = {call.id for call in calls if call.is_custom}

    def write(self) -> tuple[str | None, Any]:
        """`instructions`, which are the first words of the system where they are plain, and the items.

        Or the text that a client wrote instead of items, on the way to the same wire.
        """
        turns = self._conversation.turns
        instructions = _instructions(turns[0]) if turns else None
        has_more = len(turns) > 1 or self._losses.is_same_wire  # an input must be there
        if instructions is not None and has_more:
            return instructions, self._input(turns[1:])
        return None, self._input(turns)

    def _input(self, turns: tuple[Turn, ...]) -> Any:
        if self._losses.is_same_wire and len(turns) == 1 and turns[0].path == "input":
            return "".join(block.text for block in turns[0].blocks if isinstance(block, Text))
        return self._items(turns)

    def _items(self, turns: Iterable[Turn]) -> list[Any]:
        return [item for turn in turns for item in self._turn(turn)]

    def _turn(self, turn: Turn) -> list[Any]:
        if turn.name is not None:
            self._losses.drop(f"{turn.path}.name")
        role = "system" if turn.role == "developer" and not self._knows_developers else turn.role
        is_same = self._losses.is_same_wire
        # Without the ids of the provider, each text that the model said is a message of its own.
        is_apart = role == "assistant" and not is_same
        runs = groupby(enumerate(turn.blocks), key=lambda one: self._run_of(*one, is_apart=is_apart))
        items: list[Any] = []
        for (kind, _), run in runs:
            blocks = [block for _, block in run]
            if kind == "part":
                items.append(self._message(role, blocks, turn))
            elif kind == "thought":
                items += self._reasoning([block for block in blocks if isinstance(block, Reasoning)], turn)
            elif (item := self._item(blocks[0], turn)) is not None:
                items.append(item)
        if not turn.blocks and is_same:
            items.append(self._message(role, [], turn))
        extra = self._losses.keep(turn.extra, turn.path)
        if extra and isinstance(items[0], dict):
            items[0] |= extra
        return items

    def _run_of(self, at: int, block: Block, *, is_apart: bool) -> tuple[str, Any]:
        """The kind of item that a block belongs to, and which one: neighbours of one item are written together."""
        if _is_part(block):
            return "part", at if is_apart else self._item_of(block)
        if isinstance(block, Reasoning):
            return "thought", block.id or at
        return "item", at

    def _item_of(self, block: Block) -> str:
        """The place of the client's item that a block comes from: its items stay apart on the way to the same wire."""
        found = _ITEM.match(block.path) if self._losses.is_same_wire else None
        return found[0] if found is not None else ""

    def _verbatim(self, turn: Turn, path: str) -> dict[str, msgspec.Raw]:
        found = _ITEM.match(path)
        raw = turn.verbatim.get(found[0]) if self._losses.is_same_wire and found is not None else None
        return {} if raw is None else _MEMBERS.decode(raw)

    def _message(self, role: str, parts: list[Block], turn: Turn) -> dict[str, Any]:
        written = self._content(parts, role)
        path = parts[0].path if parts else turn.path
        message = {"role": role, "content": written, **self._verbatim(turn, path)}
        is_own = self._losses.is_same_wire and _ITEM.match(path) is not None
        return message if is_own else {"type": "message", **message}

    def _item(self, block: Block, turn: Turn) -> Any:
        losses = self._losses
        if isinstance(block, Opaque | ServerToolCall | ServerToolResult):
            if block.wire == NAME:
                return block.raw
            if isinstance(block, Opaque):
                raise losses.refusal(block.path, "its API has nothing like it")
            losses.drop(block.path)
            return None
        self._drop_cache(block)
        if isinstance(block, ToolCall):
            written = self._call(block)
        elif isinstance(block, ToolResult):
            written = self._result(block)
        else:
            raise losses.refusal(block.path, "its API has nothing like it")
        return {**written, **losses.keep(block.extra, block.path), **self._verbatim(turn, block.path)}

    def _call(self, call: ToolCall) -> dict[str, Any]:
        if call.signature is not None:
            self._losses.drop(f"{call.path}.signature")
        kind, key = ("custom_tool_call", "input") if call.is_custom else ("function_call", "arguments")
        return {"type": kind, "call_id": self._call_id(call.id), "name": call.name, key: call.arguments}

    def _result(self, result: ToolResult) -> dict[str, Any]:
        if result.is_error:
            self._losses.drop(f"{result.path}.is_error")
        kind = "custom_tool_call_output" if result.call_id in self._custom else "function_call_output"
        return {"type": kind, "call_id": self._call_id(result.call_id), "output": self._content(result.content, "tool")}

    def _call_id(self, call_id: str) -> str:
        """An id of the length that OpenAI allows; what is too long gets a digest at its end."""
        if len(call_id) <= _MAX_ID or self._losses.is_same_wire:
            return call_id
        return f"{call_id[:40]}_{blake2b(call_id.encode(), digest_size=10).hexdigest()}"

    def _reasoning(self, thoughts: list[Reasoning], turn: Turn) -> list[dict[str, Any]]:
        """Only what OpenAI can read again: what it encrypted itself, with the summary of it."""
        if not thoughts:
            return []
        last = thoughts[-1]
        data = last.encrypted or last.signature
        if not self._losses.is_same_wire and (data is None or last.maker != NAME):
            for thought in thoughts:
                self._losses.drop(thought.path)
            return []
        written: dict[str, Any] = {"type": "reasoning", "summary": []}
        for thought in thoughts:
            if thought.text and (thought.is_summary or not self._losses.is_same_wire):
                written["summary"].append({"type": "summary_text", "text": thought.text})
            elif thought.text:
                written.setdefault("content", []).append({"type": "reasoning_text", "text": thought.text})
        if data is not None:
            written["encrypted_content"] = marked(data, last.maker, NAME)
        return [{**written, **self._verbatim(turn, last.path)}]

    def _content(self, blocks: Iterable[Block], role: str) -> Any:
        """The text alone where there is nothing else: all servers read that. What the client wrote as a part stays one."""
        blocks = tuple(blocks)
        parts = [self._part(block, role) for block in blocks]
        if not parts:
            return ""
        only = parts[0]
        is_plain = len(parts) == 1 and isinstance(only, dict) and only.keys() == {"type", "text"}
        is_kept = self._losses.is_same_wire and blocks[0].path.endswith("]")
        return only["text"] if is_plain and not is_kept else parts

    def _part(self, block: Block, role: str) -> Any:
        losses = self._losses
        if isinstance(block, Opaque) and block.wire == NAME:
            return block.raw
        written: dict[str, Any]
        if isinstance(block, Text):
            written = self._text(block, role)
        elif isinstance(block, Refusal):
            written = {"type": "refusal", "refusal": block.text}
        elif role == "assistant" and not losses.is_same_wire:
            raise losses.refusal(block.path, "what the model said can only be text there")
        elif isinstance(block, Image):
            written = self._image(block)
        elif isinstance(block, File):
            written = self._file(block)
        elif isinstance(block, Audio) and block.source is not None and losses.is_same_wire:
            form = _AUDIO_FORMATS.get(block.source.mime, block.source.mime.removeprefix("audio/"))
            written = {"type": "input_audio", "input_audio": {"data": block.source.data, "format": form}}
        else:
            raise losses.refusal(block.path, "its API has nothing like it")
        if block.cache is not None and losses.is_same_wire:
            written[block.cache.field] = breakpoint_json(block.cache)
        else:
            self._drop_cache(block)
        return {**written, **losses.keep(block.extra, block.path)}

    def _text(self, text: Text, role: str) -> dict[str, Any]:
        if text.signature is not None:
            self._losses.drop(f"{text.path}.signature")
        own = [citation.raw for citation in text.citations if citation.wire == NAME]
        if len(own) < len(text.citations):
            self._losses.drop(f"{text.path}.citations")
        kind = "output_text" if role == "assistant" else "input_text"
        written: dict[str, Any] = {"type": kind, "text": text.text}
        return {**written, "annotations": own} if own else written

    def _image(self, image: Image) -> dict[str, Any]:
        written: dict[str, Any] = {"type": "input_image"}
        if image.source.file_id is not None:
            written["file_id"] = self._file_id(image, image.source.file_id)
        else:
            written["image_url"] = image.source.data_url
        detail = image.detail or (None if self._losses.is_same_wire else "auto")
        return written if detail is None else {**written, "detail": detail}

    def _file(self, file: File) -> dict[str, Any]:
        source = file.source
        if source.text is not None:
            if file.name:
                self._losses.drop(f"{file.path}.title")
            return {"type": "input_text", "text": source.text}
        written: dict[str, Any] = {"type": "input_file"}
        name = file.name
        if source.file_id is not None:
            written["file_id"] = self._file_id(file, source.file_id)
        elif source.url is not None:
            written["file_url"] = source.url
        else:
            written["file_data"] = f"data:{source.mime or 'application/pdf'};base64,{source.data}"
            name = name or ("" if self._losses.is_same_wire else "document")  # it wants one
        return {**written, "filename": name} if name else written

    def _file_id(self, block: Block, file_id: str) -> str:
        if not self._shares_files:
            raise self._losses.refusal(block.path, "a file id means nothing to another provider")
        return file_id

    def _drop_cache(self, block: Block) -> None:
        if block.cache is not None:
            self._losses.drop(f"{block.path}.{block.cache.field}")


def breakpoint_json(mark: CacheMark) -> dict[str, Any]:
    """A mark up to which the prompt is cached."""
    return {"mode": "explicit", **({"ttl": mark.ttl} if mark.ttl is not None else {})}


def _instructions(turn: Turn) -> str | None:
    """The text of a system turn that is nothing but plain text."""
    only = turn.blocks[0] if len(turn.blocks) == 1 else None
    is_item = turn.path.startswith("input")
    if turn.role not in INSTRUCTING or turn.role == "developer" or is_item or turn.name is not None or turn.extra:
        return None
    is_plain = isinstance(only, Text) and not (only.cache or only.extra or only.citations or only.signature)
    return only.text if isinstance(only, Text) and is_plain else None


def _is_part(block: Block) -> bool:
    """Whether it is a part of a message, and no item of its own."""
    if isinstance(block, Opaque):
        return ".content[" in block.path
    return isinstance(block, Text | Refusal | Image | File | Audio)
