"""The rerankers by name: what clients speak, and what providers speak. A new wire is one module and one line here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from engine.wires.calls import CallApi, CallWire
from engine.wires.rerank import cohere, tei, voyage
from engine.wires.rerank.vocabulary import RerankAnswer, RerankQuestion

RerankApi: TypeAlias = CallApi[RerankQuestion, RerankAnswer]
RerankWire: TypeAlias = CallWire[RerankQuestion, RerankAnswer]

_APIS: Final[tuple[RerankApi, ...]] = (cohere,)
_WIRES: Final[tuple[RerankWire, ...]] = (cohere, tei, voyage)

RERANK_APIS: Final[Mapping[str, RerankApi]] = MappingProxyType({api.name: api for api in _APIS})
RERANK_WIRES: Final[Mapping[str, RerankWire]] = MappingProxyType({wire.name: wire for wire in _WIRES})
