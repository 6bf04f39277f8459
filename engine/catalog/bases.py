"""Base models: what each custom model is compatible with, followed to the reference model at the end."""

import msgspec

from engine.catalog.chains import MAX_CHAIN, Chains, as_path
from engine.catalog.drafts import Drafts, ModelDraft
from engine.catalog.hints import not_in_lock
from engine.catalog.vendors import REFERENCE_APIS, VENDORS, reference_of
from engine.model import BaseModel
from engine.pricing.reference import Found
from engine.problem import Problem


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


class Bases:
    """Resolves the base of every model of a catalog. Each mistake is reported once, in the file that makes it."""

    def __init__(self, drafts: Drafts) -> None:
        self._drafts = drafts
        self._chains = Chains(
            {name: base for name, draft in drafts.models.items() if (base := draft.base_in_catalog) is not None}
        )
        for cycle in self._chains.cycles:
            message = f"base models go round in a circle: {as_path((*cycle, cycle[0]))}"
            drafts.problems.append(drafts.models[cycle[0]].document.problem("base-model-cycle", message, "/base_model"))

    def chain(self, draft: ModelDraft) -> tuple[str, ...] | None:
        """The models of the catalog behind this one, nearest first; None where that never ends, or too late."""
        return self._chains.after(draft.name) if self._chains.is_usable(draft.name) else None

    def of(self, draft: ModelDraft, problems: list[Problem]) -> Base:
        """The base of one model."""
        drafts = self._drafts
        if draft.base is None:
            if draft.value["type"] == "base" or draft.owner.vendor.needs_base_model:
                problems.append(_missing(draft))
                return _UNUSABLE
            return Base()
        chain = self.chain(draft)
        if chain is None:
            if self._chains.is_first_too_long(draft.name):
                problems.append(_too_long(draft, self._chains))
            return _UNUSABLE
        end = chain[-1] if chain else draft.name
        if end in drafts.offered:
            found = drafts.offered[end].found
            resolved = _shown(drafts.offered[end].owner.vendor.api, found)
            return Base(BaseModel(draft.base, resolved, chain, found.matched_by), found)
        if end not in drafts.models:
            if len(chain) == 1 and not drafts.is_broken(end):
                problems.append(_unknown(draft, end, drafts))
            return _UNUSABLE
        if drafts.models[end].base is None:
            return Base(BaseModel(draft.base, "", chain))
        return _reference(draft, drafts.models[end], chain, drafts, problems)


def _reference(
    draft: ModelDraft, current: ModelDraft, chain: tuple[str, ...], drafts: Drafts, problems: list[Problem]
) -> Base:
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
            problems.append(draft.document.problem("unknown-model", message, "/base_model", hint=hint))
        return _UNUSABLE
    if drafts.lock is None:
        return _UNUSABLE
    found = drafts.find(reference, name)
    if found is None:
        if current is draft:
            problems.append(not_in_lock(draft.document, "/base_model", reference, name, drafts.hints))
        return _UNUSABLE
    return Base(BaseModel(draft.base or "", _shown(api, found), chain, found.matched_by), found)


def _shown(api: str, found: Found) -> str:
    """The full name by the words of the catalog: its api, unless the reference data says that it is another's."""
    return f"{api}:{found.model.id}" if reference_of(api) == found.model.api else found.model.name


def _too_long(draft: ModelDraft, chains: Chains) -> Problem:
    path = as_path((draft.name, *chains.after(draft.name)))
    message = f"the chain of base models has more than {MAX_CHAIN} models: {path}"
    return draft.document.problem("chain-too-long", message, "/base_model", hint="name a nearer base model")


def _missing(draft: ModelDraft) -> Problem:
    api = draft.owner.vendor.api
    message = f'"base_model" is missing: a model at the api "{api}" says which existing model it is compatible with'
    return draft.document.problem("missing-base-model", message, hint="for example base_model: openai:gpt-4.1-nano")


def _unknown(draft: ModelDraft, written: str, drafts: Drafts) -> Problem:
    hint = drafts.did_you_mean(written)
    return draft.document.problem("unknown-model", f'there is no model "{written}"', "/base_model", hint=hint)
