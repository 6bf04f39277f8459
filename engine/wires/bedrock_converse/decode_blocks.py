"""Converse's content blocks → canonical blocks, in answers.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
"""

import base64
import binascii
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from engine.errors import InvalidRequest
from engine.wires.blocks import (
    Block,
    Citation,
    Image,
    Opaque,
    Reasoning,
    ServerToolCall,
    ServerToolResult,
    Source,
    Text,
    ToolCall,
)
from engine.wires.reading import Reader

NAME: Final = "bedrock-converse"

# Only Claude signs and encrypts what it thinks, and its signatures hold on every cloud.
# Source: https://platform.claude.com/docs/en/build-with-claude/extended-thinking
MAKER: Final = "anthropic-messages"

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SERVERS: Final = "server_tool_use"


def content(message: Reader) -> Iterable[Block]:
    """The blocks of a message."""
    for reader, raw in message.objects("content"):
        yield block(reader, raw)


def block(reader: Reader, raw: msgspec.Raw) -> Block:
    """One block: an object with one member, by the block's kind. One that has no canonical form stays as it is."""
    if reader.has("text"):
        return Text(text=reader.needed_text("text"))
    if (call := reader.object("toolUse")) is not None:
        return tool_call(call, raw)
    if (result := reader.object("toolResult")) is not None:
        return tool_result(result, raw)
    if (thought := reader.object("reasoningContent")) is not None:
        return _reasoning(thought, raw)
    if (cited := reader.object("citationsContent")) is not None:
        text = "".join(part.text("text") or "" for part, _ in cited.objects("content"))
        return Text(text=text, citations=tuple(citation(one, json) for one, json in cited.objects("citations")))
    if (image := reader.object("image")) is not None and (found := _image(image)) is not None:
        return found
    return Opaque(kind=next(iter(_MEMBERS.decode(raw)), ""), wire=NAME, raw=raw)


def tool_call(call: Reader, raw: msgspec.Raw) -> ToolCall | ServerToolCall:
    """A call of the client's tool, or of one that Bedrock runs itself."""
    call_id, name = call.needed_text("toolUseId"), call.needed_text("name")
    if call.text("type") == _SERVERS:
        return ServerToolCall(id=call_id, name=name, wire=NAME, raw=raw)
    return ToolCall(id=call_id, name=name, arguments=bytes(call.raw("input") or b"{}").decode())


def tool_result(result: Reader, raw: msgspec.Raw) -> ServerToolResult:
    """In an answer, only a tool that Bedrock ran itself has a result."""
    call_id = result.text("toolUseId") or ""
    return ServerToolResult(call_id=call_id, kind=result.text("type") or "toolResult", wire=NAME, raw=raw)


def encrypted(data: bytes) -> Reasoning:
    """Claude's encrypted thoughts are text; what is none can only go back to Bedrock."""
    if data.isascii():
        return Reasoning(encrypted=data.decode(), maker=MAKER)
    return Reasoning(encrypted=base64.b64encode(data).decode(), maker=NAME)


def unbase64(text: str) -> bytes:
    """The bytes of a blob; raises InvalidRequest."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise InvalidRequest("It is not base64.") from None


def citation(cited: Reader, raw: msgspec.Raw) -> Citation:
    """Where a text has something from: a page, or a place in a document of the request."""
    location = cited.object("location") or Reader({})
    web = location.object("web") or Reader({})
    quote = "".join(part.text("text") or "" for part, _ in cited.objects("sourceContent"))
    source = cited.text("source") or ""
    url = web.text("url") or (source if source.startswith(("https://", "http://")) else None)
    return Citation(url=url, title=cited.text("title"), quote=quote or None, wire=NAME, raw=raw)


def picture(form: str, data: bytes) -> Image:
    """A picture of one of Bedrock's forms ("png")."""
    return Image(source=Source(data=base64.b64encode(data).decode(), mime=f"image/{form}"))


def members(raw: Any) -> dict[str, msgspec.Raw]:
    """The members of a JSON object."""
    return _MEMBERS.decode(raw)


def _reasoning(thought: Reader, raw: msgspec.Raw) -> Block:
    if (text := thought.object("reasoningText")) is not None:
        signature = text.text("signature") or None
        return Reasoning(text=text.text("text") or "", signature=signature, maker=MAKER if signature else "")
    data = thought.text("redactedContent")
    return Opaque(kind="reasoningContent", wire=NAME, raw=raw) if data is None else encrypted(unbase64(data))


def _image(image: Reader) -> Image | None:
    source = image.object("source") or Reader({})
    data = source.text("bytes")
    return None if data is None else Image(source=Source(data=data, mime=f"image/{image.text('format') or 'png'}"))
