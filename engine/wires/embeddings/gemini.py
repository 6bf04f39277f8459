"""Google's embeddings at AI Studio, `gemini-embeddings`: `:batchEmbedContents`, for one text as for many.

Sources: https://ai.google.dev/api/embeddings, https://ai.google.dev/gemini-api/docs/embeddings
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.errors import UpstreamError
from engine.model import Model
from engine.wires.call_answers import Answers
from engine.wires.calls import NO_HEADERS, losses_of
from engine.wires.codec import EncodedRequest
from engine.wires.embeddings.vectors import vector_of
from engine.wires.embeddings.vocabulary import (
    EmbeddingsAnswer,
    EmbeddingsQuestion,
    Purpose,
    drop_user_and_extra,
    purpose_word,
    texts_of,
)
from engine.wires.losses import Losses
from engine.wires.usage import Paths, Usage

__all__ = ["decode_answer", "encode_request", "fault_in", "headers", "name", "path", "read_usage", "reserved"]

name: Final = "gemini-embeddings"
reserved: Final = frozenset({"model", "requests"})

METERS: Final[Paths] = {"input_tokens": (("promptTokenCount",),)}
_ANSWERS: Final = Answers("embeddings", "usageMetadata", METERS)

TASKS: Final[dict[Purpose, str]] = {
    "query": "RETRIEVAL_QUERY",
    "document": "RETRIEVAL_DOCUMENT",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
    "similarity": "SEMANTIC_SIMILARITY",
    "code_query": "CODE_RETRIEVAL_QUERY",
    "question": "QUESTION_ANSWERING",
    "fact_check": "FACT_VERIFICATION",
}


class _Values(msgspec.Struct):
    values: msgspec.Raw


class _Embedded(msgspec.Struct):
    embeddings: list[_Values]


_EMBEDDED: Final = msgspec.json.Decoder(_Embedded)


def path(model: Model, *, stream: bool = False) -> str:  # noqa: ARG001 - the protocol's
    """The path under a provider's base URL."""
    return f"/{resource(model)}:batchEmbedContents"


def headers(model: Model) -> Mapping[str, str]:  # noqa: ARG001 - the protocol's
    """None beside the usual ones."""
    return NO_HEADERS


def resource(model: Model) -> str:
    """The model's resource name."""
    upstream = model.upstream_model
    return upstream if upstream.startswith(("models/", "tunedModels/")) else f"models/{upstream}"


def task_of(question: EmbeddingsQuestion, model: Model, losses: Losses) -> str | None:
    """The task type. From the second generation on the text itself has to say it, and the field means nothing."""
    has_none = "embedding-2" in model.upstream_model
    return purpose_word(question, {} if has_none else TASKS, losses)


def encode_request(question: EmbeddingsQuestion, model: Model) -> EncodedRequest:
    """The request: one for each text."""
    losses = losses_of(question.api, name, model)
    texts = texts_of(question, losses)
    head: dict[str, Any] = {"model": resource(model)}
    if (task := task_of(question, model, losses)) is not None:
        head["taskType"] = task
    if question.dimensions is not None:
        head["outputDimensionality"] = question.dimensions
    drop_user_and_extra(question, losses)
    return EncodedRequest(
        {"requests": [{**head, "content": {"parts": [{"text": text}]}} for text in texts]}, losses.found
    )


def decode_answer(answer: bytes) -> EmbeddingsAnswer:
    """An answer of status 200; raises UpstreamRefused where it is none."""
    found = _ANSWERS.read(answer, _EMBEDDED)
    vectors = tuple(vector_of(embedding.values) for embedding in found.embeddings)
    return EmbeddingsAnswer(vectors=vectors, usage=read_usage(answer))


def read_usage(answer: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Usage | None:  # noqa: ARG001
    """The usage of an answer, or None where it reports none: the first generation does not."""
    return _ANSWERS.usage(answer)


def fault_in(answer: bytes) -> UpstreamError | None:
    """What is wrong with an answer of status 200."""
    return _ANSWERS.fault_in(answer)
