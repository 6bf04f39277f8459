"""`POST /v1/messages/count_tokens`: asked of providers that speak Anthropic's Messages API, and of no others.

An estimate is not a count: for a model behind another wire the request is refused, so that clients do what they do
without one. Counting is free of charge, so its row in the ledger has a cost of zero; the row's wire says why.

Source: https://platform.claude.com/docs/en/build-with-claude/token-counting
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.errors import UpstreamError, UpstreamRefused
from engine.gateway.passage import EVENT_STREAM, PassedThrough
from engine.gateway.target import PlacedWire
from engine.model import Model
from engine.wires import anthropic_messages
from engine.wires.body import Body
from engine.wires.splice import require_messages
from engine.wires.usage import Usage

RECORDED_AS: Final = "anthropic-count-tokens"

_PATH: Final = "/count_tokens"


class _Counted(msgspec.Struct):
    input_tokens: int


_COUNTED: Final = msgspec.json.Decoder(_Counted)


class Counting:
    """See `passage.Passage`. Only the model's name is changed: what its file declares is for answers."""

    is_crossed = False
    stream_type = EVENT_STREAM

    def __init__(self, model: Model) -> None:
        self.wire: PlacedWire = anthropic_messages
        self.headers = anthropic_messages.headers(model)
        self._model = msgspec.Raw(msgspec.json.encode(model.upstream_model))

    def call(self, body: Body, *, request_id: str, created: int) -> PassedThrough:  # noqa: ARG002 - the protocol's
        """One request."""
        require_messages(body.fields)
        encoded = msgspec.json.encode(body.fields | {"model": self._model})
        return PassedThrough(anthropic_messages, encoded, client_wants_usage=False)

    def read_usage(self, answer: bytes, headers: Mapping[str, str]) -> Usage | None:  # noqa: ARG002 - the protocol's
        """Nothing is used."""
        return None

    def fault_in(self, answer: bytes) -> UpstreamError | None:
        """What is wrong with the count."""
        try:
            _COUNTED.decode(answer)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            error = UpstreamRefused("The upstream's answer is not a count of tokens.", code="upstream_bad_body")
            error.upstream_status = 200
            return error
        return None


def counting_passage(model: Model) -> Counting | None:
    """How tokens are counted for `model`; None where its provider does not speak the API that counts."""
    return Counting(model) if anthropic_messages.name in model.wires else None


def counting_target(messages: str) -> str:
    """Where tokens are counted, beside the path of the messages; "" where that has no such place (Vertex AI)."""
    return messages + _PATH if messages.endswith("/messages") else ""
