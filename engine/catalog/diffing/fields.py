"""What entries of a catalog say, field by field, in the words and units of the catalog language."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from engine.catalog.diffing.result import FieldChange, Topic
from engine.model import BaseModel, Budget, Key, KeySecret, Target
from engine.money import usd

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Who an entry is and where it stands, what is compared elsewhere (prices, aliases).
_IDENTITY = frozenset(("name", "slug", "provider", "file", "blob", "origins"))
_ELSEWHERE = frozenset(("pricing", "list_pricing", "aliases"))
_TIMES = frozenset(("expires", "deprecated_at", "sunset"))
# Lists in which the order says nothing.
_UNORDERED = frozenset(
    ("access.deny_teams", "access.teams", "contacts", "deny_models", "endpoints", "forbid", "models")
)
_TOPICS: dict[str, Topic] = {
    **dict.fromkeys(
        (
            *("api", "api_version", "base_model", "base_url", "credential", "fallback_on", "project", "region"),
            *("sticky", "strategy", "targets", "type", "upstream_model", "wire", "wires"),
        ),
        "routing",
    ),
    **dict.fromkeys(("access", "models", "deny_models", "secrets", "disabled", "expires", "applies_to"), "access"),
    **dict.fromkeys(
        (
            "forbid",
            "limits",
            "rate_limit",
            "timeouts",
            "retry",
            "limit_usd",
            "limit_tokens",
            "limit_requests",
            "period",
        ),
        "limits",
    ),
    "lifecycle": "lifecycle",
}


def compare_fields(before: msgspec.Struct, after: msgspec.Struct) -> tuple[FieldChange, ...]:
    """Every field that differs but name, file, price and aliases."""
    names = [
        name for name in before.__struct_fields__ if _may_differ(name, getattr(before, name), getattr(after, name))
    ]
    one, other = dict(_leaves(before, names)), dict(_leaves(after, names))
    return tuple(
        FieldChange(field, one.get(field), other.get(field), topic(field))
        for field in sorted(one.keys() | other.keys())
        if not same(one.get(field), other.get(field))
    )


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same, true and 1 not being so."""
    return one is other or (bool(one == other) and msgspec.json.encode(one) == msgspec.json.encode(other))


def topic(field: str) -> Topic:
    """What a field is about."""
    return _TOPICS.get(field.partition(".")[0], "settings")


def time_text(nanoseconds: int | None) -> str | None:
    """A time as RFC 3339 has it, in UTC."""
    if nanoseconds is None:
        return None
    seconds, rest = divmod(nanoseconds, 10**9)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}{fraction}Z"


def duration_text(milliseconds: int) -> str:
    """A duration as people write it in a catalog: "500ms", "5s", "2m"."""
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1_000)):
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


def _may_differ(name: str, one: Any, other: Any) -> bool:
    if name in _IDENTITY or name in _ELSEWHERE:
        return False
    # To Python true is 1, which in a request body it is not.
    return bool(one != other) or isinstance(one, dict)


def _leaves(entry: msgspec.Struct, names: list[str]) -> Iterator[tuple[str, Any]]:
    for name in names:
        value = getattr(entry, name)
        if isinstance(entry, Key) and name == "secrets":
            yield from _secrets(value)
        elif isinstance(entry, Budget) and name == "limit_pico_usd":
            yield "limit_usd", None if value is None else usd(value)
        else:
            yield from _flat(name, value)


def _secrets(secrets: tuple[KeySecret, ...]) -> Iterator[tuple[str, Any]]:
    """By the beginning of the hash, which tells nothing of the secret."""
    for secret in secrets:
        yield f"secrets.{secret.sha256[:12]}", f"until {time_text(secret.expires)}" if secret.expires else "valid"


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    last = path.rpartition(".")[2]
    if isinstance(value, BaseModel):
        yield path, value.written
        yield f"{path}.resolved", value.resolved or None
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _flat(f"{path}.{name}", getattr(value, name))
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _flat(f"{path}.{name}", inner)
    elif last.endswith("_ms") and isinstance(value, int):
        yield path.removesuffix("_ms"), duration_text(value)
    elif last in _TIMES and isinstance(value, int):
        yield path, time_text(value)
    elif isinstance(value, tuple):
        written = [_item(item) for item in value]
        yield path, (sorted(written) if path in _UNORDERED or path.startswith("applies_to.") else written) or None
    else:
        yield path, None if value == "" else value


def _item(item: Any) -> Any:
    if isinstance(item, Target):
        conditions = " and ".join(f"{name}={'|'.join(values)}" for name, values in sorted(item.when.items()))
        weight = f" weight {item.weight}" if item.weight != 1 else ""
        return f"{item.model}{weight}{f' when {conditions}' if conditions else ''}"
    return msgspec.to_builtins(item)
