"""Rules about a model's own prices, beside the list price of its base model."""

from collections.abc import Iterator
from decimal import Decimal

from engine.catalog.bases import Base
from engine.catalog.document import pointer
from engine.catalog.drafts import ModelDraft
from engine.catalog.prices import Priced, times
from engine.catalog.rates import own_windows
from engine.model import PriceTier, PriceWindow
from engine.problem import Problem

FAR = 10
_UNIT = "rates are in USD per million tokens: is this one per token, per thousand, or in cents?"
_Sheet = tuple[str, dict[str, str]]


def zero_price(draft: ModelDraft, _: Base, __: Priced | None) -> Iterator[Problem]:
    """zero-price: an explicit zero, which may be meant or forgotten."""
    for at, window in own_windows(draft.document, draft.own):
        for where, rates in _sheets(at, window):
            for key, rate in rates.items():
                if not Decimal(rate):
                    whole = not any(Decimal(each) for _, sheet in _sheets(at, window) for each in sheet.values())
                    message = "everything costs zero here" if whole else f'"{key}" costs zero'
                    hint = "write pricing: free" if whole else "write its price; or accept this warning with the reason"
                    yield draft.document.problem("zero-price", message, f"{where}/{key}", hint=hint)
                    return


def priced_as_base(draft: ModelDraft, base: Base, _: Priced | None) -> Iterator[Problem]:
    """priced-as-base: a fine-tuned model with the list price of its base model written out."""
    if draft.value["type"] != "fine-tuned" or base.found is None:
        return
    for at, window in own_windows(draft.document, draft.own):
        listed = _in_force(base.found.model.windows, window.start)
        if listed is None or window.variants or window.tiers or not window.rates.keys() <= listed.rates.keys():
            continue
        if all(Decimal(rate) == Decimal(listed.rates[key]) for key, rate in window.rates.items()):
            message = f"these are the list prices of {base.found.model.name}, and a fine-tuned model mostly costs more"
            hint = "write pricing: inherit to say that it costs the same, or its own rates"
            yield draft.document.problem("priced-as-base", message, at, hint=hint)
            return


def price_far_from_list(draft: ModelDraft, base: Base, _: Priced | None) -> Iterator[Problem]:
    """price-far-from-list: a rate more than ten times away from the base model's list price."""
    if base.found is None:
        return
    for at, window in own_windows(draft.document, draft.own):
        listed = _in_force(base.found.model.windows, window.start)
        for key, rate in window.rates.items():
            if listed is not None and key in listed.rates and (times_off := _far(rate, listed.rates[key])):
                message = (
                    f'"{key}" is {rate}, {times_off} the list price of {base.found.model.name}, {listed.rates[key]}'
                )
                yield draft.document.problem("price-far-from-list", message, f"{at}/{key}", hint=_UNIT)
                break


def team_underpriced(draft: ModelDraft, base: Base, priced: Priced | None) -> Iterator[Problem]:
    """team-underpriced: a team's model that costs less than the platform pays for it, or nothing."""
    if not draft.team:
        return
    if draft.value.get("pricing") == "free":
        hint = "ask the platform to have this file in models/"
        message = "a team cannot make a model free"
        yield draft.document.problem("team-underpriced", message, "/pricing", hint=hint)
    if base.found is None or not base.found.model.windows:
        return
    list_windows = times(base.found.model.pricing, draft.owner.factor).windows
    for at, window in _chosen_windows(draft, priced):
        listed = _in_force(list_windows, window.start)
        if listed is None:
            continue
        for where, rates in _sheets(at, window):
            for key, rate in rates.items():
                if Decimal(rate) < Decimal(listed.rates.get(key, "0")) and not _is_listed_variant(
                    where, window, listed
                ):
                    message = f'"{key}" is {rate}, below the list price of {base.found.model.name}, {listed.rates[key]}'
                    hint = "a team cannot price below list; write pricing: inherit"
                    place = f"{where}/{key}" if draft.own is not None else "/pricing"
                    yield draft.document.problem("team-underpriced", message, place, hint=hint)
                    return
        missing = [key for key in ("input_mtok", "output_mtok") if key in listed.rates and key not in window.rates]
        if missing:
            message = f'"{missing[0]}" has no price here, and its list price is {listed.rates[missing[0]]}'
            yield draft.document.problem("team-underpriced", message, at, hint="add it, or write pricing: inherit")
            return


def _chosen_windows(draft: ModelDraft, priced: Priced | None) -> list[tuple[str, PriceWindow]]:
    """The windows that a file writes out, or takes from a price sheet; not those of its base model."""
    if priced is not None and draft.own is None and draft.value.get("pricing") != "inherit":
        return [("/pricing", window) for window in priced.pricing.windows]
    return own_windows(draft.document, draft.own)


def _is_listed_variant(where: str, window: PriceWindow, listed: PriceWindow) -> bool:
    """Whether rates belong to a variant that the list price has as well, at no less than it asks."""
    name = where.partition("/variants/")[2].partition("/")[0]
    variant = window.variants.get(name)
    if variant is None:
        return False
    for other in listed.variants.values():
        if other.when == variant.when:
            sheets = [variant.rates, *(tier.rates for tier in variant.tiers)]
            return all(
                Decimal(rate) >= Decimal(other.rates.get(key, listed.rates.get(key, "0")))
                for sheet in sheets
                for key, rate in sheet.items()
            )
    return False


def _sheets(at: str, window: PriceWindow) -> Iterator[_Sheet]:
    """Every set of rates of a window with its JSON pointer."""
    yield at, window.rates
    yield from _tiers(at, window.tiers)
    for name, variant in window.variants.items():
        where = f"{at}{pointer('variants', name)}"
        yield where, variant.rates
        yield from _tiers(where, variant.tiers)


def _tiers(at: str, tiers: tuple[PriceTier, ...]) -> Iterator[_Sheet]:
    for index, tier in enumerate(tiers):
        yield f"{at}/tiers/{index}", tier.rates


def _in_force(windows: tuple[PriceWindow, ...], start: int | None) -> PriceWindow | None:
    """The window that holds at a time, the first one before all; the last one where the time is "always"."""
    if start is None:
        return windows[-1] if windows else None
    begun = [window for window in windows if window.start is None or window.start <= start]
    return begun[-1] if begun else next(iter(windows), None)


def _far(rate: str, listed: str) -> str:
    """How many times the listed rate a rate is, in words; "" where it is within ten times, or one is zero."""
    one, other = Decimal(rate), Decimal(listed)
    if not one or not other or (one <= FAR * other and other <= FAR * one):
        return ""
    return f"{_plain(one / other)} times" if one > other else f"one {_plain(other / one)}th of"


def _plain(ratio: Decimal) -> str:
    return f"{ratio:.0f}"
