"""Values of documents that have passed their schema, as the fields of `engine.model`."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.catalog.document import Document
from engine.model import Timeouts
from engine.problem import Problem

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DURATION = re.compile(r"([0-9]+)(ms|s|m|h)", re.ASCII)
_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_TIME = re.compile(r"(.{19})(?:\.([0-9]{1,9}))?(Z|[+-][0-9:]{5})", re.ASCII)


def nanoseconds(text: str) -> int:
    """An RFC 3339 time in nanoseconds since the Unix epoch.

    Raises:
        ValueError: there is no such time.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 time")
    try:
        whole = datetime.fromisoformat(match[1] + match[3])
        seconds = (whole - _EPOCH) // timedelta(seconds=1)
    except OverflowError as error:
        raise ValueError(str(error)) from None
    return seconds * 10**9 + int((match[2] or "0").ljust(9, "0"))


def time_at(document: Document, at: str, text: str | None, problems: list[Problem]) -> int | None:
    """The time at a pointer, None where there is none; a time that does not exist is a problem."""
    if text is None:
        return None
    try:
        value = nanoseconds(text)
    except ValueError:
        problems.append(document.problem("bad-value", f"there is no such time: {text}", at))
        return None
    if not -(2**63) <= value < 2**63:
        problems.append(document.problem("bad-value", f"the time is too far away: {text}", at))
        return None
    return value


def milliseconds(text: str) -> int:
    """A duration such as "5s"."""
    match = _DURATION.fullmatch(text)
    assert match is not None, "the schema lets no other text pass"
    return int(match[1]) * _MS[match[2]]


def timeouts(*layers: dict[str, str] | None) -> Timeouts:
    """Deadlines from several places, the last one that names a deadline wins; else the default."""
    merged: dict[str, str] = {}
    for layer in layers:
        merged |= layer or {}
    return Timeouts(**{f"{name}_ms": milliseconds(text) for name, text in merged.items()})


def headers(*layers: dict[str, str] | None) -> dict[str, str]:
    """Static headers from several places by lower-case name; the last place that names one wins."""
    merged: dict[str, str] = {}
    for layer in layers:
        merged |= {name.lower(): value for name, value in (layer or {}).items()}
    return merged


def whole(value: Any) -> int | None:
    """A whole number, which YAML and JSON Schema also let be written as 1e6."""
    return None if value is None else int(value)
