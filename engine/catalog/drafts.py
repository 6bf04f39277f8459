"""The documents of a catalog by what they are, before names are resolved.

A document that could not be used leaves its name in `broken`, so that what refers to it is not blamed as well.
"""

from fractions import Fraction
from typing import Any

import msgspec

from engine.catalog.document import Document
from engine.catalog.hints import Hints
from engine.catalog.suggest import Suggestions
from engine.catalog.vendors import Vendor
from engine.model import Pricing, Provider
from engine.pricing.lock import Lock
from engine.pricing.reference import Found
from engine.problem import Problem


class ProviderDraft(msgspec.Struct, frozen=True):
    """A provider, and what its file says about its models. `factor` is 1 where none is written."""

    provider: Provider
    vendor: Vendor
    document: Document
    factor: Fraction


class ModelDraft(msgspec.Struct, frozen=True):
    """A model's document and its provider.

    `own` is the price that the file writes out; None where it inherits, or where a problem was reported.
    """

    name: str
    slug: str
    owner: ProviderDraft
    document: Document
    blob: str
    own: Pricing | None

    @property
    def value(self) -> dict[str, Any]:
        """The document, which has passed its schema."""
        value: dict[str, Any] = self.document.value
        return value

    @property
    def base(self) -> str | None:
        """The base model as written; a model of type base is by default its own."""
        written: str | None = self.value.get("base_model")
        if written is None and self.value["type"] == "base" and self.owner.vendor.reference:
            return self.slug
        return written


class Offered(msgspec.Struct, frozen=True):
    """A reference model that a provider offers as it is."""

    name: str
    owner: ProviderDraft
    found: Found
    pointer: str


class Drafts(msgspec.Struct):
    """Everything that is known before resolution, and the problems found so far.

    `lock` is None where it is missing or cannot be used.
    """

    providers: dict[str, ProviderDraft]
    models: dict[str, ModelDraft]
    offered: dict[str, Offered]
    broken: set[str]
    problems: list[Problem]
    hints: Hints | None = None
    lock: Lock | None = None
    found: dict[tuple[str, str], Found | None] = {}
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
