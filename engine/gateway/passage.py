"""How a call gets from a client's API to a provider's wire and back: passed through where they are the same, else crossed.

A `Passage` is made once per snapshot, model and API; a `Call` is one request on its way. Both kinds have one face, so
that who reads the upstream and writes to the client needs no second way.
"""

from collections.abc import Mapping
from typing import Final, Generic, Protocol

from engine.errors import UpstreamError
from engine.gateway.target import PlacedWire
from engine.model import Model
from engine.wires.body import Body
from engine.wires.calls import CallApi, CallCrossing, CallWire, CrossedCall, Found, Question
from engine.wires.codec import Asked, ClientApi, EncodedAnswer, ProviderWire
from engine.wires.table import PROVIDER_WIRES, PreparedModel, StreamReader, Wire
from engine.wires.transcoder import CrossedRequest, Crossing, Transcoder
from engine.wires.usage import Usage

EVENT_STREAM: Final = "text/event-stream"


class Call(Protocol):
    """One request, ready for the upstream. `losses` names what could not be carried, so far."""

    @property
    def body(self) -> bytes:
        """The bytes for the upstream."""
        ...

    @property
    def losses(self) -> tuple[str, ...]:
        """What could not be carried, by the client's names."""
        ...

    def stream_reader(self) -> StreamReader:
        """What follows the answer, where it is a stream."""
        ...

    def answer(self, answer: bytes, /) -> EncodedAnswer:
        """What the client gets of a whole answer; raises UpstreamRefused where it cannot be read."""
        ...


class Passage(Protocol):
    """How all calls of one API get to one model."""

    @property
    def wire(self) -> PlacedWire:
        """What the upstream is spoken to in."""
        ...

    @property
    def stream_type(self) -> str:
        """The content type of its streams."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The wire's own headers."""
        ...

    @property
    def is_crossed(self) -> bool:
        """Whether the client speaks another API."""
        ...

    def call(self, body: Body, /, *, request_id: str, created: int) -> Call:
        """One request; raises InvalidRequest, naming the client's parameter. `created` in seconds since the epoch."""
        ...

    def read_usage(self, answer: bytes, headers: Mapping[str, str], /) -> Usage | None:
        """The usage of a whole answer; `headers` are those that came with it, in lower case."""
        ...

    def fault_in(self, answer: bytes, /) -> UpstreamError | None:
        """What is wrong with a whole answer of status 200."""
        ...


class PassedThrough:
    """A call whose bytes go on as they came."""

    __slots__ = ("_client_wants_usage", "_wire", "body")

    losses: tuple[str, ...] = ()

    def __init__(self, wire: Wire, body: bytes, *, client_wants_usage: bool) -> None:
        self._wire = wire
        self._client_wants_usage = client_wants_usage
        self.body = body

    def stream_reader(self) -> StreamReader:
        """See `Call`."""
        return self._wire.stream_reader(client_wants_usage=self._client_wants_usage)

    def answer(self, answer: bytes) -> EncodedAnswer:
        """The same bytes."""
        return EncodedAnswer(answer)


class SameWire:
    """Clients and provider speak the same: see `Passage`."""

    is_crossed = False

    def __init__(self, name: str, wire: Wire, model: Model) -> None:
        """Raises ValueError where the model's file sets what the gateway answers for."""
        self.wire: PlacedWire = PROVIDER_WIRES[name]
        self.stream_type = _stream_type(wire)
        self.headers = PROVIDER_WIRES[name].headers(model)
        self.fault_in = wire.fault_in
        self._wire = wire
        self._prepared: PreparedModel = wire.prepare(model)

    def call(self, body: Body, *, request_id: str, created: int) -> PassedThrough:  # noqa: ARG002 - the protocol's
        """One request."""
        encoded, client_wants_usage = self._prepared.encode(body)
        return PassedThrough(self._wire, encoded, client_wants_usage=client_wants_usage)

    def read_usage(self, answer: bytes, headers: Mapping[str, str]) -> Usage | None:  # noqa: ARG002 - the protocol's
        """The usage of a whole answer."""
        return self._wire.read_usage(answer)


class Crossed:
    """A call that is carried from one API to another."""

    __slots__ = ("_asked", "_crossing", "_request", "_transcoder")

    def __init__(self, crossing: Crossing, request: CrossedRequest, asked: Asked) -> None:
        self._crossing = crossing
        self._request = request
        self._asked = asked
        self._transcoder: Transcoder | None = None

    @property
    def body(self) -> bytes:
        """The bytes for the upstream."""
        return self._request.body

    @property
    def losses(self) -> tuple[str, ...]:
        """What of the request, and so far of a streamed answer, could not be carried."""
        of_answer = self._transcoder.losses if self._transcoder is not None else ()
        return (*self._request.losses, *of_answer)

    def stream_reader(self) -> StreamReader:
        """What carries the stream across."""
        self._transcoder = self._crossing.transcoder(self._asked)
        return self._transcoder

    def answer(self, answer: bytes) -> EncodedAnswer:
        """The answer in the client's API."""
        return self._crossing.answer(answer, self._asked)


class AcrossWires:
    """Clients speak another API than the provider: see `Passage`."""

    is_crossed = True

    def __init__(self, api: ClientApi, wire: ProviderWire, model: Model) -> None:
        """Raises ValueError where the model's file sets what the gateway answers for, or to a wrong type."""
        self.wire: PlacedWire = wire
        self.stream_type = _stream_type(wire)
        self.headers = wire.headers(model)
        self.fault_in = wire.fault_in
        self._wire = wire
        self._crossing = Crossing(api, wire, model)

    def call(self, body: Body, *, request_id: str, created: int) -> Crossed:
        """One request."""
        request = self._crossing.encode(body)
        return Crossed(
            self._crossing, request, Asked(conversation=request.conversation, id=request_id, created=created)
        )

    def read_usage(self, answer: bytes, headers: Mapping[str, str]) -> Usage | None:  # noqa: ARG002 - the protocol's
        """The usage of a whole answer."""
        return self._wire.read_usage(answer)


class Answered(Generic[Question, Found]):
    """A call that has one whole answer: see `Call`."""

    __slots__ = ("_crossing", "_request", "_request_id")

    def __init__(
        self, crossing: CallCrossing[Question, Found], request: CrossedCall[Question], request_id: str
    ) -> None:
        self._crossing = crossing
        self._request = request
        self._request_id = request_id

    @property
    def body(self) -> bytes:
        """The bytes for the upstream."""
        return self._request.body

    @property
    def losses(self) -> tuple[str, ...]:
        """What of the request could not be carried."""
        return self._request.losses

    def stream_reader(self) -> StreamReader:
        """There are no streams of these."""
        raise NotImplementedError

    def answer(self, answer: bytes) -> EncodedAnswer:
        """The answer in the client's API."""
        return self._crossing.answer(answer, self._request, request_id=self._request_id)


class WholeAnswers(Generic[Question, Found]):
    """Embeddings and reranking, whatever the wire: see `Passage`."""

    stream_type = EVENT_STREAM

    def __init__(self, api: CallApi[Question, Found], wire: CallWire[Question, Found], model: Model) -> None:
        """Raises ValueError where the model's file sets what the gateway answers for."""
        self.wire: PlacedWire = wire
        self.headers = wire.headers(model)
        self.read_usage = wire.read_usage
        self.fault_in = wire.fault_in
        self.is_crossed = api.name != wire.name
        self._crossing = CallCrossing(api, wire, model)

    def call(self, body: Body, *, request_id: str, created: int) -> Answered[Question, Found]:  # noqa: ARG002
        """One request."""
        return Answered(self._crossing, self._crossing.encode(body), request_id)


def _stream_type(wire: object) -> str:
    """Streams are server-sent events but where a wire says otherwise."""
    return getattr(wire, "stream_type", EVENT_STREAM)
