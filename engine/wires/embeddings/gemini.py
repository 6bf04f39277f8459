"""Google's embeddings at AI Studio, `gemini-embeddings`: `:batchEmbedContents`, for one text as for many.

Sources: https://ai.google.dev/api/embeddings, https://ai.google.dev/gemini-api/docs/embeddings
"""

from typing import Any, Final

from engine.model import Model
from engine.wires.calls import losses_of
from engine.wires.codec import EncodedRequest
from engine.wires.codec import no_headers as headers
from engine.wires.embeddings.google import decode_answer, fault_in, read_usage
from engine.wires.embeddings.vocabulary import (
    EmbeddingsQuestion,
    Purpose,
    drop_user_and_extra,
    purpose_word,
    texts_of,
)
from engine.wires.losses import Losses

__all__ = ["decode_answer", "encode_request", "fault_in", "headers", "name", "path", "read_usage", "reserved"]

name: Final = "gemini-embeddings"
reserved: Final = frozenset({"model", "requests"})

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


def path(model: Model, *, stream: bool = False) -> str:  # noqa: ARG001 - the protocol's
    """The path under a provider's base URL."""
    return f"/{resource(model)}:batchEmbedContents"


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
