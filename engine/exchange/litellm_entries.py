"""What LiteLLM says about a model beside its price: in the price map, and in `model_info` of a config."""

import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from engine.exchange.losses import Account, Reason, pointer

SUPPORTS: Mapping[str, str] = MappingProxyType(
    {
        "supports_function_calling": "tools",
        "supports_vision": "vision",
        "supports_response_schema": "json_schema",
        "supports_audio_input": "audio",
        "supports_reasoning": "reasoning",
    }
)
LIMITS: Mapping[str, str] = MappingProxyType(
    {"max_input_tokens": "max_input_tokens", "max_output_tokens": "max_output_tokens"}
)
MODES: Mapping[str, str] = MappingProxyType(
    {
        "chat": "chat",
        "responses": "responses",
        "completion": "completions",
        "embedding": "embeddings",
        "rerank": "rerank",
    }
)
ENDPOINTS: Mapping[str, str] = MappingProxyType(
    {
        "/v1/chat/completions": "chat",
        "/v1/completions": "completions",
        "/v1/embeddings": "embeddings",
        "/v1/messages": "messages",
        "/v1/rerank": "rerank",
        "/v1/responses": "responses",
    }
)
_DATE = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])", re.ASCII)
_LARGEST = 1_000_000_000


def describe(entry: Mapping[str, Any], account: Account, at: str = "") -> dict[str, Any]:
    """The keys of a model's file for what an entry says that is no price."""
    document: dict[str, Any] = {}
    supports = {ours: entry[theirs] for theirs, ours in SUPPORTS.items() if isinstance(entry.get(theirs), bool)}
    account.carry(*(at + pointer(theirs) for theirs, ours in SUPPORTS.items() if ours in supports))
    if supports:
        document["supports"] = supports
    if limits := _limits(entry, account, at):
        document["limits"] = limits
    if endpoints := _endpoints(entry, account, at):
        document["endpoints"] = endpoints
    if lifecycle := _lifecycle(entry, account, at):
        document["lifecycle"] = lifecycle
    comment = entry.get("comment")
    if isinstance(comment, str) and 0 < len(comment) <= 2000 and comment.isprintable():
        document["description"] = comment
        account.carry(f"{at}/comment")
    return document


def whole(value: Any) -> int | None:
    """A positive integer of a size that the catalog takes; None for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 10:
        value = int(value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        value = int(value) if abs(value) <= _LARGEST else None
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST:
        return value
    return None


def _limits(entry: Mapping[str, Any], account: Account, at: str) -> dict[str, int]:
    limits: dict[str, int] = {}
    for theirs, ours in LIMITS.items():
        if theirs not in entry:
            continue
        size = whole(entry[theirs])
        if size is None:
            account.lose(at + pointer(theirs), Reason.BAD_VALUE)
        else:
            limits[ours] = size
            account.carry(at + pointer(theirs))
    if "max_tokens" in entry:
        same = whole(entry["max_tokens"]) in {limits.get("max_output_tokens"), None}
        if same and "max_output_tokens" in limits:
            account.carry(f"{at}/max_tokens")  # a legacy name of the same
        else:
            account.lose(f"{at}/max_tokens", Reason.AMBIGUOUS, "input, output or both")
    return limits


def _endpoints(entry: Mapping[str, Any], account: Account, at: str) -> list[str]:
    """By `supported_endpoints` where it is there, else by the mode."""
    endpoints: list[str] = []
    listed = entry.get("supported_endpoints")
    for index, path in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(path, str) and path in ENDPOINTS:
            if ENDPOINTS[path] not in endpoints:
                endpoints.append(ENDPOINTS[path])
            account.carry(at + pointer("supported_endpoints", index))
    mode = entry.get("mode")
    ours = MODES.get(mode) if isinstance(mode, str) else None
    if ours is not None:
        if not endpoints:
            endpoints.append(ours)
        if ours == MODES.get(mode_of(endpoints)):
            account.carry(f"{at}/mode")
    return sorted(endpoints)


def mode_of(endpoints: Collection[str]) -> str:
    """LiteLLM's mode for the endpoints of a model: that of its first one, in the order of `MODES`."""
    return next((mode for mode, endpoint in MODES.items() if endpoint in endpoints), "")


def _lifecycle(entry: Mapping[str, Any], account: Account, at: str) -> dict[str, str]:
    day = entry.get("deprecation_date")
    if day is None:
        return {}
    if not isinstance(day, str) or _DATE.fullmatch(day) is None or not _exists(day):
        account.lose(f"{at}/deprecation_date", Reason.BAD_VALUE, "not a day, as in 2026-10-01")
        return {}
    account.carry(f"{at}/deprecation_date")
    return {"status": "active", "deprecated_at": f"{day}T00:00:00Z"}


def _exists(day: str) -> bool:
    from datetime import date

    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True
