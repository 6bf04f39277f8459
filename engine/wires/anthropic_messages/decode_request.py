"""A request in Anthropic's Messages API → the canonical conversation.

Source: https://platform.claude.com/docs/en/api/messages
"""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Final

import msgspec

from engine.wires.anthropic_messages.decode_blocks import NAME, cache_mark, content
from engine.wires.anthropic_messages.passing import check
from engine.wires.blocks import Block, Extra, ToolResult
from engine.wires.conversation import (
    Conversation,
    OutputFormat,
    ReasoningMode,
    ReasoningOptions,
    Role,
    ServerTool,
    Tool,
    ToolChoice,
    ToolChoiceMode,
    Turn,
)
from engine.wires.reading import Options, Reader

_ROLES: Final[dict[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system"}
_CHOICES: Final[dict[str, ToolChoiceMode]] = {"auto": "auto", "any": "required", "none": "none", "tool": "named"}
_MODES: Final[dict[str, ReasoningMode]] = {"enabled": "on", "adaptive": "adaptive", "disabled": "off"}
_TIERS: Final = {"standard_only": "default"}

# Tools whose form Anthropic knows and which the client runs; the others of Anthropic's it runs itself.
_RUN_BY_CLIENT: Final = ("bash_", "text_editor_", "computer_", "memory_", "browser_")


def decode_request(fields: Mapping[str, msgspec.Raw]) -> Conversation:
    """What the client asks; raises InvalidRequest, naming the parameter."""
    check(fields)
    body = Options(fields)
    kept: dict[str, Extra] = {}
    reasoning, output = _reasoning_and_output(body, kept)
    tool_choice, parallel = _tool_choice(body, kept)
    tier = body.named("service_tier", "service_tier", Reader.text)
    conversation = Conversation(
        wire=NAME,
        model=body.needed_text("model"),
        stream=body.flag("stream") or False,
        wants_usage=True,
        turns=(*_system(body), *_turns(body)),
        tools=tuple(_tool(tool, raw) for tool, raw in body.objects("tools")),
        tool_choice=tool_choice,
        parallel_tool_calls=parallel,
        reasoning=reasoning,
        output=output,
        max_output_tokens=body.named("max_output_tokens", "max_tokens", Reader.integer),
        temperature=body.named("temperature", "temperature", Reader.number),
        top_p=body.named("top_p", "top_p", Reader.number),
        top_k=body.named("top_k", "top_k", Reader.integer),
        stop=body.named("stop", "stop_sequences", Reader.texts),
        service_tier=_TIERS.get(tier, tier),
        cache=cache_mark(body),
        user=_user(body, kept),
        names=body.names,
    )
    body.names |= {"cache": "cache_control"}
    extra = body.rest() | {name: msgspec.Raw(msgspec.json.encode(rest)) for name, rest in kept.items() if rest}
    return msgspec.structs.replace(conversation, extra=extra)


def _system(body: Options) -> Iterable[Turn]:
    blocks = content(body, "system")
    return (Turn(role="system", blocks=blocks, path="system"),) if blocks else ()


def _turns(body: Options) -> Iterable[Turn]:
    for message, _ in body.objects("messages"):
        role = message.needed_text("role")
        if role not in _ROLES:
            raise message.wrong("role", f"must be one of {', '.join(_ROLES)}")
        blocks = content(message)
        extra = message.rest()
        if not blocks:
            yield Turn(role=_ROLES[role], blocks=(), path=message.path, extra=extra)
        # The results of tools come in a user's message; they are turns of their own.
        for are_results, run in groupby(blocks, key=_is_result):
            yield Turn(role="tool" if are_results else _ROLES[role], blocks=tuple(run), path=message.path, extra=extra)
            extra = {}


def _is_result(block: Block) -> bool:
    return isinstance(block, ToolResult)


def _tool(tool: Reader, raw: msgspec.Raw) -> Tool | ServerTool:
    kind = tool.text("type") or "custom"
    if kind != "custom":
        common = "web_search" if kind.startswith("web_search_") else kind
        is_clients = kind.startswith(_RUN_BY_CLIENT)
        return ServerTool(kind=common, wire=NAME, raw=raw, path=tool.path, is_run_by_client=is_clients)
    return Tool(
        name=tool.needed_text("name"),
        description=tool.text("description"),
        schema=tool.raw("input_schema"),
        strict=tool.flag("strict"),
        cache=cache_mark(tool),
        path=tool.path,
        extra=tool.rest(),
    )


def _tool_choice(body: Options, kept: dict[str, Extra]) -> tuple[ToolChoice | None, bool | None]:
    choice = body.object("tool_choice")
    if choice is None:
        return None, None
    kind = choice.needed_text("type")
    if kind not in _CHOICES:
        raise choice.wrong("type", f"must be one of {', '.join(_CHOICES)}")
    body.names |= {"tool_choice": "tool_choice", "parallel_tool_calls": "tool_choice.disable_parallel_tool_use"}
    is_disabled = choice.flag("disable_parallel_tool_use")
    name = choice.needed_text("name") if kind == "tool" else None
    kept["tool_choice"] = choice.rest()
    return ToolChoice(mode=_CHOICES[kind], name=name), None if is_disabled is None else not is_disabled


def _reasoning_and_output(body: Options, kept: dict[str, Extra]) -> tuple[ReasoningOptions | None, OutputFormat | None]:
    mode, budget, summary = _thinking(body, kept)
    config = body.object("output_config") or Reader({}, "output_config")
    effort = config.text("effort")
    output = None
    if (form := config.object("format")) is not None:
        if form.text("type") != "json_schema":
            raise form.wrong("type", 'must be "json_schema"')
        body.names["output"] = form.path
        output = OutputFormat(kind="json_schema", schema=form.raw("schema"), extra=form.rest())
    kept["output_config"] = config.rest()
    if mode is None and effort is None:
        return None, output
    body.names |= {
        "reasoning": "thinking" if mode is not None else "output_config.effort",
        "reasoning.summary": "thinking.display",
    }
    return ReasoningOptions(mode=mode, effort=effort, budget_tokens=budget, summary=summary), output


def _thinking(body: Options, kept: dict[str, Extra]) -> tuple[ReasoningMode | None, int | None, str | None]:
    thinking = body.object("thinking")
    if thinking is None:
        return None, None, None
    kind = thinking.needed_text("type")
    if kind not in _MODES:  # such as between_tools, which no other API has
        kept["thinking"] = {"type": msgspec.Raw(msgspec.json.encode(kind)), **thinking.rest()}
        return None, None, None
    budget, display = thinking.integer("budget_tokens"), thinking.text("display")
    kept["thinking"] = thinking.rest()
    return _MODES[kind], budget, display


def _user(body: Options, kept: dict[str, Extra]) -> str | None:
    metadata = body.object("metadata")
    if metadata is None:
        return None
    body.names["user"] = "metadata.user_id"
    user = metadata.text("user_id")
    kept["metadata"] = metadata.rest()
    return user
