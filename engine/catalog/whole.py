"""The catalog as rules that look at several files see it."""

import functools

import msgspec

from engine.catalog.access import Permissions, permissions_of
from engine.catalog.document import Document
from engine.catalog.drafts import Drafts
from engine.catalog.layout import Place
from engine.catalog.names import Names
from engine.model import Budget, Key, Lifecycle, Model, Provider, Route, Team


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
        return permissions_of(self.teams, self.names.aliases, self.models, self.routes, self.providers)
