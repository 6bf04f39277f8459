"""Cohere's usage, errors and faults.

What is billed and what went through the model are two counts, and the first has the price: `billed_units` leaves out
what Cohere itself writes around a prompt. `cached_tokens` is a part of the second alone, so no meter can be made of it.
Where no units are billed (a deployment of one's own), the tokens are all there is.

Sources: https://docs.cohere.com/reference/chat (`usage`), https://docs.cohere.com/docs/how-does-cohere-pricing-work
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.errors import UpstreamRefused
from engine.wires.refused import refused
from engine.wires.usage import Paths, Usage, read_counts

METERS: Final[Paths] = {
    "input_tokens": (("billed_units", "input_tokens"), ("tokens", "input_tokens")),
    "output_tokens": (("billed_units", "output_tokens"), ("tokens", "output_tokens")),
}
_REQUIRED: Final = ("input_tokens", "output_tokens")

# What msgspec raises for bytes that it cannot decode.
UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

# Words for an answer that Cohere gave up, and the status that they stand for.
GIVEN_UP: Final[Mapping[str, int]] = {"ERROR": 500, "TIMEOUT": 408}

_NOTHING: Final = (b"", b"null", b"[]", b'""')


class _Said(msgspec.Struct):
    content: msgspec.Raw = msgspec.Raw(b"")
    tool_calls: msgspec.Raw = msgspec.Raw(b"")
    tool_plan: msgspec.Raw = msgspec.Raw(b"")


class _Envelope(msgspec.Struct):
    message: _Said | str | None = None
    finish_reason: Any = None
    usage: Any = None


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)


def usage_of(value: Any) -> Usage:
    """The meters of a usage object."""
    raw = msgspec.json.encode(value)
    if not isinstance(value, dict):
        return Usage({}, raw, suspect=("usage is not an object of counts",))
    meters, suspect = read_counts({name: _whole(counts) for name, counts in value.items()}, METERS, _REQUIRED)
    return Usage(meters, raw, suspect=suspect)


def read_usage(answer: bytes) -> Usage | None:
    """The usage of a whole answer, or None where it reports none."""
    try:
        usage = _ENVELOPE.decode(answer).usage
    except UNREADABLE:
        return None
    return usage_of(usage) if usage is not None else None


def fault_in(answer: bytes) -> UpstreamRefused | None:
    """What is wrong with a whole answer of status 200: an error's message, an answer given up, or none at all."""
    try:
        found = _ENVELOPE.decode(answer)
    except UNREADABLE:
        return bad_answer()
    if isinstance(found.message, str):
        return error_of()
    if found.message is None:
        return bad_answer()
    said = (found.message.content, found.message.tool_calls, found.message.tool_plan)
    if (
        isinstance(found.finish_reason, str)
        and found.finish_reason in GIVEN_UP
        and all(bytes(part) in _NOTHING for part in said)
    ):
        return error_of(str(found.finish_reason))
    return None


def error_of(finish_reason: str = "ERROR") -> UpstreamRefused:
    """The fault of an answer that is an error; it came in a reply of status 200, so what it cost is not known."""
    return refused(GIVEN_UP.get(finish_reason, 500), http_status=200)


def bad_answer() -> UpstreamRefused:
    """The fault of an answer that cannot be read as one."""
    error = UpstreamRefused("The upstream's answer is not a chat response.", code="upstream_bad_body")
    error.upstream_status = 200
    return error


def _whole(counts: Any) -> Any:
    """Cohere's own types count in numbers with a decimal point."""
    if not isinstance(counts, dict):
        return counts
    return {
        name: int(count) if isinstance(count, float) and count.is_integer() else count for name, count in counts.items()
    }
