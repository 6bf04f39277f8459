"""What OpenAI's two APIs have in common and no other has: fields of the same name, tools that take free text.

Sources: https://platform.openai.com/docs/api-reference/chat/create#chat-create-tools,
https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from engine.model import Model
from engine.wires.blocks import Extra
from engine.wires.conversation import Conversation, ServerTool

_CHAT: Final = "openai-chat"
_RESPONSES: Final = "openai-responses"

_SHARED: Final[tuple[str, ...]] = (
    "safety_identifier",
    "prompt_cache_retention",
    "prompt_cache_options",
    "moderation",
)


def shared_fields(conversation: Conversation, model: Model) -> tuple[Extra, Extra]:
    """What of `extra` OpenAI has under the same name in its other API, and the rest of it."""
    extra = dict(conversation.extra)
    if conversation.wire not in (_CHAT, _RESPONSES) or not model.dialect.is_openai:
        return {}, extra
    return {name: extra.pop(name) for name in _SHARED if name in extra}, extra


def responses_form(tool: ServerTool) -> dict[str, Any] | None:
    """A tool of a chat completion as the Responses API has it; None where it is of neither."""
    members = _members(tool.raw)
    custom = members.get("custom")
    if tool.wire != _CHAT or not isinstance(custom, dict):
        return members if tool.wire == _RESPONSES else None
    return {"type": "custom", **_with_format(custom, _flat)}


def chat_form(tool: ServerTool) -> dict[str, Any] | None:
    """A tool of the Responses API as a chat completion has it; None where it is of neither."""
    members = _members(tool.raw)
    if tool.wire != _RESPONSES or tool.kind != "custom":
        return members if tool.wire == _CHAT else None
    del members["type"]
    return {"type": "custom", "custom": _with_format(members, _nested)}


def _members(raw: msgspec.Raw) -> dict[str, Any]:
    return msgspec.json.decode(raw, type=dict[str, Any])


def _with_format(custom: dict[str, Any], form: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    found = custom.get("format")
    if isinstance(found, dict) and found.get("type") == "grammar":
        return {**custom, "format": form(found)}
    return custom


def _flat(form: dict[str, Any]) -> dict[str, Any]:
    grammar = form.get("grammar")
    return {"type": "grammar", **(grammar if isinstance(grammar, dict) else {})}


def _nested(form: dict[str, Any]) -> dict[str, Any]:
    return {"type": "grammar", "grammar": {name: value for name, value in form.items() if name != "type"}}
