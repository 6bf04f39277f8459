"""One part of an answer → a canonical block.

A thought signature is encrypted reasoning: a block of its own, in front of the call that it belongs to and named by its
id, or behind the text. So every client API carries it there and back; see `encode_contents` for the way back. The call
has it too, for the API that has a place for it there.

Source: https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from typing import Final

import msgspec

from engine.wires.blocks import (
    Audio,
    Block,
    File,
    Image,
    Opaque,
    Reasoning,
    ServerToolCall,
    ServerToolResult,
    Source,
    ToolCall,
)
from engine.wires.gemini.chunk import FunctionCall, Part

NAME: Final = "gemini"

_SIGNATURE: Final = "thoughtSignature"
_SAYS_NOTHING: Final = frozenset({"text", "thought", _SIGNATURE})
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Named(msgspec.Struct):
    id: str | None = None


_NAMED: Final = msgspec.json.Decoder(_Named)

# Parts that a tool of Google's makes → what it is called.
_CALLS: Final = {"executableCode": "code_execution", "toolCall": "server_tool"}
_RESULTS: Final = ("codeExecutionResult", "toolResponse")


def signed(signature: str, call_id: str | None = None) -> Reasoning:
    """A signature as a block; `call_id` is that of the call it belongs to."""
    return Reasoning(encrypted=signature, id=call_id, maker=NAME)


def call_id(call: FunctionCall, response_id: str, choice: int, count: int) -> str:
    """The id of the `count`th call: Google's, or, where it gives none, one that no other answer has."""
    return call.id or f"call_{response_id}_{choice}_{count}"


def tool_call(call: FunctionCall, id_of_call: str, signature: str | None) -> ToolCall:
    """A function call."""
    return ToolCall(id=id_of_call, name=call.name, arguments=arguments(call), signature=signature)


def arguments(call: FunctionCall) -> str:
    """The arguments of a call, which is without any where it needs none."""
    return bytes(call.args).decode() if len(call.args) and bytes(call.args) != b"null" else "{}"


def other_block(part: Part, raw: msgspec.Raw) -> Block | None:
    """A part that is neither text nor a function call; None where it says nothing."""
    if part.thought:
        return _unknown(raw)  # such as a draft of a picture
    if part.inline_data is not None:
        return _media(Source(data=part.inline_data.data or "", mime=part.inline_data.mime_type or ""))
    if part.file_data is not None:
        return _media(Source(url=part.file_data.file_uri or "", mime=part.file_data.mime_type or ""))
    return _unknown(raw)


def _media(source: Source) -> Block:
    if source.mime.startswith("image/"):
        return Image(source=source)
    return Audio(source=source) if source.mime.startswith("audio/") else File(source=source)


def _unknown(raw: msgspec.Raw) -> Block | None:
    members = {name: member for name, member in _MEMBERS.decode(raw).items() if bytes(member) != b"null"}
    for kind, name in _CALLS.items():
        if kind in members:
            return ServerToolCall(id=_id(members[kind]), name=name, wire=NAME, raw=raw)
    for kind in _RESULTS:
        if kind in members:
            return ServerToolResult(call_id=_id(members[kind]), kind=kind, wire=NAME, raw=raw)
    kinds = [name for name in members if name not in _SAYS_NOTHING]
    return Opaque(kind=kinds[0], wire=NAME, raw=raw) if kinds else None


def _id(raw: msgspec.Raw) -> str:
    return _NAMED.decode(raw).id or ""
