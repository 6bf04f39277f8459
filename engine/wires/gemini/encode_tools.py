"""Tools and the choice among them → Gemini's `tools` and `toolConfig`.

Schemas go as they are, in `parametersJsonSchema`: of JSON Schema, Gemini heeds the keywords that its page lists, $ref and
additionalProperties among them.

Sources: https://ai.google.dev/api/caching#Tool, https://ai.google.dev/gemini-api/docs/function-calling#function_calling_modes,
https://ai.google.dev/gemini-api/docs/tool-combination
"""

from typing import Any, Final

import msgspec

from engine.model import Model
from engine.wires.conversation import Conversation, ServerTool, Tool
from engine.wires.gemini.generations import generation
from engine.wires.losses import Losses

# How the names of the tools that others' providers run begin → Google's.
_SERVER_TOOLS: Final = {
    "web_search": "googleSearch",
    "code_execution": "codeExecution",
    "code_interpreter": "codeExecution",
    "web_fetch": "urlContext",
}
_SAYS_NOTHING: Final = {"container": {"type": "auto"}, "search_context_size": "medium"}


def write_tools(fields: dict[str, Any], conversation: Conversation, model: Model, losses: Losses) -> None:
    """Adds `tools` and `toolConfig`."""
    choice = conversation.tool_choice
    mode = choice.mode if choice is not None else "auto"
    only = choice.only if choice is not None else ()
    functions = [tool for tool in conversation.tools if isinstance(tool, Tool)]
    if only and mode == "auto":
        functions = [tool for tool in functions if tool.name in only]  # Gemini narrows down only what must be called
    tools: list[Any] = []
    if functions:
        tools.append({"functionDeclarations": [_function(tool, losses) for tool in functions]})
    if mode != "none":
        tools += _server_tools(conversation, model, losses)
    if tools:
        fields["tools"] = tools
    if config := _config(conversation, functions, losses):
        fields["toolConfig"] = {"functionCallingConfig": config}
    if functions and len(tools) > 1 and model.api != "google-vertex" and generation(model) == "level":
        fields.setdefault("toolConfig", {})["includeServerSideToolInvocations"] = True  # AI Studio wants it said


def _function(tool: Tool, losses: Losses) -> dict[str, Any]:
    if tool.cache is not None:
        losses.drop(f"{tool.path}.{tool.cache.field}")
    losses.keep(tool.extra, tool.path)
    given = {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.schema}
    return {name: value for name, value in given.items() if value is not None}


def _server_tools(conversation: Conversation, model: Model, losses: Losses) -> list[dict[str, Any]]:
    written: dict[str, dict[str, Any]] = {}
    for tool in conversation.tools:
        if not isinstance(tool, ServerTool):
            continue
        name = next((name for kind, name in _SERVER_TOOLS.items() if tool.kind.startswith(kind)), None)
        if name is None or tool.is_run_by_client:
            losses.drop_server_tool(tool)
        else:
            written[name] = _settings(tool, losses, is_vertex=model.api == "google-vertex")
    return [{name: settings} for name, settings in written.items()]


def _settings(tool: ServerTool, losses: Losses, *, is_vertex: bool) -> dict[str, Any]:
    """On Vertex, domains to leave out of a search are carried; what else others say of their tools has no place."""
    written: dict[str, Any] = {}
    for name, value in msgspec.json.decode(tool.raw, type=dict[str, Any]).items():
        if name == "blocked_domains" and value and is_vertex:
            written["excludeDomains"] = value
        elif name not in ("type", "name") and value is not None and value != _SAYS_NOTHING.get(name):
            losses.drop(f"{tool.path}.{name}")
    return written


def _config(conversation: Conversation, functions: list[Tool], losses: Losses) -> dict[str, Any] | None:
    if conversation.parallel_tool_calls is False:
        losses.drop_option("parallel_tool_calls")
    choice = conversation.tool_choice
    if choice is not None and choice.is_custom:
        raise losses.refusal(conversation.name_of("tool_choice"), "its API has no tool of this form")
    mode = choice.mode if choice is not None else "auto"
    if choice is not None and mode in ("required", "named"):
        if not functions and conversation.tools:
            losses.drop_option("tool_choice")  # what Google runs itself cannot be forced
            return None
        allowed = [choice.name] if choice.name is not None else list(choice.only)
        return {"mode": "ANY", "allowedFunctionNames": allowed} if allowed else {"mode": "ANY"}
    if not functions:
        return None
    if mode == "none":
        return {"mode": "NONE"}
    if any(tool.strict for tool in functions):
        return {"mode": "VALIDATED"}  # as AUTO, but calls keep to their schemas
    return {"mode": "AUTO"} if choice is not None else None
