"""Tools and the choice among them, for Converse.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolConfiguration.html
"""

from typing import Any, Final

import msgspec

from engine.wires.bedrock_converse.decode_blocks import NAME
from engine.wires.bedrock_converse.encode_blocks import BlockWriter
from engine.wires.bedrock_converse.families import Family
from engine.wires.conversation import Conversation, ServerTool, Tool, ToolChoice
from engine.wires.losses import Losses

_NO_PARAMETERS: Final = msgspec.Raw(b'{"type":"object","properties":{}}')
_CLAUDES_WORDS: Final = {"auto": "auto", "required": "any", "named": "tool"}
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def write_tools(
    fields: dict[str, Any],
    more: dict[str, Any],
    conversation: Conversation,
    family: Family,
    writer: BlockWriter,
    losses: Losses,
) -> None:
    """`toolConfig`. There is no choice "none", and a conversation with calls cannot do without tools."""
    choice = conversation.tool_choice
    tools = [] if _none_will_do(choice, writer) else _tools(conversation, family, writer, losses)
    if not tools and writer.has_tools:
        tools = [_spec(name, _NO_PARAMETERS) for name in dict.fromkeys(conversation.tool_names().values())]
    if not tools:
        if choice is not None and choice.mode in ("required", "named"):
            raise losses.refusal(conversation.name_of("tool_choice"), "there are no tools to choose from")
        return
    config: dict[str, Any] = {"tools": tools}
    chosen = _choice(choice, conversation, losses)
    if conversation.parallel_tool_calls is False:
        if family.is_claude:
            word = _CLAUDES_WORDS.get(choice.mode if choice is not None else "auto", "auto")
            name = {"name": choice.name} if choice is not None and choice.mode == "named" else {}
            more["tool_choice"] = {"type": word, **name, "disable_parallel_tool_use": True}
            chosen = None  # it may stand in one place only
        else:
            losses.drop_option("parallel_tool_calls")
    if chosen is not None:
        config["toolChoice"] = chosen
    fields["toolConfig"] = config


def _none_will_do(choice: ToolChoice | None, writer: BlockWriter) -> bool:
    """Whether "none" can be said by sending no tools: not where the conversation has calls."""
    return choice is not None and choice.mode == "none" and not writer.has_tools


def _choice(choice: ToolChoice | None, conversation: Conversation, losses: Losses) -> dict[str, Any] | None:
    """`auto` goes without saying: not every model knows the field."""
    if choice is None or choice.mode == "auto":
        return None
    if choice.is_custom:
        raise losses.refusal(conversation.name_of("tool_choice"), "its API has no tool of this form")
    if choice.mode == "none":
        losses.drop_option("tool_choice")
        return None
    return {"any": {}} if choice.mode == "required" else {"tool": {"name": choice.name}}


def _tools(conversation: Conversation, family: Family, writer: BlockWriter, losses: Losses) -> list[Any]:
    choice = conversation.tool_choice
    found: list[Any] = []
    for tool in conversation.tools:
        if isinstance(tool, ServerTool):
            found += _server_tool(tool, family, losses)
        elif choice is None or not choice.only or tool.name in choice.only:
            found += _tool(tool, family, writer, losses)
    return found


def _tool(tool: Tool, family: Family, writer: BlockWriter, losses: Losses) -> list[Any]:
    losses.keep(tool.extra, tool.path)
    spec = _spec(tool.name, tool.schema or _NO_PARAMETERS)
    if tool.description:
        spec["toolSpec"]["description"] = tool.description
    if tool.strict:
        spec["toolSpec"]["strict"] = True
    if tool.cache is None:
        return [spec]
    if family.caches_tools:
        return [spec, writer.cache_point(tool.cache)]
    losses.drop(f"{tool.path}.{tool.cache.field}")
    return [spec]


def _spec(name: str, schema: msgspec.Raw) -> dict[str, Any]:
    return {"toolSpec": {"name": name, "inputSchema": {"json": schema}}}


def _server_tool(tool: ServerTool, family: Family, losses: Losses) -> list[Any]:
    """Nova 2 searches the web by a tool of its own, which takes no settings.

    Source: https://docs.aws.amazon.com/nova/latest/nova2-userguide/web-grounding.html
    """
    if tool.wire == NAME:
        return [tool.raw]
    if not (family.is_nova_2 and tool.kind == "web_search"):
        losses.drop_server_tool(tool)
        return []
    for name, value in _MEMBERS.decode(tool.raw).items():
        if name not in ("type", "name") and bytes(value) != b"null":
            losses.drop(f"{tool.path}.{name}")
    return [{"systemTool": {"name": "nova_grounding"}}]
