"""Entries that were added, removed, renamed, moved or changed. What changes in the same way is said once."""

from collections.abc import Mapping

import msgspec

from engine.catalog.catalog import Catalog
from engine.catalog.diffing.fields import compare_fields, time_text
from engine.catalog.diffing.matching import Entry
from engine.catalog.diffing.prices import rates_now
from engine.catalog.diffing.result import EntryChange, EntryKind, Facts, FieldChange
from engine.catalog.layout import LOCK_FILE
from engine.model import Budget, Key, Model, Provider

USED_STAYS = "what was used stays: only the limit is another one"
_LIMITS = ("limit_usd", "limit_tokens", "limit_requests")


def compare_entries(
    kind: EntryKind, before: Catalog, after: Catalog, renamed: Mapping[str, str], now_ns: int
) -> tuple[EntryChange, ...]:
    """All that happened to the entries of one kind, sorted by what happened and by name."""
    mine, theirs = _of_kind(kind, before), _of_kind(kind, after)
    back = {new: old for old, new in renamed.items()}
    found: list[EntryChange] = []
    same: dict[bytes, EntryChange] = {}
    for name in sorted(mine.keys() | theirs.keys()):
        if name in renamed:
            continue
        one, other = mine.get(back.get(name, name)), theirs.get(name)
        if one is None and other is not None:
            found.append(EntryChange(kind, "added", (name,), file=other.file, facts=_facts(other, now_ns)))
        elif one is not None and other is None:
            found.append(EntryChange(kind, "removed", (name,), file=one.file, facts=_facts(one, now_ns)))
        elif one is not None and other is not None and one != other:
            change = _change(kind, name, one, other, before, after, now_ns)
            if change.status in {"renamed", "moved"}:
                found.append(change)
            elif change.fields:
                said = msgspec.json.encode((change.fields, change.notes, change.because))
                known = same.get(said)
                same[said] = (
                    change if known is None else msgspec.structs.replace(known, names=(*known.names, *change.names))
                )
    found += same.values()
    order = ("added", "removed", "renamed", "moved", "changed")
    return tuple(sorted(found, key=lambda change: (order.index(change.status), change.names)))


def compare_whole(before: Catalog, after: Catalog) -> tuple[EntryChange, ...]:
    """What the catalog itself says: findings that its files accept, and that many models may be gone."""
    found = [
        EntryChange("catalog", "changed", (file,), fields)
        for file in sorted(before.accepted.keys() | after.accepted.keys())
        if (fields := _accepted(before.accepted.get(file, {}), after.accepted.get(file, {})))
    ]
    if before.allow_shrink != after.allow_shrink:
        change = FieldChange("allow_shrink", before.allow_shrink or None, after.allow_shrink or None)
        found.insert(0, EntryChange("catalog", "changed", ("catalog.yaml",), (change,)))
    return tuple(found)


def _accepted(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(f"accept.{code}", before.get(code), after.get(code))
        for code in sorted(before.keys() | after.keys())
        if before.get(code) != after.get(code)
    )


def _of_kind(kind: EntryKind, catalog: Catalog) -> Mapping[str, Entry]:
    kinds: dict[str, Mapping[str, Entry]] = {
        "provider": catalog.providers,
        "model": catalog.models,
        "route": catalog.routes,
        "key": catalog.keys,
        "budget": catalog.budgets,
        "team": catalog.teams,
    }
    return kinds[kind]


def _change(
    kind: EntryKind, name: str, one: Entry, other: Entry, before: Catalog, after: Catalog, now_ns: int
) -> EntryChange:
    fields = compare_fields(one, other)
    notes = _notes(one, other, fields, after, now_ns)
    if one.name != other.name:
        return EntryChange(kind, "renamed", (name,), fields, notes, one.name, one.file, other.file)
    if one.file != other.file:
        return EntryChange(kind, "moved", (name,), fields, notes, "", one.file, other.file)
    return EntryChange(kind, "changed", (name,), fields, notes, because=_because(one, other, before, after))


def _because(one: Entry, other: Entry, before: Catalog, after: Catalog) -> str:
    """The file that was edited, where a model's own was not: its provider's, or the lock."""
    if not isinstance(one, Model) or not isinstance(other, Model):
        return ""
    old, new = before.providers[one.provider], after.providers[other.provider]
    if one.blob != other.blob and other.file != new.file:
        return ""
    return new.file if old.blob != new.blob else LOCK_FILE


def _notes(one: Entry, other: Entry, fields: tuple[FieldChange, ...], after: Catalog, now_ns: int) -> tuple[str, ...]:
    changed = {change.field for change in fields}
    if isinstance(one, Key) and isinstance(other, Key):
        return _key_notes(one, other, changed, now_ns)
    if isinstance(one, Budget) and isinstance(other, Budget):
        if one.name != other.name:
            return ("a budget is counted by its name: this one begins at zero",)
        return (USED_STAYS,) if changed & set(_LIMITS) else ()
    if isinstance(one, Provider) and isinstance(other, Provider):
        return _provider_notes(one, other, after)
    return ()


def _provider_notes(one: Provider, other: Provider, after: Catalog) -> tuple[str, ...]:
    models = sum(model.provider == other.name for model in after.models.values())
    notes = [f"{models} {'model goes' if models == 1 else 'models go'} through it"]
    if _origin(one.base_url) != _origin(other.base_url):
        notes.append("another origin: the operator must bind the credential to it before a call goes there")
    elif one.credential != other.credential:
        notes.append("another credential: the operator must bind it before a call goes there")
    return tuple(notes)


def _key_notes(one: Key, other: Key, changed: set[str], now_ns: int) -> tuple[str, ...]:
    notes = []
    hashes = {secret.sha256 for secret in one.secrets}, {secret.sha256 for secret in other.secrets}
    if hashes[0] != hashes[1]:
        new, gone, kept = len(hashes[1] - hashes[0]), len(hashes[0] - hashes[1]), len(hashes[0] & hashes[1])
        out = ": whoever holds one that is gone is locked out" if gone else ""
        notes.append(f"rotated, {new} new, {gone} gone, {kept} kept{out}")
    if one.disabled != other.disabled:
        notes.append("disabled" if other.disabled else "enabled again")
    if "expires" in changed and other.expires is not None:
        past = other.expires <= now_ns
        notes.append(f"{'expired' if past else 'expires'} at {time_text(other.expires)}")
    if changed & {"models", "deny_models"}:
        notes.append("another scope")
    return tuple(notes)


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3]).lower()


def _facts(entry: Entry, now_ns: int) -> Facts | None:
    if not isinstance(entry, Model):
        return None
    base = entry.base_model.written if entry.base_model else ""
    return Facts(entry.pricing.kind, rates_now(entry.pricing, now_ns), base, entry.owner, entry.file)
