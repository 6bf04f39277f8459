"""The wire `cohere-v2`: Cohere's Chat API, second version. This is its face. Clients do not speak it to us.

Source: https://docs.cohere.com/reference/chat, and the types of the package `cohere`
"""

from typing import Final

from engine.model import Model
from engine.wires.codec import no_headers as headers
from engine.wires.cohere_v2.answers import decode_answer
from engine.wires.cohere_v2.decode_stream import StreamDecoder as stream_decoder  # noqa: N813 - the protocol's names
from engine.wires.cohere_v2.encode_messages import NAME
from engine.wires.cohere_v2.encode_request import encode_request
from engine.wires.cohere_v2.usage import fault_in, read_usage

__all__ = [
    "decode_answer",
    "encode_request",
    "fault_in",
    "headers",
    "name",
    "path",
    "read_usage",
    "reserved",
    "stream_decoder",
]

name: Final = NAME
reserved: Final = frozenset({"model", "messages", "stream"})


def path(model: Model, *, stream: bool) -> str:  # noqa: ARG001 - the protocol's
    """The path under a provider's base URL."""
    return "/chat"
