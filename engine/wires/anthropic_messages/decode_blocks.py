"""Anthropic's content blocks → canonical blocks, in requests and in answers.

Source: https://platform.claude.com/docs/en/api/messages
"""

from typing import Final

import msgspec

from engine.wires.blocks import (
    Block,
    CacheMark,
    Citation,
    Extra,
    File,
    Image,
    Opaque,
    Reasoning,
    ServerToolCall,
    ServerToolResult,
    Source,
    Text,
    ToolCall,
    ToolResult,
)
from engine.wires.makers import unmarked
from engine.wires.reading import Reader

NAME: Final = "anthropic-messages"

_KINDS: Final = frozenset({"text", "thinking", "redacted_thinking", "tool_use", "tool_result", "image", "document"})
_DIRECT: Final = b'{"type":"direct"}'


def cache_mark(reader: Reader, field: str = "cache_control") -> CacheMark | None:
    """`cache_control`: `{"type": "ephemeral", "ttl": "5m" | "1h"}`."""
    mark = reader.object(field)
    return None if mark is None else CacheMark(mark.text("ttl"))


def content(message: Reader, name: str = "content") -> tuple[Block, ...]:
    """A string, or an array of blocks."""
    if message.starts_with(name, '"'):
        text = message.needed_text(name)
        return (Text(text=text, path=message.at(name)),) if text else ()
    return tuple(block(reader, raw) for reader, raw in message.objects(name))


def block(reader: Reader, raw: msgspec.Raw) -> Block:
    """One block; one that has no canonical form stays as it is."""
    kind = reader.needed_text("type")
    path = reader.path
    if kind.endswith("_tool_result"):
        call_id = reader.text("tool_use_id") or ""
        return ServerToolResult(call_id=call_id, kind=kind, wire=NAME, raw=raw, path=path)
    if kind.endswith("_tool_use"):
        call_id, name = reader.text("id") or "", reader.text("name") or ""
        return ServerToolCall(id=call_id, name=name, wire=NAME, raw=raw, path=path)
    if kind not in _KINDS:
        return Opaque(kind=kind, wire=NAME, raw=raw, path=path)
    source = reader.object("source") if kind in ("image", "document") else None
    if source is not None and source.text("type") == "content":
        return Opaque(kind=kind, wire=NAME, raw=raw, path=path)
    cache = cache_mark(reader)
    if kind == "text":
        citations = tuple(citation(one, json) for one, json in reader.objects("citations"))
        text = reader.text("text") or ""
        return Text(text=text, citations=citations, path=path, cache=cache, extra=reader.rest())
    if kind == "thinking":
        signature, maker = unmarked(reader.text("signature") or "", NAME)
        return Reasoning(text=reader.text("thinking") or "", signature=signature or None, maker=maker, path=path)
    if kind == "redacted_thinking":
        data, maker = unmarked(reader.text("data") or "", NAME)
        return Reasoning(encrypted=data, maker=maker, path=path)
    if kind == "tool_use":
        arguments = reader.raw("input") or b"{}"
        return ToolCall(
            id=reader.needed_text("id"),
            name=reader.needed_text("name"),
            arguments=bytes(arguments).decode(),
            path=path,
            cache=cache,
            extra=_rest(reader),
        )
    if kind == "tool_result":
        return ToolResult(
            call_id=reader.needed_text("tool_use_id"),
            content=content(reader),
            is_error=reader.flag("is_error") or False,
            path=path,
            cache=cache,
            extra=reader.rest(),
        )
    if kind == "image" and source is not None:
        return Image(source=_source(source), path=path, cache=cache, extra=reader.rest())
    if kind == "document" and source is not None:
        name = reader.text("title") or ""
        return File(source=_source(source), name=name, path=path, cache=cache, extra=reader.rest())
    return Opaque(kind=kind, wire=NAME, raw=raw, path=path)


def citation(cited: Reader, raw: msgspec.Raw) -> Citation:
    """One of a text's citations: of a search result it has a URL, of a document a place."""
    return Citation(
        url=cited.text("url"),
        title=cited.text("title") or cited.text("document_title"),
        quote=cited.text("cited_text"),
        wire=NAME,
        raw=raw,
    )


def _rest(reader: Reader) -> Extra:
    """What is left of a tool call; that the model called it directly goes without saying."""
    rest = reader.rest()
    if b"".join(bytes(rest.get("caller", b"")).split()) == _DIRECT:
        del rest["caller"]
    return rest


def _source(source: Reader) -> Source:
    """A picture's or a document's; its `type` was read."""
    if (file_id := source.text("file_id")) is not None:
        return Source(file_id=file_id)
    if (url := source.text("url")) is not None:
        return Source(url=url)
    mime = source.text("media_type") or ""
    data = source.needed_text("data")
    return Source(text=data, mime=mime) if mime == "text/plain" else Source(data=data, mime=mime)
