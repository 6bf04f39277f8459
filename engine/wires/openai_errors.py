"""The one renderer of OpenAI's error object, for replies and for streams.

Source: https://platform.openai.com/docs/guides/error-codes
"""

import msgspec

from engine.errors import GatewayError


def openai_error(error: GatewayError) -> bytes:
    """The JSON body of an error reply: `{"error": {"message", "type", "param", "code"}}`."""
    fields = {"message": error.message, "type": error.type, "param": error.param, "code": error.code}
    return msgspec.json.encode({"error": fields})


def openai_stream_error(error: GatewayError) -> bytes:
    """One event that ends a stream. It has no `event:` line: OpenAI's clients look at the data alone."""
    return b"data: " + openai_error(error) + b"\n\n"
