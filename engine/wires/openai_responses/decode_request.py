"""A request in OpenAI's Responses API → the canonical conversation.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.wires.blocks import Extra, Opaque, Text
from engine.wires.conversation import (
    Conversation,
    OutputFormat,
    ReasoningOptions,
    Role,
    ServerTool,
    Tool,
    ToolChoice,
    Turn,
)
from engine.wires.openai_responses.decode_items import NAME, RESULTS, content, item_blocks, item_kind
from engine.wires.openai_responses.passing import check
from engine.wires.reading import Options, Reader

_ROLES: Final[dict[str, Role]] = {
    "user": "user",
    "assistant": "assistant",
    "system": "system",
    "developer": "developer",
}

# Tools whose form OpenAI knows and which the client runs, or which are many in one; others OpenAI runs itself.
_RUN_BY_CLIENT: Final = frozenset(
    {"custom", "local_shell", "shell", "apply_patch", "computer", "computer_use_preview", "namespace"}
)

# What stands for something that the provider keeps, or for another kind of answer: no request is the same without it.
_ESSENTIAL: Final = ("previous_response_id", "conversation", "prompt", "background")

LOGPROBS: Final = "message.output_text.logprobs"
ENCRYPTED: Final = "reasoning.encrypted_content"

# What only the provider's own servers read again: an item's id and state, how a summary is cut into parts. And the type,
# which a message need not name.
_BOOKKEEPING: Final = ("type", "id", "status", "phase")
_THOUGHTS: Final = ("summary", "content")

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_INCLUDED: Final = msgspec.json.Decoder(tuple[str, ...])


def decode_request(fields: Mapping[str, msgspec.Raw]) -> Conversation:
    """What the client asks; raises InvalidRequest, naming the parameter."""
    check(fields)
    body = Options(fields)
    kept: dict[str, Extra] = {"": {}}  # what is left of objects whose other members have a place, by the object's name
    output, verbosity = _text(body, kept)
    wants_logprobs, wants_encrypted = _include(body, kept)
    conversation = Conversation(
        wire=NAME,
        model=body.needed_text("model"),
        stream=body.flag("stream") or False,
        wants_usage=True,
        wants_encrypted=wants_encrypted,
        turns=(*_instructions(body), *_Turns(body).all()),
        tools=tuple(_tool(tool, raw) for tool, raw in body.objects("tools")),
        tool_choice=_tool_choice(body, kept),
        parallel_tool_calls=body.named("parallel_tool_calls", "parallel_tool_calls", Reader.flag),
        output=output,
        verbosity=verbosity,
        max_output_tokens=body.named("max_output_tokens", "max_output_tokens", Reader.integer),
        temperature=body.named("temperature", "temperature", Reader.number),
        top_p=body.named("top_p", "top_p", Reader.number),
        logprobs=wants_logprobs,
        top_logprobs=body.named("top_logprobs", "top_logprobs", Reader.integer),
        reasoning=_reasoning(body, kept),
        cache_key=body.named("cache_key", "prompt_cache_key", Reader.text),
        service_tier=body.named("service_tier", "service_tier", Reader.text),
        metadata=body.named("metadata", "metadata", Reader.raw),
        user=body.named("user", "user", Reader.text),
        store=body.named("store", "store", Reader.flag),
        names=body.names,
    )
    stream_options = body.object("stream_options")
    kept["stream_options"] = stream_options.rest() if stream_options is not None else {}
    extra = body.rest()
    for place, rest in kept.items():
        extra |= {f"{place}.{name}" if place else name: raw for name, raw in rest.items()}
    essential = tuple(name for name in _ESSENTIAL if bytes(extra.get(name, b"false")) != b"false")
    return msgspec.structs.replace(conversation, extra=extra, essential=essential)


class _Turns:
    """Puts items into turns: what the model said and did between two words of others is one turn."""

    def __init__(self, body: Options) -> None:
        self._body = body
        self._turns: list[Turn] = []

    def all(self) -> tuple[Turn, ...]:
        """The turns of `input`: a string, or an array of items."""
        if self._body.starts_with("input", '"'):
            text = self._body.needed_text("input")
            return (Turn(role="user", blocks=(Text(text=text, path="input"),), path="input"),)
        for item, raw in self._body.objects("input"):
            kind = item_kind(item)
            if kind == "message":
                self._message(item, raw)
            else:
                self._other(kind, item, raw)
        return tuple(self._turns)

    def _message(self, item: Reader, raw: msgspec.Raw) -> None:
        role = item.needed_text("role")
        if role not in _ROLES:
            raise item.wrong("role", f"must be one of {', '.join(_ROLES)}")
        blocks = content(item)
        extra = {name: value for name, value in item.rest().items() if name not in _BOOKKEEPING}
        self._add(Turn(role=_ROLES[role], blocks=blocks, path=item.path, extra=extra), raw, _BOOKKEEPING)

    def _other(self, kind: str, item: Reader, raw: msgspec.Raw) -> None:
        is_result = kind in RESULTS
        blocks = item_blocks(kind, item, raw)
        is_opaque = any(isinstance(block, Opaque) for block in blocks)
        role: Role = "user" if is_opaque else "tool" if is_result else "assistant"
        names = (*_BOOKKEEPING, *_THOUGHTS) if kind == "reasoning" else _BOOKKEEPING
        self._add(Turn(role=role, blocks=blocks, path=item.path), raw, names)

    def _add(self, turn: Turn, raw: msgspec.Raw, names: tuple[str, ...]) -> None:
        members = _MEMBERS.decode(raw)
        kept = {name: members[name] for name in names if bytes(members.get(name, b"null")) != b"null"}
        verbatim = {turn.path: msgspec.Raw(msgspec.json.encode(kept))}
        last = self._turns[-1] if self._turns else None
        if last is None or not turn.role == last.role == "assistant" or turn.extra or not (turn.blocks and last.blocks):
            self._turns.append(msgspec.structs.replace(turn, verbatim=verbatim))
            return
        self._turns[-1] = msgspec.structs.replace(
            last, blocks=(*last.blocks, *turn.blocks), verbatim={**last.verbatim, **verbatim}
        )


def _instructions(body: Options) -> tuple[Turn, ...]:
    text = body.text("instructions")
    block = Text(text=text or "", path="instructions")
    return (Turn(role="system", blocks=(block,), path="instructions"),) if text else ()


def _include(body: Options, kept: dict[str, Extra]) -> tuple[bool | None, bool]:
    """Whether log probabilities are asked for, and encrypted reasoning."""
    asked = body.take("include", _INCLUDED, "an array of strings") or ()
    if LOGPROBS in asked:
        body.names["logprobs"] = "include"
    if more := [word for word in asked if word not in (LOGPROBS, ENCRYPTED)]:
        kept[""]["include"] = msgspec.Raw(msgspec.json.encode(more))
    return LOGPROBS in asked or None, ENCRYPTED in asked


def _tool(tool: Reader, raw: msgspec.Raw) -> Tool | ServerTool:
    kind = tool.needed_text("type")
    if kind != "function":
        common = "web_search" if kind.startswith("web_search") else kind
        is_clients = kind in _RUN_BY_CLIENT or (kind == "tool_search" and tool.text("execution") == "client")
        return ServerTool(kind=common, wire=NAME, raw=raw, path=tool.path, is_run_by_client=is_clients)
    return Tool(
        name=tool.needed_text("name"),
        description=tool.text("description"),
        schema=tool.raw("parameters"),
        strict=tool.flag("strict"),
        path=tool.path,
        extra=tool.rest(),
    )


def _tool_choice(body: Options, kept: dict[str, Extra]) -> ToolChoice | None:
    """Which tools may be called; a choice among the provider's own ones stays as it is."""
    if not body.has("tool_choice"):
        return None
    body.names["tool_choice"] = "tool_choice"
    if body.starts_with("tool_choice", '"'):
        mode = body.needed_text("tool_choice")
        if mode == "auto":
            return ToolChoice(mode="auto")
        if mode in ("none", "required"):
            return ToolChoice(mode="none" if mode == "none" else "required")
        raise body.wrong("tool_choice", 'must be "none", "auto", "required" or an object')
    raw = body.raw("tool_choice") or msgspec.Raw(b"{}")
    choice = Reader({"tool_choice": raw}).needed_object("tool_choice")
    kind = choice.needed_text("type")
    if kind in ("function", "custom"):
        return ToolChoice(mode="named", name=choice.needed_text("name"), is_custom=kind == "custom")
    if kind == "allowed_tools":
        tools = [tool for tool, _ in choice.objects("tools")]
        if tools and all(tool.text("type") == "function" for tool in tools):
            only = tuple(tool.needed_text("name") for tool in tools)
            return ToolChoice(mode="required" if choice.text("mode") == "required" else "auto", only=only)
    kept[""]["tool_choice"] = raw
    return None


def _text(body: Options, kept: dict[str, Extra]) -> tuple[OutputFormat | None, str | None]:
    text = body.object("text")
    if text is None:
        return None, None
    body.names |= {"output": "text.format", "verbosity": "text.verbosity"}
    form = text.object("format")
    verbosity = text.text("verbosity")
    kept["text"] = text.rest()
    return None if form is None else _format(form), verbosity


def _format(form: Reader) -> OutputFormat:
    kind = form.needed_text("type")
    if kind == "text":
        return OutputFormat(kind="text", extra=form.rest())
    if kind == "json_object":
        return OutputFormat(kind="json", extra=form.rest())
    if kind != "json_schema":
        raise form.wrong("type", 'must be "text", "json_object" or "json_schema"')
    return OutputFormat(
        kind="json_schema",
        schema=form.raw("schema"),
        name=form.text("name"),
        description=form.text("description"),
        strict=form.flag("strict"),
        extra=form.rest(),
    )


def _reasoning(body: Options, kept: dict[str, Extra]) -> ReasoningOptions | None:
    options = body.object("reasoning")
    if options is None:
        return None
    body.names |= {"reasoning": "reasoning.effort"}
    effort = options.text("effort")
    summary = options.text("summary") or options.text("generate_summary")  # its old name
    kept["reasoning"] = options.rest()
    return None if effort is None and summary is None else ReasoningOptions(effort=effort, summary=summary)
