"""Rules about names and patterns that refer to other files."""

from collections.abc import Iterator, Mapping, Sequence

from engine.catalog.access import allows
from engine.catalog.document import Document, pointer
from engine.catalog.patterns import matching_nothing
from engine.catalog.suggest import Suggestions
from engine.catalog.whole import Whole
from engine.model import Access, Key, Model, Route, Team
from engine.problem import Problem


class _Known:
    """Names that patterns may match, and what is near those that match none."""

    def __init__(self, what: str, names: frozenset[str], lines: str | None = None) -> None:
        self.what = what
        self._names = names
        self._lines = "\n".join(sorted(names)) if lines is None else lines
        self._suggestions = Suggestions(names)
        self._unmatched: dict[str, bool] = {}

    def check(self, document: Document, at: str, patterns: Sequence[str]) -> Iterator[Problem]:
        for index, pattern in enumerate(patterns):
            if pattern not in self._unmatched:
                self._unmatched[pattern] = bool(matching_nothing((pattern,), self._names, self._lines))
            if self._unmatched[pattern]:
                message = f'"{pattern}" matches no {self.what}'
                hint = self._suggestions.did_you_mean(pattern)
                yield document.problem("matches-nothing", message, f"{at}/{index}", hint=hint)


def matches_nothing(whole: Whole) -> Iterator[Problem]:
    """matches-nothing: a pattern of a key, team, budget or access that names nothing there is."""
    callable_names = _Known("model and no alias", whole.names.all, whole.names.lines)
    teams = _Known("team", whole.callers)
    keys = _Known("key", frozenset(whole.keys))
    owners = _Known("owner of a key", frozenset(key.owner for key in whole.keys.values()))
    holders: list[Key | Team] = [*whole.keys.values(), *whole.teams.values()]
    for holder in holders:
        document = whole.documents[holder.file]
        for field in ("models", "deny_models"):
            yield from callable_names.check(document, pointer(field), document.value.get(field, ()))
    for budget in whole.budgets.values():
        document = whole.documents[budget.file]
        yield from callable_names.check(document, "/applies_to/models", budget.applies_to.models)
        yield from keys.check(document, "/applies_to/keys", budget.applies_to.keys)
        yield from owners.check(document, "/applies_to/owners", budget.applies_to.owners)
    for document in whole.documents.values():
        if "access" in document.value:
            for field, patterns in document.value["access"].items():
                yield from teams.check(document, pointer("access", field), patterns)


def unknown_team(whole: Whole) -> Iterator[Problem]:
    """unknown-team: a key of a team that is not declared, where teams are: its limits would not hold."""
    if not whole.teams:
        return
    suggestions = Suggestions(whole.teams)
    for key in whole.keys.values():
        if key.owner not in whole.teams:
            message = f'there is no team "{key.owner}", so no team limits what this key may call'
            hint = suggestions.did_you_mean(key.owner) or f"make teams/{key.owner}/team.yaml"
            yield whole.documents[key.file].problem("unknown-team", message, "/owner", hint=hint)


def unknown_owner(whole: Whole) -> Iterator[Problem]:
    """unknown-owner: the owner of something else than a key is no declared team, where teams are."""
    if not whole.teams:
        return
    suggestions = Suggestions(whole.teams)
    for place in whole.places:
        if place.kind in ("key", "team") or place.team:
            continue
        document = whole.documents[place.file]
        owner = document.value.get("owner")
        if owner is not None and owner not in whole.teams:
            message = f'the owner "{owner}" is no team of the catalog'
            hint = suggestions.did_you_mean(owner) or f"make teams/{owner}/team.yaml"
            yield document.problem("unknown-owner", message, "/owner", hint=hint)


def team_widens_access(whole: Whole) -> Iterator[Problem]:
    """team-widens-access: a team lets other teams call what the platform does not let them call."""
    things: list[Model | Route] = [*whole.models.values(), *whole.routes.values()]
    for thing in things:
        if not thing.team:
            continue
        document = whole.documents[thing.file]
        patterns = document.value.get("access", {}).get("teams", ())
        for index, pattern in enumerate(patterns):
            named = whole.callers if "*" in pattern else frozenset((pattern,))
            own = Access((pattern,))
            kept_out = sorted(
                name
                for name in named
                if name != thing.team and allows(own, name) and not _platform_allows(whole, thing, name)
            )
            if kept_out:
                message = f'"{pattern}" lets in the team "{kept_out[0]}", which has no access to its provider'
                hint = "name teams that have access, or ask the platform"
                yield document.problem("team-widens-access", message, f"/access/teams/{index}", hint=hint)


def _platform_allows(whole: Whole, thing: Model | Route, team: str) -> bool:
    if isinstance(thing, Model):
        return allows(whole.providers[thing.provider].access, team)
    return all(_target_allows(whole.models, whole, target.model, team) for target in thing.targets)


def _target_allows(models: Mapping[str, Model], whole: Whole, name: str, team: str) -> bool:
    model = models.get(name)
    return model is None or allows(whole.providers[model.provider].access, team)
