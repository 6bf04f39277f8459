"""What OpenAI's APIs have in common and no other has: fields of the same name, tools that take free text, logprobs.

Sources: https://platform.openai.com/docs/api-reference/chat/create#chat-create-tools,
https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from engine.model import Model
from engine.wires.blocks import Extra
from engine.wires.conversation import Conversation, ServerTool
from engine.wires.losses import Losses

_CHAT: Final = "openai-chat"
_RESPONSES: Final = "openai-responses"

_ENTRIES: Final = msgspec.json.Decoder(list[dict[str, Any]])

_MAX_USER: Final = 64

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


def user_of(conversation: Conversation, model: Model, losses: Losses) -> str | None:
    """Whose the call is; OpenAI refuses names of more than 64 letters, such as those of Anthropic's clients."""
    user = conversation.user
    if user is None or len(user) <= _MAX_USER or losses.is_same_wire or not model.dialect.is_openai:
        return user
    losses.drop_option("user")
    return None


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


def logprob_entries(raw: msgspec.Raw | bytes) -> list[dict[str, Any]]:
    """Log probabilities of tokens, each with its bytes, which some servers leave out; what is none is left out."""
    try:
        found = _ENTRIES.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return []
    return [{**_entry(one), "top_logprobs": _top(one.get("top_logprobs"))} for one in found]


def _top(found: Any) -> list[dict[str, Any]]:
    return [_entry(one) for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _entry(one: dict[str, Any]) -> dict[str, Any]:
    token, logprob, letters = one.get("token"), one.get("logprob"), one.get("bytes")
    token = token if isinstance(token, str) else ""
    if not isinstance(letters, list) or not all(isinstance(letter, int) for letter in letters):
        letters = list(token.encode())
    return {"token": token, "logprob": logprob if isinstance(logprob, int | float) else 0.0, "bytes": letters}


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
