"""Reranking as Cohere began it, `cohere-rerank`: `POST /v1/rerank`, which Jina, vLLM, llama.cpp and many others speak.

Sources: https://docs.cohere.com/reference/rerank, https://jina.ai/reranker, https://docs.vllm.ai/en/latest/serving/
openai_compatible_server.html#re-rank-api. They differ in what they report: Cohere counts searches, the others tokens.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.errors import InvalidRequest, UpstreamError
from engine.model import Model
from engine.wires.call_answers import Answers
from engine.wires.calls import bad_answer, losses_of
from engine.wires.codec import NO_HEADERS, EncodedAnswer, EncodedRequest
from engine.wires.codec import no_headers as headers
from engine.wires.openai_errors import openai_error as error
from engine.wires.reading import Reader
from engine.wires.rerank.vocabulary import Ranked, RerankAnswer, RerankQuestion
from engine.wires.usage import Paths, Usage

__all__ = ["common", "decode_answer", "decode_request", "encode_answer", "encode_request", "error", "fault_in"]
__all__ += ["headers", "name", "passes", "path", "read_usage", "reserved"]

name: Final = "cohere-rerank"
reserved: Final = frozenset({"model", "query", "documents"})
common: Final = frozenset({"top_n", "return_documents", "max_tokens_per_doc"})

BILLED: Final[Paths] = {"rerank_searches": (("search_units",),), "input_tokens": (("input_tokens",),)}
TOKENS: Final[Paths] = {"input_tokens": (("prompt_tokens",), ("total_tokens",))}

_DOCUMENTS: Final = msgspec.json.Decoder(tuple[msgspec.Raw, ...])
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT: Final = msgspec.json.Decoder(str)


class _Result(msgspec.Struct):
    index: int
    relevance_score: msgspec.Raw


class _Results(msgspec.Struct):
    results: list[_Result]
    id: str | None = None
    model: str | None = None


_RESULTS: Final = msgspec.json.Decoder(_Results)
_SEARCHES: Final = Answers("results", ("meta", "billed_units"), BILLED)
_COUNTED: Final = Answers("results", "usage", TOKENS)


def path(model: Model, *, stream: bool = False) -> str:  # noqa: ARG001 - the protocol's
    """The path under a provider's base URL."""
    return "/rerank"


def passes(fields: Mapping[str, msgspec.Raw], model: Model) -> bool:
    """Whether a request may go as it is. Cohere's second version takes texts alone and gives none back."""
    check(Reader(fields))
    if model.api != "cohere":
        return True
    return "return_documents" not in fields and not any(
        memoryview(document)[0] != ord('"') for document in _raw_documents(Reader(fields))
    )


def check(body: Reader) -> None:
    """Raises InvalidRequest where there is nothing to rank, or nothing to rank by."""
    for field, example in (("query", '"…"'), ("documents", '["…"]')):
        if not body.has(field):
            message = f'The body has no {field}: add "{field}": {example}.'
            raise InvalidRequest(message, code="missing_required_parameter", param=field)
    if not body.starts_with("documents", "["):
        raise body.wrong("documents", "must be an array")


def decode_request(fields: Mapping[str, msgspec.Raw]) -> RerankQuestion:
    """What the client asks; raises InvalidRequest, naming the parameter."""
    body = Reader(fields)
    check(body)
    raw_documents = _raw_documents(body)
    if not raw_documents:
        raise InvalidRequest("documents is empty: send at least one.", code="invalid_value", param="documents")
    rank_fields = body.texts("rank_fields")
    top_n = body.integer("top_n")
    if top_n is not None and top_n < 1:
        raise InvalidRequest("top_n must be 1 or more.", code="integer_below_min_value", param="top_n")
    found = RerankQuestion(
        api=name,
        model=body.needed_text("model"),
        query=body.needed_text("query"),
        documents=tuple(_text_of(document, at, rank_fields) for at, document in enumerate(raw_documents)),
        raw_documents=raw_documents,
        top_n=top_n,
        wants_documents=body.flag("return_documents") or False,
        max_tokens_per_document=body.integer("max_tokens_per_doc"),
    )
    body.flag("stream")
    return msgspec.structs.replace(found, extra=body.rest())


def encode_answer(answer: RerankAnswer, question: RerankQuestion, *, request_id: str) -> EncodedAnswer:
    """The answer: what Cohere's and Jina's clients read of it."""
    count = len(question.documents)
    if any(not 0 <= ranked.index < count for ranked in answer.ranking):
        raise bad_answer("ranks a document that was not sent")
    body: dict[str, Any] = {
        "id": answer.id or request_id,
        "model": answer.model or question.model,
        "results": [_result(ranked, question) for ranked in answer.ranking[: question.top_n]],
    }
    meters = answer.usage.meters if answer.usage is not None else {}
    if "rerank_searches" in meters:
        body["meta"] = {"billed_units": {"search_units": meters["rerank_searches"]}}
    if "input_tokens" in meters:
        body["usage"] = {"prompt_tokens": meters["input_tokens"], "total_tokens": meters["input_tokens"]}
    return EncodedAnswer(msgspec.json.encode(body))


def encode_request(question: RerankQuestion, model: Model) -> EncodedRequest:
    """The request."""
    losses = losses_of(question.api, name, model)
    fields: dict[str, Any] = {
        "model": model.upstream_model,
        "query": question.query,
        "documents": question.documents,
    }
    given = {"top_n": question.top_n, "max_tokens_per_doc": question.max_tokens_per_document}
    fields |= {option: value for option, value in given.items() if value is not None}
    return EncodedRequest({**fields, **losses.keep(question.extra)}, losses.found)


def decode_answer(answer: bytes) -> RerankAnswer:
    """An answer of status 200; raises UpstreamRefused where it is none."""
    found = _COUNTED.read(answer, _RESULTS)
    ranking = tuple(Ranked(result.index, result.relevance_score) for result in found.results)
    return RerankAnswer(ranking=ranking, id=found.id or "", model=found.model or "", usage=read_usage(answer))


def read_usage(answer: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Usage | None:  # noqa: ARG001
    """The usage of an answer, or None where it reports none: what is billed goes before what is counted."""
    return _SEARCHES.usage(answer) or _COUNTED.usage(answer)


def fault_in(answer: bytes) -> UpstreamError | None:
    """What is wrong with an answer of status 200."""
    return _COUNTED.fault_in(answer)


def _result(ranked: Ranked, question: RerankQuestion) -> dict[str, Any]:
    written: dict[str, Any] = {"index": ranked.index, "relevance_score": ranked.score}
    if question.wants_documents:
        raw = question.raw_documents[ranked.index]
        written["document"] = {"text": raw} if memoryview(raw)[0] == ord('"') else raw
    return written


def _raw_documents(body: Reader) -> tuple[msgspec.Raw, ...]:
    return body.take("documents", _DOCUMENTS, "an array") or ()


def _text_of(document: msgspec.Raw, at: int, rank_fields: tuple[str, ...]) -> str:
    """A document as text: its `text`, or all of it that is to be ranked by, a line for each field."""
    where = f"documents[{at}]"
    try:
        if memoryview(document)[0] == ord('"'):
            return _TEXT.decode(document)
        members = _MEMBERS.decode(document)
        if rank_fields:
            members = {field: members[field] for field in rank_fields if field in members}
        elif "text" in members:
            return _TEXT.decode(members["text"])
    except msgspec.DecodeError:
        message = f"{where} must be a string, or an object with a text."
        raise InvalidRequest(message, code="invalid_type", param=where) from None
    return "\n".join(f"{field}: {_line(value)}" for field, value in members.items())


def _line(value: msgspec.Raw) -> str:
    return _TEXT.decode(value) if memoryview(value)[0] == ord('"') else bytes(value).decode()
