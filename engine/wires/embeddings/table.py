"""The embeddings by name: what clients speak, and what providers speak. A new wire is one module and one line here."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from engine.model import Model
from engine.wires.calls import CallApi, CallCrossing, CallWire
from engine.wires.embeddings import bedrock, cohere, gemini, openai, vertex, voyage
from engine.wires.embeddings.vocabulary import EmbeddingsAnswer, EmbeddingsQuestion

EmbeddingApi: TypeAlias = CallApi[EmbeddingsQuestion, EmbeddingsAnswer]
EmbeddingWire: TypeAlias = CallWire[EmbeddingsQuestion, EmbeddingsAnswer]
EmbeddingCrossing: TypeAlias = CallCrossing[EmbeddingsQuestion, EmbeddingsAnswer]

_APIS: Final[tuple[EmbeddingApi, ...]] = (openai,)
_WIRES: Final[tuple[EmbeddingWire, ...]] = (bedrock, cohere, gemini, openai, vertex, voyage)

EMBEDDING_APIS: Final[Mapping[str, EmbeddingApi]] = MappingProxyType({api.name: api for api in _APIS})
EMBEDDING_WIRES: Final[Mapping[str, EmbeddingWire]] = MappingProxyType({wire.name: wire for wire in _WIRES})


def embedding_crossing(api: str, wire: str, model: Model) -> EmbeddingCrossing:
    """How `model` is reached; raises ValueError where its file sets a field that the gateway answers for."""
    return CallCrossing(EMBEDDING_APIS[api], EMBEDDING_WIRES[wire], model)
