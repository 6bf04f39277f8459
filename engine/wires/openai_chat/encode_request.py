"""The canonical conversation → a Chat Completions request for a provider. Losses: docs/wires.md.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from typing import Any, Final

import msgspec

from engine.model import Model
from engine.wires.codec import EncodedRequest
from engine.wires.conversation import Conversation, Tool, ToolChoice
from engine.wires.effort import effort_of, is_off
from engine.wires.losses import Losses
from engine.wires.openai_chat.encode_messages import MessageWriter, cache_json
from engine.wires.openai_family import chat_form, shared_fields, user_of

NAME: Final = "openai-chat"

# Options that are carried under their own names.
_PLAIN: Final = (
    *("verbosity", "temperature", "top_p", "seed", "frequency_penalty", "presence_penalty", "n", "logprobs"),
    *("top_logprobs", "logit_bias", "service_tier", "metadata", "store"),
)
_WRITTEN: Final = (
    *("tools", "tool_choice", "parallel_tool_calls", "output", "max_output_tokens", "top_k", "stop", "reasoning"),
    *("cache_key", "user"),
)
_CARRIED: Final = frozenset({*_PLAIN, *_WRITTEN})


def encode_request(conversation: Conversation, model: Model) -> EncodedRequest:
    """The request; raises InvalidRequest for what may not be dropped, or for any loss where `model.strict`."""
    losses = Losses(conversation, NAME, strict=model.strict)
    fields: dict[str, Any] = {
        "model": model.upstream_model,
        "messages": MessageWriter(conversation, model, losses).messages(),
    }
    for name in _PLAIN:
        if (value := getattr(conversation, name)) is not None:
            fields[name] = value
    _write_options(fields, conversation, model, losses)
    _write_tools(fields, conversation, model, losses)
    losses.drop_all_but(_CARRIED)
    stream_options: dict[str, Any] = {}
    if conversation.stream:
        fields["stream"] = True
        if model.supports.stream_usage is not False:
            stream_options["include_usage"] = True
    shared, rest = shared_fields(conversation, model)
    for name, value in {**shared, **losses.keep(rest)}.items():
        if name == "stream_options":
            stream_options |= msgspec.json.decode(value, type=dict[str, msgspec.Raw])
        else:
            fields[name] = value
    if stream_options:
        fields["stream_options"] = stream_options
    return EncodedRequest(fields, losses.found)


def _write_options(fields: dict[str, Any], conversation: Conversation, model: Model, losses: Losses) -> None:
    is_openai = model.dialect.is_openai
    if conversation.max_output_tokens is not None:
        name = "max_completion_tokens" if is_openai else "max_tokens"
        if losses.is_same_wire:
            name = conversation.names.get("max_output_tokens", name)
        fields[name] = conversation.max_output_tokens
    if conversation.stop:
        fields["stop"] = conversation.stop
    if conversation.top_logprobs and not losses.is_same_wire:
        fields["logprobs"] = True  # OpenAI wants both
    if (user := user_of(conversation, model, losses)) is not None:
        fields["user"] = user
    if conversation.cache_key is not None:
        fields["prompt_cache_key"] = conversation.cache_key
    if conversation.top_k is not None:
        if is_openai and not losses.is_same_wire:
            losses.drop_option("top_k")
        else:
            fields["top_k"] = conversation.top_k
    if (effort := _effort(conversation, losses)) is not None:
        fields["reasoning_effort"] = effort
    if conversation.output is not None:
        fields["response_format"] = _response_format(conversation, losses)


def _effort(conversation: Conversation, losses: Losses) -> str | None:
    options = conversation.reasoning
    if options is None:
        return None
    if losses.is_same_wire:
        return options.effort
    if options.summary is not None:
        losses.drop_option("reasoning.summary")
    if is_off(options):
        if options.effort is None:
            losses.drop_option("reasoning")  # `none` is not known to all models: without it they think as they like
        return options.effort
    if options.effort is not None:
        return "xhigh" if options.effort == "max" else options.effort
    return effort_of(options.budget_tokens) if options.budget_tokens is not None else None


def _response_format(conversation: Conversation, losses: Losses) -> dict[str, Any]:
    output = conversation.output
    assert output is not None
    extra = losses.keep(output.extra, conversation.name_of("output"))
    if output.kind != "json_schema":
        return {"type": "json_object" if output.kind == "json" else "text", **extra}
    form: dict[str, Any] = {"name": output.name or "answer"}
    given = {"description": output.description, "schema": output.schema, "strict": output.strict}
    form |= {name: value for name, value in given.items() if value is not None}
    return {"type": "json_schema", "json_schema": {**form, **extra}}


def _write_tools(fields: dict[str, Any], conversation: Conversation, model: Model, losses: Losses) -> None:
    tools: list[Any] = []
    for tool in conversation.tools:
        if isinstance(tool, Tool):
            tools.append(_tool(tool, losses, keeps_cache_marks=model.dialect.cache_marks))
        elif tool.kind == "web_search" and losses.is_same_wire:
            fields["web_search_options"] = tool.raw
        elif tool.wire == NAME:
            tools.append(tool.raw)
        elif tool.kind == "custom" and (custom := chat_form(tool)) is not None:
            tools.append(custom)
        else:
            losses.drop_server_tool(tool)
    if tools:
        fields["tools"] = tools
    choice = conversation.tool_choice
    if choice is not None and (tools or losses.is_same_wire or choice.mode in ("required", "named")):
        fields["tool_choice"] = _tool_choice(choice)
    if conversation.parallel_tool_calls is not None and (tools or losses.is_same_wire):
        fields["parallel_tool_calls"] = conversation.parallel_tool_calls


def _tool(tool: Tool, losses: Losses, *, keeps_cache_marks: bool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name}
    given = {"description": tool.description, "parameters": tool.schema, "strict": tool.strict}
    function |= {name: value for name, value in given.items() if value is not None}
    written: dict[str, Any] = {"type": "function", "function": function, **losses.keep(tool.extra, tool.path)}
    if tool.cache is not None:
        if losses.is_same_wire or keeps_cache_marks:
            written[tool.cache.field] = cache_json(tool.cache)
        else:
            losses.drop(f"{tool.path}.{tool.cache.field}")
    return written


def _tool_choice(choice: ToolChoice) -> Any:
    if choice.only:
        tools = [{"type": "function", "function": {"name": name}} for name in choice.only]
        return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": tools}}
    if choice.mode != "named":
        return choice.mode
    kind = "custom" if choice.is_custom else "function"
    return {"type": kind, kind: {"name": choice.name}}
