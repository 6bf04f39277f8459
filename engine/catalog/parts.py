"""Parts that several kinds of documents have in common, as the structs of `engine.model`."""

from typing import Any

from engine.catalog.document import Document
from engine.catalog.values import milliseconds, time_at, whole
from engine.model import Access, Lifecycle, RateLimit, Retry
from engine.problem import Problem

_Value = dict[str, Any]


def access(value: _Value, team: str = "") -> Access:
    """Who may call. Where nothing is written: everybody, but below a team's directory that team alone."""
    written = value.get("access", {})
    return Access(tuple(written.get("teams", (team or "*",))), tuple(written.get("deny_teams", ())))


def rate_limit(value: _Value) -> RateLimit:
    """How much may be called."""
    return RateLimit(**{name: whole(limit) for name, limit in value.get("rate_limit", {}).items()})


def retry(*layers: _Value | None) -> Retry:
    """How often a call is tried, from several places; the last one that names a field wins."""
    merged: _Value = {}
    for layer in layers:
        merged |= layer or {}
    defaults = Retry()
    backoff = milliseconds(merged["backoff"]) if "backoff" in merged else defaults.backoff_ms
    return Retry(int(merged.get("attempts", defaults.attempts)), backoff)


def lifecycle(document: Document, replacement: str, problems: list[Problem]) -> Lifecycle:
    """A lifecycle with the full name of its replacement; what it says wrong by itself goes to `problems`."""
    written = document.value.get("lifecycle")
    if written is None:
        return Lifecycle()
    deprecated_at = time_at(document, "/lifecycle/deprecated_at", written.get("deprecated_at"), problems)
    sunset = time_at(document, "/lifecycle/sunset", written.get("sunset"), problems)
    if deprecated_at is not None and sunset is not None and sunset < deprecated_at:
        message = "its sunset is before it is deprecated"
        problems.append(document.problem("bad-value", message, "/lifecycle/sunset", hint="change one of the two times"))
    when_retired = written.get("when_retired", "refuse")
    if when_retired == "redirect" and "replacement" not in written:
        message = "there is no replacement to redirect to"
        hint = 'add replacement: "@provider/slug", or write when_retired: refuse'
        at = "/lifecycle/when_retired"
        problems.append(document.problem("missing-replacement", message, at, hint=hint))
    return Lifecycle(written["status"], deprecated_at, sunset, replacement, when_retired)


def check_owner(document: Document, team: str) -> list[Problem]:
    """owner-mismatch: what is below a team's directory belongs to that team."""
    owner = document.value.get("owner")
    if not team or owner is None or owner == team:
        return []
    message = f'this file is in teams/{team}/, so its owner is "{team}" and not "{owner}"'
    return [document.problem("owner-mismatch", message, "/owner", hint="remove the line, or move the file")]
