"""Which passage a call takes: found once per snapshot, model and endpoint."""

from collections.abc import Collection, Mapping

from engine.gateway.counting import counting_passage
from engine.gateway.endpoints import ENDPOINTS, Endpoint, Kind
from engine.gateway.passage import AcrossWires, Passage, SameWire, WholeAnswers
from engine.model import Model
from engine.wires.calls import CallApi, CallWire, Found, Question
from engine.wires.embeddings import EMBEDDING_APIS, EMBEDDING_WIRES
from engine.wires.rerank import RERANK_APIS, RERANK_WIRES
from engine.wires.table import CLIENT_APIS, PROVIDER_WIRES, WIRES


def find_passage(endpoint: Endpoint, model: Model) -> Passage | None:
    """How calls of `endpoint` reach `model`; None where this gateway does not speak what that takes.

    Raises:
        ValueError: the model's file sets what the gateway answers for, or to a wrong type.
    """
    if endpoint.only_counts:
        return counting_passage(model)
    if endpoint.kind == "embeddings":
        return _whole_answers(endpoint.api, model.embeddings_wire, EMBEDDING_APIS, EMBEDDING_WIRES, model)
    if endpoint.kind == "rerank":
        return _whole_answers(endpoint.api, model.rerank_wire, RERANK_APIS, RERANK_WIRES, model)
    return _chat_passage(endpoint.api, model)


def served_endpoints() -> tuple[Endpoint, ...]:
    """Those whose API stands in the tables of wires."""
    apis: dict[Kind, Collection[str]] = {"chat": CLIENT_APIS, "embeddings": EMBEDDING_APIS, "rerank": RERANK_APIS}
    return tuple(endpoint for endpoint in ENDPOINTS if endpoint.api in apis[endpoint.kind])


def _chat_passage(api: str, model: Model) -> Passage | None:
    """By the client's own wire where the provider speaks it, else by the one that the model prefers."""
    if api in model.wires and api in WIRES:
        return SameWire(api, WIRES[api], model)
    wire = next((PROVIDER_WIRES[name] for name in model.wires if name in PROVIDER_WIRES), None)
    if wire is None or api not in CLIENT_APIS:
        return None
    return AcrossWires(CLIENT_APIS[api], wire, model)


def _whole_answers(
    api: str,
    wire: str,
    apis: Mapping[str, CallApi[Question, Found]],
    wires: Mapping[str, CallWire[Question, Found]],
    model: Model,
) -> Passage | None:
    return WholeAnswers(apis[api], wires[wire], model) if wire in wires else None
