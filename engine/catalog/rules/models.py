"""Rules about one model beside its base model and its provider."""

from collections.abc import Iterator

from engine.catalog.access import allows
from engine.catalog.bases import Base
from engine.catalog.drafts import ModelDraft
from engine.catalog.prices import Priced
from engine.problem import Problem


def context_window_above_base(draft: ModelDraft, base: Base, _: Priced | None) -> Iterator[Problem]:
    """context-window-above-base: a longer context than the base model has."""
    written = draft.value.get("limits", {}).get("context_window")
    known = base.found.model.context_window if base.found else None
    if written is not None and known and written > known:
        message = f"the context window is {int(written)} tokens, and that of {base.found.model.name} is {known}"  # type: ignore[union-attr]
        hint = "write the real one, or accept this warning with the reason"
        yield draft.document.problem("context-window-above-base", message, "/limits/context_window", hint=hint)


def provider_not_allowed(draft: ModelDraft, _: Base, __: Priced | None) -> Iterator[Problem]:
    """provider-not-allowed: a team's model at a provider to which the team has no access."""
    if draft.team and not allows(draft.owner.provider.access, draft.team):
        provider = draft.owner.provider
        message = f'the team "{draft.team}" has no access to the provider "{provider.name}"'
        hint = f"ask the platform to add it in {draft.owner.document.place('/access')}"
        yield draft.document.problem("provider-not-allowed", message, hint=hint)
