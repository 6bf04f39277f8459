"""The tables of docs/wires.md about embeddings and reranking, made from what the code does."""

import json
from collections.abc import Mapping
from typing import Any

from wires.matrix import make_model

from engine.errors import InvalidRequest
from engine.wires.body import parse_body
from engine.wires.calls import CallCrossing
from engine.wires.embeddings import EMBEDDING_APIS, EMBEDDING_WIRES
from engine.wires.rerank import RERANK_APIS, RERANK_WIRES

# Columns: wire, and the model that it is asked of.
EMBEDDED_BY: Mapping[str, tuple[str, str]] = {
    "`bedrock-embeddings`, Cohere": ("bedrock-embeddings", "cohere.embed-v4:0"),
    "`bedrock-embeddings`, Nova": ("bedrock-embeddings", "amazon.nova-2-multimodal-embeddings-v1:0"),
    "`bedrock-embeddings`, Titan": ("bedrock-embeddings", "amazon.titan-embed-text-v2:0"),
    "`cohere-embed`": ("cohere-embed", "embed-v4.0"),
    "`gemini-embeddings`": ("gemini-embeddings", "gemini-embedding-001"),
    "`vertex-embeddings`": ("vertex-embeddings", "text-embedding-005"),
    "`voyage-embeddings`": ("voyage-embeddings", "voyage-3.5"),
}
RERANKED_BY: Mapping[str, tuple[str, str]] = {
    "`cohere-rerank` of Cohere": ("cohere-rerank", "rerank-v3.5"),
    "`tei-rerank`": ("tei-rerank", "bge-reranker-v2-m3"),
    "`voyage-rerank`": ("voyage-rerank", "rerank-2.5"),
}

EMBEDDINGS: Mapping[str, dict[str, Any]] = {
    "a text": {"input": "a"},
    "several texts": {"input": ["a", "b"]},
    "token numbers": {"input": [1, 2]},
    "dimensions": {"dimensions": 256},
    "base64": {"encoding_format": "base64"},
    "input_type: query": {"input_type": "query"},
    "input_type: document": {"input_type": "document"},
    "input_type: classification": {"input_type": "classification"},
    "input_type: clustering": {"input_type": "clustering"},
    "input_type: similarity": {"input_type": "similarity"},
    "input_type: code_retrieval_query": {"input_type": "code_retrieval_query"},
    "input_type: question_answering": {"input_type": "question_answering"},
    "input_type: fact_verification": {"input_type": "fact_verification"},
    "user": {"user": "u"},
    "a field that no other API has": {"truncate": "NONE"},
}
RERANKING: Mapping[str, dict[str, Any]] = {
    "documents that are texts": {"documents": ["a", "b"]},
    "documents that are objects": {"documents": [{"text": "a"}]},
    "rank_fields": {"documents": [{"title": "a"}], "rank_fields": ["title"]},
    "top_n": {"top_n": 1},
    "return_documents": {"return_documents": True},
    "max_tokens_per_doc": {"max_tokens_per_doc": 512},
    "a field that no other API has": {"priority": 1},
}


def fate_of_embeddings(wire: str, upstream_model: str, fields: dict[str, Any]) -> str:
    """What becomes of it on the way from a client of OpenAI's API."""
    model = make_model(wire=wire, upstream_model=upstream_model)
    crossing = CallCrossing(EMBEDDING_APIS["openai-embeddings"], EMBEDDING_WIRES[wire], model)
    return _fate(crossing, {"model": "@acme/bot", "input": "a", **fields})


def fate_of_reranking(wire: str, upstream_model: str, fields: dict[str, Any]) -> str:
    """What becomes of it on the way from a client of Cohere's API."""
    model = make_model(wire=wire, upstream_model=upstream_model, api="cohere")
    crossing = CallCrossing(RERANK_APIS["cohere-rerank"], RERANK_WIRES[wire], model)
    return _fate(crossing, {"model": "@acme/bot", "query": "q", "documents": ["a"], **fields})


def _fate(crossing: Any, request: dict[str, Any]) -> str:
    try:
        losses = crossing.encode(parse_body(json.dumps(request).encode())).losses
    except InvalidRequest:
        return "refused"
    return "dropped" if losses else "carried"


def rows_of_embeddings() -> list[tuple[str, list[str]]]:
    """All rows."""
    return [
        (name, [fate_of_embeddings(*column, fields) for column in EMBEDDED_BY.values()])
        for name, fields in EMBEDDINGS.items()
    ]


def rows_of_reranking() -> list[tuple[str, list[str]]]:
    """All rows."""
    return [
        (name, [fate_of_reranking(*column, fields) for column in RERANKED_BY.values()])
        for name, fields in RERANKING.items()
    ]


def is_complete() -> bool:
    """Whether every wire has a column; OpenAI's own passes bytes through."""
    embedded = {wire for wire, _ in EMBEDDED_BY.values()} | {"openai-embeddings"}
    return embedded == set(EMBEDDING_WIRES) and {wire for wire, _ in RERANKED_BY.values()} == set(RERANK_WIRES)
