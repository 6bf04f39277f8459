"""LiteLLM's price fields, as in its model_prices_and_context_window.json: what each means in meters.

Amounts are USD per token, second, query …; `_above_<n>k_tokens` holds for requests with more input than that, all of
it; `_batches`, `_flex` and `_priority` hold by how the request was processed, in any order with the threshold. Long
cache writes are `_above_1hr`. Source: the fields of the map that its package ships, and how it is charged there.
"""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from engine.exchange.amounts import TOKEN_UNITS, Refused, exact
from engine.exchange.losses import Account, Reason, pointer
from engine.exchange.sheet import BATCH, Condition, Place, Sheet, service_tier

UNIT = "usd-per-token"
_USD = Fraction(1)
_PER_1K = Fraction(1, 1_000)

# Prices of a token.
TOKENS: Mapping[str, str] = MappingProxyType(
    {
        "input_cost_per_token": "input_mtok",
        "output_cost_per_token": "output_mtok",
        "cache_read_input_token_cost": "cache_read_mtok",
        "input_cost_per_token_cache_hit": "cache_read_mtok",  # DeepSeek's older name of it
        "cache_creation_input_token_cost": "cache_write_mtok",
        "cache_creation_input_token_cost_above_1hr": "cache_write_1h_mtok",
        "input_cost_per_audio_token": "input_audio_mtok",
        "output_cost_per_audio_token": "output_audio_mtok",
        "cache_read_input_audio_token_cost": "cache_audio_read_mtok",
        "cache_creation_input_audio_token_cost": "cache_audio_write_mtok",
        "input_cost_per_image_token": "input_image_mtok",
        "output_cost_per_image_token": "output_image_mtok",
        "cache_read_input_image_token_cost": "cache_image_read_mtok",
        "input_cost_per_video_token": "input_video_mtok",
        "output_cost_per_video_token": "output_video_mtok",
        "output_cost_per_reasoning_token": "output_reasoning_mtok",
        "citation_cost_per_token": "output_citation_mtok",
    }
)

# Prices of something else: the price key, USD per one at an amount of 1, and the modes in which it means that.
OTHERS: Mapping[str, tuple[str, Fraction, frozenset[str]]] = MappingProxyType(
    {
        "input_cost_per_character": ("input_mchars", _USD, frozenset()),
        "input_cost_per_request": ("requests_kcount", _USD, frozenset()),
        "input_cost_per_query": ("rerank_searches_kcount", _USD, frozenset(("rerank",))),
        "input_cost_per_text_message": ("input_text_messages_kcount", _USD, frozenset()),
        "input_cost_per_audio_per_second": ("input_audio_hours", _USD, frozenset()),
        "input_cost_per_second": ("input_audio_hours", _USD, frozenset(("audio_transcription",))),
        "output_cost_per_second": ("output_audio_hours", _USD, frozenset(("audio_speech",))),
        "ocr_cost_per_page": ("input_document_kpages", _USD, frozenset()),
        "file_search_cost_per_1k_calls": ("storage_searches_kcount", _PER_1K, frozenset()),
    }
)

SEARCH_SIZES = ("search_context_size_low", "search_context_size_medium", "search_context_size_high")
_TIERED, _SEARCH, _ANNOTATED = "tiered_pricing", "search_context_cost_per_query", "annotation_cost_per_page"
_PROCESSING = "batches|flex|balanced|priority|ultrafast"
_FIELD = re.compile(
    r"(?P<base>.*?)"
    rf"(?:_(?P<early>{_PROCESSING}))?"
    r"(?:_above_(?P<size>[0-9]{1,9})(?P<k>k?)_tokens)?"
    rf"(?:_(?P<late>{_PROCESSING}))?",
    re.DOTALL,
)
_IS_PRICE = re.compile(r"cost|pric|multiplier")


class Field:
    """A price field's name, taken apart."""

    __slots__ = ("base", "place")

    def __init__(self, base: str, place: Place) -> None:
        self.base = base
        self.place = place


def parse_field(name: str) -> Field | None:
    """The price and the place that a field's name means; None where it says how it is processed twice."""
    match = _FIELD.fullmatch(name)
    assert match is not None, "it matches everything"
    if match["early"] and match["late"]:
        return None
    above = int(match["size"]) * (1_000 if match["k"] else 1) if match["size"] else 0
    return Field(match["base"], Place(condition_of(match["early"] or match["late"]), above))


def condition_of(suffix: str | None) -> Condition:
    """What the response says where a field's suffix holds."""
    if suffix is None:
        return ()
    return BATCH if suffix == "batches" else service_tier(suffix)


def suffix_of(when: Mapping[str, str]) -> str | None:
    """The suffix for a variant's condition, "" for none; None where LiteLLM has none."""
    if not when:
        return ""
    name = {"batch": "batches"}.get(when.get("processing", ""), when.get("service_tier", ""))
    known = dict(condition_of(name)) == dict(when) and name in _PROCESSING.split("|")
    return f"_{name}" if known else None


def field_name(base: str, above: int, suffix: str) -> str:
    """The field for a price above a number of input tokens (0: always)."""
    size = f"{above // 1_000}k" if above % 1_000 == 0 else str(above)
    threshold = f"_above_{size}_tokens" if above else ""
    return f"{base}{threshold}{suffix}"


def read_prices(entry: Mapping[str, Any], mode: str, sheet: Sheet, at: str = "", *, unit: str | None = None) -> None:
    """Put every price of an entry into its sheet; `at` is the entry's pointer in the account.

    What has neither a meter nor a condition here is lost; fields that are no prices are left alone.
    """
    per_token = TOKEN_UNITS[unit or UNIT]
    tiered = _tiered(entry.get(_TIERED), at + pointer(_TIERED), sheet, per_token)
    for name, value in entry.items():
        here = at + pointer(name)
        if name == _TIERED or value is None:
            continue
        if name == _SEARCH:
            _searches(value, entry, here, at, sheet)
            continue
        field = parse_field(name)
        if field is not None and field.base in TOKENS:
            replaced = tiered and not field.place.when
            if replaced and (field.place.above or not sheet.has(TOKENS[field.base])):
                sheet.lose(here, Reason.CONTRADICTION, f"{_TIERED} takes its place")
            else:
                sheet.put(TOKENS[field.base], value, per_token, here, field.place)
        elif field is not None and field.base in OTHERS:
            _other(field, value, mode, here, sheet)
        elif field is not None and field.base == _ANNOTATED:
            sheet.lose(here, Reason.AMBIGUOUS, "whether on top of a page's price or in its place", value=value)
        elif _IS_PRICE.search(name) and name != "base_model":
            _lose_price(value, here, sheet, name)


def _other(field: Field, value: Any, mode: str, at: str, sheet: Sheet) -> None:
    key, usd_per_one, modes = OTHERS[field.base]
    if modes and mode not in modes:
        if field.base == "output_cost_per_second" and mode == "audio_transcription":
            # It prices the seconds that went in, which input_cost_per_second prices, and is charged in its place.
            sheet.lose(at, Reason.AMBIGUOUS, "a transcript has no seconds", value=value)
        else:
            sheet.lose(at, Reason.NO_METER, f"in mode {mode[:32] or '(none)'}", value=value)
    else:
        sheet.put(key, value, usd_per_one, at, field.place)


def _searches(value: Any, entry: Mapping[str, Any], at: str, entry_at: str, sheet: Sheet) -> None:
    """Web searches, where their price does not depend on how much context they bring."""
    billing = entry.get("web_search_billing_unit", "per_query")
    sizes = dict(value) if isinstance(value, Mapping) else {}
    same = set(map(str, sizes.values()))
    if (
        set(sizes) <= set(SEARCH_SIZES)
        and len(same) == 1
        and billing == "per_query"
        and len(sizes) == len(SEARCH_SIZES)
    ):
        for size, price in sizes.items():
            sheet.put("web_searches_kcount", price, _USD, at + pointer(size))
        sheet.account.carry(f"{entry_at}/web_search_billing_unit")
        return
    detail = "per prompt, not per search" if billing != "per_query" else "by how much context a search brings"
    sheet.lose(at, Reason.CONDITION, detail)


def _tiered(value: Any, at: str, sheet: Sheet, per_token: Fraction) -> bool:
    """`tiered_pricing`: the range that the input falls into prices the whole request, the last one all beyond it."""
    if not isinstance(value, list):
        return False
    ranges = [_range(tier) for tier in value]
    if not ranges or ranges[0] is None or ranges[0][0] != 0 or not _contiguous(ranges):
        sheet.lose(at, Reason.AMBIGUOUS, "its ranges do not begin at 0 and follow on each other", value=1)
        return False
    for index, (tier, span) in enumerate(zip(value, ranges, strict=True)):
        here = at + pointer(index)
        assert span is not None
        sheet.account.carry(f"{here}/range")
        for name, price in tier.items():
            if name == "range" or price is None:
                continue
            field = parse_field(name)
            there = here + pointer(name)
            if field is not None and field.base in TOKENS and not field.place.above:
                sheet.put(TOKENS[field.base], price, per_token, there, Place(field.place.when, span[0]))
            else:
                _lose_price(price, there, sheet, name)
    return True


def _range(tier: Any) -> tuple[int, int] | None:
    span = tier.get("range") if isinstance(tier, Mapping) else None
    if not isinstance(span, list) or len(span) != 2:
        return None
    try:
        low, high = (exact(bound) for bound in span)
    except Refused:
        return None
    if low.denominator != 1 or high.denominator != 1 or low >= high:
        return None
    return int(low), int(high)


def _contiguous(ranges: list[tuple[int, int] | None]) -> bool:
    known = [span for span in ranges if span is not None]
    return len(known) == len(ranges) and all(one[1] == two[0] for one, two in pairwise(known))


# Prices on a condition that a price cannot have here, rather than of something uncounted.
_CONDITIONS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("by the time of day", lambda name: name == "off_peak_pricing"),
    ("by where it is processed", lambda name: name.startswith("regional_")),
    ("by the kind of call", lambda name: name.endswith("_decisions")),
    ("cached for 12 hours", lambda name: "_above_12hr" in name),
)


def _lose_price(value: Any, at: str, sheet: Sheet, name: str) -> None:
    for detail, holds in _CONDITIONS:
        if holds(name):
            sheet.lose(at, Reason.CONDITION, detail)
            return
    account: Account = sheet.account
    if isinstance(value, dict | list) and value:
        for field in account.fields:
            if field.startswith(f"{at}/"):
                sheet.lose(field, Reason.NO_METER, value=account.value(field))
    else:
        sheet.lose(at, Reason.NO_METER, value=value)


__all__ = ["OTHERS", "TOKENS", "Field", "field_name", "parse_field", "read_prices", "suffix_of"]
