"""The event that ends a stream of responses that broke.

Source: https://platform.openai.com/docs/api-reference/responses-streaming/error
"""

import msgspec

from engine.errors import GatewayError


def stream_error(error: GatewayError) -> bytes:
    """The event `error`, as it is documented, and once more as the object by which OpenAI's clients raise it."""
    fields = {"type": error.type, "code": error.code, "message": error.message, "param": error.param}
    event = {**fields, "type": "error", "sequence_number": 0, "error": fields}
    return b"event: error\ndata: " + msgspec.json.encode(event) + b"\n\n"
