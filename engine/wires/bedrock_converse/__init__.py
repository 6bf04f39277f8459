"""The wire `bedrock-converse`: Amazon Bedrock's Converse and ConverseStream. This is its face.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.model import Model
from engine.wires.bedrock_converse.answers import decode_answer
from engine.wires.bedrock_converse.decode_blocks import NAME
from engine.wires.bedrock_converse.decode_stream import StreamDecoder as stream_decoder  # noqa: N813 - the protocol's
from engine.wires.bedrock_converse.encode_request import encode_request
from engine.wires.bedrock_converse.resource import resource
from engine.wires.bedrock_converse.usage import fault_in, read_usage

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
    "stream_type",
]

name: Final = NAME
reserved: Final = frozenset({"messages", "model", "modelId", "stream"})
stream_type: Final = "application/vnd.amazon.eventstream"

_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


def path(model: Model, *, stream: bool) -> str:
    """The path under the origin of Bedrock's runtime."""
    return resource(model, "converse-stream" if stream else "converse")


def headers(model: Model) -> Mapping[str, str]:  # noqa: ARG001 - the protocol's
    """Headers beside content type and authentication."""
    return _HEADERS
