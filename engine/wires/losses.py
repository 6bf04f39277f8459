"""What an encoder cannot carry: named by the client's own names, never dropped silently."""

import re
from collections.abc import Collection, Mapping
from typing import Final

import msgspec

from engine.errors import InvalidRequest
from engine.wires.blocks import Block
from engine.wires.conversation import Conversation, ServerTool

_NOT_IN_HEADERS: Final = re.compile(r"[^\x21-\x7e]|,")
_MAX_NAME: Final = 160
_NOTHING: Final = (b"null", b"[]", b"{}", b'""', b"false")

# Fields that only one API has, and what they say where it does so anyway.
_DEFAULTS: Final = {"truncation": b'"disabled"', "best_of": b"1"}


def block_name(block: Block) -> str:
    """What a block of an answer is called among its losses: its class in the words of JSON."""
    name = type(block).__name__
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


class Losses:
    """Collects the losses of one request on its way to `wire`; with `strict`, the first one refuses the request."""

    def __init__(self, conversation: Conversation, wire: str, *, strict: bool = False) -> None:
        self.is_same_wire = conversation.wire == wire
        self._conversation = conversation
        self._wire = wire
        self._strict = strict
        self._found: dict[str, None] = {}  # in order, each once

    @property
    def found(self) -> tuple[str, ...]:
        """What was dropped so far, fit for a header: names come from the client."""
        return tuple(_NOT_IN_HEADERS.sub("?", path)[:_MAX_NAME] for path in self._found)

    def drop(self, path: str) -> None:
        """Leave out what stands at `path`.

        Raises:
            InvalidRequest: 400, where the model is `strict`.
        """
        if self._strict:
            raise self.refusal(path, "this model is strict, and its provider has no place for it")
        self._found[path] = None

    def drop_option(self, field: str) -> None:
        """Leave out an option of the conversation."""
        self.drop(self._conversation.name_of(field))

    def refusal(self, path: str, why: str) -> InvalidRequest:
        """The error for what may not be left out, since the request would then mean something else."""
        return InvalidRequest(f"{path} cannot be sent to this model: {why}.", code="unsupported_parameter", param=path)

    def keep(self, extra: Mapping[str, msgspec.Raw], path: str = "") -> Mapping[str, msgspec.Raw]:
        """`extra` again where the wire is the client's own; else all in it that says something is dropped.

        Raises:
            InvalidRequest: 400: it holds what the client's API cannot do without.
        """
        if not extra or self.is_same_wire:
            return extra
        for name in self._conversation.essential if not path else ():
            raise self.refusal(name, "its API has nothing like it, or another server keeps what it stands for")
        for name, value in extra.items():
            if bytes(value) not in _NOTHING and (path or bytes(value) != _DEFAULTS.get(name)):
                self.drop(f"{path}.{name}" if path else name)
        return {}

    def drop_server_tool(self, tool: ServerTool) -> None:
        """Leave out a tool that the other side does not run.

        Raises:
            InvalidRequest: 400: it is one that the client runs.
        """
        if tool.is_run_by_client:
            raise self.refusal(tool.path, "its API has no tool of this form")
        self.drop(tool.path)

    def drop_all_but(self, carried: Collection[str]) -> None:
        """Drop each option that the client gave and the wire's table of `carried` ones does not name."""
        for name, _ in self._conversation.given():
            if name not in carried:
                self.drop_option(name)
