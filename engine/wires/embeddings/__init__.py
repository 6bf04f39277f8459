"""Embeddings: their own small vocabulary, the APIs that clients speak, and the wires of providers."""

from engine.wires.embeddings.table import (
    EMBEDDING_APIS,
    EMBEDDING_WIRES,
    EmbeddingApi,
    EmbeddingCrossing,
    EmbeddingWire,
    embedding_crossing,
)

__all__ = [
    "EMBEDDING_APIS",
    "EMBEDDING_WIRES",
    "EmbeddingApi",
    "EmbeddingCrossing",
    "EmbeddingWire",
    "embedding_crossing",
]
