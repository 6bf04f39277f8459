"""Google's embeddings on Vertex AI, `vertex-embeddings`: `:batchEmbedContents` for Gemini's models, else `:predict`.

Sources: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api, and for
Gemini's models the package `google-genai`
"""

from typing import Any, Final

from engine.model import Model
from engine.wires.calls import losses_of
from engine.wires.codec import EncodedRequest
from engine.wires.codec import no_headers as headers
from engine.wires.embeddings.gemini import task_of
from engine.wires.embeddings.google import decode_answer, fault_in, read_usage
from engine.wires.embeddings.vocabulary import EmbeddingsQuestion, drop_user_and_extra, texts_of

__all__ = ["decode_answer", "encode_request", "fault_in", "headers", "name", "path", "read_usage", "reserved"]

name: Final = "vertex-embeddings"
reserved: Final = frozenset({"model", "instances", "requests"})


def path(model: Model, *, stream: bool = False) -> str:  # noqa: ARG001 - the protocol's
    """The path under a location's URL."""
    return (
        f"/publishers/google/models/{model.upstream_model}:{'batchEmbedContents' if _is_gemini(model) else 'predict'}"
    )


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


def _is_gemini(model: Model) -> bool:
    names = (model.upstream_model, model.base_model.resolved if model.base_model is not None else "")
    return any("gemini" in known for known in names)
