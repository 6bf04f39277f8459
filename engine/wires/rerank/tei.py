"""The reranker of Hugging Face's Text Embeddings Inference, `tei-rerank`: a bare list of all documents.

Source: https://huggingface.github.io/text-embeddings-inference/#/Text%20Embeddings%20Inference/rerank. One server has
one model. It counts in the header `x-compute-tokens`.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.errors import UpstreamError
from engine.model import Model
from engine.wires.call_answers import UNREADABLE
from engine.wires.calls import bad_answer, header_count, losses_of
from engine.wires.codec import NO_HEADERS, EncodedRequest
from engine.wires.rerank import cohere
from engine.wires.rerank.vocabulary import Ranked, RerankAnswer, RerankQuestion
from engine.wires.usage import Usage

__all__ = ["decode_answer", "encode_request", "fault_in", "headers", "name", "path", "read_usage", "reserved"]

name: Final = "tei-rerank"
reserved: Final = frozenset({"query", "texts", "return_text"})

_TOKENS_HEADER: Final = "x-compute-tokens"


class _Rank(msgspec.Struct):
    index: int
    score: msgspec.Raw


_RANKS: Final = msgspec.json.Decoder(list[_Rank])
_NUMBER: Final = msgspec.json.Decoder(float)

headers = cohere.headers
path = cohere.path


def encode_request(question: RerankQuestion, model: Model) -> EncodedRequest:
    """The request. It ranks them all: how many the client wants is left to the answer."""
    losses = losses_of(question.api, name, model)
    if question.max_tokens_per_document is not None:
        losses.drop("max_tokens_per_doc")
    losses.keep(question.extra)
    fields: dict[str, Any] = {"query": question.query, "texts": question.documents}
    return EncodedRequest(fields, losses.found)


def decode_answer(answer: bytes) -> RerankAnswer:
    """An answer of status 200, the best first; raises UpstreamRefused where it is none."""
    try:
        found = sorted(_RANKS.decode(answer), key=lambda rank: -_NUMBER.decode(rank.score))
    except UNREADABLE:
        raise bad_answer("is no list of ranks") from None
    return RerankAnswer(ranking=tuple(Ranked(rank.index, rank.score) for rank in found))


def read_usage(answer: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Usage | None:  # noqa: ARG001
    """The usage of an answer, from its headers; None where they report none."""
    count = header_count(headers, _TOKENS_HEADER)
    return None if count is None else Usage({"input_tokens": count}, b'{"%s":%d}' % (_TOKENS_HEADER.encode(), count))


def fault_in(answer: bytes) -> UpstreamError | None:
    """What is wrong with an answer of status 200."""
    try:
        _RANKS.decode(answer)
    except UNREADABLE:
        return bad_answer("is no list of ranks")
    return None
