"""Reranking: its own small vocabulary, the API that clients speak, and the wires of providers."""

from engine.wires.rerank.table import RERANK_APIS, RERANK_WIRES, RerankApi, RerankCrossing, RerankWire, rerank_crossing

__all__ = ["RERANK_APIS", "RERANK_WIRES", "RerankApi", "RerankCrossing", "RerankWire", "rerank_crossing"]
