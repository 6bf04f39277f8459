"""The paths that clients call, each with the API that it belongs to. A new one is a line in `ENDPOINTS`."""

from typing import Final, Literal, Protocol

import msgspec

from engine.errors import GatewayError
from engine.model import Endpoint as EndpointName
from engine.model import Model
from engine.wires import anthropic_messages, openai_chat, openai_responses

Kind = Literal["chat", "embeddings", "rerank"]


class Errors(Protocol):
    """How an API says that something went wrong."""

    def error(self, error: GatewayError, /) -> bytes:
        """The body of an error reply."""
        ...

    def stream_error(self, error: GatewayError, /) -> bytes:
        """The event that ends a stream that broke."""
        ...


OPENAI_ERRORS: Final[Errors] = openai_chat
RESPONSES_ERRORS: Final[Errors] = openai_responses  # as OpenAI's others, but for the one that ends a stream
ANTHROPIC_ERRORS: Final[Errors] = anthropic_messages


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One path that takes calls.

    `name` is what a model's `endpoints` call it, `phrase` what a message does, `api` the client API in the table of
    wires that belongs to `kind`. `only_counts`: the answer says how many tokens a request has, and costs nothing.
    """

    path: str
    name: EndpointName
    phrase: str
    api: str
    kind: Kind = "chat"
    errors: Errors = OPENAI_ERRORS
    can_stream: bool = False
    only_counts: bool = False


CHAT: Final = Endpoint(
    path="/v1/chat/completions", name="chat", phrase="chat completions", api="openai-chat", can_stream=True
)

ENDPOINTS: Final = (
    CHAT,
    Endpoint(
        path="/v1/completions", name="completions", phrase="completions", api="openai-completions", can_stream=True
    ),
    Endpoint(
        path="/v1/responses",
        name="responses",
        phrase="responses",
        api="openai-responses",
        errors=RESPONSES_ERRORS,
        can_stream=True,
    ),
    Endpoint(
        path="/v1/messages",
        name="messages",
        phrase="messages",
        api="anthropic-messages",
        errors=ANTHROPIC_ERRORS,
        can_stream=True,
    ),
    Endpoint(
        path="/v1/messages/count_tokens",
        name="messages",
        phrase="messages",
        api="anthropic-messages",
        errors=ANTHROPIC_ERRORS,
        only_counts=True,
    ),
    Endpoint(path="/v1/embeddings", name="embeddings", phrase="embeddings", api="openai-embeddings", kind="embeddings"),
    Endpoint(path="/v1/rerank", name="rerank", phrase="reranking", api="cohere-rerank", kind="rerank"),
)


def answered_by(model: Model) -> tuple[str, ...]:
    """The endpoints that a model answers, by their names: those that its file lists, else those it has a wire for."""
    if model.endpoints:
        return model.endpoints
    wire_of = {"chat": model.wires, "embeddings": model.embeddings_wire, "rerank": model.rerank_wire}
    return tuple(dict.fromkeys(endpoint.name for endpoint in ENDPOINTS if wire_of[endpoint.kind]))
