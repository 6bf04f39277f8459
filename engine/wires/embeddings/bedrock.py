"""Embeddings on Amazon Bedrock, `bedrock-embeddings`: `InvokeModel`, each maker's own body.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-mm.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html (Cohere),
https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html. Tokens that a body does not report stand in
the header `x-amzn-bedrock-input-token-count`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from engine.errors import UpstreamError
from engine.model import Model
from engine.wires.call_answers import UNREADABLE
from engine.wires.calls import bad_answer, header_count, losses_of
from engine.wires.codec import NO_HEADERS, EncodedRequest
from engine.wires.codec import no_headers as headers
from engine.wires.embeddings.cohere import texts_and_options, vectors_of
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
from engine.wires.usage import Paths, Usage, read_counts

__all__ = ["decode_answer", "encode_request", "fault_in", "headers", "name", "path", "read_usage", "reserved"]

name: Final = "bedrock-embeddings"
reserved: Final = frozenset({"inputText", "inputImage", "texts", "images", "taskType", "singleEmbeddingParams"})

METERS: Final[Paths] = {"input_tokens": (("inputTextTokenCount",),)}
_TOKENS_HEADER: Final = "x-amzn-bedrock-input-token-count"

# Nova wants a purpose; where neither the client nor the model's file names one, the texts are to be found.
_DEFAULT_PURPOSE: Final = "GENERIC_INDEX"
_PURPOSES: Final[dict[Purpose, str]] = {
    "query": "GENERIC_RETRIEVAL",
    "text_query": "TEXT_RETRIEVAL",
    "document": "GENERIC_INDEX",
    "classification": "CLASSIFICATION",
    "clustering": "CLUSTERING",
}
_ABSENT: Final = msgspec.Raw(b"")
_UNSAFE: Final = re.compile(rb"[^A-Za-z0-9_.~-]")


class _Found(msgspec.Struct):
    embedding: msgspec.Raw = _ABSENT  # Titan
    embeddings: msgspec.Raw = _ABSENT  # Cohere, Nova
    input_tokens: msgspec.Raw = msgspec.field(default=_ABSENT, name="inputTextTokenCount")


class _NovaItem(msgspec.Struct):
    embedding: msgspec.Raw


_FOUND: Final = msgspec.json.Decoder(_Found)
_NOVA: Final = msgspec.json.Decoder(list[_NovaItem])


def path(model: Model, *, stream: bool = False) -> str:  # noqa: ARG001 - the protocol's
    """The path under a provider's base URL; names and ARNs are percent-encoded."""
    return f"/model/{_UNSAFE.sub(_percent, model.upstream_model.encode()).decode()}/invoke"


def encode_request(question: EmbeddingsQuestion, model: Model) -> EncodedRequest:
    """The request; raises InvalidRequest for several texts at once where the model takes one a call."""
    losses = losses_of(question.api, name, model)
    return EncodedRequest(_writer(model)(question, model, losses), losses.found)


def decode_answer(answer: bytes) -> EmbeddingsAnswer:
    """An answer of status 200, by its form; raises UpstreamRefused where it is none."""
    fault = fault_in(answer)
    if fault is not None:
        raise fault
    return EmbeddingsAnswer(vectors=_vectors(_FOUND.decode(answer)), usage=read_usage(answer))


def read_usage(answer: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Usage | None:
    """The usage of an answer, from its body or else from a header; None where neither reports any."""
    try:
        raw = _FOUND.decode(answer).input_tokens
    except UNREADABLE:
        return None
    if raw:
        counted, suspect = read_counts({"inputTextTokenCount": msgspec.json.decode(raw)}, METERS, tuple(METERS))
        return Usage(counted, b'{"inputTextTokenCount":%s}' % bytes(raw), suspect=suspect)
    count = header_count(headers, _TOKENS_HEADER)
    return None if count is None else Usage({"input_tokens": count}, b'{"%s":%d}' % (_TOKENS_HEADER.encode(), count))


def fault_in(answer: bytes) -> UpstreamError | None:
    """What is wrong with an answer of status 200."""
    try:
        found = _FOUND.decode(answer)
    except UNREADABLE:
        return bad_answer("is no JSON object")
    return bad_answer("has no embeddings") if not (found.embedding or found.embeddings) else None


def _vectors(found: _Found) -> tuple[Vector, ...]:
    if found.embedding:
        return (vector_of(found.embedding),)
    try:
        return tuple(vector_of(item.embedding) for item in _NOVA.decode(found.embeddings))
    except msgspec.DecodeError:
        return vectors_of(found.embeddings)


def _writer(model: Model) -> "Callable[[EmbeddingsQuestion, Model, Losses], dict[str, Any]]":
    """By the model's name, or, behind an ARN that says nothing, by the base model's; else Amazon's own."""
    names = (model.upstream_model, model.base_model.resolved if model.base_model is not None else "")
    if any("cohere" in known for known in names):
        return _cohere
    return _nova if any("nova" in known for known in names) else _titan


def _cohere(question: EmbeddingsQuestion, model: Model, losses: Losses) -> dict[str, Any]:  # noqa: ARG001
    return texts_and_options(question, losses)


def _titan(question: EmbeddingsQuestion, model: Model, losses: Losses) -> dict[str, Any]:
    fields: dict[str, Any] = {"inputText": _only_text(question, losses)}
    purpose_word(question, {}, losses)
    drop_user_and_extra(question, losses)
    if question.dimensions is None:
        return fields
    if "titan-embed-image" in model.upstream_model:
        fields["embeddingConfig"] = {"outputEmbeddingLength": question.dimensions}
    elif "titan-embed-text-v1" in model.upstream_model or "titan-embed-g1" in model.upstream_model:
        losses.drop("dimensions")
    else:
        fields["dimensions"] = question.dimensions
    return fields


def _nova(question: EmbeddingsQuestion, model: Model, losses: Losses) -> dict[str, Any]:  # noqa: ARG001
    parameters: dict[str, Any] = {
        "embeddingPurpose": purpose_word(question, _PURPOSES, losses) or _DEFAULT_PURPOSE,
        "text": {"value": _only_text(question, losses), "truncationMode": "NONE"},
    }
    if question.dimensions is not None:
        parameters["embeddingDimension"] = question.dimensions
    drop_user_and_extra(question, losses)
    return {"taskType": "SINGLE_EMBEDDING", "singleEmbeddingParams": parameters}


def _only_text(question: EmbeddingsQuestion, losses: Losses) -> str:
    texts = texts_of(question, losses)
    if len(texts) > 1:
        raise losses.refusal("input", "it takes one text a call")
    return texts[0]


def _percent(found: re.Match[bytes]) -> bytes:
    return b"%%%02X" % found[0][0]
