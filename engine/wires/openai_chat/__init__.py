"""The wire `openai-chat`: OpenAI's Chat Completions and the many servers that speak it. This is its face.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from typing import Final

from engine.model import Model
from engine.wires.codec import no_headers as headers
from engine.wires.openai_chat.answers import decode_answer, encode_answer
from engine.wires.openai_chat.decode_request import NAME, decode_request
from engine.wires.openai_chat.decode_stream import StreamDecoder as stream_decoder  # noqa: N813 - the protocol's names
from engine.wires.openai_chat.encode_request import encode_request
from engine.wires.openai_chat.encode_stream import StreamEncoder as stream_encoder  # noqa: N813
from engine.wires.openai_chat.following import StreamReader as stream_reader  # noqa: N813
from engine.wires.openai_chat.passing import RESERVED, prepare
from engine.wires.openai_chat.usage import fault_in, read_usage
from engine.wires.openai_errors import openai_error as error
from engine.wires.openai_errors import openai_stream_error as stream_error

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


def path(model: Model, *, stream: bool) -> str:  # noqa: ARG001 - the protocol's
    """The path under a provider's base URL."""
    return "/chat/completions"
