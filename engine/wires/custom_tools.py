"""Tools that take free text instead of JSON: both of OpenAI's APIs have them, each in a form of its own.

Sources: https://platform.openai.com/docs/api-reference/chat/create#chat-create-tools,
https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools
"""

from typing import Any, Final

import msgspec

from engine.wires.conversation import ServerTool

_CHAT: Final = "openai-chat"
_RESPONSES: Final = "openai-responses"


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


def _with_format(custom: dict[str, Any], form: Any) -> dict[str, Any]:
    found = custom.get("format")
    is_grammar = isinstance(found, dict) and found.get("type") == "grammar"
    return {**custom, "format": form(found)} if is_grammar else custom


def _flat(form: dict[str, Any]) -> dict[str, Any]:
    grammar = form.get("grammar")
    return {"type": "grammar", **(grammar if isinstance(grammar, dict) else {})}


def _nested(form: dict[str, Any]) -> dict[str, Any]:
    return {"type": "grammar", "grammar": {name: value for name, value in form.items() if name != "type"}}
