"""The wires by name. A new wire is one module (or folder) and one line here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Protocol

from engine.errors import UpstreamError
from engine.model import Model
from engine.wires import (
    anthropic_messages,
    bedrock_converse,
    bedrock_invoke,
    cohere_v2,
    gemini,
    openai_chat,
    openai_completions,
    openai_responses,
)
from engine.wires.body import Body
from engine.wires.codec import ClientApi, ProviderWire
from engine.wires.usage import Usage


class PreparedModel(Protocol):
    """What one model does to a request, made at load time."""

    def encode(self, body: Body) -> tuple[bytes, bool]:
        """The upstream's body, and whether the client asked for a stream's usage; raises InvalidRequest."""
        ...


class StreamReader(Protocol):
    """Follows one stream: see `following.Following`, which passes it through, and `transcoder.Transcoder`."""

    usage: Usage | None
    error: UpstreamError | None
    done: bool
    tail: bytes

    def feed(self, chunk: bytes) -> bytes:
        """The bytes to pass on now."""
        ...

    def finish(self) -> bytes:
        """The upstream has ended: the bytes that are left to pass on."""
        ...


class Wire(Protocol):
    """A payload format, passed through; a module can be one."""

    @property
    def name(self) -> str:
        """Its name in the table of wires."""
        ...

    def prepare(self, model: Model, /) -> PreparedModel:
        """What `model` does to a request; raises ValueError."""
        ...

    def read_usage(self, answer: bytes, /) -> Usage | None:
        """The usage of a whole answer."""
        ...

    def fault_in(self, answer: bytes, /) -> UpstreamError | None:
        """What is wrong with a whole answer of status 200."""
        ...

    def stream_reader(self, *, client_wants_usage: bool) -> StreamReader:
        """A reader for one stream."""
        ...


# A new wire is one line in each of these that it belongs to: what clients speak, and what providers speak.
_CLIENT_APIS: Final[tuple[ClientApi, ...]] = (
    anthropic_messages,
    openai_chat,
    openai_completions,
    openai_responses,
)
_PROVIDER_WIRES: Final[tuple[ProviderWire, ...]] = (
    anthropic_messages,
    bedrock_converse,
    bedrock_invoke,
    cohere_v2,
    gemini,
    openai_chat,
    openai_completions,
    openai_responses,
)

CLIENT_APIS: Final[Mapping[str, ClientApi]] = MappingProxyType({api.name: api for api in _CLIENT_APIS})
PROVIDER_WIRES: Final[Mapping[str, ProviderWire]] = MappingProxyType({wire.name: wire for wire in _PROVIDER_WIRES})

# What the gateway passes through, byte for byte, where the client's API is the provider's wire.
_PASSED_THROUGH: Final[tuple[Wire, ...]] = (
    anthropic_messages,
    openai_chat,
    openai_completions,
    openai_responses,
)
WIRES: Final[Mapping[str, Wire]] = MappingProxyType({wire.name: wire for wire in _PASSED_THROUGH})
