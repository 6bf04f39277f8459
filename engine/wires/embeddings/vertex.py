"""Google's embeddings on Vertex AI, `vertex-embeddings`: `:batchEmbedContents` for Gemini's models, else `:predict`.

Sources: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api, and for
Gemini's models the package `google-genai`
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.errors import UpstreamError
from engine.model import Model
from engine.wires.call_answers import UNREADABLE
from engine.wires.calls import NO_HEADERS, bad_answer, losses_of
from engine.wires.codec import EncodedRequest
from engine.wires.embeddings.gemini import task_of
from engine.wires.embeddings.vectors import vector_of
from engine.wires.embeddings.vocabulary import EmbeddingsAnswer, EmbeddingsQuestion, drop_user_and_extra, texts_of
from engine.wires.usage import MAX_COUNT, Usage

__all__ = ["decode_answer", "encode_request", "fault_in", "headers", "name", "path", "read_usage", "reserved"]

name: Final = "vertex-embeddings"
reserved: Final = frozenset({"model", "instances", "requests"})


class _Statistics(msgspec.Struct):
    token_count: float | None = None


class _Embedding(msgspec.Struct):
    values: msgspec.Raw
    statistics: _Statistics | None = None


class _Prediction(msgspec.Struct):
    embeddings: _Embedding


class _Counts(msgspec.Struct):
    tokens: float | None = msgspec.field(default=None, name="promptTokenCount")


class _Answer(msgspec.Struct):
    predictions: list[_Prediction] | None = None
    embeddings: list[_Embedding] | None = None
    usage: _Counts | None = msgspec.field(default=None, name="usageMetadata")

    @property
    def found(self) -> list[_Embedding]:
        """The embeddings, in either form."""
        return [one.embeddings for one in self.predictions or ()] + (self.embeddings or [])


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def path(model: Model, *, stream: bool = False) -> str:  # noqa: ARG001 - the protocol's
    """The path under a location's URL."""
    return (
        f"/publishers/google/models/{model.upstream_model}:{'batchEmbedContents' if _is_gemini(model) else 'predict'}"
    )


def headers(model: Model) -> Mapping[str, str]:  # noqa: ARG001 - the protocol's
    """None beside the usual ones."""
    return NO_HEADERS


def encode_request(question: EmbeddingsQuestion, model: Model) -> EncodedRequest:
    """The request."""
    losses = losses_of(question.api, name, model)
    texts = texts_of(question, losses)
    task = task_of(question, model, losses)
    drop_user_and_extra(question, losses)
    if _is_gemini(model):
        settings = {"taskType": task, "outputDimensionality": question.dimensions}
        given = {option: value for option, value in settings.items() if value is not None}
        head: dict[str, Any] = {"embedContentConfig": given} if given else {}
        contents = [{"content": {"role": "user", "parts": [{"text": text}]}, **head} for text in texts]
        return EncodedRequest({"requests": contents}, losses.found)
    head = {"task_type": task} if task is not None else {}
    fields: dict[str, Any] = {"instances": [{**head, "content": text} for text in texts]}
    if question.dimensions is not None:
        fields["parameters"] = {"outputDimensionality": question.dimensions}
    return EncodedRequest(fields, losses.found)


def decode_answer(answer: bytes) -> EmbeddingsAnswer:
    """An answer of status 200; raises UpstreamRefused where it is none."""
    found = _read(answer)
    if isinstance(found, UpstreamError):
        raise found
    return EmbeddingsAnswer(vectors=tuple(vector_of(one.values) for one in found.found), usage=_usage(found))


def read_usage(answer: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Usage | None:  # noqa: ARG001
    """The usage of an answer, or None where it reports none: of all, or of each text, added up."""
    found = _read(answer)
    return None if isinstance(found, UpstreamError) else _usage(found)


def fault_in(answer: bytes) -> UpstreamError | None:
    """What is wrong with an answer of status 200."""
    found = _read(answer)
    return found if isinstance(found, UpstreamError) else None


def _is_gemini(model: Model) -> bool:
    names = (model.upstream_model, model.base_model.resolved if model.base_model is not None else "")
    return any("gemini" in known for known in names)


def _read(answer: bytes) -> _Answer | UpstreamError:
    try:
        found = _ANSWER.decode(answer)
    except UNREADABLE:
        return bad_answer("is of another form than its API says")
    return bad_answer("has no embeddings") if found.predictions is None and found.embeddings is None else found


def _usage(found: _Answer) -> Usage | None:
    counts = [one.statistics.token_count if one.statistics is not None else None for one in found.found]
    known = [count for count in counts if count is not None]
    if found.usage is not None and found.usage.tokens is not None:
        known = [found.usage.tokens]
    elif not known or len(known) < len(counts):
        return None
    raw = msgspec.json.encode({"token_count": known})
    if any(count < 0 or count > MAX_COUNT or not count.is_integer() for count in known):
        return Usage({}, raw, suspect=("input_tokens is no count",))
    return Usage({"input_tokens": int(sum(known))}, raw)
