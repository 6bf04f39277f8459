"""The embeddings by name: what clients speak, and what providers speak. A new wire is one module and one line here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from engine.wires.calls import CallApi, CallWire
from engine.wires.embeddings import bedrock, cohere, gemini, openai, vertex, voyage
from engine.wires.embeddings.vocabulary import EmbeddingsAnswer, EmbeddingsQuestion

EmbeddingApi: TypeAlias = CallApi[EmbeddingsQuestion, EmbeddingsAnswer]
EmbeddingWire: TypeAlias = CallWire[EmbeddingsQuestion, EmbeddingsAnswer]

_APIS: Final[tuple[EmbeddingApi, ...]] = (openai,)
_WIRES: Final[tuple[EmbeddingWire, ...]] = (bedrock, cohere, gemini, openai, vertex, voyage)

EMBEDDING_APIS: Final[Mapping[str, EmbeddingApi]] = MappingProxyType({api.name: api for api in _APIS})
EMBEDDING_WIRES: Final[Mapping[str, EmbeddingWire]] = MappingProxyType({wire.name: wire for wire in _WIRES})
