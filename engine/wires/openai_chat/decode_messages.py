"""The messages of a Chat Completions request → canonical turns.

Sources: https://platform.openai.com/docs/api-reference/chat/create#chat-create-messages; reasoning that comes back:
https://openrouter.ai/docs/use-cases/reasoning-tokens (`reasoning_details`), https://api-docs.deepseek.com/guides/reasoning_model
(`reasoning_content`), https://docs.mistral.ai/capabilities/reasoning (`thinking` parts),
https://docs.databricks.com/aws/en/machine-learning/model-serving/query-reason-models (`reasoning` parts).
"""

from typing import Final

import msgspec

from engine.wires.blocks import (
    Audio,
    Block,
    CacheMark,
    File,
    Image,
    Opaque,
    Reasoning,
    Refusal,
    Source,
    Text,
    ToolCall,
    ToolResult,
    source_of_url,
)
from engine.wires.conversation import Role, Turn
from engine.wires.reading import Reader

NAME: Final = "openai-chat"

ROLES: Final[dict[str, Role]] = {
    "system": "system",
    "developer": "developer",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
REASONING_FIELDS: Final = ("reasoning_details", "reasoning_content", "reasoning")

# OpenRouter's names of who can read a signature or encrypted reasoning.
MAKERS: Final = {
    "anthropic-claude-v1": "anthropic-messages",
    "openai-responses-v1": "openai-responses",
    "google-gemini-v1": "gemini",
}


class Messages:
    """Reads the messages in order; what was called by name alone, in the old way, gets ids."""

    def __init__(self, body: Reader) -> None:
        self._body = body
        self._calls_by_name: dict[str, str] = {}

    def turns(self) -> tuple[Turn, ...]:
        """All turns."""
        return tuple(self._turn(message) for message, _ in self._body.objects("messages"))

    def _turn(self, message: Reader) -> Turn:
        role = message.needed_text("role")
        if role not in ROLES:
            raise message.wrong("role", f"must be one of {', '.join(ROLES)}")
        name = message.text("name")
        verbatim = {}
        if role == "assistant":
            verbatim = {field: raw for field in REASONING_FIELDS if (raw := message.raw(field)) is not None}
            blocks = self._assistant(message, Reader(verbatim, message.path))
        elif role == "tool":
            blocks = (_result(message, message.needed_text("tool_call_id")),)
        elif role == "function":
            blocks, name = (_result(message, self._calls_by_name.get(name or "", name or "")),), None
        else:
            blocks = content(message)
        return Turn(
            role=ROLES[role], blocks=blocks, name=name, path=message.path, extra=message.rest(), verbatim=verbatim
        )

    def _assistant(self, message: Reader, reasoning: Reader) -> tuple[Block, ...]:
        blocks = [*reasoning_of(reasoning), *content(message)]
        if refusal := message.text("refusal"):
            blocks.append(Refusal(text=refusal, path=message.at("refusal")))
        if (audio := message.object("audio")) is not None and (audio_id := audio.text("id")):
            blocks.append(Audio(id=audio_id, path=audio.path))
        blocks += [tool_call(call, at) for at, (call, _) in enumerate(message.objects("tool_calls"))]
        if (call := message.object("function_call")) is not None and (function := call.text("name")):
            call_id = self._calls_by_name[function] = f"call_{len(self._calls_by_name)}_{function}"
            arguments = call.text("arguments") or ""
            blocks.append(ToolCall(id=call_id, name=function, arguments=arguments, path=call.path))
        return tuple(blocks)


def content(message: Reader) -> tuple[Block, ...]:
    """The blocks of `content`: a string or an array of parts."""
    if message.starts_with("content", '"'):
        text = message.needed_text("content")
        return (Text(text=text, path=message.at("content")),) if text else ()
    return tuple(_part(part, raw) for part, raw in message.objects("content"))


def cache_mark(reader: Reader) -> CacheMark | None:
    """OpenAI's own mark, or the one that its vendors took from Anthropic."""
    for field in ("cache_control", "prompt_cache_breakpoint"):
        if (mark := reader.object(field)) is not None:
            return CacheMark(mark.text("ttl"), field)
    return None


def tool_call(call: Reader, at: int = 0) -> ToolCall:
    """One of `tool_calls`."""
    kind = call.text("type") or "function"
    call_id = call.text("id") or f"call_{at}"
    call.raw("index")  # of streams; means nothing here
    if kind == "custom":
        custom = call.needed_object("custom")
        name, text = custom.needed_text("name"), custom.text("input") or ""
        return ToolCall(id=call_id, name=name, arguments=text, is_custom=True, path=call.path, extra=call.rest())
    function = call.needed_object("function")
    return ToolCall(
        id=call_id,
        name=function.needed_text("name"),
        arguments=_arguments(function),
        path=call.path,
        extra={**function.rest(), **call.rest()},
    )


def _arguments(function: Reader) -> str:
    if function.starts_with("arguments", '"') or not function.has("arguments"):
        return function.text("arguments") or ""
    raw = function.raw("arguments")  # an object instead of its text, as some servers have it
    return bytes(raw).decode() if raw is not None else ""


def _result(message: Reader, call_id: str) -> ToolResult:
    return ToolResult(call_id=call_id, content=content(message), path=message.at("content"))


def _part(part: Reader, raw: msgspec.Raw) -> Block:
    kind = part.needed_text("type")
    cache = cache_mark(part)
    if kind == "text":
        return Text(text=part.text("text") or "", path=part.path, cache=cache, extra=part.rest())
    if kind == "image_url":
        return _image(part, cache)
    if kind == "input_audio":
        audio = part.needed_object("input_audio")
        source = Source(data=audio.needed_text("data"), mime=f"audio/{audio.text('format') or 'wav'}")
        return Audio(source=source, path=part.path, cache=cache, extra=part.rest())
    if kind == "file":
        file = part.needed_object("file")
        name = file.text("filename") or ""
        return File(source=_file_source(file), name=name, path=part.path, cache=cache, extra=part.rest())
    if kind == "refusal":
        return Refusal(text=part.text("refusal") or "", path=part.path)
    if kind == "reasoning":  # Databricks'
        text = "".join(piece.text("text") or "" for piece, _ in part.objects("summary"))
        return Reasoning(text=text, path=part.path, extra=part.rest())
    if kind == "thinking":
        return Reasoning(text=_thought(part), path=part.path, extra=part.rest())
    return Opaque(kind=kind, wire=NAME, raw=raw, path=part.path)


def _thought(part: Reader) -> str:
    if part.starts_with("thinking", '"'):  # the text alone, as Cohere has it
        return part.needed_text("thinking")
    return "".join(piece.text("text") or "" for piece, _ in part.objects("thinking"))


def _image(part: Reader, cache: CacheMark | None) -> Image:
    if part.starts_with("image_url", '"'):  # the URL alone, as Mistral has it
        return Image(source=source_of_url(part.needed_text("image_url")), path=part.path, cache=cache)
    image = part.needed_object("image_url")
    source = source_of_url(image.needed_text("url"))
    return Image(source=source, detail=image.text("detail"), path=part.path, cache=cache, extra=part.rest())


def _file_source(file: Reader) -> Source:
    if (file_id := file.text("file_id")) is not None:
        return Source(file_id=file_id)
    data = file.needed_text("file_data")
    source = source_of_url(data)
    is_bare = source.url is not None and not data.startswith(("https:", "http:"))
    return Source(data=data, mime="application/pdf") if is_bare else source


def reasoning_of(fields: Reader) -> list[Reasoning]:
    """What a message holds of it, from the richest of the fields that say it."""
    if fields.starts_with("reasoning_details", "["):
        details = [reasoning_detail(detail) for detail, _ in fields.objects("reasoning_details")]
        if details:
            return [block for block in details if block is not None]
    for field in ("reasoning_content", "reasoning"):
        if fields.starts_with(field, '"') and (text := fields.text(field)):
            return [Reasoning(text=text, path=fields.at(field))]
    return []


def reasoning_detail(detail: Reader) -> Reasoning | None:
    """One of OpenRouter's `reasoning_details`; None where it holds nothing."""
    kind = detail.text("type") or ""
    text = detail.text("summary") if kind == "reasoning.summary" else detail.text("text")
    signature, encrypted = detail.text("signature"), detail.text("data")
    if not (text or signature or encrypted):
        return None
    return Reasoning(
        text=text or "",
        is_summary=kind == "reasoning.summary",
        signature=signature,
        encrypted=encrypted,
        id=detail.text("id"),
        maker=MAKERS.get(detail.text("format") or "", ""),
        path=detail.path,
    )
