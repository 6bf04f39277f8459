"""Anthropic's usage, errors and faults. What Anthropic counts apart, we count within: input includes cached tokens.

Sources: https://platform.claude.com/docs/en/api/messages (`usage`), https://platform.claude.com/docs/en/api/errors,
https://platform.claude.com/docs/en/build-with-claude/compaction (`iterations`).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.errors import UpstreamRefused
from engine.wires.refused import refused
from engine.wires.usage import Paths, Usage, read_counts

METERS: Final[Paths] = {
    "input_tokens": (("input_tokens",),),  # without cached ones, which are added below
    "output_tokens": (("output_tokens",),),
    "cache_read_tokens": (("cache_read_input_tokens",),),
    "cache_write_tokens": (("cache_creation_input_tokens",),),
    "cache_write_5m_tokens": (("cache_creation", "ephemeral_5m_input_tokens"),),
    "cache_write_1h_tokens": (("cache_creation", "ephemeral_1h_input_tokens"),),
    "output_reasoning_tokens": (("output_tokens_details", "thinking_tokens"),),
    "web_searches": (("server_tool_use", "web_search_requests"),),
}
_BESIDE_THE_TOTALS: Final = ("compaction", "advisor_message")  # types of iterations
_REQUIRED: Final = ("input_tokens", "output_tokens")
_APART: Final = ("cache_read_tokens", "cache_write_tokens")

# An error's type → the HTTP status that Anthropic gives it.
_STATUS_OF: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "api_error": 500,
    "overloaded_error": 529,
}
_MAX_WORD: Final = 64
_ABSENT: Final = msgspec.Raw(b"")

# What msgspec raises for bytes that it cannot decode.
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Envelope(msgspec.Struct, frozen=True):
    type: Any = None
    model: Any = None
    usage: msgspec.Raw = _ABSENT
    content: msgspec.Raw = _ABSENT
    error: Any = None


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_ANY: Final = msgspec.json.Decoder()


def usage_of(value: Any, model: Any, raw: bytes) -> Usage:
    """The meters of a usage object, or of a stream's, put together."""
    if not isinstance(value, dict):
        return Usage({}, raw, None, _word(model), ("usage is not an object of counts",))
    meters, suspect = read_counts(value, METERS, _REQUIRED)
    if meters:
        meters["input_tokens"] += sum(meters.get(meter, 0) for meter in _APART)
        suspect = _add_iterations(meters, value.get("iterations"))
    return Usage(meters, raw, _tier(value), _word(model), suspect)


def read_usage(answer: bytes) -> Usage | None:
    """The usage of a whole answer, or None where it reports none."""
    envelope = _read(answer)
    if envelope is None or not len(envelope.usage) or bytes(envelope.usage) == b"null":
        return None
    try:
        value = _ANY.decode(envelope.usage)
    except UNREADABLE:
        value = None
    return usage_of(value, envelope.model, bytes(envelope.usage))


def fault_in(answer: bytes) -> UpstreamRefused | None:
    """What is wrong with a whole answer of status 200: an error object, or no message at all."""
    envelope = _read(answer)
    if envelope is not None and (envelope.type == "error" or envelope.error):
        return error_of(envelope.error)
    return None if envelope is not None and len(envelope.content) else bad_answer()


def error_of(error: Any) -> UpstreamRefused:
    """The fault of an error object; it came in a reply of status 200, so what it cost is not known."""
    kind = error.get("type") if isinstance(error, dict) else None
    return refused(_STATUS_OF.get(str(kind), 500), http_status=200)


def bad_answer() -> UpstreamRefused:
    """The fault of an answer that cannot be read as one."""
    error = UpstreamRefused("The upstream's answer is not a message.", code="upstream_bad_body")
    error.upstream_status = 200
    return error


def usage_json(usage: Usage | None) -> dict[str, Any]:
    """Meters as Anthropic's `usage`; its clients cannot do without, so what nobody reported is shown as 0."""
    meters: Mapping[str, int] = usage.meters if usage is not None else {}
    read, write = meters.get("cache_read_tokens", 0), meters.get("cache_write_tokens", 0)
    # Some count what was read and then written again as both; here the parts add up to the whole.
    write = min(write, max(0, meters.get("input_tokens", 0) - read))
    written: dict[str, Any] = {
        "input_tokens": max(0, meters.get("input_tokens", 0) - read - write),
        "cache_creation_input_tokens": write,
        "cache_read_input_tokens": read,
        "output_tokens": meters.get("output_tokens", 0),
    }
    if "cache_write_5m_tokens" in meters or "cache_write_1h_tokens" in meters:
        written["cache_creation"] = {
            "ephemeral_5m_input_tokens": meters.get("cache_write_5m_tokens", 0),
            "ephemeral_1h_input_tokens": meters.get("cache_write_1h_tokens", 0),
        }
    if "output_reasoning_tokens" in meters:
        written["output_tokens_details"] = {"thinking_tokens": meters["output_reasoning_tokens"]}
    if "web_searches" in meters:
        written["server_tool_use"] = {"web_search_requests": meters["web_searches"], "web_fetch_requests": 0}
    return written


def split_of(iterations: Any) -> dict[str, int]:
    """What was written to the cache by time to live, of the iterations that the totals are made of; {} for unknown."""
    split: dict[str, int] = {}
    for iteration in iterations if isinstance(iterations, list) else ():
        is_total = isinstance(iteration, dict) and iteration.get("type") not in _BESIDE_THE_TOTALS
        parts = iteration.get("cache_creation") if is_total else None
        for name, count in parts.items() if isinstance(parts, dict) else ():
            if type(count) is int:
                split[name] = split.get(name, 0) + count
    return split


def _add_iterations(meters: dict[str, int], iterations: Any) -> tuple[str, ...]:
    """What the totals leave out: compaction is the model's own bill; advisors and fallbacks are other models'."""
    suspect: list[str] = []
    for iteration in iterations if isinstance(iterations, list) else ():
        kind = iteration.get("type") if isinstance(iteration, dict) else None
        if kind == "compaction":
            counted = usage_of({**iteration, "iterations": None}, None, b"")
            for meter, count in counted.meters.items():
                meters[meter] = meters.get(meter, 0) + count
            suspect += [f"of a compaction: {what}" for what in counted.suspect]
        elif kind == "advisor_message":
            suspect.append("the tokens of an advisor, which is another model, are not counted")
        elif kind == "fallback_message":
            suspect.append("the tokens are in part those of a fallback, which is another model")
    return tuple(dict.fromkeys(suspect))


def _tier(usage: Mapping[str, Any]) -> str | None:
    """Fast mode has its own price, and is no service tier."""
    tier = "fast" if usage.get("speed") == "fast" else usage.get("service_tier")
    return _word(tier)


def _read(answer: bytes) -> _Envelope | None:
    try:
        return _ENVELOPE.decode(answer)
    except UNREADABLE:
        return None


def _word(value: Any) -> str | None:
    return value[:_MAX_WORD] if isinstance(value, str) and value else None
