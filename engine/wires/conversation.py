"""What a client asks, whatever API it speaks: one canonical conversation.

None, an empty tuple and an empty `extra` mean that the client is silent. Source of each mapping: docs/wires.md.
"""

from collections.abc import Iterator
from typing import Any, Final, Literal

import msgspec

from engine.wires.blocks import Block, CacheMark, Extra, ToolCall

Role = Literal["system", "developer", "user", "assistant", "tool"]
ToolChoiceMode = Literal["auto", "none", "required", "named"]
ReasoningMode = Literal["on", "adaptive", "off"]

INSTRUCTING: Final = ("system", "developer")


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One message. A "tool" turn holds `ToolResult`s and nothing else.

    `verbatim` are fields that `blocks` say already, as the client wrote them: for an encoder of the same wire.
    """

    role: Role
    blocks: tuple[Block, ...]
    name: str | None = None
    path: str = ""
    extra: Extra = {}
    verbatim: Extra = {}


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A function that the client runs. `schema` is the JSON Schema of its arguments, None where it takes none."""

    name: str
    description: str | None = None
    schema: msgspec.Raw | None = None
    strict: bool | None = None
    cache: CacheMark | None = None
    path: str = ""
    extra: Extra = {}


class ServerTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that the provider runs, or one whose form only `wire` knows.

    `kind` is "web_search" where another wire may have the same, else the wire's own word. `raw` is its JSON in `wire`.
    One that is run by the client cannot be left out: the model would not know what the client asks of it.
    """

    kind: str
    wire: str
    raw: msgspec.Raw
    path: str = ""
    is_run_by_client: bool = False


class ToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Which tools may or must be called: `name` for "named"; `only` narrows the tools down, () is all of them."""

    mode: ToolChoiceMode
    name: str | None = None
    only: tuple[str, ...] = ()
    is_custom: bool = False


class OutputFormat(msgspec.Struct, frozen=True, kw_only=True):
    """The form of the answer's text: "text", "json" (any object), or "json_schema"."""

    kind: Literal["text", "json", "json_schema"]
    schema: msgspec.Raw | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    extra: Extra = {}


class ReasoningOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How much to think. `effort` is a word ("none" to "max"), `budget_tokens` a number; a client gives one or neither.

    `summary` is what to show of it, as the client's wire has it.
    """

    mode: ReasoningMode | None = None
    effort: str | None = None
    budget_tokens: int | None = None
    summary: str | None = None


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `wire` is the client's API, `names` the client's own names of the fields that it gave.

    `extra` are top-level fields without a place here, by name. Those that are named in `essential` may not be left out:
    the request would be another one without them. `wants_encrypted`: what the model thought is to come encrypted as well,
    to be sent back.
    """

    wire: str
    model: str
    turns: tuple[Turn, ...]
    tools: tuple[Tool | ServerTool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    output: OutputFormat | None = None
    verbosity: str | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    n: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: msgspec.Raw | None = None
    reasoning: ReasoningOptions | None = None
    cache: CacheMark | None = None
    cache_key: str | None = None
    service_tier: str | None = None
    metadata: msgspec.Raw | None = None
    user: str | None = None
    store: bool | None = None
    stream: bool = False
    wants_usage: bool = False
    wants_encrypted: bool = False
    extra: Extra = {}
    essential: tuple[str, ...] = ()
    names: dict[str, str] = {}

    @property
    def instructions(self) -> tuple[Turn, ...]:
        """The system and developer turns that stand before all others."""
        return self.turns[: self._start]

    @property
    def dialogue(self) -> tuple[Turn, ...]:
        """The turns from the first one that is no instruction; more instructions may stand among them."""
        return self.turns[self._start :]

    @property
    def _start(self) -> int:
        return next((at for at, turn in enumerate(self.turns) if turn.role not in INSTRUCTING), len(self.turns))

    def name_of(self, field: str) -> str:
        """What the client calls a field."""
        return self.names.get(field, field)

    def given(self) -> Iterator[tuple[str, Any]]:
        """The options that the client set to something that is not the default of every API."""
        for name in _OPTIONS:
            value = getattr(self, name)
            if value not in (None, ()) and not _is_neutral(name, value):
                yield name, value

    def tool_names(self) -> dict[str, str]:
        """The name of the tool that each call asks for, by the call's id: some wires want it with the result."""
        calls = (block for turn in self.turns for block in turn.blocks if isinstance(block, ToolCall))
        return {call.id: call.name for call in calls}


_STRUCTURE: Final = frozenset(
    {"wire", "model", "turns", "extra", "essential", "names", "stream", "wants_usage", "wants_encrypted"}
)
_OPTIONS: Final = tuple(name for name in Conversation.__struct_fields__ if name not in _STRUCTURE)
_NEUTRAL: Final[dict[str, Any]] = {
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "n": 1,
    "logprobs": False,
    "top_logprobs": 0,
    "store": False,
    "output": OutputFormat(kind="text"),
    "logit_bias": msgspec.Raw(b"{}"),
    "metadata": msgspec.Raw(b"{}"),
}


def _is_neutral(name: str, value: Any) -> bool:
    return name in _NEUTRAL and bool(value == _NEUTRAL[name])
