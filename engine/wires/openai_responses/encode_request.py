"""The canonical conversation → a Responses request for a provider. Losses: docs/wires.md.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

import re
from typing import Any, Final

import msgspec

from engine.model import Model
from engine.wires.codec import EncodedRequest
from engine.wires.conversation import Conversation, OutputFormat, ReasoningOptions, ServerTool, Tool, ToolChoice
from engine.wires.effort import effort_of, is_off
from engine.wires.losses import Losses
from engine.wires.openai_family import responses_form, shared_fields, user_of
from engine.wires.openai_responses.decode_items import NAME
from engine.wires.openai_responses.decode_request import ENCRYPTED, LOGPROBS
from engine.wires.openai_responses.encode_items import ItemWriter

# Options that are carried under their own names.
_PLAIN: Final = ("temperature", "top_p", "top_logprobs", "service_tier", "metadata")
_WRITTEN: Final = (
    *("tools", "tool_choice", "parallel_tool_calls", "output", "verbosity", "max_output_tokens", "reasoning"),
    *("logprobs", "cache_key", "store", "user"),
)
_CARRIED: Final = frozenset({*_PLAIN, *_WRITTEN})

LEAST_OUTPUT: Final = 16  # of max_output_tokens, at OpenAI

# OpenAI's models that think; what they thought is asked for, encrypted, since nothing is kept there between calls.
_THINKS: Final = re.compile(r"(?:^|[:/.@-])(?:o[1-9](?![0-9])|gpt-(?:[5-9]|[1-9][0-9])(?!.*chat)|codex)")

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ANY_MEMBERS: Final = msgspec.json.Decoder(dict[str, Any])


def encode_request(conversation: Conversation, model: Model) -> EncodedRequest:
    """The request; raises InvalidRequest for what may not be dropped, or for any loss where `model.strict`."""
    losses = Losses(conversation, NAME, strict=model.strict)
    if conversation.n is not None and conversation.n > 1:
        raise losses.refusal(conversation.name_of("n"), "its API gives one answer")
    shared, rest = shared_fields(conversation, model)
    extra = {**shared, **losses.keep(rest)}
    instructions, items = ItemWriter(conversation, model, losses).write()
    fields: dict[str, Any] = {"model": model.upstream_model, "input": items}
    if instructions is not None:
        fields["instructions"] = instructions
    for name in _PLAIN:
        if (value := getattr(conversation, name)) is not None:
            fields[name] = value
    _write_options(fields, conversation, model, losses)
    _write_tools(fields, conversation, losses)
    losses.drop_all_but(_CARRIED)
    if conversation.stream:
        fields["stream"] = True
    _write_extra(fields, extra)
    return EncodedRequest(fields, losses.found)


def thinks(model: Model) -> bool:
    """Whether it is one of OpenAI's models that think, by its name; others refuse to be asked for what they thought."""
    names = (model.upstream_model, model.base_model.resolved if model.base_model is not None else "")
    return any(_THINKS.search(name) is not None for name in names)


def tool_json(tool: Tool) -> dict[str, Any]:
    """A function, without what only one API has."""
    written: dict[str, Any] = {"type": "function", "name": tool.name}
    given = {"description": tool.description, "parameters": tool.schema, "strict": tool.strict}
    return written | {name: value for name, value in given.items() if value is not None}


def choice_json(choice: ToolChoice) -> Any:
    """Which tools may be called."""
    if choice.only:
        tools = [{"type": "function", "name": name} for name in choice.only]
        return {"type": "allowed_tools", "mode": choice.mode, "tools": tools}
    if choice.mode != "named":
        return choice.mode
    return {"type": "custom" if choice.is_custom else "function", "name": choice.name}


def format_json(output: OutputFormat) -> dict[str, Any]:
    """The form of the answer's text."""
    if output.kind != "json_schema":
        return {"type": "json_object" if output.kind == "json" else "text"}
    given = {"description": output.description, "schema": output.schema, "strict": output.strict}
    known = {name: value for name, value in given.items() if value is not None}
    return {"type": "json_schema", "name": output.name or "answer", **known}


def _write_options(fields: dict[str, Any], conversation: Conversation, model: Model, losses: Losses) -> None:
    is_same = losses.is_same_wire
    if (limit := conversation.max_output_tokens) is not None:
        fields["max_output_tokens"] = limit
        if limit < LEAST_OUTPUT and model.dialect.is_openai and not is_same:
            fields["max_output_tokens"] = LEAST_OUTPUT
            losses.drop_option("max_output_tokens")
    if (user := user_of(conversation, model, losses)) is not None:
        fields["user"] = user
    if conversation.cache_key is not None:
        fields["prompt_cache_key"] = conversation.cache_key
    if conversation.store is not None or not is_same:
        fields["store"] = conversation.store or False  # no other API keeps what it is not asked to keep
    text: dict[str, Any] = {}
    if (output := conversation.output) is not None:
        text["format"] = {**format_json(output), **losses.keep(output.extra, conversation.name_of("output"))}
    if conversation.verbosity is not None:
        text["verbosity"] = conversation.verbosity
    if text:
        fields["text"] = text
    include = [LOGPROBS] if conversation.logprobs else []
    if conversation.wants_encrypted if is_same else thinks(model):
        include.append(ENCRYPTED)
    if include:
        fields["include"] = include
    if conversation.reasoning is not None and (reasoning := _reasoning(conversation.reasoning, losses)):
        fields["reasoning"] = reasoning


def _reasoning(options: ReasoningOptions, losses: Losses) -> dict[str, Any]:
    effort, summary = options.effort, options.summary
    if not losses.is_same_wire:
        if effort == "max":
            effort = "xhigh"
        elif effort is None and options.budget_tokens is not None:
            effort = effort_of(options.budget_tokens)
        if is_off(options):
            summary = None
            if effort is None:
                losses.drop_option("reasoning")  # `none` is not known to all models
        elif summary is not None:
            summary = _SUMMARIES.get(summary, summary)
    given = {"effort": effort, "summary": summary}
    return {name: value for name, value in given.items() if value is not None}


# Anthropic's words.
_SUMMARIES: Final = {"summarized": "auto", "omitted": None}


def _write_tools(fields: dict[str, Any], conversation: Conversation, losses: Losses) -> None:
    tools = [written for tool in conversation.tools if (written := _tool(tool, losses)) is not None]
    if tools:
        fields["tools"] = tools
    choice = conversation.tool_choice
    if choice is not None and (tools or losses.is_same_wire or choice.mode in ("required", "named")):
        fields["tool_choice"] = choice_json(choice)
    if conversation.parallel_tool_calls is not None and (tools or losses.is_same_wire):
        fields["parallel_tool_calls"] = conversation.parallel_tool_calls


def _tool(tool: Tool | ServerTool, losses: Losses) -> Any:
    if isinstance(tool, ServerTool):
        if tool.wire == NAME:
            return tool.raw
        if tool.kind == "web_search":
            return _web_search(tool, losses)
        if tool.kind == "custom" and (custom := responses_form(tool)) is not None:
            return custom
        losses.drop_server_tool(tool)
        return None
    written = tool_json(tool)
    if not losses.is_same_wire:
        # Here a function is strict and has parameters where nobody says otherwise; elsewhere it is not, and need not.
        written = {"parameters": None, "strict": False, **written}
    if tool.cache is not None:
        losses.drop(f"{tool.path}.{tool.cache.field}")
    return {**written, **losses.keep(tool.extra, tool.path)}


def _web_search(tool: ServerTool, losses: Losses) -> dict[str, Any]:
    """A search in the words of OpenAI's chat completions, or of Anthropic."""
    written: dict[str, Any] = {"type": "web_search"}
    for name, value in _ANY_MEMBERS.decode(tool.raw).items():
        if name == "user_location" and isinstance(value, dict):
            written["user_location"] = {"type": "approximate", **value.get("approximate", value)}
        elif name == "search_context_size":
            written[name] = value
        elif name == "allowed_domains":
            written["filters"] = {"allowed_domains": value}
        elif name not in ("type", "name") and value is not None:
            losses.drop(f"{tool.path}.{name}")
    return written


def _write_extra(fields: dict[str, Any], extra: dict[str, msgspec.Raw]) -> None:
    """What has no canonical place; of an object that has one in part, the members are called `object.member`."""
    for name, value in extra.items():
        place, dot, member = name.partition(".")
        if name == "include":
            fields["include"] = [*fields.get("include", ()), *msgspec.json.decode(value, type=list[str])]
        elif dot and place in ("text", "reasoning", "stream_options"):
            fields.setdefault(place, {})[member] = value
        else:
            fields[name] = value
