"""Reranking: each wire's documented answers through the crossing that serves it, and what a client gives."""

import contextlib
import json
import random
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from wires.matrix import make_model
from wires.mutation import mutated

from engine.errors import InvalidRequest, UpstreamError, UpstreamRefused
from engine.wires.body import Body, parse_body
from engine.wires.calls import CallCrossing, CrossedCall
from engine.wires.codec import NO_HEADERS
from engine.wires.rerank import RERANK_APIS, RERANK_WIRES
from engine.wires.rerank.vocabulary import RerankAnswer, RerankQuestion

Crossing = CallCrossing[RerankQuestion, RerankAnswer]

API = "cohere-rerank"

# Name → wire, answer and headers as their documentation has them, and the meters in them. All rank the second first.
DOCUMENTED: Mapping[str, tuple[str, Any, Mapping[str, str], dict[str, int]]] = {
    "Cohere": (
        "cohere-rerank",
        {
            "id": "07734bd2",
            "results": [{"index": 1, "relevance_score": 0.999071}, {"index": 0, "relevance_score": 0.32713068}],
            "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1.0}},
        },
        NO_HEADERS,
        {"rerank_searches": 1},
    ),
    "Jina": (
        "cohere-rerank",
        {
            "model": "jina-reranker-v2-base-multilingual",
            "usage": {"total_tokens": 815},
            "results": [{"index": 1, "relevance_score": 0.999071}, {"index": 0, "relevance_score": 0.32713068}],
        },
        NO_HEADERS,
        {"input_tokens": 815},
    ),
    "vLLM": (
        "cohere-rerank",
        {
            "id": "rerank-fae51b2b",
            "model": "BAAI/bge-reranker-base",
            "usage": {"prompt_tokens": 56, "total_tokens": 56},
            "results": [
                {"index": 1, "document": {"text": "b"}, "relevance_score": 0.999071},
                {"index": 0, "document": {"text": "a"}, "relevance_score": 0.32713068},
            ],
        },
        NO_HEADERS,
        {"input_tokens": 56},
    ),
    "Voyage": (
        "voyage-rerank",
        {
            "object": "list",
            "data": [{"relevance_score": 0.999071, "index": 1}, {"relevance_score": 0.32713068, "index": 0}],
            "model": "rerank-2",
            "usage": {"total_tokens": 26},
        },
        NO_HEADERS,
        {"input_tokens": 26},
    ),
    "TEI": (
        "tei-rerank",
        [{"index": 0, "score": 0.32713068}, {"index": 1, "score": 0.999071}],
        {"x-compute-tokens": "13"},
        {"input_tokens": 13},
    ),
}


def body_of(**fields: Any) -> Body:
    return parse_body(json.dumps({"model": "@acme/bot", "query": "q?", "documents": ["a", "b"], **fields}).encode())


def crossing(wire: str, **fields: Any) -> Crossing:
    return CallCrossing(RERANK_APIS[API], RERANK_WIRES[wire], make_model(wire=wire, **{"api": "cohere", **fields}))


def sent(wire: str, model: Mapping[str, Any] | None = None, **fields: Any) -> tuple[dict[str, Any], tuple[str, ...]]:
    request = crossing(wire, **(model or {})).encode(body_of(**fields))
    return json.loads(request.body), request.losses


def asked(crossed: Crossing, **fields: Any) -> CrossedCall[RerankQuestion]:
    return crossed.encode(body_of(return_documents=True, **fields))


def test_every_wire_is_tested():
    assert {wire for wire, *_ in DOCUMENTED.values()} == set(RERANK_WIRES)
    assert set(RERANK_APIS) == {API}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_answers_reach_clients(name: str):
    wire, body, headers, meters = DOCUMENTED[name]
    answer = json.dumps(body).encode()
    crossed = crossing(wire)
    assert crossed.fault_in(answer) is None
    usage = crossed.read_usage(answer, headers)
    assert usage is not None
    assert (usage.meters, usage.suspect) == (meters, ())
    reply = json.loads(crossed.answer(answer, asked(crossed), request_id="req-1").body)
    assert reply["results"] == [
        {"index": 1, "relevance_score": 0.999071, "document": {"text": "b"}},
        {"index": 0, "relevance_score": 0.32713068, "document": {"text": "a"}},
    ]
    is_list = isinstance(body, list)
    assert reply["id"] == ("req-1" if is_list else body.get("id", "req-1"))
    assert reply["model"] == ("@acme/bot" if is_list else body.get("model", "@acme/bot"))
    if not is_list:
        assert ("meta" in reply) is ("meta" in body)
        assert ("usage" in reply) is ("usage" in body)
    one = json.loads(crossed.answer(answer, asked(crossed, top_n=1), request_id="req-1").body)
    assert one["results"] == reply["results"][:1]


@pytest.mark.parametrize("wire", sorted(RERANK_WIRES))
@pytest.mark.parametrize("answer", [b"", b"7", b"{}", b'{"results":7,"data":7}', b'[{"index":"x"}]', b"[" * 10**5])
def test_what_is_no_answer_is_a_fault(wire: str, answer: bytes):
    assert crossing(wire).read_usage(answer) is None
    with pytest.raises(UpstreamRefused) as refused:
        RERANK_WIRES[wire].decode_answer(answer)
    assert refused.value.code == "upstream_bad_body"


@pytest.mark.parametrize("name", DOCUMENTED)
def test_whatever_an_answer_holds_it_is_read_or_refused(name: str):
    wire, body, headers, _ = DOCUMENTED[name]
    chosen, crossed = random.Random(7), crossing(wire)
    for _ in range(150):
        answer = json.dumps(mutated(body, chosen)).encode()
        crossed.read_usage(answer, headers)
        crossed.fault_in(answer)
        with contextlib.suppress(UpstreamError):
            crossed.answer(answer, asked(crossed), request_id="r")


@pytest.mark.parametrize("index", [-1, 2])
def test_a_document_that_was_not_sent_cannot_be_ranked(index: int):
    crossed = crossing("tei-rerank")
    with pytest.raises(UpstreamRefused):
        crossed.answer(json.dumps([{"index": index, "score": 1}]).encode(), asked(crossed), request_id="r")


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ("cohere-rerank", {"model": "upstream-bot", "query": "q?", "documents": ["a", "b"], "top_n": 1}),
        ("voyage-rerank", {"model": "upstream-bot", "query": "q?", "documents": ["a", "b"], "top_k": 1}),
        ("tei-rerank", {"query": "q?", "texts": ["a", "b"]}),
    ],
)
def test_requests(wire: str, expected: dict[str, Any]):
    assert sent(wire, top_n=1, documents=[{"text": "a"}, "b"], return_documents=False) == (expected, ())


@pytest.mark.parametrize("wire", ["voyage-rerank", "tei-rerank"])
def test_what_has_no_place_is_named(wire: str):
    losses = sent(wire, max_tokens_per_doc=5, priority=1)[1]
    assert losses == ("max_tokens_per_doc", "priority")
    with pytest.raises(InvalidRequest):
        sent(wire, {"strict": True}, priority=1)


def test_documents_that_are_objects_become_text():
    rows = [{"title": "A", "body": "b", "year": 7}, {"text": "c", "id": 1}]
    assert sent("cohere-rerank", documents=rows)[0]["documents"] == ["title: A\nbody: b\nyear: 7", "c"]
    by_fields = sent("cohere-rerank", documents=rows, rank_fields=["title", "text"])[0]
    assert (by_fields["documents"], "rank_fields" in by_fields) == (["title: A", "text: c"], False)
    crossed = crossing("cohere-rerank")
    request = asked(crossed, documents=rows)
    reply = crossed.answer(b'{"results":[{"index":0,"relevance_score":1}]}', request, request_id="r")
    assert json.loads(reply.body)["results"][0]["document"] == rows[0]


def test_the_same_wire_passes_bytes_through():
    data = b'{"model":"@acme/bot","query" : "q","documents":["a" , {"text":"b"}],"return_documents":true}'
    for api, passes in (("vllm", True), ("cohere", False)):
        crossed = crossing(API, api=api)
        request = crossed.encode(parse_body(data))
        assert (request.question is None) is passes
        answer = b'{"results" : [ ]}'
        assert (crossed.answer(answer, request, request_id="r").body is answer) is passes
    assert request.body == b'{"model":"upstream-bot","query":"q","documents":["a","b"]}'
    plain = crossing(API).encode(body_of(priority=1))
    assert (plain.question, json.loads(plain.body)["priority"]) == (None, 1)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"query": None}, "query"),
        ({"query": 7}, "query"),
        ({"documents": None}, "documents"),
        ({"documents": "a"}, "documents"),
        ({"documents": []}, "documents"),
        ({"documents": ["a", 7]}, "documents[1]"),
        ({"documents": [{"text": 7}]}, "documents[0]"),
        ({"top_n": 0}, "top_n"),
        ({"return_documents": "yes"}, "return_documents"),
        ({"stream": True}, "stream"),
    ],
)
def test_bad_requests_are_told_by_name(fields: dict[str, Any], param: str):
    with pytest.raises(InvalidRequest) as refused:
        sent("voyage-rerank", **fields)
    assert (refused.value.status, refused.value.param) == (400, param)


@pytest.mark.parametrize("wire", sorted(RERANK_WIRES))
def test_what_a_models_file_declares(wire: str):
    made, losses = sent(wire, {"defaults": {"own": 1}, "overrides": {"top_n": 1}}, top_n=2)
    assert (made["own"], made.get("top_n", made.get("top_k", 1)), losses) == (1, 1, ())
    for name in RERANK_WIRES[wire].reserved:
        with pytest.raises(ValueError, match=name):
            crossing(wire, defaults={name: 1})


def test_numbers_are_the_upstreams():
    crossed = crossing("tei-rerank")
    reply = crossed.answer(b'[{"index":1,"score":1.0000000000000000001e-05}]', asked(crossed), request_id="r")
    assert b"1.0000000000000000001e-05" in reply.body
    assert msgspec.json.decode(reply.body)["results"][0]["index"] == 1
