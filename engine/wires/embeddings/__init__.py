"""Embeddings: their own small vocabulary, the APIs that clients speak, and the wires of providers."""

from engine.wires.embeddings.table import EMBEDDING_APIS, EMBEDDING_WIRES

__all__ = ["EMBEDDING_APIS", "EMBEDDING_WIRES"]
