"""A request in OpenAI's Chat Completions API → the canonical conversation.

Source: https://platform.openai.com/docs/api-reference/chat/create, and the pages of vendors where they are named.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.wires.conversation import Conversation, OutputFormat, ReasoningOptions, ServerTool, Tool, ToolChoice
from engine.wires.openai_chat.decode_messages import Messages, cache_mark
from engine.wires.openai_chat.passing import check
from engine.wires.reading import Options, Reader

NAME: Final = "openai-chat"


def decode_request(fields: Mapping[str, msgspec.Raw]) -> Conversation:
    """What the client asks; raises InvalidRequest, naming the parameter."""
    check(fields)
    body = Options(fields)
    wants_usage, stream_options = _stream_options(body)
    limit = "max_completion_tokens" if body.has("max_completion_tokens") else "max_tokens"
    effort = body.named("reasoning", "reasoning_effort", Reader.text)
    conversation = Conversation(
        wire=NAME,
        model=body.needed_text("model"),
        stream=body.flag("stream") or False,
        wants_usage=wants_usage,
        turns=Messages(body).turns(),
        tools=_tools(body),
        tool_choice=_tool_choice(body),
        parallel_tool_calls=body.named("parallel_tool_calls", "parallel_tool_calls", Reader.flag),
        output=_output(body),
        verbosity=body.named("verbosity", "verbosity", Reader.text),
        max_output_tokens=body.named("max_output_tokens", limit, Reader.integer),
        temperature=body.named("temperature", "temperature", Reader.number),
        top_p=body.named("top_p", "top_p", Reader.number),
        top_k=body.named("top_k", "top_k", Reader.integer),
        stop=body.named("stop", "stop", Reader.texts),
        seed=body.named("seed", "seed", Reader.integer),
        frequency_penalty=body.named("frequency_penalty", "frequency_penalty", Reader.number),
        presence_penalty=body.named("presence_penalty", "presence_penalty", Reader.number),
        n=body.named("n", "n", Reader.integer),
        logprobs=body.named("logprobs", "logprobs", Reader.flag),
        top_logprobs=body.named("top_logprobs", "top_logprobs", Reader.integer),
        logit_bias=body.named("logit_bias", "logit_bias", Reader.raw),
        reasoning=ReasoningOptions(effort=effort) if effort else None,
        cache_key=body.named("cache_key", "prompt_cache_key", Reader.text),
        service_tier=body.named("service_tier", "service_tier", Reader.text),
        metadata=body.named("metadata", "metadata", Reader.raw),
        user=body.named("user", "user", Reader.text),
        store=body.named("store", "store", Reader.flag),
        names=body.names,
    )
    extra = body.rest() if stream_options is None else {**body.rest(), "stream_options": stream_options}
    return msgspec.structs.replace(conversation, extra=extra)


def _stream_options(body: Options) -> tuple[bool, msgspec.Raw | None]:
    """Whether usage is wanted, and what else is asked of the stream."""
    options = body.object("stream_options")
    if options is None:
        return False, None
    wants_usage = options.flag("include_usage") or False
    rest = options.rest()
    return wants_usage, msgspec.Raw(msgspec.json.encode(rest)) if rest else None


def _tools(body: Options) -> tuple[Tool | ServerTool, ...]:
    tools: list[Tool | ServerTool] = [_tool(tool, raw) for tool, raw in body.objects("tools")]
    for function, _ in body.objects("functions"):  # as it was before there were tools
        tools.append(_function(function, function.path))
        body.names["tools"] = "functions"
    if (search := body.raw("web_search_options")) is not None:
        tools.append(ServerTool(kind="web_search", wire=NAME, raw=search, path="web_search_options"))
    return tuple(tools)


def _tool(tool: Reader, raw: msgspec.Raw) -> Tool | ServerTool:
    kind = tool.text("type") or "function"
    if kind != "function":
        return ServerTool(kind=kind, wire=NAME, raw=raw, path=tool.path, is_run_by_client=kind == "custom")
    found = _function(tool.needed_object("function"), tool.path)
    cache = cache_mark(tool)
    return msgspec.structs.replace(found, cache=cache, extra={**found.extra, **tool.rest()})


def _function(function: Reader, path: str) -> Tool:
    return Tool(
        name=function.needed_text("name"),
        description=function.text("description"),
        schema=function.raw("parameters"),
        strict=function.flag("strict"),
        path=path,
        extra=function.rest(),
    )


def _tool_choice(body: Options) -> ToolChoice | None:
    name = "tool_choice" if body.has("tool_choice") else "function_call"
    if not body.has(name):
        return None
    body.names["tool_choice"] = name
    if body.starts_with(name, '"'):
        mode = body.needed_text(name)
        if mode in ("auto", "none"):
            return ToolChoice(mode="none" if mode == "none" else "auto")
        if mode in ("required", "any"):  # `any` is Mistral's
            return ToolChoice(mode="required")
        raise body.wrong(name, 'must be "none", "auto", "required" or an object')
    choice = body.needed_object(name)
    kind = choice.text("type") or "function"
    if kind == "allowed_tools":
        allowed = choice.needed_object("allowed_tools")
        only = tuple(tool.needed_object("function").needed_text("name") for tool, _ in allowed.objects("tools"))
        return ToolChoice(mode="required" if allowed.text("mode") == "required" else "auto", only=only)
    named = choice.needed_object(kind) if choice.has(kind) else choice
    return ToolChoice(mode="named", name=named.needed_text("name"), is_custom=kind == "custom")


def _output(body: Options) -> OutputFormat | None:
    response_format = body.object("response_format")
    if response_format is None:
        return None
    body.names["output"] = "response_format"
    kind = response_format.needed_text("type")
    if kind == "text":
        return OutputFormat(kind="text", extra=response_format.rest())
    if kind == "json_object":
        return OutputFormat(kind="json", extra=response_format.rest())
    if kind != "json_schema":
        raise response_format.wrong("type", 'must be "text", "json_object" or "json_schema"')
    form = response_format.needed_object("json_schema")
    return OutputFormat(
        kind="json_schema",
        schema=form.raw("schema"),
        name=form.text("name"),
        description=form.text("description"),
        strict=form.flag("strict"),
        extra={**form.rest(), **response_format.rest()},
    )
