"""The wire `openai-chat`: OpenAI's Chat Completions and the many servers that speak it. This is its face.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from typing import Final

from engine.wires.openai_chat.following import StreamReader as stream_reader  # noqa: N813 - the protocol's name
from engine.wires.openai_chat.passing import PARAMETERS, RESERVED, Prepared, prepare
from engine.wires.openai_chat.usage import fault_in, read_usage

__all__ = ["PARAMETERS", "RESERVED", "Prepared", "endpoint", "fault_in", "prepare", "read_usage", "stream_reader"]

endpoint: Final = "/chat/completions"
