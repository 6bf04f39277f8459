"""Converse's usage and faults. What Bedrock counts apart, we count within: input includes cached tokens.

Sources: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html,
https://docs.aws.amazon.com/bedrock/latest/userguide/latency-optimized-inference.html
"""

from typing import Any, Final

import msgspec

from engine.errors import UpstreamRefused
from engine.wires.usage import Paths, Usage, read_counts

METERS: Final[Paths] = {
    "input_tokens": (("inputTokens",),),  # without cached ones, which are added below
    "output_tokens": (("outputTokens",),),
    "cache_read_tokens": (("cacheReadInputTokens",), ("cacheReadInputTokenCount",)),
    "cache_write_tokens": (("cacheWriteInputTokens",), ("cacheWriteInputTokenCount",)),
    "cache_write_5m_tokens": (("cacheDetails", "5m"),),
    "cache_write_1h_tokens": (("cacheDetails", "1h"),),
}
_REQUIRED: Final = ("input_tokens", "output_tokens")
_APART: Final = ("cache_read_tokens", "cache_write_tokens")
_MAX_WORD: Final = 64
_MAX_NAME: Final = 256  # an ARN

# What msgspec raises for bytes that it cannot decode.
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Report(msgspec.Struct, frozen=True, rename="camel"):
    """What an answer, or the `metadata` event of a stream, says about its cost."""

    usage: msgspec.Raw = msgspec.Raw(b"null")
    service_tier: Any = None
    performance_config: Any = None
    trace: Any = None


class _Envelope(Report, frozen=True, rename="camel"):
    output: Any = None


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_ANY: Final = msgspec.json.Decoder()


def usage_in(report: Report) -> Usage | None:
    """The usage of an answer or stream; None where it reports none."""
    raw = bytes(report.usage)
    if raw == b"null":
        return None
    value = _ANY.decode(raw)
    tier, model = _tier(report), _member(_member(report.trace, "promptRouter"), "invokedModelId")
    model = model[:_MAX_NAME] if isinstance(model, str) and model else None
    if not isinstance(value, dict):
        return Usage({}, raw, tier, model, ("usage is not an object of counts",))
    meters, suspect = read_counts(value | {"cacheDetails": _by_ttl(value.get("cacheDetails"))}, METERS, _REQUIRED)
    if meters:
        meters["input_tokens"] += sum(meters.get(meter, 0) for meter in _APART)
    return Usage(meters, raw, tier, model, suspect)


def read_usage(answer: bytes) -> Usage | None:
    """The usage of a whole answer, or None where it reports none."""
    try:
        return usage_in(_ENVELOPE.decode(answer))
    except UNREADABLE:
        return None


def fault_in(answer: bytes) -> UpstreamRefused | None:
    """What is wrong with a whole answer of status 200: it is none of Converse."""
    try:
        is_answer = isinstance(_ENVELOPE.decode(answer).output, dict)
    except UNREADABLE:
        is_answer = False
    return None if is_answer else bad_answer()


def bad_answer() -> UpstreamRefused:
    """The fault of an answer that cannot be read as one."""
    error = UpstreamRefused("The upstream's answer is none of the Converse API.", code="upstream_bad_body")
    error.upstream_status = 200
    return error


def _by_ttl(details: Any) -> dict[str, Any]:
    """`[{"ttl": "5m", "inputTokens": 7}]` as `{"5m": 7}`."""
    if not isinstance(details, list):
        return {}
    return {str(one.get("ttl")): one.get("inputTokens") for one in details if isinstance(one, dict)}


def _tier(report: Report) -> str | None:
    """Latency-optimized inference has its own price, and is no service tier."""
    optimized = _member(report.performance_config, "latency") == "optimized"
    tier = "optimized" if optimized else _member(report.service_tier, "type")
    return tier[:_MAX_WORD] if isinstance(tier, str) and tier else None


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None
