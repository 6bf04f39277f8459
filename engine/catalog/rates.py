"""The prices that a model's file writes out: windows, tiers and variants, from a document that passed its schema."""

from typing import Any

from engine.catalog.document import Document, pointer
from engine.catalog.values import nanoseconds, time_at
from engine.model import PriceTier, PriceVariant, PriceWindow, Pricing
from engine.pricing.meters import BY_PRICE_KEY
from engine.problem import Problem


def read_own(document: Document, problems: list[Problem]) -> Pricing | None:
    """The price that a model's file writes out; None where it inherits, or where a problem was reported."""
    written = document.value.get("pricing")
    if written is None:
        return Pricing("unpriced")
    if written == "free":
        return Pricing("free", (PriceWindow({}),))
    return None if isinstance(written, str) else _own_windows(document, written, problems)


def window_pointers(written: Any) -> list[str]:
    """The JSON pointer of each window, in the order of the file."""
    return [pointer("pricing", index) for index in range(len(written))] if isinstance(written, list) else ["/pricing"]


def _own_windows(document: Document, written: Any, problems: list[Problem]) -> Pricing | None:
    windows: list[PriceWindow] = []
    starts: dict[int | None, str] = {}
    before = len(problems)
    items = written if isinstance(written, list) else [written]
    for at, item in zip(window_pointers(written), items, strict=True):
        known = len(problems)
        start = time_at(document, f"{at}/from", item.get("from"), problems)
        if len(problems) > known:
            continue
        rates = _rates(item)
        if not rates:
            hint = "add input_mtok and output_mtok, or write pricing: free"
            problems.append(document.problem("missing-key", "this window has no rates", at, hint=hint))
        if start in starts:
            line = document.position(starts[start])[0]
            message = f"this window starts when the one on line {line} starts"
            hint = "give each window another from; only one may have none"
            problems.append(document.problem("duplicate-window", message, at, hint=hint))
        starts[start] = at
        tiers = _tiers(document, at, item, problems)
        variants = _variants(document, at, item, problems)
        windows.append(PriceWindow(rates, start, tiers, variants, item.get("correction", "")))
    if len(problems) > before:
        return None
    windows.sort(key=lambda window: (window.start is not None, window.start or 0))
    return Pricing("own", tuple(windows))


def _rates(item: dict[str, Any]) -> dict[str, str]:
    return {key: rate for key, rate in item.items() if key in BY_PRICE_KEY}


def _tiers(document: Document, at: str, item: dict[str, Any], problems: list[Problem]) -> tuple[PriceTier, ...]:
    tiers: dict[int, PriceTier] = {}
    for index, tier in enumerate(item.get("tiers", ())):
        above = int(tier["above_input_tokens"])
        if above in tiers:
            where = f"{at}/tiers/{index}/above_input_tokens"
            message = f"two tiers begin above {above} input tokens"
            problems.append(document.problem("duplicate-window", message, where, hint="make them one"))
        tiers[above] = PriceTier(above, _rates(tier))
    return tuple(tiers[above] for above in sorted(tiers))


def _variants(document: Document, at: str, item: dict[str, Any], problems: list[Problem]) -> dict[str, PriceVariant]:
    variants: dict[str, PriceVariant] = {}
    conditions: dict[frozenset[tuple[str, str]], str] = {}
    for name, variant in sorted(item.get("variants", {}).items()):
        where = f"{at}{pointer('variants', name)}"
        rates, when = _rates(variant), {key: value.lower() for key, value in sorted(variant["when"].items())}
        if not rates:
            problems.append(document.problem("missing-key", "this variant has no rates", where, hint="add input_mtok"))
        other = conditions.setdefault(frozenset(when.items()), name)
        if other != name:
            message = f'this variant holds when the variant "{other}" holds'
            problems.append(document.problem("duplicate-window", message, f"{where}/when", hint="make them one"))
        variants[name] = PriceVariant(when, rates, _tiers(document, where, variant, problems))
    return variants


def own_windows(document: Document, own: Pricing | None) -> list[tuple[str, PriceWindow]]:
    """The windows that a file writes out, each with its JSON pointer; by their starts."""
    if own is None or own.kind != "own":
        return []
    written = document.value["pricing"]
    if len(own.windows) == 1:
        return [("/pricing/0" if isinstance(written, list) else "/pricing", own.windows[0])]
    starts = [(item.get("from") is not None, nanoseconds(item["from"]) if "from" in item else 0) for item in written]
    order = sorted(range(len(written)), key=starts.__getitem__)
    return [(pointer("pricing", index), window) for index, window in zip(order, own.windows, strict=True)]
