"""The one renderer of Anthropic's error object, for replies and for streams.

Source: https://platform.claude.com/docs/en/api/errors
"""

from typing import Final

import msgspec

from engine.errors import GatewayError

_TYPE_OF: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
}


def anthropic_error(error: GatewayError) -> bytes:
    """The JSON body of an error reply: `{"type": "error", "error": {"type", "message"}}`."""
    by_class = "invalid_request_error" if 400 <= error.status < 500 else "api_error"
    fields = {"type": _TYPE_OF.get(error.status, by_class), "message": error.message}
    return msgspec.json.encode({"type": "error", "error": fields})


def anthropic_stream_error(error: GatewayError) -> bytes:
    """The event that ends a stream."""
    return b"event: error\ndata: " + anthropic_error(error) + b"\n\n"
