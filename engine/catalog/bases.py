"""Base models: what each custom model is compatible with, followed to the reference model at the end."""

import msgspec

from engine.catalog.drafts import Drafts, ModelDraft
from engine.catalog.hints import not_in_lock
from engine.catalog.vendors import REFERENCE_APIS, VENDORS, reference_of
from engine.model import BaseModel
from engine.pricing.reference import Found
from engine.problem import Problem

MAX_CHAIN = 8


class Base(msgspec.Struct, frozen=True):
    """What came of a model's `base_model`. `usable` is False where a problem was reported, here or elsewhere."""

    base: BaseModel | None = None
    found: Found | None = None
    usable: bool = True


_UNUSABLE = Base(usable=False)


def reference_name(written: str, own_api: str) -> tuple[str, str]:
    """The api and the name that a base model (not one of the catalog's own) means: "groq:qwen/qwen3-32b" or an id."""
    api, colon, name = written.partition(":")
    if colon and name and (api in VENDORS or api in REFERENCE_APIS):
        return api, name
    return own_api, written


def resolve_base(draft: ModelDraft, drafts: Drafts) -> Base:
    """Follow a model's base models; report only what this model's own file says wrong."""
    written = draft.base
    if written is None:
        if draft.value["type"] == "base" or draft.owner.vendor.needs_base_model:
            drafts.problems.append(_missing(draft))
            return _UNUSABLE
        return Base()
    chain: list[str] = []
    current = draft
    while written is not None and written.startswith("@"):
        chain.append(written)
        if written in drafts.offered:
            found = drafts.offered[written].found
            resolved = _shown(drafts.offered[written].owner.vendor.api, found)
            return Base(BaseModel(draft.base or "", resolved, tuple(chain), found.matched_by), found)
        if written not in drafts.models:
            if current is draft and not drafts.is_broken(written):
                drafts.problems.append(_unknown(draft, written, drafts))
            return _UNUSABLE
        if (cycle := _cycle(draft, chain)) is not None:
            drafts.problems.extend(cycle)
            return _UNUSABLE
        if len(chain) > MAX_CHAIN:
            return _too_long(draft, chain, drafts)
        current = drafts.models[written]
        written = current.base
    if written is None:
        return Base(BaseModel(draft.base or "", "", tuple(chain)))
    return _reference(draft, current, chain, drafts)


def _reference(draft: ModelDraft, current: ModelDraft, chain: list[str], drafts: Drafts) -> Base:
    """The base at the end of a chain: `current` names a model of the reference data."""
    written = current.base or ""
    api, name = reference_name(written, current.owner.vendor.api)
    reference = reference_of(api)
    if not reference:
        if current is draft:
            message = f'the api "{api}" has no reference models, so "{written}" is not known'
            hint = (
                'write another api\'s model (openai:gpt-4.1-nano), a model of the catalog ("@provider/slug"), or none'
            )
            drafts.problems.append(draft.document.problem("unknown-model", message, "/base_model", hint=hint))
        return _UNUSABLE
    if drafts.lock is None:
        return _UNUSABLE
    found = drafts.find(reference, name)
    if found is None:
        if current is draft:
            drafts.problems.append(not_in_lock(draft.document, "/base_model", reference, name, drafts.hints))
        return _UNUSABLE
    return Base(BaseModel(draft.base or "", _shown(api, found), tuple(chain), found.matched_by), found)


def _shown(api: str, found: Found) -> str:
    """The full name by the words of the catalog: its api, unless the reference data says that it is another's."""
    return f"{api}:{found.model.id}" if reference_of(api) == found.model.api else found.model.name


def _cycle(draft: ModelDraft, chain: list[str]) -> list[Problem] | None:
    """None where the chain has not come back to itself; the problem only for one model of each cycle."""
    if chain[-1] != draft.name and chain[-1] not in chain[:-1]:
        return None
    if chain[-1] != draft.name or draft.name != min(chain):
        return []
    path = " → ".join((draft.name, *chain))
    return [draft.document.problem("base-model-cycle", f"base models go round in a circle: {path}", "/base_model")]


def _too_long(draft: ModelDraft, chain: list[str], drafts: Drafts) -> Base:
    # Only the first model that is too far: those behind it would say the same again.
    last = drafts.models[chain[-1]].base
    if last is None or not last.startswith("@"):
        message = f"the chain of base models has more than {MAX_CHAIN} models: {' → '.join((draft.name, *chain))}"
        drafts.problems.append(
            draft.document.problem("chain-too-long", message, "/base_model", hint="name a nearer base model")
        )
    return _UNUSABLE


def _missing(draft: ModelDraft) -> Problem:
    api = draft.owner.vendor.api
    message = f'"base_model" is missing: a model at the api "{api}" says which existing model it is compatible with'
    return draft.document.problem("missing-base-model", message, hint="for example base_model: openai:gpt-4.1-nano")


def _unknown(draft: ModelDraft, written: str, drafts: Drafts) -> Problem:
    hint = drafts.did_you_mean(written)
    return draft.document.problem("unknown-model", f'there is no model "{written}"', "/base_model", hint=hint)
