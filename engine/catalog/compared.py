"""Findings that depend on the revision before: what a change does that its author may not have meant."""

from collections.abc import Collection, Iterator
from decimal import Decimal

from engine.catalog.catalog import Catalog
from engine.catalog.document import file_problem
from engine.catalog.layout import ROOT_FILE
from engine.catalog.places import Documents, sorted_findings
from engine.catalog.rates import own_windows
from engine.model import Model, PriceWindow
from engine.problem import Problem

MOST_GONE = 0.3
JUMP = 10


def compare_findings(before: Catalog, after: Catalog, now_ns: int) -> tuple[Problem, ...]:
    """What the change from one catalog to the next should not do without a word.

    `now_ns` (nanoseconds since the Unix epoch) says which price windows are past. An offered reference model whose list
    price changed is reported in its provider's file.
    """
    documents = Documents(after)
    shrink = shrink_finding(before.models, before.allow_shrink, after)
    found = [
        *([shrink] if shrink is not None else []),
        *_price_jump(before, after, documents, now_ns),
        *_past_window_edited(before, after, documents, now_ns),
    ]
    return sorted_findings(after, found)


def shrink_finding(before: Collection[str], reason_before: str, after: Catalog) -> Problem | None:
    """catalog-shrinks: of these models most are gone; most likely a directory was not there.

    `allow_shrink` says that it is meant, for the revision that brings it: `reason_before` is what it said before, and
    the same text once more says nothing about another change.
    """
    gone = sorted(set(before) - after.models.keys())
    if not gone or (after.models and len(gone) <= MOST_GONE * len(before)):
        return None
    if after.allow_shrink and after.allow_shrink != reason_before:
        return None
    named = ", ".join(gone[:3]) + (", …" if len(gone) > 3 else "")
    message = f"{len(gone)} of {len(before)} models are gone: {named}"
    hint = 'if that is meant, write allow_shrink: "why" in catalog.yaml, and remove it afterwards'
    if after.allow_shrink:
        hint = "allow_shrink says what it said in the revision before: if this is meant as well, say why"
    return file_problem("catalog-shrinks", ROOT_FILE, message, hint=hint)


def _price_jump(before: Catalog, after: Catalog, documents: Documents, now_ns: int) -> Iterator[Problem]:
    """price-jump: a rate in force now, or to come, is more than ten times what it was."""
    for name, model in after.models.items():
        old = before.models.get(name)
        if old is None or old.pricing == model.pricing:
            continue
        was, places = _in_force(old, now_ns), dict(_window_places(documents, model))
        for window in _in_force_or_later(model, now_ns):
            for key, rate in window.rates.items():
                other = was.rates.get(key) if was is not None else None
                if other is not None and _is_far(rate, other):
                    message = f'"{key}" of {name} was {other}, and is now {rate}'
                    hint = "rates are in USD per million tokens; if it is meant, accept this warning with the reason"
                    at = places.get(window.start, "/pricing")
                    at = f"{at}/{key}" if model.pricing.kind == "own" else at
                    yield documents[model.file].problem("price-jump", message, at, hint=hint)
                    break
            else:
                continue
            break


def _past_window_edited(before: Catalog, after: Catalog, documents: Documents, now_ns: int) -> Iterator[Problem]:
    """past-window-edited: what was paid by it is on record, and its history would read otherwise."""
    for name, model in after.models.items():
        old = before.models.get(name)
        if old is None or old.pricing == model.pricing or {old.pricing.kind, model.pricing.kind} != {"own"}:
            continue
        places = dict(_window_places(documents, model))
        now = {window.start: window for window in model.pricing.windows}
        for window in old.pricing.windows:
            if window.start is not None and window.start > now_ns:
                continue
            kept = now.get(window.start)
            if kept is None or (not kept.correction and not _same_rates(kept, window)):
                begun = "that always held" if window.start is None else "whose time has begun"
                message = f"a price window of {name} {begun} was {'removed' if kept is None else 'changed'}"
                hint = 'give the new price a window of its own; or add correction: "why"'
                at = places.get(window.start, "/pricing")
                # Of several windows one may say why another is gone.
                if kept is not None or not any(each.correction for each in model.pricing.windows):
                    yield documents[model.file].problem("past-window-edited", message, at, hint=hint)


def _window_places(documents: Documents, model: Model) -> list[tuple[int | None, str]]:
    if model.pricing.kind != "own":
        return []
    return [(window.start, at) for at, window in own_windows(documents[model.file], model.pricing)]


def _in_force(model: Model, now_ns: int) -> PriceWindow | None:
    begun = [window for window in model.pricing.windows if window.start is None or window.start <= now_ns]
    return begun[-1] if begun else next(iter(model.pricing.windows), None)


def _in_force_or_later(model: Model, now_ns: int) -> list[PriceWindow]:
    current = _in_force(model, now_ns)
    return [w for w in model.pricing.windows if w is current or (w.start is not None and w.start > now_ns)]


def _is_far(rate: str, other: str) -> bool:
    one, two = Decimal(rate), Decimal(other)
    return (not one) != (not two) or one > JUMP * two or two > JUMP * one


def _same_rates(one: PriceWindow, other: PriceWindow) -> bool:
    return (one.rates, one.tiers, one.variants) == (other.rates, other.tiers, other.variants)
