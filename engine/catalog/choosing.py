"""Which wires reach a model: the vendor's, the provider's file, the base model and the endpoints decide together."""

import functools
from collections.abc import Iterable, Mapping

import msgspec

from engine.catalog.document import pointer
from engine.catalog.drafts import ModelDraft, ProviderDraft
from engine.catalog.vendors import VENDORS, WIRES, Kind, Vendor, kind_of, of_kind
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
    model, made_by = (found.model.id, found.model.api) if found is not None else ("", "")
    asked = frozenset(_KIND_OF_ENDPOINT.get(endpoint, "chat") for endpoint in endpoints)
    return _choose(owner.vendor.api, owner.provider.wires, model, made_by, asked)


@functools.lru_cache(maxsize=4096)  # most models of a large catalog are alike in this
def _choose(api: str, wires: tuple[str, ...], model: str, made_by: str, asked: frozenset[Kind]) -> Chosen:
    kinds = asked or ({kind_of(model)} if model else _KINDS)
    maker = "anthropic" if "claude" in model else made_by
    return Chosen(
        chat=_chat(VENDORS[api], wires, model, maker) if "chat" in kinds else (),
        embeddings=_other("embeddings", wires, maker) if "embeddings" in kinds else "",
        rerank=_other("rerank", wires, maker) if "rerank" in kinds else "",
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


def _chat(vendor: Vendor, written: tuple[str, ...], model: str, maker: str) -> tuple[str, ...]:
    """Claude is sold by many, and speaks its maker's format where the account does."""
    of_vendor = vendor.chat_wires(model)
    spoken = of_kind("chat", written)
    if spoken == of_kind("chat", vendor.wires):
        wires = of_vendor
    else:  # the provider's file chose, perhaps wires that the vendor's row does not have
        ruled_out = set(vendor.wires) - set(of_vendor)
        wires = tuple(wire for wire in spoken if wire not in ruled_out) or spoken
    return tuple(sorted(wires, key=lambda wire: not maker or WIRES[wire].maker != maker))


def _other(kind: Kind, written: tuple[str, ...], maker: str) -> str:
    wires = of_kind(kind, written)
    return next((wire for wire in wires if maker and WIRES[wire].maker == maker), wires[0] if wires else "")
