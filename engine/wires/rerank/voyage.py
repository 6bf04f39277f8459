"""Voyage AI's reranker, `voyage-rerank`.

Source: https://docs.voyageai.com/reference/reranker-api
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.errors import UpstreamError
from engine.model import Model
from engine.wires.call_answers import Answers
from engine.wires.calls import losses_of
from engine.wires.codec import NO_HEADERS, EncodedRequest
from engine.wires.rerank import cohere
from engine.wires.rerank.vocabulary import Ranked, RerankAnswer, RerankQuestion
from engine.wires.usage import Paths, Usage

__all__ = ["decode_answer", "encode_request", "fault_in", "headers", "name", "path", "read_usage", "reserved"]

name: Final = "voyage-rerank"
reserved: Final = frozenset({"model", "query", "documents", "return_documents"})

METERS: Final[Paths] = {"input_tokens": (("total_tokens",),)}
_ANSWERS: Final = Answers("data", "usage", METERS)


class _Result(msgspec.Struct):
    index: int
    relevance_score: msgspec.Raw


class _Results(msgspec.Struct):
    data: list[_Result]
    model: str = ""


_RESULTS: Final = msgspec.json.Decoder(_Results)

headers = cohere.headers
path = cohere.path


def encode_request(question: RerankQuestion, model: Model) -> EncodedRequest:
    """The request. Documents that the client wants back are its own: they need not come from the upstream."""
    losses = losses_of(question.api, name, model)
    fields: dict[str, Any] = {
        "model": model.upstream_model,
        "query": question.query,
        "documents": question.documents,
    }
    if question.top_n is not None:
        fields["top_k"] = question.top_n
    if question.max_tokens_per_document is not None:
        losses.drop("max_tokens_per_doc")
    losses.keep(question.extra)
    return EncodedRequest(fields, losses.found)


def decode_answer(answer: bytes) -> RerankAnswer:
    """An answer of status 200; raises UpstreamRefused where it is none."""
    found = _ANSWERS.read(answer, _RESULTS)
    ranking = tuple(Ranked(result.index, result.relevance_score) for result in found.data)
    return RerankAnswer(ranking=ranking, model=found.model, usage=read_usage(answer))


def read_usage(answer: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Usage | None:  # noqa: ARG001
    """The usage of an answer, or None where it reports none."""
    return _ANSWERS.usage(answer)


def fault_in(answer: bytes) -> UpstreamError | None:
    """What is wrong with an answer of status 200."""
    return _ANSWERS.fault_in(answer)
