"""Cohere's embeddings, `cohere-embed`: `POST /v2/embed`.

Source: https://docs.cohere.com/reference/embed; what is billed: https://docs.cohere.com/docs/how-does-cohere-pricing-work
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.errors import UpstreamError
from engine.model import Model
from engine.wires.call_answers import Answers
from engine.wires.calls import bad_answer, losses_of
from engine.wires.codec import NO_HEADERS, EncodedRequest
from engine.wires.codec import no_headers as headers
from engine.wires.embeddings.vectors import vector_of
from engine.wires.embeddings.vocabulary import (
    EmbeddingsAnswer,
    EmbeddingsQuestion,
    Purpose,
    Vector,
    drop_user_and_extra,
    purpose_word,
    texts_of,
)
from engine.wires.losses import Losses
from engine.wires.usage import Paths, Usage

__all__ = ["decode_answer", "encode_request", "fault_in", "headers", "name", "path", "read_usage", "reserved"]

name: Final = "cohere-embed"
reserved: Final = frozenset({"model", "texts", "images", "inputs", "embedding_types"})

METERS: Final[Paths] = {"input_tokens": (("input_tokens",),)}
_ANSWERS: Final = Answers("embeddings", ("meta", "billed_units"), METERS)

# The API wants a purpose; where neither the client nor the model's file names one, the texts are to be found.
_DEFAULT: Final = "search_document"
_WORDS: Final[dict[Purpose, str]] = {
    "query": "search_query",
    "document": "search_document",
    "classification": "classification",
    "clustering": "clustering",
}


class _ByType(msgspec.Struct):
    numbers: list[msgspec.Raw] | None = msgspec.field(default=None, name="float")
    base64: list[str] | None = None


class _Embedded(msgspec.Struct):
    embeddings: msgspec.Raw


_EMBEDDED: Final = msgspec.json.Decoder(_Embedded)
_BY_TYPE: Final = msgspec.json.Decoder(_ByType)
_PLAIN: Final = msgspec.json.Decoder(list[msgspec.Raw])


def path(model: Model, *, stream: bool = False) -> str:  # noqa: ARG001 - the protocol's
    """The path under a provider's base URL."""
    return "/embed"


def encode_request(question: EmbeddingsQuestion, model: Model) -> EncodedRequest:
    """The request."""
    losses = losses_of(question.api, name, model)
    fields = {"model": model.upstream_model, **texts_and_options(question, losses), "embedding_types": ["float"]}
    return EncodedRequest(fields, losses.found)


def decode_answer(answer: bytes) -> EmbeddingsAnswer:
    """An answer of status 200; raises UpstreamRefused where it is none."""
    found = _ANSWERS.read(answer, _EMBEDDED)
    return EmbeddingsAnswer(vectors=vectors_of(found.embeddings), usage=read_usage(answer))


def read_usage(answer: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Usage | None:  # noqa: ARG001
    """The usage of an answer, or None where it reports none."""
    return _ANSWERS.usage(answer)


def fault_in(answer: bytes) -> UpstreamError | None:
    """What is wrong with an answer of status 200."""
    return _ANSWERS.fault_in(answer)


def texts_and_options(question: EmbeddingsQuestion, losses: Losses) -> dict[str, Any]:
    """What a request has at Cohere and on Bedrock."""
    fields: dict[str, Any] = {
        "texts": texts_of(question, losses),
        "input_type": purpose_word(question, _WORDS, losses) or _DEFAULT,
    }
    if question.dimensions is not None:
        fields["output_dimension"] = question.dimensions
    drop_user_and_extra(question, losses)
    return fields


def vectors_of(embeddings: msgspec.Raw) -> tuple[Vector, ...]:
    """The vectors: by type, or a plain list as it was before there were types."""
    try:
        if memoryview(embeddings)[0] == ord("["):
            return tuple(vector_of(raw) for raw in _PLAIN.decode(embeddings))
        by_type = _BY_TYPE.decode(embeddings)
    except msgspec.DecodeError:
        raise bad_answer("has embeddings of another form than its API says") from None
    if by_type.numbers is not None:
        return tuple(vector_of(raw) for raw in by_type.numbers)
    return tuple(Vector(base64=text) for text in by_type.base64 or ())
