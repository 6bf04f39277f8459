"""Google's embeddings on Vertex AI, `vertex-embeddings`: `:predict`.

Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.errors import UpstreamError
from engine.model import Model
from engine.wires.call_answers import UNREADABLE, Answers
from engine.wires.calls import NO_HEADERS, losses_of
from engine.wires.codec import EncodedRequest
from engine.wires.embeddings.gemini import task_of
from engine.wires.embeddings.vectors import vector_of
from engine.wires.embeddings.vocabulary import EmbeddingsAnswer, EmbeddingsQuestion, drop_user_and_extra, texts_of
from engine.wires.usage import MAX_COUNT, Usage

__all__ = ["decode_answer", "encode_request", "fault_in", "headers", "name", "path", "read_usage", "reserved"]

name: Final = "vertex-embeddings"
reserved: Final = frozenset({"model", "instances"})

_ANSWERS: Final = Answers("predictions", "", {})


class _Statistics(msgspec.Struct):
    token_count: float


class _Embeddings(msgspec.Struct):
    values: msgspec.Raw
    statistics: _Statistics | None = None


class _Prediction(msgspec.Struct):
    embeddings: _Embeddings


class _Predicted(msgspec.Struct):
    predictions: list[_Prediction]


_PREDICTED: Final = msgspec.json.Decoder(_Predicted)


def path(model: Model, *, stream: bool = False) -> str:  # noqa: ARG001 - the protocol's
    """The path under a provider's base URL."""
    return f"/publishers/google/models/{model.upstream_model}:predict"


def headers(model: Model) -> Mapping[str, str]:  # noqa: ARG001 - the protocol's
    """None beside the usual ones."""
    return NO_HEADERS


def encode_request(question: EmbeddingsQuestion, model: Model) -> EncodedRequest:
    """The request; raises InvalidRequest for several texts at once where the model takes one a call."""
    losses = losses_of(question.api, name, model)
    texts = texts_of(question, losses)
    if len(texts) > 1 and "gemini-embedding" in model.upstream_model:
        raise losses.refusal("input", "it takes one text a call")
    head: dict[str, Any] = {}
    if (task := task_of(question, model, losses)) is not None:
        head["task_type"] = task
    fields: dict[str, Any] = {"instances": [{**head, "content": text} for text in texts]}
    if question.dimensions is not None:
        fields["parameters"] = {"outputDimensionality": question.dimensions}
    drop_user_and_extra(question, losses)
    return EncodedRequest(fields, losses.found)


def decode_answer(answer: bytes) -> EmbeddingsAnswer:
    """An answer of status 200; raises UpstreamRefused where it is none."""
    found = _ANSWERS.read(answer, _PREDICTED)
    vectors = tuple(vector_of(one.embeddings.values) for one in found.predictions)
    return EmbeddingsAnswer(vectors=vectors, usage=_usage(found))


def read_usage(answer: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Usage | None:  # noqa: ARG001
    """The usage of an answer, or None where it reports none: the tokens of each text, added up."""
    try:
        return _usage(_PREDICTED.decode(answer))
    except UNREADABLE:
        return None


def fault_in(answer: bytes) -> UpstreamError | None:
    """What is wrong with an answer of status 200."""
    return _ANSWERS.fault_in(answer)


def _usage(found: _Predicted) -> Usage | None:
    counts = [one.embeddings.statistics.token_count for one in found.predictions if one.embeddings.statistics]
    if not counts or len(counts) < len(found.predictions):
        return None
    raw = msgspec.json.encode({"token_count": counts})
    if any(count < 0 or count > MAX_COUNT or not count.is_integer() for count in counts):
        return Usage({}, raw, suspect=("input_tokens is no count",))
    return Usage({"input_tokens": int(sum(counts))}, raw)
