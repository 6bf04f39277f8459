"""The catalog as rules that look at several files see it."""

import functools
from collections.abc import Iterable, Mapping

import msgspec

from engine.catalog.access import Permissions
from engine.catalog.document import Document
from engine.catalog.drafts import Drafts
from engine.catalog.layout import Place
from engine.catalog.names import Names
from engine.model import Access, Budget, Key, Lifecycle, Model, Provider, Route, Team


class Whole(msgspec.Struct, dict=True):
    """Everything that was built, and the documents that it was built of, by file."""

    drafts: Drafts
    places: list[Place]
    documents: dict[str, Document]
    providers: dict[str, Provider]
    models: dict[str, Model]
    routes: dict[str, Route]
    keys: dict[str, Key]
    budgets: dict[str, Budget]
    teams: dict[str, Team]

    @property
    def names(self) -> Names:
        """What can be called."""
        return self.drafts.names

    @functools.cached_property
    def callers(self) -> frozenset[str]:
        """The names of teams, declared or only named as the owner of a key."""
        return frozenset((*self.teams, *(key.owner for key in self.keys.values())))

    @functools.cached_property
    def replaced(self) -> dict[str, tuple[str, Lifecycle]]:
        """What has a replacement: the file and lifecycle of each, by its full name."""
        things: list[Model | Route] = [*self.models.values(), *self.routes.values()]
        return {thing.name: (thing.file, thing.lifecycle) for thing in things if thing.lifecycle.replacement}

    @functools.cached_property
    def permissions(self) -> Permissions:
        """Who may call what."""
        return Permissions(
            self.teams, self.names.aliases, lambda name: access_of(name, self.models, self.routes, self.providers)
        )


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
