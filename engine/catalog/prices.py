"""What each model costs: its own windows, or the price that it inherits, times a discount on list prices."""

from fractions import Fraction

import msgspec

from engine.catalog.bases import Base, Bases
from engine.catalog.chains import MAX_CHAIN, Chains, as_path
from engine.catalog.drafts import Drafts, ModelDraft, ProviderDraft
from engine.model import PriceKind, PriceTier, PriceVariant, Pricing
from engine.money import format_fraction
from engine.pricing.reference import Found
from engine.problem import Problem


class Priced(msgspec.Struct, frozen=True):
    """A model's price, and for people where it comes from."""

    pricing: Pricing
    origin: str


class Prices:
    """Resolves the pricing of every model of a catalog."""

    def __init__(self, drafts: Drafts, bases: Bases) -> None:
        self._drafts = drafts
        self._bases = bases
        self._chains = Chains(
            {name: sheet for name, draft in drafts.models.items() if (sheet := draft.price_in_catalog) is not None}
        )
        for cycle in self._chains.cycles:
            self._report_cycle(cycle)

    def chain(self, draft: ModelDraft) -> tuple[str, ...] | None:
        """The models of the catalog whose price this one takes, nearest first; None where that never ends, or too late."""
        return self._chains.after(draft.name) if self._chains.is_usable(draft.name) else None

    def of(self, draft: ModelDraft, base: Base, problems: list[Problem]) -> Priced | None:
        """A model's price; None where a problem was reported, here or elsewhere."""
        chain = self.chain(draft)
        if chain is None:
            if self._chains.is_first_too_long(draft.name):
                problems += self._too_long(draft)
            return None
        end = chain[-1] if chain else draft.name
        if (offered := self._drafts.offered.get(end)) is not None:
            return _listed(draft, offered.found, offered.owner, problems)
        if end not in self._drafts.models:
            if len(chain) == 1 and not self._drafts.is_broken(end):
                problems += self._unknown(draft, end)
            return None
        return self._at_end(draft, base, self._drafts.models[end], problems)

    def _at_end(self, draft: ModelDraft, base: Base, end: ModelDraft, problems: list[Problem]) -> Priced | None:
        written = end.value.get("pricing")
        if written == "inherit":
            end_base = base if end is draft else self._bases.of(end, [])
            if end_base.found is not None:
                return _listed(draft, end_base.found, end.owner, problems)
            if end_base.usable and end is draft:
                problems.append(_nothing(draft, "this model has no base model"))
            return None
        pricing = end.own
        if pricing is None:
            return None
        origin = end.document.place("/pricing") if written is not None else "nowhere"
        if end is draft:
            return Priced(pricing, origin)
        if pricing.kind == "unpriced":
            problems.append(_nothing(draft, f"{end.name} is unpriced"))
            return None
        kind: PriceKind = "free" if pricing.kind == "free" else "inherit"
        return Priced(Pricing(kind, pricing.windows, end.name), f"{end.name} ({origin})")

    def _unknown(self, draft: ModelDraft, target: str) -> list[Problem]:
        if draft.value.get("pricing") == "inherit":
            return []  # said about base_model
        hint = self._drafts.did_you_mean(target)
        return [draft.document.problem("unknown-model", f'there is no model "{target}"', "/pricing", hint=hint)]

    def _report_cycle(self, cycle: tuple[str, ...]) -> None:
        drafts = [self._drafts.models[name] for name in cycle]
        if all(draft.value.get("pricing") == "inherit" for draft in drafts):
            return  # a circle of base models, and said about them
        message = f"prices go round in a circle: {as_path((*cycle, cycle[0]))}"
        self._drafts.problems.append(drafts[0].document.problem("pricing-cycle", message, "/pricing"))

    def _too_long(self, draft: ModelDraft) -> list[Problem]:
        chain = (draft.name, *self._chains.after(draft.name))
        if all(self._drafts.models[name].value.get("pricing") == "inherit" for name in chain[:-1]):
            return []  # a chain of base models, and said about them
        message = f"the price is inherited over more than {MAX_CHAIN} models: {as_path(chain)}"
        return [draft.document.problem("chain-too-long", message, "/pricing")]


def _listed(draft: ModelDraft, found: Found, owner: ProviderDraft, problems: list[Problem]) -> Priced | None:
    """The list price of a reference model, as the account at `owner` pays it."""
    if found.model.windows:
        return at_list_price(found, owner)
    why = found.model.unpriced or "it has no list price"
    problems.append(_nothing(draft, f"{found.model.name} has no price that can be used: {why}"))
    return None


def _nothing(draft: ModelDraft, why: str) -> Problem:
    hint = "write rates, or leave pricing out to say that the cost is unknown"
    message = f"there is no price to inherit: {why}"
    return draft.document.problem("nothing-to-inherit", message, "/pricing", hint=hint)


def at_list_price(found: Found, owner: ProviderDraft) -> Priced:
    """The list price of a reference model, times the discount of the account at `owner`."""
    origin = f"list price of {found.model.name} (reference.lock)"
    if owner.factor != 1:
        origin += f" times {format_fraction(owner.factor)} ({owner.document.place('/price_factor')})"
    return Priced(times(found.model.pricing, owner.factor), origin)


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
