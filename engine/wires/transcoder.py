"""One client API to one provider's wire: what a model needs for it, and one stream on its way across.

`Transcoder` has the face of a `StreamReader` that passes a stream through, so that who reads the upstream and writes to
the client needs no second way.
"""

from collections.abc import Sequence

import msgspec

from engine.errors import UpstreamBroken, UpstreamError
from engine.model import Model
from engine.wires.answer import Answer
from engine.wires.body import Body
from engine.wires.codec import Asked, ClientApi, EncodedAnswer, ProviderWire, StreamDecoder, StreamEncoder
from engine.wires.conversation import Conversation
from engine.wires.declared import Declared, own_names
from engine.wires.events import Event
from engine.wires.splice import Splice, limit_output
from engine.wires.usage import Usage


class CrossedRequest(msgspec.Struct, frozen=True):
    """A request on its way to another wire: the upstream's body, what was lost, and what the client asked."""

    body: bytes
    losses: tuple[str, ...]
    conversation: Conversation


class Crossing:
    """How one model is reached from an API that its provider does not speak. Made once per snapshot."""

    __slots__ = ("_api", "_declared", "_model", "_splice", "_wire")

    def __init__(self, api: ClientApi, wire: ProviderWire, model: Model) -> None:
        """Raises ValueError where the model's file sets a field that the gateway answers for, or to a wrong type."""
        self._api = api
        self._wire = wire
        self._model = model
        self._declared = Declared(model)
        self._splice = Splice(
            msgspec.structs.replace(
                model, defaults=own_names(model.defaults), overrides=own_names(model.overrides), forbid=()
            ),
            reserved=wire.reserved,
            parameters=getattr(wire, "parameters", {}),  # of a wire whose options do not stand at the top level
            names_model=False,
        )

    def encode(self, body: Body) -> CrossedRequest:
        """The request for the upstream.

        Raises:
            InvalidRequest: 400, naming the client's parameter that is wrong, or that cannot be carried.
        """
        asked = limit_output(self._api.decode_request(body.fields), self._model.limits)
        conversation = self._declared.apply(asked, body.fields)
        request = self._wire.encode_request(conversation, self._model)
        self._splice.apply(request.fields)
        return CrossedRequest(msgspec.json.encode(request.fields), request.losses, conversation)

    def answer(self, answer: bytes, asked: Asked) -> EncodedAnswer:
        """A whole answer of the upstream, in the client's API; raises UpstreamRefused where it cannot be read."""
        return self._api.encode_answer(self.decode(answer), asked)

    def decode(self, answer: bytes) -> Answer:
        """A whole answer of the upstream."""
        return self._wire.decode_answer(answer)

    def transcoder(self, asked: Asked) -> "Transcoder":
        """What carries one stream across."""
        return Transcoder(self._wire.stream_decoder(), self._api.stream_encoder(asked))


class Transcoder:
    """Carries one stream across; see `table.StreamReader` for its face.

    `tail` is what the client's API ends with, made when the upstream is done. `losses` names what could not be carried.
    """

    __slots__ = ("_decoder", "_encoder", "_has_passed", "done", "error", "tail", "usage")

    def __init__(self, decoder: StreamDecoder, encoder: StreamEncoder) -> None:
        self._decoder = decoder
        self._encoder = encoder
        self._has_passed = False
        self.usage: Usage | None = None
        self.error: UpstreamError | None = None
        self.done = False
        self.tail = b""

    @property
    def losses(self) -> tuple[str, ...]:
        """What of the upstream's could not be carried."""
        return self._encoder.losses

    def feed(self, chunk: bytes) -> bytes:
        """The bytes to pass on now."""
        if self.done or self.error is not None:
            return b""
        return self._carry(self._decoder.feed(chunk))

    def finish(self) -> bytes:
        """The upstream has ended: the bytes that are left to pass on."""
        if self.done or self.error is not None:
            return b""
        return self._carry(self._decoder.finish())

    def _carry(self, events: Sequence[Event]) -> bytes:
        decoder = self._decoder
        passing = self._encoder.encode(events) if events else b""
        self._has_passed = self._has_passed or bool(passing)
        self.usage = decoder.usage
        error = decoder.error
        if error is not None:
            self.error = UpstreamBroken(error.message, code=error.code) if self._has_passed else error
        elif decoder.done:
            self.done = True
            self.tail = self._encoder.end()
        return passing
