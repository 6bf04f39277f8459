"""What every response says of its request: the options that the client gave, or the API's defaults.

Source: https://platform.openai.com/docs/api-reference/responses/object
"""

from typing import Any, Final

from engine.wires.answer import Finish, FinishReason
from engine.wires.blocks import Text
from engine.wires.codec import Asked
from engine.wires.conversation import Conversation, ServerTool, Tool
from engine.wires.openai_responses.decode_items import NAME
from engine.wires.openai_responses.encode_request import choice_json, format_json, tool_json
from engine.wires.openai_responses.usage import usage_json
from engine.wires.usage import Usage

# Ours → the status, and why a response is incomplete.
_STATUSES: Final[dict[FinishReason, tuple[str, str | None]]] = {
    "stop": ("completed", None),
    "tool_calls": ("completed", None),
    "length": ("incomplete", "max_output_tokens"),
    "pause": ("incomplete", "max_output_tokens"),
    "content_filter": ("incomplete", "content_filter"),
    "refusal": ("incomplete", "content_filter"),
    "error": ("failed", None),
}
_TIERS: Final = {
    **{tier: tier for tier in ("auto", "default", "flex", "scale", "priority", "fast", "ultrafast")},
    "standard": "default",
}
_ERROR: Final = {"code": "server_error", "message": "The upstream gave up before the answer was complete."}

# Options without a canonical place, repeated as the client wrote them.
_REPEATED: Final = ("max_tool_calls", "safety_identifier", "prompt_cache_retention", "tool_choice", "truncation")


def head(asked: Asked, answer_id: str, model: str, created: int) -> dict[str, Any]:
    """A response without what is only known at its end."""
    given = asked.conversation
    reasoning = given.reasoning
    return {
        "id": answer_id or asked.id,
        "object": "response",
        "created_at": created or asked.created,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": _instructions(given),
        "max_output_tokens": given.max_output_tokens,
        "max_tool_calls": None,
        "model": model or given.model,
        "output": [],
        "parallel_tool_calls": given.parallel_tool_calls is not False,
        "previous_response_id": None,
        "prompt_cache_key": given.cache_key,
        "reasoning": {
            "effort": reasoning.effort if reasoning is not None else None,
            "summary": reasoning.summary if reasoning is not None else None,
        },
        "safety_identifier": None,
        "service_tier": None,
        "store": False,  # it cannot be asked for again here
        "temperature": given.temperature,
        "text": _text(given),
        "tool_choice": choice_json(given.tool_choice) if given.tool_choice is not None else "auto",
        "tools": [written for tool in given.tools if (written := _tool(tool)) is not None],
        "top_logprobs": given.top_logprobs or 0,
        "top_p": given.top_p,
        "truncation": "disabled",
        "usage": None,
        "user": given.user,
        "metadata": given.metadata if given.metadata is not None else {},
        **({name: raw for name in _REPEATED if (raw := given.extra.get(name)) is not None} if _is_own(given) else {}),
    }


def ending(finish: Finish, output: list[Any], usage: Usage | None, service_tier: str | None) -> dict[str, Any]:
    """What a response ends with."""
    status, why = status_of(finish)
    return {
        "status": status,
        "error": _ERROR if status == "failed" else None,
        "incomplete_details": None if why is None else {"reason": why},
        "output": output,
        "service_tier": _TIERS.get(service_tier or ""),
        "usage": usage_json(usage),
    }


def status_of(finish: Finish) -> tuple[str, str | None]:
    """The status, and why it is incomplete."""
    return _STATUSES[finish.reason]


def _is_own(given: Conversation) -> bool:
    return given.wire == NAME


def _instructions(given: Conversation) -> str | None:
    first = given.turns[0] if given.turns else None
    if first is None or first.path != "instructions":
        return None
    return "".join(block.text for block in first.blocks if isinstance(block, Text))


def _text(given: Conversation) -> dict[str, Any]:
    form = {"type": "text"} if given.output is None else format_json(given.output)
    return {"format": form, "verbosity": given.verbosity or "medium"}


def _tool(tool: Tool | ServerTool) -> Any:
    if isinstance(tool, ServerTool):
        return tool.raw if tool.wire == NAME else None
    return {"description": None, "parameters": None, **tool_json(tool), "strict": tool.strict or False}
