"""Usage, errors and faults of responses, whole or as events of a stream.

Sources: https://platform.openai.com/docs/api-reference/responses/object (`usage`, `tool_usage`, `error`),
https://platform.openai.com/docs/guides/error-codes, https://docs.perplexity.ai/api-reference/responses-post,
https://docs.x.ai/developers/tools/tool-usage-details (`server_side_tool_usage_details`)
"""

import re
from typing import Any, Final

import msgspec

from engine.errors import UpstreamRefused
from engine.wires.refused import refused
from engine.wires.usage import MAX_COUNT, Paths, Usage, read_counts

_XAIS_TOOLS: Final = "server_side_tool_usage_details"

METERS: Final[Paths] = {
    "input_tokens": (("input_tokens",),),
    "output_tokens": (("output_tokens",),),
    "cache_read_tokens": (
        ("input_tokens_details", "cached_tokens"),
        ("input_tokens_details", "cache_read_input_tokens"),  # of Perplexity
    ),
    "cache_write_tokens": (("input_tokens_details", "cache_write_tokens"),),
    "output_reasoning_tokens": (("output_tokens_details", "reasoning_tokens"),),
    "web_searches": (  # OpenAI's are beside the usage: `_add_tools`
        ("tool_calls_details", "search_web", "invocation"),  # of Perplexity
        (_XAIS_TOOLS, "web_search_calls"),
    ),
    "social_searches": ((_XAIS_TOOLS, "x_search_calls"),),
    "storage_searches": ((_XAIS_TOOLS, "file_search_calls"),),
    "code_executions": ((_XAIS_TOOLS, "code_interpreter_calls"),),
}
_REQUIRED: Final = ("input_tokens", "output_tokens")

_HTTP_ERROR: Final = re.compile(r"[45][0-9]{2}", re.ASCII)

# What an error's code or type stands for. A response that failed for a reason that is not here failed by the request:
# a picture that cannot be read, a prompt that is not allowed.
_STATUS_OF: Final = {
    "server_error": 500,
    "api_error": 500,
    "internal_server_error": 500,
    "vector_store_timeout": 504,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "insufficient_quota": 429,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "overloaded_error": 503,
    "server_overloaded": 503,
    "invalid_request_error": 400,
}
_OF_THE_REQUEST: Final = ("invalid_", "image_", "unsupported_", "empty_", "failed_to_download_", "context_length_")
_POLICIES: Final = ("_policy", "_policy_violation", "_mismatch")

# Where a response has got to, beside "completed" and "incomplete".
FAILED: Final = ("failed", "cancelled")

_MAX_WORD: Final = 64
_ABSENT: Final = msgspec.Raw(b"")

# What msgspec raises for bytes that it cannot decode.
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Envelope(msgspec.Struct, frozen=True):
    """What we look at in a response; each value is kept raw or as it is, so that a wrong type hides no other."""

    output: msgspec.Raw = _ABSENT
    usage: msgspec.Raw = _ABSENT
    tool_usage: Any = None
    error: Any = None
    model: Any = None
    service_tier: Any = None
    status: Any = None


_ENVELOPE: Final = msgspec.json.Decoder(Envelope)
_ANY: Final = msgspec.json.Decoder()


def read_envelope(data: bytes | msgspec.Raw) -> Envelope | None:
    """The outside of a response, or None where `data` is not a JSON object."""
    try:
        return _ENVELOPE.decode(data)
    except UNREADABLE:
        return None


def usage_in(envelope: Envelope) -> Usage | None:
    """The usage of a response, None where it reports none. The provider's searches are billed beside the tokens."""
    raw = bytes(envelope.usage)
    if raw in (b"", b"null"):
        return None
    try:
        value = _ANY.decode(raw)
    except UNREADABLE:
        value = None
    tier, model = _word(envelope.service_tier), _word(envelope.model)
    if not isinstance(value, dict):
        return Usage({}, raw, tier, model, ("usage is not an object of counts",))
    meters, suspect = read_counts(value, METERS, _REQUIRED)
    if meters:
        suspect = _add_tools(meters, envelope.tool_usage)
    return Usage(meters, raw, tier, model, suspect)


def read_usage(answer: bytes) -> Usage | None:
    """The usage of a whole answer, or None where it reports none."""
    envelope = read_envelope(answer)
    return usage_in(envelope) if envelope is not None else None


def fault_in(answer: bytes) -> UpstreamRefused | None:
    """What is wrong with a whole answer of status 200: it failed, or it is no response at all."""
    envelope = read_envelope(answer)
    if envelope is None or not (len(envelope.output) or envelope.error):
        return bad_answer()
    return fault_of(envelope)


def fault_of(envelope: Envelope) -> UpstreamRefused | None:
    """Why a response has failed; None where it has not."""
    has_failed = envelope.status in FAILED or (envelope.error and envelope.status is None)
    return error_of(envelope.error) if has_failed else None


def error_of(error: Any) -> UpstreamRefused:
    """The fault of an error object; it came in a reply of status 200, so what it cost is not known."""
    found = error if isinstance(error, dict) else {}
    return refused(_status(found), http_status=200, code=found.get("code"), param=found.get("param"))


def bad_answer() -> UpstreamRefused:
    """The fault of an answer that cannot be read as one."""
    error = UpstreamRefused("The upstream's answer is not a response.", code="upstream_bad_body")
    error.upstream_status = 200
    return error


def usage_json(usage: Usage | None) -> dict[str, Any] | None:
    """Meters as OpenAI's `usage`, whose parts must all be there; None where nobody counted."""
    if usage is None or not usage.meters:
        return None
    meters = usage.meters
    return {
        "input_tokens": meters["input_tokens"],
        "input_tokens_details": {
            "cached_tokens": meters.get("cache_read_tokens", 0),
            "cache_write_tokens": meters.get("cache_write_tokens", 0),
        },
        "output_tokens": meters["output_tokens"],
        "output_tokens_details": {"reasoning_tokens": meters.get("output_reasoning_tokens", 0)},
        "total_tokens": meters["input_tokens"] + meters["output_tokens"],
    }


def _add_tools(meters: dict[str, int], tool_usage: Any) -> tuple[str, ...]:
    """Searches have a price of their own; the pictures are another model's bill, which cannot be priced here."""
    searches = _within(tool_usage, "web_search", "num_requests")
    if type(searches) is int and 0 <= searches <= MAX_COUNT:
        meters["web_searches"] = searches
    if _within(tool_usage, "image_gen", "total_tokens"):
        return ("the tokens of image generation, which is another model, are not counted",)
    return ()


def _within(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _status(error: dict[str, Any]) -> int:
    for name in ("status_code", "status", "code"):
        digits = str(error.get(name))
        if _HTTP_ERROR.fullmatch(digits):
            return int(digits)
    words = [word for name in ("code", "type") if isinstance(word := error.get(name), str)]
    for word in words:
        if word in _STATUS_OF:
            return _STATUS_OF[word]
    is_the_requests = any(word.startswith(_OF_THE_REQUEST) or word.endswith(_POLICIES) for word in words)
    return 400 if is_the_requests else 500


def _word(value: Any) -> str | None:
    return value[:_MAX_WORD] if isinstance(value, str) and value else None
