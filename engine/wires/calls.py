"""Calls that are no conversations: one question, one whole answer, no stream. Embeddings and reranking are such calls.

As with conversations, `CallApi` is an API that our clients speak and `CallWire` one that providers speak; between them
stands a small vocabulary of each room's own. `CallCrossing` is how one model is reached from one API, the same bytes
or not.
"""

from collections.abc import Mapping
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from engine.errors import GatewayError, InvalidRequest, UpstreamError, UpstreamRefused
from engine.model import Model
from engine.wires.body import Body
from engine.wires.codec import NO_HEADERS, EncodedAnswer, EncodedRequest
from engine.wires.conversation import Conversation
from engine.wires.losses import Losses
from engine.wires.splice import Splice
from engine.wires.usage import Usage

Question = TypeVar("Question")
Question_contra = TypeVar("Question_contra", contravariant=True)
Found = TypeVar("Found")
Found_co = TypeVar("Found_co", covariant=True)
Found_contra = TypeVar("Found_contra", contravariant=True)


class CallApi(Protocol[Question, Found_contra]):
    """An API that clients speak. `common` are the parameters that a model's file may set by these names for any wire."""

    @property
    def name(self) -> str:
        """Its name in the table."""
        ...

    @property
    def common(self) -> frozenset[str]:
        """Parameters that mean the same whatever the wire."""
        ...

    def passes(self, fields: Mapping[str, msgspec.Raw], model: Model, /) -> bool:
        """Whether a request may go as it is to a provider that speaks the same; raises InvalidRequest."""
        ...

    def decode_request(self, fields: Mapping[str, msgspec.Raw], /) -> Question:
        """What the client asks; raises InvalidRequest, naming the parameter."""
        ...

    def encode_answer(self, answer: Found_contra, question: Question, /, *, request_id: str) -> EncodedAnswer:
        """The answer; raises UpstreamRefused where it does not answer the question."""
        ...

    def error(self, error: GatewayError, /) -> bytes:
        """The body of an error reply, in the API's shape."""
        ...


class CallWire(Protocol[Question_contra, Found_co]):
    """A payload format that providers speak."""

    @property
    def name(self) -> str:
        """Its name in the table."""
        ...

    @property
    def reserved(self) -> frozenset[str]:
        """Top-level fields that the gateway itself answers for; a model's file may not set them."""
        ...

    def path(self, model: Model, /, *, stream: bool = False) -> str:
        """The path under a provider's base URL."""
        ...

    def headers(self, model: Model, /) -> Mapping[str, str]:
        """Headers beside content type and authentication, in lower case."""
        ...

    def encode_request(self, question: Question_contra, model: Model, /) -> EncodedRequest:
        """The request; raises InvalidRequest for what may not be dropped, or for any loss where `model.strict`."""
        ...

    def decode_answer(self, answer: bytes, /) -> Found_co:
        """An answer of status 200; raises UpstreamRefused where it is none."""
        ...

    def read_usage(self, answer: bytes, headers: Mapping[str, str] = NO_HEADERS, /) -> Usage | None:
        """The usage of an answer. Some providers report it in a header: `headers` are the answer's, in lower case."""
        ...

    def fault_in(self, answer: bytes, /) -> UpstreamError | None:
        """What is wrong with an answer of status 200."""
        ...


class CrossedCall(msgspec.Struct, Generic[Question], frozen=True):
    """A request on its way: the upstream's body, what was lost, and the question; None where bytes are passed through."""

    body: bytes
    losses: tuple[str, ...] = ()
    question: Question | None = None


class CallCrossing(Generic[Question, Found]):
    """How one model is reached from one API. Made once per snapshot.

    Where the provider speaks the same and the API allows it, bytes go through but for the model's name and what the
    model's file declares.
    """

    __slots__ = ("_api", "_declared", "_model", "_own", "_passing", "_wire")

    def __init__(self, api: CallApi[Question, Found], wire: CallWire[Question, Found], model: Model) -> None:
        """Raises ValueError where the model's file sets a field that the gateway answers for."""
        self._api = api
        self._wire = wire
        self._model = model
        reserved = wire.reserved
        self._passing = Splice(model, reserved=reserved) if api.name == wire.name else None
        self._declared = Splice(_only(model, api.common, common=True), reserved=reserved, names_model=False)
        own = msgspec.structs.replace(_only(model, api.common, common=False), forbid=())
        self._own = Splice(own, reserved=reserved, names_model=False)

    def encode(self, body: Body) -> CrossedCall[Question]:
        """The request for the upstream.

        Raises:
            InvalidRequest: 400, naming the client's parameter that is wrong, or that cannot be carried.
        """
        if body.stream:
            raise InvalidRequest("This API does not stream: leave stream out.", code="invalid_value", param="stream")
        fields: dict[str, Any] = body.fields.copy()
        if self._passing is not None and self._api.passes(body.fields, self._model):
            self._passing.apply(fields)
            return CrossedCall(msgspec.json.encode(fields))
        self._declared.apply(fields)
        question = self._api.decode_request(fields)
        request = self._wire.encode_request(question, self._model)
        self._own.apply(request.fields)
        return CrossedCall(msgspec.json.encode(request.fields), request.losses, question)

    def answer(self, answer: bytes, request: CrossedCall[Question], *, request_id: str) -> EncodedAnswer:
        """What the client gets of an answer of status 200; raises UpstreamRefused where it cannot be read."""
        if request.question is None:
            return EncodedAnswer(answer)
        found = self._wire.decode_answer(answer)
        return self._api.encode_answer(found, request.question, request_id=request_id)

    def read_usage(self, answer: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Usage | None:
        """The usage of an answer; `headers` are the answer's, in lower case."""
        return self._wire.read_usage(answer, headers)

    def fault_in(self, answer: bytes) -> UpstreamError | None:
        """What is wrong with an answer of status 200."""
        return self._wire.fault_in(answer)


def losses_of(api: str, wire: str, model: Model) -> Losses:
    """Collects what a question of `api` loses on its way to `wire`."""
    return Losses(Conversation(wire=api, model=model.name, turns=()), wire, strict=model.strict)


def bad_answer(what: str) -> UpstreamRefused:
    """The fault of an answer of status 200 that is not what was asked for."""
    error = UpstreamRefused(f"The upstream's answer {what}.", code="upstream_bad_body")
    error.upstream_status = 200
    return error


def header_count(headers: Mapping[str, str], name: str) -> int | None:
    """The count in a header, None where there is none."""
    text = headers.get(name, "").strip()
    return int(text) if text.isdecimal() and len(text) < 12 else None


def _only(model: Model, names: frozenset[str], *, common: bool) -> Model:
    """The model with those of its declared parameters that are, or are not, among `names`."""

    def chosen(values: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if (name in names) is common}

    return msgspec.structs.replace(model, defaults=chosen(model.defaults), overrides=chosen(model.overrides))
