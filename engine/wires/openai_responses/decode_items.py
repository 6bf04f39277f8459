"""Items of the Responses API → canonical blocks, in requests and in answers.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
"""

from typing import Final

import msgspec

from engine.errors import InvalidRequest
from engine.wires.blocks import (
    Audio,
    Block,
    CacheMark,
    Citation,
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
    source_of_url,
)
from engine.wires.makers import unmarked
from engine.wires.reading import Reader

NAME: Final = "openai-responses"

PARAGRAPH: Final = "\n\n"  # between the parts of one summary

# What the provider itself did: it may be left out, what it led to is in the text.
_SERVER_CALLS: Final = frozenset(
    {
        *("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call"),
        *("mcp_call", "mcp_list_tools", "mcp_approval_request", "program"),
    }
)
_SERVER_RESULTS: Final = frozenset({"mcp_approval_response", "program_output"})
RESULTS: Final = ("function_call_output", "custom_tool_call_output")
_TEXTS: Final = ("input_text", "output_text", "text", "summary_text", "reasoning_text")
_MIMES: Final = {"svg": "image/svg+xml"}


def item_kind(item: Reader) -> str:
    """The type of an item; messages and references may leave it out."""
    if (kind := item.text("type")) is not None:
        return kind
    return "message" if item.has("role") or not item.has("id") else "item_reference"


def item_blocks(kind: str, item: Reader, raw: msgspec.Raw) -> tuple[Block, ...]:
    """The blocks of an item that is no message; one that has no canonical form stays as it is."""
    if kind == "function_call":
        return (_call(item, "arguments"),)
    if kind == "custom_tool_call":
        return (_call(item, "input"),)
    if kind in RESULTS and item.has("call_id"):  # else it answers no call: only OpenAI knows what that is
        return (_result(item),)
    if kind == "reasoning":
        return reasoning(item)
    path = item.path
    is_servers = kind in _SERVER_CALLS or (kind.startswith("tool_search_") and item.text("execution") != "client")
    if kind in _SERVER_RESULTS or (is_servers and kind == "tool_search_output"):
        call_id = item.text("call_id") or item.text("approval_request_id") or ""
        return (ServerToolResult(call_id=call_id, kind=kind, wire=NAME, raw=raw, path=path),)
    if is_servers:
        name = kind.removesuffix("_call")
        return (ServerToolCall(id=item.text("id") or "", name=name, wire=NAME, raw=raw, path=path),)
    return (Opaque(kind=kind, wire=NAME, raw=raw, path=path),)


def made_image(item: Reader) -> Image | None:
    """The picture of an `image_generation_call`; None where there is none."""
    data = item.text("result")
    form = item.text("output_format") or "png"
    return Image(source=Source(data=data, mime=_MIMES.get(form, f"image/{form}"))) if data else None


def content(message: Reader, name: str = "content") -> tuple[Block, ...]:
    """A string, or an array of parts."""
    if message.starts_with(name, '"'):
        text = message.needed_text(name)
        return (Text(text=text, path=message.at(name)),) if text else ()
    return tuple(part(one, raw) for one, raw in message.objects(name))


def part(reader: Reader, raw: msgspec.Raw) -> Block:
    """One part of a message or of a tool's result."""
    kind = reader.needed_text("type")
    cache = _cache_mark(reader)
    path = reader.path
    if kind in _TEXTS:
        cited = tuple(citation(one, json) for one, json in reader.objects("annotations"))
        text = reader.text("text") or ""
        return Text(text=text, citations=cited, path=path, cache=cache, extra=reader.rest())
    if kind == "refusal":
        return Refusal(text=reader.text("refusal") or "", path=path)
    if kind == "input_image":
        source = _image_source(reader)
        return Image(source=source, detail=reader.text("detail"), path=path, cache=cache, extra=reader.rest())
    if kind == "input_file":
        name = reader.text("filename") or ""
        return File(source=_file_source(reader), name=name, path=path, cache=cache, extra=reader.rest())
    if kind == "input_audio":
        audio = reader.needed_object("input_audio")
        source = Source(data=audio.needed_text("data"), mime=f"audio/{audio.text('format') or 'wav'}")
        return Audio(source=source, path=path, cache=cache, extra=reader.rest())
    return Opaque(kind=kind, wire=NAME, raw=raw, path=path)


def citation(cited: Reader, raw: msgspec.Raw) -> Citation:
    """One of a text's annotations: of a page it has a URL and a place in the text, of a file its name.

    One of another form means nothing elsewhere.
    """
    try:
        return Citation(
            url=cited.text("url"),
            title=cited.text("title") or cited.text("filename"),
            start=cited.integer("start_index"),
            end=cited.integer("end_index"),
            wire=NAME,
            raw=raw,
        )
    except InvalidRequest:
        return Citation(wire=NAME, raw=raw)


def reasoning(item: Reader) -> tuple[Reasoning, ...]:
    """What the model thought: its summary, its text, or what only the maker can read.

    Where there are both, the summary is a block of its own. What proves or replaces them stands with the last.
    """
    item_id, path = item.text("id"), item.path
    data, maker = unmarked(item.text("encrypted_content") or "", NAME)
    found = []
    for name, is_summary in (("summary", True), ("content", False)):
        parts = [part(one, raw) for one, raw in item.objects(name)]
        if parts:
            text = PARAGRAPH.join(one.text for one in parts if isinstance(one, Text) and one.text)
            found.append(Reasoning(text=text, is_summary=is_summary, id=item_id, maker=maker, path=path))
    if not found:
        return (Reasoning(encrypted=data or None, id=item_id, maker=maker, path=path),)
    found[-1] = msgspec.structs.replace(found[-1], signature=data or None)
    return tuple(found)


def _call(item: Reader, name: str) -> ToolCall:
    is_custom = name == "input"
    call_id = item.text("call_id")
    item_id = item.text("id")
    item.text("status")
    if not is_custom and item.has(name) and not item.starts_with(name, '"'):
        raw = item.raw(name)  # an object instead of its text, as some servers have it
        arguments = bytes(raw or b"{}").decode()
    else:
        arguments = item.text(name) or ""
    return ToolCall(
        id=call_id or item_id or "",
        name=item.needed_text("name"),
        arguments=arguments,
        is_custom=is_custom,
        path=item.path,
        extra=item.rest(),
    )


def _result(item: Reader) -> ToolResult:
    call_id = item.text("call_id") or ""
    found = content(item, "output")
    for name in ("id", "status"):
        item.raw(name)
    return ToolResult(call_id=call_id, content=found, path=item.path, extra=item.rest())


def _cache_mark(reader: Reader) -> CacheMark | None:
    mark = reader.object("prompt_cache_breakpoint")
    return None if mark is None else CacheMark(mark.text("ttl"), "prompt_cache_breakpoint")


def _image_source(reader: Reader) -> Source:
    if (file_id := reader.text("file_id")) is not None:
        return Source(file_id=file_id)
    return source_of_url(reader.needed_text("image_url"))


def _file_source(reader: Reader) -> Source:
    if (file_id := reader.text("file_id")) is not None:
        return Source(file_id=file_id)
    if (url := reader.text("file_url")) is not None:
        return Source(url=url)
    data = reader.needed_text("file_data")
    source = source_of_url(data)
    return source if source.data is not None else Source(data=data, mime="application/pdf")
