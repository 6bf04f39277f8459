"""What only the reference data can tell about a name that the lock does not have.

The compiler works without it: hints change a message's wording, never its code or its place.
"""

from typing import Protocol

from engine.catalog.document import Document
from engine.pricing.reference import Found, is_pattern
from engine.problem import Problem

UPDATE = "run `catalog reference update`"


class Hints(Protocol):
    """The part of `engine.pricing.reference.Reference` that is asked."""

    def find(self, api: str, name: str) -> Found | None:
        """The model with this name."""

    def near(self, api: str, name: str) -> tuple[str, ...]:
        """Names that resemble it, best first."""


def not_in_lock(document: Document, at: str, api: str, name: str, hints: Hints | None) -> Problem:
    """The finding about a name or pattern that the catalog uses and the lock does not have."""
    message, hint = f"reference.lock does not have {api}:{name}", UPDATE
    if hints is not None and not is_pattern(name) and hints.find(api, name) is None:
        near = hints.near(api, name)
        message = f'{api} has no model "{name}" in the reference data'
        hint = f'did you mean "{near[0]}"?' if near else 'name another model, or "@provider/slug"'
    return document.problem("lock-stale", message, at, hint=hint)
