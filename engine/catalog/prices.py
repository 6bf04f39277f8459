"""What each model costs: its own windows, or the price that it inherits, times a discount on list prices."""

from fractions import Fraction
from typing import Any

import msgspec

from engine.catalog.bases import Base
from engine.catalog.chains import MAX_CHAIN, Chains, as_path
from engine.catalog.document import Document, pointer
from engine.catalog.drafts import Drafts, ModelDraft, ProviderDraft
from engine.catalog.values import time_at
from engine.model import PriceKind, PriceTier, PriceVariant, PriceWindow, Pricing
from engine.money import format_fraction
from engine.pricing.reference import Found
from engine.problem import Problem


class Priced(msgspec.Struct, frozen=True):
    """A model's price, and for people where it comes from."""

    pricing: Pricing
    origin: str


class Prices:
    """Resolves the pricing of every model of a catalog."""

    def __init__(self, drafts: Drafts, bases: dict[str, Base]) -> None:
        self._drafts = drafts
        self._bases = bases
        self._problems = drafts.problems
        self._chains = Chains({name: _next(draft) for name, draft in drafts.models.items()})
        for cycle in self._chains.cycles:
            self._report_cycle(cycle)

    def of(self, draft: ModelDraft) -> Priced | None:
        """A model's price; None where a problem was reported, here or elsewhere."""
        if not self._chains.is_usable(draft.name):
            if self._chains.is_first_too_long(draft.name):
                self._report_too_long(draft)
            return None
        chain = self._chains.after(draft.name)
        end = chain[-1] if chain else draft.name
        if (offered := self._drafts.offered.get(end)) is not None:
            return self._listed(draft, offered.found, offered.owner)
        if end not in self._drafts.models:
            if len(chain) == 1 and not self._drafts.is_broken(end):
                self._report_unknown(draft, end)
            return None
        return self._at_end(draft, self._drafts.models[end])

    def _at_end(self, draft: ModelDraft, end: ModelDraft) -> Priced | None:
        written = end.value.get("pricing")
        if written == "inherit":
            found = self._bases[end.name].found
            if found is not None:
                return self._listed(draft, found, end.owner)
            if self._bases[end.name].usable and end is draft:
                self._report_nothing(draft, "this model has no base model")
            return None
        pricing = end.own
        if pricing is None:
            return None
        origin = end.document.place("/pricing") if written is not None else "nowhere"
        if end is draft:
            return Priced(pricing, origin)
        if pricing.kind == "unpriced":
            self._report_nothing(draft, f"{end.name} is unpriced")
            return None
        kind: PriceKind = "free" if pricing.kind == "free" else "inherit"
        return Priced(Pricing(kind, pricing.windows, end.name), f"{end.name} ({origin})")

    def _listed(self, draft: ModelDraft, found: Found, owner: ProviderDraft) -> Priced | None:
        """The list price of a reference model, as the account at `owner` pays it."""
        if found.model.windows:
            return at_list_price(found, owner)
        why = found.model.unpriced or "it has no list price"
        self._report_nothing(draft, f"{found.model.name} has no price that can be used: {why}")
        return None

    def _report_unknown(self, draft: ModelDraft, target: str) -> None:
        if draft.value.get("pricing") == "inherit":
            return  # said about base_model
        hint = self._drafts.did_you_mean(target)
        self._problems.append(
            draft.document.problem("unknown-model", f'there is no model "{target}"', "/pricing", hint=hint)
        )

    def _report_cycle(self, cycle: tuple[str, ...]) -> None:
        drafts = [self._drafts.models[name] for name in cycle]
        if all(draft.value.get("pricing") == "inherit" for draft in drafts):
            return  # a circle of base models, and said about them
        message = f"prices go round in a circle: {as_path((*cycle, cycle[0]))}"
        self._problems.append(drafts[0].document.problem("pricing-cycle", message, "/pricing"))

    def _report_too_long(self, draft: ModelDraft) -> None:
        chain = (draft.name, *self._chains.after(draft.name))
        if all(self._drafts.models[name].value.get("pricing") == "inherit" for name in chain[:-1]):
            return  # a chain of base models, and said about them
        message = f"the price is inherited over more than {MAX_CHAIN} models: {as_path(chain)}"
        self._problems.append(draft.document.problem("chain-too-long", message, "/pricing"))

    def _report_nothing(self, draft: ModelDraft, why: str) -> None:
        hint = "write rates, or leave pricing out to say that the cost is unknown"
        message = f"there is no price to inherit: {why}"
        self._problems.append(draft.document.problem("nothing-to-inherit", message, "/pricing", hint=hint))


def _next(draft: ModelDraft) -> str | None:
    """The model of the catalog whose price this one takes, None where it takes none."""
    written = draft.value.get("pricing")
    if written == "inherit":
        written = draft.base
    return written if isinstance(written, str) and written.startswith("@") else None


def at_list_price(found: Found, owner: ProviderDraft) -> Priced:
    """The list price of a reference model, times the discount of the account at `owner`."""
    origin = f"list price of {found.model.name} (reference.lock)"
    if owner.factor != 1:
        origin += f" times {format_fraction(owner.factor)} ({owner.document.place('/price_factor')})"
    return Priced(times(found.model.pricing, owner.factor), origin)


def read_own(document: Document, problems: list[Problem]) -> Pricing | None:
    """The price that a model's file writes out; None where it inherits, or where a problem was reported."""
    written = document.value.get("pricing")
    if written is None:
        return Pricing("unpriced")
    if written == "free":
        return Pricing("free", (PriceWindow({}),))
    return None if isinstance(written, str) else _own_windows(document, written, problems)


def _own_windows(document: Document, written: Any, problems: list[Problem]) -> Pricing | None:
    windows: list[PriceWindow] = []
    starts: dict[int | None, str] = {}
    before = len(problems)
    for index, item in enumerate(written if isinstance(written, list) else [written]):
        at = pointer("pricing", index) if isinstance(written, list) else "/pricing"
        known = len(problems)
        start = time_at(document, f"{at}/from", item.get("from"), problems)
        if len(problems) > known:
            continue
        rates = {key: rate for key, rate in item.items() if key != "from"}
        if not rates:
            hint = "add input_mtok and output_mtok, or write pricing: free"
            problems.append(document.problem("missing-key", "this window has no rates", at, hint=hint))
        if start in starts:
            line = document.position(starts[start])[0]
            message = f"this window starts when the one on line {line} starts"
            hint = "give each window another from; only one may have none"
            problems.append(document.problem("duplicate-window", message, at, hint=hint))
        starts[start] = at
        windows.append(PriceWindow(rates, start))
    if len(problems) > before:
        return None
    windows.sort(key=lambda window: (window.start is not None, window.start or 0))
    return Pricing("own", tuple(windows))


def times(pricing: Pricing, factor: Fraction) -> Pricing:
    """Every rate of a list price multiplied, exactly."""
    if factor == 1:
        return pricing
    windows = tuple(
        msgspec.structs.replace(
            window,
            rates=_times(window.rates, factor),
            tiers=_tiers_times(window.tiers, factor),
            variants={
                name: PriceVariant(variant.when, _times(variant.rates, factor), _tiers_times(variant.tiers, factor))
                for name, variant in window.variants.items()
            },
        )
        for window in pricing.windows
    )
    return msgspec.structs.replace(pricing, windows=windows)


def _tiers_times(tiers: tuple[PriceTier, ...], factor: Fraction) -> tuple[PriceTier, ...]:
    return tuple(PriceTier(tier.above_input_tokens, _times(tier.rates, factor)) for tier in tiers)


def _times(rates: dict[str, str], factor: Fraction) -> dict[str, str]:
    return {key: format_fraction(Fraction(rate) * factor) for key, rate in rates.items()}
