"""Canonical blocks of an answer → the output items of a response.

Source: https://platform.openai.com/docs/api-reference/responses/object#responses-object-output
"""

import re
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from engine.wires.blocks import (
    Block,
    Citation,
    Image,
    Opaque,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
)
from engine.wires.losses import block_name
from engine.wires.makers import marked
from engine.wires.openai_family import logprob_entries
from engine.wires.openai_responses.decode_items import NAME

_NOT_IN_IDS: Final = re.compile(r"[^a-zA-Z0-9_-]")
_MAX_SEED: Final = 48  # of an id, which has 64 letters at most
_FORMS: Final = ("png", "webp", "jpeg", "gif")


class Ids:
    """Makes the ids of the items of one response."""

    __slots__ = ("_seed",)

    def __init__(self, response_id: str) -> None:
        self._seed = _NOT_IN_IDS.sub("_", response_id.removeprefix("resp_"))[-_MAX_SEED:]

    def of(self, prefix: str, at: int) -> str:
        """The id of the item at a place of the output."""
        return f"{prefix}_{self._seed}_{at}"


def output_items(
    blocks: Sequence[Block], ids: Ids, status: str, logprobs: msgspec.Raw | None, losses: list[str]
) -> list[Any]:
    """The items. Texts and refusals that follow each other are one message; only the last one may be incomplete."""
    items: list[Any] = []
    parts: list[dict[str, Any]] | None = None
    for at, block in enumerate(blocks):
        where = f"answer.content[{at}]"
        if isinstance(block, Text | Refusal):
            if parts is None:
                parts = []
                items.append(message_json(ids.of("msg", len(items)), parts))
            parts.append(_part(block, logprobs, losses, where))
            logprobs = None if isinstance(block, Text) else logprobs
            continue
        parts = None
        item = item_json(block, ids, len(items))
        if item is None:
            losses.append(f"{where}.{block_name(block)}")
        else:
            items.append(item)
    if items and isinstance(items[-1], dict) and "status" in items[-1]:
        items[-1]["status"] = item_status(status)
    return items


def item_status(status: str) -> str:
    """The status of the item that was the last one of a response of this status."""
    return "completed" if status == "completed" else "incomplete"


def message_json(item_id: str, parts: list[dict[str, Any]], status: str = "completed") -> dict[str, Any]:
    """A message."""
    return {"type": "message", "id": item_id, "status": status, "role": "assistant", "content": parts}


def text_json(text: str, annotations: list[Any], logprobs: list[Any]) -> dict[str, Any]:
    """A text part."""
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": logprobs}


def refusal_json(text: str) -> dict[str, Any]:
    """A refusal part."""
    return {"type": "refusal", "refusal": text}


def call_json(call_id: str, name: str, arguments: str, item_id: str, *, is_custom: bool) -> dict[str, Any]:
    """A call of a function, or of a tool that takes free text."""
    if is_custom:
        return {"type": "custom_tool_call", "id": item_id, "call_id": call_id, "name": name, "input": arguments}
    call = {"type": "function_call", "id": item_id, "call_id": call_id, "name": name, "arguments": arguments}
    return {**call, "status": "completed"}


def reasoning_json(item_id: str, text: str | None, data: str | None, *, is_summary: bool) -> dict[str, Any]:
    """What the model thought; `text` is None where only the maker can read it."""
    written: dict[str, Any] = {"type": "reasoning", "id": item_id, "summary": []}
    if text is not None and is_summary:
        written["summary"].append({"type": "summary_text", "text": text})
    elif text is not None:
        written["content"] = [{"type": "reasoning_text", "text": text}]
    return written if data is None else {**written, "encrypted_content": data}


def image_json(image: Image, item_id: str) -> dict[str, Any] | None:
    """A picture that the model made; None where it is not at hand."""
    if image.source.data is None:
        return None
    form = image.source.mime.removeprefix("image/")
    known = {"output_format": form} if form in _FORMS else {}
    call = {"type": "image_generation_call", "id": item_id, "status": "completed"}
    return {**call, "result": image.source.data, **known}


def item_json(block: Block, ids: Ids, at: int) -> Any:
    """A block that is an item of its own; None where there is no place for it."""
    if isinstance(block, ToolCall):
        prefix = "ctc" if block.is_custom else "fc"
        arguments = block.arguments or ("" if block.is_custom else "{}")
        return call_json(block.id, block.name, arguments, ids.of(prefix, at), is_custom=block.is_custom)
    if isinstance(block, Reasoning):
        data = block.signature if block.encrypted is None else block.encrypted
        text = block.text if block.text or (block.encrypted is None and data is not None) else None
        kept = None if data is None else marked(data, block.maker, NAME)
        return reasoning_json(ids.of("rs", at), text, kept, is_summary=block.is_summary)
    if isinstance(block, Image):
        return image_json(block, ids.of("ig", at))
    if isinstance(block, Opaque | ServerToolCall | ServerToolResult) and block.wire == NAME:
        return block.raw
    return None


def annotation_json(citation: Citation, length: int) -> Any:
    """A citation as an annotation of a text of `length` letters; None where it has no URL."""
    if citation.wire == NAME:
        return citation.raw
    if citation.url is None:
        return None
    return {
        "type": "url_citation",
        "url": citation.url,
        "title": citation.title or "",
        "start_index": citation.start or 0,
        "end_index": citation.end if citation.end is not None else length,
    }


def _part(block: Text | Refusal, logprobs: msgspec.Raw | None, losses: list[str], where: str) -> dict[str, Any]:
    if isinstance(block, Refusal):
        return refusal_json(block.text)
    written = [annotation_json(citation, len(block.text)) for citation in block.citations]
    if None in written:
        losses.append(f"{where}.citations")
    entries = [] if logprobs is None else logprob_entries(_content_of(logprobs))
    return text_json(block.text, [annotation for annotation in written if annotation is not None], entries)


def _content_of(logprobs: msgspec.Raw) -> msgspec.Raw:
    found = msgspec.json.decode(logprobs, type=dict[str, msgspec.Raw]).get("content")
    return found if found is not None else msgspec.Raw(b"[]")
