"""What a wire must be able to do: two protocols, of which a module or an object may be both.

`ClientApi` is an API that our clients speak, `ProviderWire` one that providers speak. Either is pure: bytes and values
in, bytes and values out, no I/O, no clock. What only the moment knows (an id, the time) comes in an `Asked`.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol, runtime_checkable

import msgspec

from engine.errors import GatewayError, UpstreamError
from engine.model import Model
from engine.wires.answer import Answer
from engine.wires.conversation import Conversation
from engine.wires.events import Event
from engine.wires.usage import Usage

NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


def no_headers(model: Model) -> Mapping[str, str]:  # noqa: ARG001 - the protocol's
    """The `headers` of a wire that has none beside content type and authentication."""
    return NO_HEADERS


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What an encoder of answers must know of the request.

    `id` and `created` (seconds since the Unix epoch) stand in where the upstream gives none. `conversation` is for APIs
    that repeat the request's options in the answer.
    """

    conversation: Conversation
    id: str
    created: int


class EncodedRequest(msgspec.Struct, frozen=True):
    """A request for a provider: the fields of its JSON body, and what of the client's could not be carried."""

    fields: dict[str, Any]
    losses: tuple[str, ...] = ()


class EncodedAnswer(msgspec.Struct, frozen=True):
    """An answer for a client: the JSON body, and what of the upstream's could not be carried."""

    body: bytes
    losses: tuple[str, ...] = ()


class StreamDecoder(Protocol):
    """Reads one stream of an upstream.

    `usage` is the last one reported. `done` says that the wire's own end was seen; what follows it is ignored.
    `error` is set by an event that is an error (`UpstreamRefused`), or by a stream that cannot be followed
    (`UpstreamBroken`); nothing is read after it.
    """

    usage: Usage | None
    error: UpstreamError | None
    done: bool

    def feed(self, chunk: bytes) -> Sequence[Event]:
        """What `chunk` completes, wherever it was cut."""
        ...

    def finish(self) -> Sequence[Event]:
        """The upstream has ended: what was left."""
        ...


class StreamEncoder(Protocol):
    """Writes one stream for a client. `losses` names what it could not carry so far."""

    @property
    def losses(self) -> tuple[str, ...]:
        """What of the upstream's could not be carried."""
        ...

    def encode(self, events: Sequence[Event]) -> bytes:
        """The bytes to send now, which may be none."""
        ...

    def end(self) -> bytes:
        """What is sent when all is settled: the last usage, and the API's own end."""
        ...


@runtime_checkable
class ClientApi(Protocol):
    """An API that clients speak."""

    @property
    def name(self) -> str:
        """Its name in the table of wires."""
        ...

    def decode_request(self, fields: Mapping[str, msgspec.Raw], /) -> Conversation:
        """What the client asks; raises InvalidRequest, naming the parameter."""
        ...

    def encode_answer(self, answer: Answer, asked: Asked, /) -> EncodedAnswer:
        """A whole answer."""
        ...

    def stream_encoder(self, asked: Asked, /) -> StreamEncoder:
        """An encoder for one stream."""
        ...

    def error(self, error: GatewayError, /) -> bytes:
        """The body of an error reply, in the API's shape."""
        ...

    def stream_error(self, error: GatewayError, /) -> bytes:
        """The event that ends a stream that broke."""
        ...


@runtime_checkable
class ProviderWire(Protocol):
    """A payload format that providers speak."""

    @property
    def name(self) -> str:
        """Its name in the table of wires."""
        ...

    @property
    def reserved(self) -> frozenset[str]:
        """Top-level fields that the gateway itself answers for; a model's file may not set them."""
        ...

    def path(self, model: Model, /, *, stream: bool) -> str:
        """The path under a provider's base URL, with a query where the wire needs one."""
        ...

    def headers(self, model: Model, /) -> Mapping[str, str]:
        """Headers beside content type and authentication, in lower case."""
        ...

    def encode_request(self, conversation: Conversation, model: Model, /) -> EncodedRequest:
        """The request; raises InvalidRequest for what may not be dropped, or for any loss where `model.strict`."""
        ...

    def decode_answer(self, answer: bytes, /) -> Answer:
        """A whole answer of status 200; raises UpstreamRefused where it is none (`fault_in` says why first)."""
        ...

    def stream_decoder(self) -> StreamDecoder:
        """A decoder for one stream."""
        ...

    def read_usage(self, answer: bytes, /) -> Usage | None:
        """The usage of a whole answer."""
        ...

    def fault_in(self, answer: bytes, /) -> UpstreamError | None:
        """What is wrong with a whole answer of status 200."""
        ...
