"""Which wires reach a model: the vendor's, the provider's file, the base model and the endpoints decide together."""

from collections.abc import Iterable, Mapping

import msgspec

from engine.catalog.document import pointer
from engine.catalog.drafts import ModelDraft, ProviderDraft
from engine.catalog.vendors import WIRES, Kind, kind_of, of_kind
from engine.pricing.reference import Found
from engine.problem import Problem

_KINDS: tuple[Kind, ...] = ("chat", "embeddings", "rerank")
_KIND_OF_ENDPOINT: Mapping[str, Kind] = {"embeddings": "embeddings", "rerank": "rerank"}  # all others are for chats


class Chosen(msgspec.Struct, frozen=True):
    """The wires of one model: for chats, the preferred one first, for embeddings, for reranking; "" is "none"."""

    chat: tuple[str, ...]
    embeddings: str
    rerank: str

    @property
    def first(self) -> str:
        """The preferred one of all."""
        return next((wire for wire in (*self.chat, self.embeddings, self.rerank) if wire), "")


def choose_wires(owner: ProviderDraft, found: Found | None, endpoints: Iterable[str] = ()) -> Chosen:
    """The wires of a model with this base.

    Nothing is refused for what is not known: a model without endpoints and without a known base has wires of all kinds.
    """
    model = found.model.id if found is not None else ""
    if asked := {_KIND_OF_ENDPOINT.get(endpoint, "chat") for endpoint in endpoints}:
        kinds = asked
    else:
        kinds = {kind_of(model)} if model else set(_KINDS)
    return Chosen(
        chat=_chat(owner, found) if "chat" in kinds else (),
        embeddings=_other("embeddings", owner, found) if "embeddings" in kinds else "",
        rerank=_other("rerank", owner, found) if "rerank" in kinds else "",
    )


def check_wires(draft: ModelDraft, chosen: Chosen) -> list[Problem]:
    """What a model's file asks for that its provider has no wire for."""
    api, document = draft.owner.vendor.api, draft.document
    hint = f"if {draft.owner.document.file} speaks one, name it in its wires"
    endpoints = draft.value.get("endpoints", ())
    if not endpoints and not chosen.first:
        message = f'the api "{api}" has no wire for what this base model answers'
        return [document.problem("bad-value", message, "/base_model", hint=hint)]
    spoken: Mapping[Kind, bool] = {
        "chat": bool(chosen.chat), "embeddings": bool(chosen.embeddings), "rerank": bool(chosen.rerank),
    }  # fmt: skip
    return [
        document.problem(
            "bad-value", f'the api "{api}" has no wire for {endpoint}', pointer("endpoints", at), hint=hint
        )
        for at, endpoint in enumerate(endpoints)
        if not spoken[_KIND_OF_ENDPOINT.get(endpoint, "chat")]
    ]


def _chat(owner: ProviderDraft, found: Found | None) -> tuple[str, ...]:
    """Claude is sold by many, and speaks its maker's format where the account does."""
    of_vendor = owner.vendor.chat_wires(found.model.id if found is not None else "")
    spoken = of_kind("chat", owner.provider.wires)
    if spoken == of_kind("chat", owner.vendor.wires):
        wires = of_vendor
    else:  # the provider's file chose, perhaps wires that the vendor's row does not have
        ruled_out = set(owner.vendor.wires) - set(of_vendor)
        wires = tuple(wire for wire in spoken if wire not in ruled_out) or spoken
    maker = _maker(found)
    return tuple(sorted(wires, key=lambda wire: not maker or WIRES[wire].maker != maker))


def _other(kind: Kind, owner: ProviderDraft, found: Found | None) -> str:
    wires = of_kind(kind, owner.provider.wires)
    maker = _maker(found)
    return next((wire for wire in wires if maker and WIRES[wire].maker == maker), wires[0] if wires else "")


def _maker(found: Found | None) -> str:
    if found is None:
        return ""
    return "anthropic" if "claude" in found.model.id else found.model.api
