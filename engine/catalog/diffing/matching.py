"""Which entries are the same before and after: by name, and where a name is gone, by content."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from engine.model import Budget, Key, Model, Provider, Route, Team

Entry = Provider | Model | Route | Key | Budget | Team
E = TypeVar("E", Provider, Model, Route, Key, Budget, Team)

# What may differ where a thing got another name: who it is, and what is said about it rather than what it does.
_ABOUT = ("name", "slug", "provider", "file", "blob", "origins", "team", "owner", "description", "labels", "access")
_ABOUT_MODELS = (*_ABOUT, "aliases", "lifecycle", "base_model", "list_pricing")


def renames(before: Mapping[str, E], after: Mapping[str, E]) -> dict[str, str]:
    """Names that are gone → new names with the same content; every name at most once."""
    gone = [name for name in before if name not in after]
    new = [name for name in after if name not in before]
    if not gone or not new:
        return {}
    candidates: dict[Any, list[str]] = {}
    for name in new:
        candidates.setdefault(_content(after[name]), []).append(name)
    found: dict[str, str] = {}
    for name in sorted(gone):
        if names := candidates.get(_content(before[name])):
            best = min(names, key=lambda other: (not _are_near(name, other), other))
            names.remove(best)
            found[name] = best
    return found


def _are_near(one: str, other: str) -> bool:
    """Whether the provider or the slug stayed."""
    return bool(set(one.split("/", 1)) & set(other.split("/", 1)))


def _content(entry: Entry) -> bytes:
    """What makes an entry what it is."""
    if isinstance(entry, Key):
        # The secrets are a key: whoever holds one of them is the same caller.
        return msgspec.json.encode(sorted(secret.sha256 for secret in entry.secrets))
    written: dict[str, Any] = msgspec.to_builtins(entry)
    about: tuple[str, ...] = _ABOUT_MODELS if isinstance(entry, Model) else _ABOUT
    if isinstance(entry, Team):
        about = ("name", "file", "blob")  # most teams say little more than what they are
    for name in about:
        written.pop(name, None)
    if isinstance(entry, Model):
        written["base"] = entry.base_model.resolved if entry.base_model else ""
        written["pricing"].pop("source", None)
    if isinstance(entry, Route):
        written.pop("aliases", None)
    return msgspec.json.encode(written, order="sorted")
