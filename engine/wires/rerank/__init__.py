"""Reranking: its own small vocabulary, the API that clients speak, and the wires of providers."""

from engine.wires.rerank.table import RERANK_APIS, RERANK_WIRES

__all__ = ["RERANK_APIS", "RERANK_WIRES"]
