"""The canonical conversation → a Messages request for Anthropic, or who speaks its API. Losses: docs/wires.md.

Source: https://platform.claude.com/docs/en/api/messages
"""

from typing import Any, Final

import msgspec

from engine.model import Model
from engine.wires.anthropic_messages.decode_blocks import NAME
from engine.wires.anthropic_messages.encode_blocks import BlockWriter, cache_json
from engine.wires.anthropic_messages.generations import is_up_to_4_5
from engine.wires.codec import EncodedRequest
from engine.wires.conversation import Conversation, ReasoningOptions, ServerTool, Tool, ToolChoice
from engine.wires.effort import budget_of, is_off
from engine.wires.losses import Losses

# The API wants a limit; where neither the client nor the model's file names one, this.
DEFAULT_MAX_TOKENS: Final = 4_096
LEAST_BUDGET: Final = 1_024

_CARRIED: Final = frozenset(
    {
        *(
            "tools",
            "tool_choice",
            "parallel_tool_calls",
            "output",
            "max_output_tokens",
            "temperature",
            "top_p",
            "top_k",
        ),
        *("stop", "reasoning", "cache", "service_tier", "user"),
    }
)
_NO_PARAMETERS: Final = msgspec.Raw(b'{"type":"object","properties":{}}')
_TIERS: Final = {"auto": "auto", "default": "standard_only"}
_MODES: Final = {"on": "enabled", "adaptive": "adaptive", "off": "disabled"}
_EFFORTS: Final = {"minimal": "low", "none": "low"}
_CHOICES: Final = {"auto": "auto", "required": "any", "none": "none", "named": "tool"}


def encode_request(conversation: Conversation, model: Model) -> EncodedRequest:
    """The request; raises InvalidRequest for what may not be dropped, or for any loss where `model.strict`."""
    losses = Losses(conversation, NAME, strict=model.strict)
    if conversation.n is not None and conversation.n > 1:
        raise losses.refusal(conversation.name_of("n"), "its API gives one answer")
    writer = BlockWriter(losses, reads_late_instructions=not is_up_to_4_5(model))
    system, messages = writer.messages(conversation)
    fields: dict[str, Any] = {"model": model.upstream_model, "messages": messages}
    if system:
        fields["system"] = system
    fields["max_tokens"] = _max_tokens(conversation, model)
    extra = dict(losses.keep(conversation.extra))
    _write_tools(fields, conversation, losses, extra)
    _write_reasoning(fields, conversation, model, losses)
    _write_options(fields, conversation, losses)
    losses.drop_all_but(_CARRIED)
    for name, value in extra.items():
        known = fields.get(name)
        fields[name] = {**known, **_members(value)} if isinstance(known, dict) else value
    if conversation.stream:
        fields["stream"] = True
    return EncodedRequest(fields, losses.found)


def _members(raw: msgspec.Raw) -> dict[str, msgspec.Raw]:
    return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])


def _max_tokens(conversation: Conversation, model: Model) -> int:
    if conversation.max_output_tokens is not None:
        return conversation.max_output_tokens
    return model.limits.max_output_tokens or DEFAULT_MAX_TOKENS


def _write_options(fields: dict[str, Any], conversation: Conversation, losses: Losses) -> None:
    thinks = fields.get("thinking", {}).get("type") in ("enabled", "adaptive")
    if conversation.temperature is not None:
        if thinks and not losses.is_same_wire and conversation.temperature != 1:
            losses.drop_option("temperature")  # what thinks takes no other
        else:
            fields["temperature"] = min(conversation.temperature, 1)
            if conversation.temperature > 1:
                losses.drop_option("temperature")
    if conversation.top_p is not None:
        fields["top_p"] = conversation.top_p
    if conversation.top_k is not None:
        if thinks and not losses.is_same_wire:
            losses.drop_option("top_k")
        else:
            fields["top_k"] = conversation.top_k
    if conversation.stop:
        fields["stop_sequences"] = conversation.stop
    if conversation.cache is not None:
        fields["cache_control"] = cache_json(conversation.cache)
    if conversation.user is not None:
        fields["metadata"] = {"user_id": conversation.user}
    if conversation.service_tier in _TIERS:
        fields["service_tier"] = _TIERS[conversation.service_tier]
    elif conversation.service_tier is not None:
        losses.drop_option("service_tier")
    _write_output(fields, conversation, losses)


def _write_output(fields: dict[str, Any], conversation: Conversation, losses: Losses) -> None:
    output = conversation.output
    if output is None or output.kind == "text":
        return
    if output.kind == "json":
        losses.drop_option("output")  # the prompt has to say it, as OpenAI wants it to
        return
    form = {"type": "json_schema", "schema": output.schema, **losses.keep(output.extra, conversation.name_of("output"))}
    fields["output_config"] = {**fields.get("output_config", {}), "format": form}


def _write_reasoning(fields: dict[str, Any], conversation: Conversation, model: Model, losses: Losses) -> None:
    options = conversation.reasoning
    if options is None:
        return
    if losses.is_same_wire:
        _write_own_reasoning(fields, options)
    elif is_off(options):
        fields["thinking"] = {"type": "disabled"}
    elif _is_forced(conversation.tool_choice):
        losses.drop_option("reasoning")  # a tool that must be called leaves no room to think
    elif is_up_to_4_5(model):
        _write_budget(fields, conversation, options, losses)
    else:
        fields["thinking"] = {"type": "adaptive"}
        if options.summary is not None:
            fields["thinking"]["display"] = "summarized"
        if options.effort is not None:
            fields["output_config"] = {"effort": _EFFORTS.get(options.effort, options.effort)}


def _write_own_reasoning(fields: dict[str, Any], options: ReasoningOptions) -> None:
    if options.mode is not None:
        given = {"budget_tokens": options.budget_tokens, "display": options.summary}
        known = {name: value for name, value in given.items() if value is not None}
        fields["thinking"] = {"type": _MODES[options.mode], **known}
    if options.effort is not None:
        fields["output_config"] = {"effort": options.effort}


def _write_budget(
    fields: dict[str, Any], conversation: Conversation, options: ReasoningOptions, losses: Losses
) -> None:
    """The budget is part of `max_tokens`: half of that is left for the answer, where the client named a limit."""
    budget = options.budget_tokens or budget_of(options.effort or "medium")
    if conversation.max_output_tokens is None:
        fields["max_tokens"] = max(fields["max_tokens"], budget + DEFAULT_MAX_TOKENS)
    elif budget * 2 > conversation.max_output_tokens:
        budget = conversation.max_output_tokens // 2
    if budget < LEAST_BUDGET:
        losses.drop_option("reasoning")
        return
    fields["thinking"] = {"type": "enabled", "budget_tokens": budget}


def _is_forced(choice: ToolChoice | None) -> bool:
    return choice is not None and choice.mode in ("required", "named")


def _write_tools(
    fields: dict[str, Any], conversation: Conversation, losses: Losses, extra: dict[str, msgspec.Raw]
) -> None:
    choice = conversation.tool_choice
    tools = [
        written
        for tool in conversation.tools
        if not (choice is not None and choice.only and isinstance(tool, Tool) and tool.name not in choice.only)
        and (written := _tool(tool, losses)) is not None
    ]
    if tools:
        fields["tools"] = tools
    kept = extra.pop("tool_choice", None)
    if choice is None and (conversation.parallel_tool_calls is not False or not tools):
        return
    if choice is not None and not tools and choice.mode in ("auto", "none") and not losses.is_same_wire:
        return
    if choice is not None and choice.is_custom:
        raise losses.refusal(conversation.name_of("tool_choice"), "its API has no tool of this form")
    chosen: dict[str, Any] = {"type": _CHOICES[choice.mode if choice is not None else "auto"]}
    if choice is not None and choice.name is not None:
        chosen["name"] = choice.name
    if conversation.parallel_tool_calls is not None and chosen["type"] != "none":
        chosen["disable_parallel_tool_use"] = not conversation.parallel_tool_calls
    fields["tool_choice"] = chosen if kept is None else {**chosen, **_members(kept)}


def _tool(tool: Tool | ServerTool, losses: Losses) -> Any:
    if isinstance(tool, ServerTool):
        if tool.wire == NAME:
            return tool.raw
        if tool.kind == "web_search":
            return _web_search(tool, losses)
        losses.drop_server_tool(tool)
        return None
    written: dict[str, Any] = {"name": tool.name, "input_schema": tool.schema or _NO_PARAMETERS}
    if tool.description is not None:
        written["description"] = tool.description
    if tool.strict is not None:
        written["strict"] = tool.strict
    if tool.cache is not None:
        written["cache_control"] = cache_json(tool.cache)
    return {**written, **losses.keep(tool.extra, tool.path)}


def _web_search(tool: ServerTool, losses: Losses) -> dict[str, Any]:
    """OpenAI's web search: place and domains are carried."""
    settings = msgspec.json.decode(tool.raw, type=dict[str, Any])
    written: dict[str, Any] = {"type": "web_search_20250305", "name": "web_search"}
    for name, value in settings.items():
        if name == "user_location" and isinstance(value, dict):
            written["user_location"] = {"type": "approximate", **value.get("approximate", value)}
        elif name == "filters" and isinstance(value, dict) and value.keys() <= {"allowed_domains", "blocked_domains"}:
            written |= value
        elif name != "type" and value is not None:
            losses.drop(f"{tool.path}.{name}")
    return written
