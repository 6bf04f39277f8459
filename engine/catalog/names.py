"""Which name means what: full names of models and routes, offered reference models, and aliases."""

import functools
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import msgspec

from engine.catalog.document import Document, pointer
from engine.model import ROUTE_PREFIX
from engine.problem import Problem

if TYPE_CHECKING:
    from engine.catalog.drafts import Drafts

_NONE: Mapping[str, str] = MappingProxyType({})


class Names(msgspec.Struct, frozen=True, eq=False, dict=True):
    """All names that can be called: full names, and aliases with what they mean."""

    full: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = _NONE

    def resolve(self, asked: str) -> str | None:
        """The full name that a name or alias means."""
        return asked if asked in self.full else self.aliases.get(asked)

    @functools.cached_property
    def all(self) -> frozenset[str]:
        """Full names and aliases."""
        return frozenset((*self.full, *self.aliases))

    @functools.cached_property
    def lines(self) -> str:
        """The same sorted, one a line: what patterns search."""
        return "\n".join(sorted(self.all))


def settle_offered(drafts: "Drafts") -> list[Problem]:
    """A file of type base takes the place of the offered model of its name; any other file may not."""
    problems: list[Problem] = []
    for name in sorted(drafts.models.keys() & drafts.offered.keys()):
        draft, offered = drafts.models[name], drafts.offered.pop(name)
        if draft.value["type"] == "base":
            continue
        file = offered.owner.document
        place = f"{file.file}:{file.position(offered.pointer)[0]}"
        message = f"{name} is also the reference model that {place} offers"
        hint = "rename this file, or write type: base to reprice the reference model"
        problems.append(draft.document.problem("name-collision", message, "/type", hint=hint))
    for name in drafts.broken & drafts.offered.keys():
        del drafts.offered[name]
    return problems


def collect_names(drafts: "Drafts", problems: list[Problem]) -> Names:
    """What each name and alias means; aliases that mean two things are problems."""
    full = frozenset((*drafts.models, *drafts.offered, *drafts.routes))
    aliases: dict[str, str] = {}
    for name, document in with_aliases(drafts):
        for index, alias in enumerate(document.value["aliases"]):
            other = ""
            if alias in full or alias in drafts.broken:
                what = "route" if alias.startswith(ROUTE_PREFIX) else "model"
                other = f"this {what}'s own name" if alias == name else f"the name of the {what} {alias}"
            elif alias in aliases:
                other = f"an alias of {aliases[alias]}"
            elif alias.startswith(ROUTE_PREFIX):
                other = "reserved for routes"
            if other:
                message = f'the alias "{alias}" is already {other}'
                problems.append(document.problem("name-collision", message, pointer("aliases", index)))
            else:
                aliases[alias] = name
    return Names(full, dict(sorted(aliases.items())))


def with_aliases(drafts: "Drafts") -> list[tuple[str, Document]]:
    """The documents that give aliases, by the full names of what they are about."""
    found = [(name, draft.document) for name, draft in drafts.models.items() if "aliases" in draft.document.value]
    found += [(name, draft.document) for name, draft in drafts.routes.items() if "aliases" in draft.document.value]
    return sorted(found, key=lambda pair: pair[0])
