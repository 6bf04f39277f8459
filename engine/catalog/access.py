"""Who may call what: a key's patterns, its team's patterns, and the access of the model and of its provider.

All must allow it. This is the one place that says so, to the gateway and to people.
"""

from collections.abc import Callable, Iterable, Mapping

from engine.catalog.patterns import Patterns
from engine.model import Access, Key, Model, Provider, Route, Team

_EVERYBODY = Access()

AccessOf = Callable[[str], Iterable[tuple[str, Access]]]


class Permissions:
    """The permissions of one catalog.

    `access_of` gives for the full name of a model or route what limits who may call it, each with the file that says
    so; `aliases` maps an alias to its full name.
    """

    def __init__(self, teams: Mapping[str, Team], aliases: Mapping[str, str], access_of: AccessOf) -> None:
        self._teams = teams
        self._access_of = access_of
        self._names: dict[str, list[str]] = {}
        for alias, name in aliases.items():
            self._names.setdefault(name, [name]).append(alias)
        self._scopes: dict[tuple[tuple[str, ...], tuple[str, ...]], Scope] = {}

    def may_call(self, key: Key, name: str) -> bool:
        """Whether a key may call the model or route with this full name."""
        return not self.why_not(key, name)

    def why_not(self, key: Key, name: str) -> str:
        """What keeps a key from calling it, in words for people; "" where nothing does."""
        names = self._names.get(name) or (name,)
        if reason := self._scope(key.models, key.deny_models).why_not(names, "models"):
            return f"{key.file}: {reason}"
        team = self._teams.get(key.owner)
        if team is not None and (reason := self._scope(team.models, team.deny_models).why_not(names, "models")):
            return f"{team.file}: {reason}"
        for file, access in self._access_of(name):
            if access != _EVERYBODY and (
                reason := self._scope(access.teams, access.deny_teams).why_not((key.owner,), "teams")
            ):
                return f"{file}: access: {reason}"
        return ""

    def _scope(self, allowed: tuple[str, ...], denied: tuple[str, ...]) -> "Scope":
        scope = self._scopes.get((allowed, denied))
        if scope is None:
            scope = self._scopes[allowed, denied] = Scope(allowed, denied)
        return scope


class Scope:
    """Patterns that allow and patterns that deny, compiled once."""

    __slots__ = ("_allowed", "_denied")

    def __init__(self, allowed: tuple[str, ...], denied: tuple[str, ...]) -> None:
        self._allowed = Patterns(allowed)
        self._denied = Patterns(denied)

    def why_not(self, names: Iterable[str], field: str) -> str:
        """Which of the two fields keeps all of `names` out; "" where they are let in."""
        if not self._allowed.match_any(names):
            return f'{field} does not name "{next(iter(names))}"'
        return f'deny_{field} names "{next(iter(names))}"' if self._denied.match_any(names) else ""


def allows(access: Access, team: str) -> bool:
    """Whether a model's or provider's access lets a team in."""
    return access == _EVERYBODY or not Scope(access.teams, access.deny_teams).why_not((team,), "teams")


def permissions_of(
    teams: Mapping[str, Team],
    aliases: Mapping[str, str],
    models: Mapping[str, Model],
    routes: Mapping[str, Route],
    providers: Mapping[str, Provider],
) -> Permissions:
    """The permissions of a catalog whose models are all at hand."""
    return Permissions(teams, aliases, lambda name: access_of(name, models, routes, providers))


def access_of(
    name: str, models: Mapping[str, Model], routes: Mapping[str, Route], providers: Mapping[str, Provider]
) -> Iterable[tuple[str, Access]]:
    """What limits who may call a model or route, each with the file that says so."""
    model = models.get(name)
    if model is not None:
        provider = providers[model.provider]
        return ((model.file, model.access), (provider.file, provider.access))
    route = routes[name]
    return ((route.file, route.access),)
