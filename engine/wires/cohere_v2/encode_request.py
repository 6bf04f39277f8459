"""The canonical conversation → a request for Cohere's Chat API. Losses: docs/wires.md.

Source: https://docs.cohere.com/reference/chat
"""

import re
from typing import Any, Final

import msgspec

from engine.model import Model
from engine.wires.codec import EncodedRequest
from engine.wires.cohere_v2.encode_messages import NAME, MessageWriter
from engine.wires.conversation import Conversation, ServerTool, Tool
from engine.wires.effort import budget_of, is_off
from engine.wires.losses import Losses

# Option → Cohere's name and the least and the most that it takes.
_RANGES: Final[dict[str, tuple[str, float, float]]] = {
    "top_p": ("p", 0.01, 0.99),
    "top_k": ("k", 0, 500),
    "frequency_penalty": ("frequency_penalty", 0, 1),
    "presence_penalty": ("presence_penalty", 0, 1),
}
_PLAIN: Final = {
    "temperature": "temperature",
    "seed": "seed",
    "logprobs": "logprobs",
    "max_output_tokens": "max_tokens",
}
_CARRIED: Final = frozenset({*_RANGES, *_PLAIN, "stop", "tools", "tool_choice", "output", "reasoning"})

_NO_PARAMETERS: Final = msgspec.Raw(b'{"type":"object","properties":{}}')

# Models that think: https://docs.cohere.com/docs/reasoning.
_THINKING: Final = re.compile(r"reasoning|command-a-plus")


def encode_request(conversation: Conversation, model: Model) -> EncodedRequest:
    """The request; raises InvalidRequest for what may not be dropped, or for any loss where `model.strict`."""
    losses = Losses(conversation, NAME, strict=model.strict)
    if conversation.n is not None and conversation.n > 1:
        raise losses.refusal(conversation.name_of("n"), "its API gives one answer")
    thinks = _thinks(model)
    fields: dict[str, Any] = {
        "model": model.upstream_model,
        "messages": MessageWriter(losses, thinks=thinks).messages(conversation),
        "stream": conversation.stream,
    }
    _write_options(fields, conversation, losses)
    _write_tools(fields, conversation, losses)
    _write_output(fields, conversation, losses)
    _write_reasoning(fields, conversation, losses, thinks=thinks)
    losses.keep(conversation.extra)
    is_parallel = conversation.parallel_tool_calls is True  # as it is anyway
    losses.drop_all_but({*_CARRIED, "parallel_tool_calls"} if is_parallel else _CARRIED)
    return EncodedRequest(fields, losses.found)


def _thinks(model: Model) -> bool:
    if model.supports.reasoning is not None:
        return model.supports.reasoning
    names = (model.upstream_model, model.base_model.resolved if model.base_model is not None else "")
    return any(_THINKING.search(name) is not None for name in names)


def _write_options(fields: dict[str, Any], conversation: Conversation, losses: Losses) -> None:
    for option, name in _PLAIN.items():
        if (value := getattr(conversation, option)) is not None:
            fields[name] = value
    for option, (name, least, most) in _RANGES.items():
        if (value := getattr(conversation, option)) is not None:
            fields[name] = min(max(value, least), most)
            if fields[name] != value:
                losses.drop_option(option)
    if conversation.stop:
        fields["stop_sequences"] = conversation.stop


def _write_tools(fields: dict[str, Any], conversation: Conversation, losses: Losses) -> None:
    """A choice by name, or among some, leaves no other tools to choose from."""
    choice = conversation.tool_choice
    if choice is not None and choice.is_custom:
        raise losses.refusal(conversation.name_of("tool_choice"), "its API has no tool of this form")
    only = choice.only if choice is not None else ()
    if choice is not None and choice.name is not None:
        only = (choice.name,)
    tools: list[Tool] = []
    for tool in conversation.tools:
        if isinstance(tool, ServerTool):
            losses.drop_server_tool(tool)
        elif not only or tool.name in only:
            tools.append(tool)
    if tools:
        fields["tools"] = [_tool(tool, losses) for tool in tools]
        _write_strictness(fields, tools, losses)
    if choice is None or choice.mode == "auto":
        return
    if choice.mode != "none":
        fields["tool_choice"] = "REQUIRED"
    elif tools:
        fields["tool_choice"] = "NONE"


def _write_strictness(fields: dict[str, Any], tools: list[Tool], losses: Losses) -> None:
    """Cohere is strict with all tools or with none."""
    strict = [tool for tool in tools if tool.strict]
    if strict and len(strict) == len(tools):
        fields["strict_tools"] = True
        return
    for tool in strict:
        losses.drop(f"{tool.path}.strict")


def _tool(tool: Tool, losses: Losses) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        function["description"] = tool.description
    function["parameters"] = tool.schema or _NO_PARAMETERS
    if tool.cache is not None:
        losses.drop(f"{tool.path}.{tool.cache.field}")
    losses.keep(tool.extra, tool.path)
    return {"type": "function", "function": function}


def _write_output(fields: dict[str, Any], conversation: Conversation, losses: Losses) -> None:
    output = conversation.output
    if output is None or output.kind == "text":
        return
    named = conversation.name_of("output")
    if "tools" in fields:
        raise losses.refusal(named, "its API takes no form of the answer beside tools")
    losses.keep(output.extra, named)
    fields["response_format"] = {"type": "json_object"}
    if output.kind == "json_schema" and output.schema is not None:
        fields["response_format"]["json_schema"] = output.schema


def _write_reasoning(fields: dict[str, Any], conversation: Conversation, losses: Losses, *, thinks: bool) -> None:
    """Thinking that is turned off needs no place in a model that does not think."""
    options = conversation.reasoning
    if options is None:
        return
    if options.summary is not None:
        losses.drop_option("reasoning.summary")
    if is_off(options):
        if thinks:
            fields["thinking"] = {"type": "disabled"}
        return
    if not thinks:
        losses.drop_option("reasoning")
        return
    budget = options.budget_tokens
    if budget is None and options.effort is not None:
        budget = budget_of(options.effort)
    fields["thinking"] = {"type": "enabled"} if budget is None else {"type": "enabled", "token_budget": budget}
