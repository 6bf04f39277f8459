"""The documents of a catalog by what they are, before names are resolved.

A document that could not be used leaves its name in `broken`, so that what refers to it is not blamed as well.
"""

from fractions import Fraction
from typing import Any

import msgspec

from engine.catalog.document import Document
from engine.catalog.hints import Hints
from engine.catalog.names import Names
from engine.catalog.suggest import Suggestions
from engine.catalog.vendors import Vendor
from engine.model import Pricing, Provider
from engine.pricing.lock import Lock
from engine.pricing.reference import Found
from engine.problem import Problem


class ProviderDraft(msgspec.Struct, frozen=True, eq=False):
    """A provider, and what its file says about its models. `factor` is 1 where none is written."""

    provider: Provider
    vendor: Vendor
    document: Document
    factor: Fraction


class ModelDraft(msgspec.Struct, frozen=True, eq=False):
    """A model's document and its provider.

    `own` is the price that the file writes out; None where it inherits, or where a problem was reported. `base` is the
    base model as written; a model of type base is by default its own. `base_in_catalog` is the model of the catalog that
    this one is based on, `price_in_catalog` the one whose price it takes, each None where it is none of the catalog's.
    `team` is "" for the platform's models.
    """

    name: str
    slug: str
    owner: ProviderDraft
    document: Document
    blob: str
    own: Pricing | None
    base: str | None
    base_in_catalog: str | None
    price_in_catalog: str | None
    team: str = ""

    @property
    def value(self) -> dict[str, Any]:
        """The document, which has passed its schema."""
        value: dict[str, Any] = self.document.value
        return value


class RouteDraft(msgspec.Struct, frozen=True, eq=False):
    """A route's document."""

    name: str
    slug: str
    document: Document
    blob: str
    team: str = ""


class Offered(msgspec.Struct, frozen=True, eq=False):
    """A reference model that a provider offers as it is."""

    name: str
    owner: ProviderDraft
    found: Found
    pointer: str


class Drafts(msgspec.Struct):
    """Everything that is known before resolution, and the problems found so far.

    `lock` is None where it is missing or cannot be used; `found` keeps what was found in it. `names` is there once all
    names are known.
    """

    problems: list[Problem]
    hints: Hints | None = None
    providers: dict[str, ProviderDraft] = {}
    models: dict[str, ModelDraft] = {}
    routes: dict[str, RouteDraft] = {}
    offered: dict[str, Offered] = {}
    broken: set[str] = set()
    lock: Lock | None = None
    found: dict[tuple[str, str], Found | None] = {}
    names: Names = Names()
    suggestions: Suggestions | None = None

    def find(self, reference: str, name: str) -> Found | None:
        """What the lock has for a name of the reference data; models share what they have in common."""
        if self.lock is None:
            return None
        asked = (reference, name)
        if asked not in self.found:
            self.found[asked] = self.lock.find(reference, name)
        return self.found[asked]

    def did_you_mean(self, name: str) -> str:
        """The model whose name resembles this one, as a question; to be asked when all names are known."""
        if self.suggestions is None:
            self.suggestions = Suggestions((*self.models, *self.offered))
        return self.suggestions.did_you_mean(name)

    def is_broken(self, name: str) -> bool:
        """Whether a name belongs to a document, or to a provider, that could not be used."""
        return name in self.broken or name.partition("/")[0] in self.broken
