"""Answers of the wire `openai-chat`, whole or as the chunks of a stream: usage and errors, found without reading more.

Sources: https://platform.openai.com/docs/api-reference/chat/object and the same page of each vendor named below.
"""

import re
from typing import Any, Final

import msgspec

from engine.errors import UpstreamRefused
from engine.wires.refused import refused
from engine.wires.usage import Paths, Usage, read_counts

METERS: Final[Paths] = {
    "input_tokens": (("prompt_tokens",),),
    "output_tokens": (("completion_tokens",),),
    "cache_read_tokens": (
        ("prompt_tokens_details", "cached_tokens"),
        ("prompt_cache_hit_tokens",),  # DeepSeek
        ("num_cached_tokens",),  # Mistral
        ("cached_tokens",),  # Together, Moonshot
        ("cached_prompt_text_tokens",),  # xAI
        ("cache_read_input_tokens",),  # Databricks
    ),
    "cache_write_tokens": (("prompt_tokens_details", "cache_write_tokens"),),
    "input_audio_tokens": (("prompt_tokens_details", "audio_tokens"),),
    "output_audio_tokens": (("completion_tokens_details", "audio_tokens"),),
    "output_reasoning_tokens": (
        ("completion_tokens_details", "reasoning_tokens"),
        ("reasoning_tokens",),  # xAI, Databricks
    ),
}
_REQUIRED: Final = ("input_tokens", "output_tokens")

_DETAILS: Final = {
    "prompt_tokens_details": {
        "cached_tokens": "cache_read_tokens",
        "cache_write_tokens": "cache_write_tokens",
        "audio_tokens": "input_audio_tokens",
        "image_tokens": "input_image_tokens",
        "text_tokens": "input_text_tokens",
    },
    "completion_tokens_details": {
        "reasoning_tokens": "output_reasoning_tokens",
        "audio_tokens": "output_audio_tokens",
        "image_tokens": "output_image_tokens",
        "text_tokens": "output_text_tokens",
    },
}

_HTTP_ERROR = re.compile(r"[45][0-9]{2}", re.ASCII)

# An error object that names no status: what its code or, being wider, its type stands for.
_STATUS_OF: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "model_not_found": 404,
    "permission_error": 403,
    "insufficient_quota": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "overloaded_error": 503,
}
_MAX_WORD: Final = 64

_ABSENT: Final = msgspec.Raw(b"")
_NOTHING: Final = (b"", b"null", b"{}", b"[]", b'""', b"false")


class Envelope(msgspec.Struct, frozen=True):
    """What we look at in an answer or chunk; each value is kept raw, so that a wrong type cannot hide the others."""

    choices: msgspec.Raw = _ABSENT
    usage: msgspec.Raw = _ABSENT
    x_groq: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT
    object: msgspec.Raw = _ABSENT
    model: msgspec.Raw = _ABSENT
    service_tier: msgspec.Raw = _ABSENT

    @property
    def has_choices(self) -> bool:
        """Whether there is anything in `choices`."""
        return not is_nothing(self.choices)


class _ErrorObject(msgspec.Struct, frozen=True):
    status_code: Any = None
    status: Any = None
    code: Any = None
    type: Any = None
    param: Any = None


class _UsageInside(msgspec.Struct, frozen=True):
    usage: msgspec.Raw = _ABSENT


_ENVELOPE = msgspec.json.Decoder(Envelope)
_ERROR = msgspec.json.Decoder(_ErrorObject)
_INSIDE = msgspec.json.Decoder(_UsageInside)
_INSIDE_EACH = msgspec.json.Decoder(list[_UsageInside])
_ANY = msgspec.json.Decoder()

# What msgspec raises for bytes that it cannot decode.
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read_envelope(data: bytes) -> Envelope | None:
    """The outside of an answer or chunk, or None where `data` is not a JSON object."""
    try:
        return _ENVELOPE.decode(data)
    except UNREADABLE:
        return None


def is_nothing(raw: msgspec.Raw) -> bool:
    """Whether a value is absent, null or empty."""
    return len(raw) < 16 and b"".join(bytes(raw).split()) in _NOTHING


def usage_in(envelope: Envelope) -> Usage | None:
    """The usage that an answer or chunk holds, or None."""
    raw = _usage_value(envelope)
    if raw is None:
        return None
    try:
        value = _ANY.decode(raw)
    except UNREADABLE:
        value = None
    if isinstance(value, dict):
        meters, suspect = read_counts(value, METERS, _REQUIRED)
        _include_reasoning(meters, value.get("total_tokens"))
    else:
        meters, suspect = {}, ("usage is not an object of counts",)
    return Usage(meters, bytes(raw), _word(envelope.service_tier), _word(envelope.model), suspect)


def error_in(data: bytes, envelope: Envelope | None, *, is_error: bool = False) -> UpstreamRefused | None:
    """The error that an answer or chunk holds, or None; `is_error` says that it is one, whatever it looks like.

    It came in a reply of status 200, so that is its `upstream_status`: what it cost is not known.
    """
    raw: bytes | msgspec.Raw = data
    if envelope is not None and not is_nothing(envelope.error):
        raw = envelope.error
    elif not is_error and (envelope is None or bytes(envelope.object) != b'"error"'):
        return None
    try:
        found = _ERROR.decode(raw)
    except UNREADABLE:
        found = _ErrorObject()
    return refused(_status(found), http_status=200, code=found.code, param=found.param)


def read_usage(answer: bytes) -> Usage | None:
    """The usage of a whole answer, or None where it reports none."""
    envelope = read_envelope(answer)
    return usage_in(envelope) if envelope is not None else None


def fault_in(answer: bytes) -> UpstreamRefused | None:
    """What is wrong with a whole answer of status 200: an error object, or no answer at all."""
    envelope = read_envelope(answer)
    error = error_in(answer, envelope)
    if error is None and (envelope is None or bytes(envelope.choices) in (b"", b"null")):
        return bad_answer()
    return error


def bad_answer() -> UpstreamRefused:
    """The fault of an answer that cannot be read as one."""
    error = UpstreamRefused("The upstream's answer is not a chat completion.", code="upstream_bad_body")
    error.upstream_status = 200
    return error


def usage_json(usage: Usage) -> dict[str, Any]:
    """Meters as OpenAI's `usage`, which counts cached tokens as input and reasoning as output."""
    meters = usage.meters
    written: dict[str, Any] = {
        "prompt_tokens": meters["input_tokens"],
        "completion_tokens": meters["output_tokens"],
        "total_tokens": meters["input_tokens"] + meters["output_tokens"],
    }
    for field, names in _DETAILS.items():
        details = {name: meters[meter] for name, meter in names.items() if meter in meters}
        if details:
            written[field] = details
    return written


def _usage_value(envelope: Envelope) -> msgspec.Raw | None:
    """Where the vendors put it: at the top, in Groq's own object, or, from Moonshot's streams, in a choice."""
    if not is_nothing(envelope.usage):
        return envelope.usage
    inside = []
    try:
        if len(envelope.x_groq):
            inside.append(_INSIDE.decode(envelope.x_groq))
        if b'"usage"' in bytes(envelope.choices):
            inside += _INSIDE_EACH.decode(envelope.choices)
    except UNREADABLE:
        pass
    return next((each.usage for each in inside if not is_nothing(each.usage)), None)


def _include_reasoning(meters: dict[str, int], total: Any) -> None:
    """XAI counts reasoning beside the completion, all others within it; the reported total tells which it was."""
    reasoning = meters.get("output_reasoning_tokens", 0)
    if reasoning and total == meters["input_tokens"] + meters["output_tokens"] + reasoning:
        meters["output_tokens"] += reasoning


def _status(found: _ErrorObject) -> int:
    for value in (found.status_code, found.code, found.status):
        digits = str(value) if isinstance(value, int | str) else ""
        if _HTTP_ERROR.fullmatch(digits):
            return int(digits)
    for value in (found.code, found.type):
        if isinstance(value, str) and value in _STATUS_OF:
            return _STATUS_OF[value]
    return 500


def _word(raw: msgspec.Raw) -> str | None:
    try:
        word = _ANY.decode(raw) if len(raw) else None
    except UNREADABLE:
        return None
    return word[:_MAX_WORD] if isinstance(word, str) and word else None
