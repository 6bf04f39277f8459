"""Whom a change breaks: which keys can no longer call what, and which can call more."""

from collections.abc import Iterable, Mapping

from engine.catalog.access import permissions_of
from engine.catalog.catalog import Catalog
from engine.catalog.diffing.result import CallersChange, Why
from engine.model import Access, Key, Model, Route

_Scope = tuple[tuple[str, ...], ...]
_Loss = tuple[Why, str, str, str]  # why, by which file, what instead, and the name


class Side:
    """One of the two catalogs, with what is asked about callers."""

    def __init__(self, catalog: Catalog, now_ns: int) -> None:
        self.catalog = catalog
        self._now = now_ns
        self.aliases_of: dict[str, list[str]] = {}
        for alias, name in catalog.aliases.items():
            self.aliases_of.setdefault(name, []).append(alias)
        self._permissions = permissions_of(
            catalog.teams, catalog.aliases, catalog.models, catalog.routes, catalog.providers
        )

    @property
    def names(self) -> Iterable[str]:
        """All that can be asked for: models, routes and aliases."""
        return (*self.catalog.models, *self.catalog.routes, *self.catalog.aliases)

    def target(self, name: str) -> str:
        """The full name that a name means, "" for none."""
        if name in self.catalog.models or name in self.catalog.routes:
            return name
        return self.catalog.aliases.get(name, "")

    def entry(self, name: str) -> Model | Route | None:
        """The model or route with this full name."""
        return self.catalog.models.get(name) or self.catalog.routes.get(name)

    def conditions(self, name: str) -> tuple[object, ...]:
        """All that decides who may call a name, but for the keys and teams."""
        target = self.target(name)
        entry = self.entry(target)
        if entry is None:
            return ()
        accesses: list[Access] = [entry.access]
        if isinstance(entry, Model):
            accesses.append(self.catalog.providers[entry.provider].access)
        return (target, self.aliases_of.get(target), accesses, self.is_retired(target))

    def is_retired(self, target: str) -> bool:
        """Whether calls of a model or route are refused because it is retired."""
        entry = self.entry(target)
        return entry is not None and entry.lifecycle.status == "retired" and entry.lifecycle.when_retired == "refuse"

    def may_call(self, key: Key, name: str) -> bool:
        """Whether a key's calls of a name are let through."""
        target = self.target(name)
        return bool(target) and not self.is_retired(target) and self._permissions.may_call(key, target)

    def callable_of(self, key: Key, names: Iterable[str]) -> set[str]:
        """Those of `names` that a key may call; each model is asked about once."""
        targets = {name: self.target(name) for name in names}
        allowed = {target for target in set(targets.values()) if self.may_call(key, target)}
        return {name for name, target in targets.items() if target in allowed}

    def denied_by(self, key: Key, target: str) -> str:
        """The file that keeps a key from calling a model or route, "" for none."""
        return self._permissions.why_not(key, target).partition(":")[0]

    def is_active(self, key: Key | None) -> bool:
        """Whether a key lets anybody in now."""
        if key is None or key.disabled or self._is_past(key.expires):
            return False
        return any(not self._is_past(secret.expires) for secret in key.secrets)

    def scope(self, key: Key) -> _Scope:
        """What a key and its team say about names. Keys with the same scope may call the same."""
        team = self.catalog.teams.get(key.owner)
        return (key.models, key.deny_models, (key.owner,), *((team.models, team.deny_models) if team else ()))

    def _is_past(self, time: int | None) -> bool:
        return time is not None and time <= self._now


class Callers:
    """Compares who may call what. `renamed` and `renamed_keys` lead from names before to names after."""

    def __init__(self, before: Side, after: Side, renamed: Mapping[str, str], renamed_keys: Mapping[str, str]) -> None:
        self._before = before
        self._after = after
        self._renamed = renamed
        self._renamed_from = {new: old for old, new in renamed.items()}
        self._renamed_keys = renamed_keys
        self._union = sorted({*before.names, *after.names})
        self._differing = [name for name in self._union if before.conditions(name) != after.conditions(name)]
        self._known: dict[tuple[_Scope, _Scope], tuple[list[str], list[str]]] = {}
        self._lost: dict[_Loss, list[Key]] = {}
        self._gained: dict[_Loss, list[Key]] = {}
        self._whole: tuple[list[CallersChange], list[CallersChange]] = ([], [])

    def compare(self) -> tuple[tuple[CallersChange, ...], tuple[CallersChange, ...]]:
        """What is lost and what is gained."""
        before, after = self._before.catalog.keys, self._after.catalog.keys
        pairs = [(key, after.get(self._renamed_keys.get(name, name))) for name, key in before.items()]
        met = {key.name for _, key in pairs if key is not None}
        for old, new in (*pairs, *((None, key) for name, key in after.items() if name not in met)):
            self._key(old, new)
        return (
            tuple(sorted((*_grouped(self._lost), *self._whole[0]), key=_order)),
            tuple(sorted((*_grouped(self._gained), *self._whole[1]), key=_order)),
        )

    def _key(self, old: Key | None, new: Key | None) -> None:
        was, will_be = self._before.is_active(old), self._after.is_active(new)
        if old is not None and was and not will_be:
            why: Why = "key-removed" if new is None else "key-disabled" if new.disabled else "key-expired"
            self._whole[0].append(CallersChange(self._callable(self._before, old), (old.name,), (old.owner,), why))
        elif new is not None and will_be and not was:
            why = "key-added" if old is None else "key-enabled"
            self._whole[1].append(CallersChange(self._callable(self._after, new), (new.name,), (new.owner,), why))
        elif old is not None and new is not None and was:
            lost, gained = self._between(old, new)
            for asked in lost:
                self._lost.setdefault((*self._why_lost(new, asked), asked), []).append(new)
            for asked in gained:
                why = "allowed" if self._before.target(asked) else "added"
                self._gained.setdefault((why, "", "", asked), []).append(new)

    def _callable(self, side: Side, key: Key) -> tuple[str, ...]:
        names = (*side.catalog.models, *side.catalog.routes)
        return tuple(name for name in names if side.may_call(key, name))

    def _between(self, old: Key, new: Key) -> tuple[list[str], list[str]]:
        """The names that a key loses and gains."""
        scopes = (self._before.scope(old), self._after.scope(new))
        known = self._known.get(scopes)
        if known is None:
            names = self._differing if scopes[0] == scopes[1] else self._union
            could, can = self._before.callable_of(old, names), self._after.callable_of(new, names)
            gone, came = could - can, can - could
            # An alias goes without saying where the model behind it is lost too; what is gained is said of models only.
            lost = [name for name in names if name in gone and not self._is_said(name, gone)]
            gained = [name for name in names if name in came and self._is_news(name, could)]
            known = self._known[scopes] = (lost, gained)
        return known

    def _is_said(self, name: str, lost: set[str]) -> bool:
        target = self._before.target(name)
        return target != name and target in lost

    def _is_news(self, name: str, could: set[str]) -> bool:
        return self._after.entry(name) is not None and self._renamed_from.get(name) not in could

    def _why_lost(self, key: Key, asked: str) -> tuple[Why, str, str]:
        target = self._after.target(asked)
        if not target:
            meant = self._before.target(asked)
            if asked != meant and self._after.may_call(key, meant):
                return "removed", "", meant  # the alias is gone, the model is there
            renamed = self._renamed.get(meant, "")
            if renamed:
                return "renamed", "", renamed
            return "removed", "", self._replacement(self._before.entry(meant))
        if self._after.is_retired(target):
            return "retired", "", self._replacement(self._after.entry(target))
        by = self._after.denied_by(key, target)
        return "denied", "" if by == key.file else by, ""

    def _replacement(self, entry: Model | Route | None) -> str:
        wanted = entry.lifecycle.replacement if entry is not None else ""
        wanted = self._renamed.get(wanted, wanted)
        return wanted if self._after.target(wanted) else ""


def _grouped(found: Mapping[_Loss, list[Key]]) -> list[CallersChange]:
    """Names with the same reason and the same keys are said together."""
    groups: dict[tuple[Why, str, str, tuple[str, ...]], tuple[list[str], list[Key]]] = {}
    for (why, by, replacement, asked), keys in found.items():
        names, _ = groups.setdefault((why, by, replacement, tuple(sorted(key.name for key in keys))), ([], keys))
        names.append(asked)
    return [
        CallersChange(tuple(sorted(names)), callers, tuple(sorted({key.owner for key in keys})), why, by, replacement)
        for (why, by, replacement, callers), (names, keys) in groups.items()
    ]


def _order(change: CallersChange) -> tuple[object, ...]:
    return (bool(change.why.startswith("key-")), change.names, change.keys, change.why, change.by, change.replacement)
