"""Google's errors, in answers of status 200 and in streams.

Sources: https://ai.google.dev/gemini-api/docs/troubleshooting, https://cloud.google.com/apis/design/errors
"""

from typing import Any, Final

import msgspec

from engine.errors import UpstreamRefused
from engine.wires.refused import refused

# What msgspec raises for bytes that it cannot decode.
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

# `status` → the HTTP status that Google gives it.
_STATUS_OF: Final = {
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "ALREADY_EXISTS": 409,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
_KEY_REASONS: Final = ("API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED")
_ANY: Final = msgspec.json.Decoder()


def error_of(error: Any) -> UpstreamRefused:
    """The fault of an error object that came in a reply of status 200, so that what it cost is not known."""
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else _STATUS_OF.get(_word(error).upper(), 500)
    return refused(401 if _is_about_the_key(error) else status, http_status=200, code=_word(error))


def error_object(body: bytes) -> Any:
    """`error` in `{"error": {…}}`, or in the list of one that a stream without `alt=sse` has; None where there is none."""
    try:
        value = _ANY.decode(body)
    except UNREADABLE:
        return None
    if isinstance(value, list) and value:
        value = value[0]
    return value.get("error") if isinstance(value, dict) else None


def bad_answer() -> UpstreamRefused:
    """The fault of an answer that cannot be read as one."""
    error = UpstreamRefused("The upstream's answer is not one of Gemini's.", code="upstream_bad_body")
    error.upstream_status = 200
    return error


def _word(error: Any) -> str:
    """`status`, as one of our codes."""
    word = error.get("status") if isinstance(error, dict) else None
    return word.lower() if isinstance(word, str) else ""


def _is_about_the_key(error: Any) -> bool:
    details = error.get("details") if isinstance(error, dict) else None
    return any(
        isinstance(detail, dict) and detail.get("reason") in _KEY_REASONS
        for detail in (details if isinstance(details, list) else ())
    )
