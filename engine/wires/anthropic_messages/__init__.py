"""The wire `anthropic-messages`: Anthropic's Messages API. This is its face.

Source: https://platform.claude.com/docs/en/api/messages
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.model import Model
from engine.wires.anthropic_messages.answers import decode_answer, encode_answer
from engine.wires.anthropic_messages.decode_blocks import NAME
from engine.wires.anthropic_messages.decode_request import decode_request
from engine.wires.anthropic_messages.decode_stream import StreamDecoder as stream_decoder  # noqa: N813 - the protocol's
from engine.wires.anthropic_messages.encode_request import encode_request
from engine.wires.anthropic_messages.encode_stream import StreamEncoder as stream_encoder  # noqa: N813
from engine.wires.anthropic_messages.errors import anthropic_error as error
from engine.wires.anthropic_messages.errors import anthropic_stream_error as stream_error
from engine.wires.anthropic_messages.following import StreamReader as stream_reader  # noqa: N813
from engine.wires.anthropic_messages.passing import RESERVED, prepare
from engine.wires.anthropic_messages.usage import fault_in, read_usage

__all__ = [
    "decode_answer",
    "decode_request",
    "encode_answer",
    "encode_request",
    "error",
    "fault_in",
    "headers",
    "name",
    "path",
    "prepare",
    "read_usage",
    "reserved",
    "stream_decoder",
    "stream_encoder",
    "stream_error",
    "stream_reader",
]

name: Final = NAME
reserved: Final = RESERVED

_HEADERS: Final[Mapping[str, str]] = MappingProxyType({"anthropic-version": "2023-06-01"})


def path(model: Model, *, stream: bool) -> str:  # noqa: ARG001 - the protocol's
    """The path under a provider's base URL."""
    return "/messages"


def headers(model: Model) -> Mapping[str, str]:  # noqa: ARG001 - the protocol's
    """Headers beside content type and authentication."""
    return _HEADERS
