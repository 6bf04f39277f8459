"""Known models and their list prices, from the genai-prices package: for authoring, never while serving.

Genai-prices is imported only by `load`. Its rules, as of version 0.2 (`genai_prices/types.py`), and what becomes of them:

- Conditional prices are tried last to first, the first is the fallback → windows, cut at every start date (00:00 UTC).
- A price that depends on the time of day has no counterpart, so the model has no price here, and `unpriced` says so.
- A tiered price takes the rate of the highest tier whose start the inclusive input count *exceeds* → `PriceTier`.
- Variants are taken first to last, price key by price key → `PriceVariant`; those with equal conditions become one.
- A model of another provider, found by fallback (Azure's OpenAI models), has list prices but no variants.
- A model without any price counts as free there; here it is unpriced, since nothing says that it is free.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from difflib import get_close_matches
from fnmatch import fnmatchcase
from importlib.metadata import version
from typing import TYPE_CHECKING, Literal

import msgspec

from engine.model import PriceTier, PriceVariant, PriceWindow, Pricing
from engine.pricing.meters import BY_PRICE_KEY, price_context

if TYPE_CHECKING:
    from genai_prices import types

    _Conditional = types.ConditionalPrice | types.PriceVariant
    _Price = Decimal | types.TieredPrices

PACKAGE = "genai-prices"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Billing rules that genai-prices keeps in its code (`ModelInfo.calc_price`) and not in its data.
_BILLED_BY_CODE = {
    ("groq", "whisper-large-v3"): "every request is billed for at least 10 seconds",
    ("groq", "whisper-large-v3-turbo"): "every request is billed for at least 10 seconds",
}


class ReferenceModel(msgspec.Struct, frozen=True):
    """A known model.

    `api` is whose model and list price it is, which may be another api than the one asked for (Azure's are OpenAI's).
    `context_window` is in tokens. `windows` is empty where there is no usable list price; `unpriced` then says why.
    """

    api: str
    id: str
    context_window: int | None = None
    windows: tuple[PriceWindow, ...] = ()
    unpriced: str = ""

    @property
    def name(self) -> str:
        """The full name, "api:id"."""
        return f"{self.api}:{self.id}"

    @property
    def pricing(self) -> Pricing:
        """The list price, as a model that inherits it has it."""
        return Pricing("inherit" if self.windows else "unpriced", self.windows, self.name)


class Found(msgspec.Struct, frozen=True):
    """A known model, and whether its id was asked for or the data's own matching was needed."""

    model: ReferenceModel
    matched_by: Literal["id", "pattern"]


class Reference:
    """The models of one version of the reference data. Made by `load`."""

    def __init__(self, providers: "Iterable[types.Provider]", package_version: str) -> None:
        self.version = package_version
        self._all = list(providers)
        self._providers = {provider.id: provider for provider in self._all}

    @property
    def apis(self) -> tuple[str, ...]:
        """The apis that have reference models, by genai-prices' provider ids."""
        return tuple(self._providers)

    def find(self, api: str, name: str) -> Found | None:
        """The model with the id `name`, or the one that the data's own matching finds for it."""
        provider = self._providers.get(api)
        if provider is None or not name:
            return None
        for model in provider.models:
            if model.id == name:
                return Found(_convert(api, model, own=True), "id")
        matched = provider.find_model(name, all_providers=self._all)
        if matched is None:
            return None
        owner = next(each.id for each in self._all if any(model is matched for model in each.models))
        return Found(_convert(owner, matched, own=owner == api), "pattern")

    def expand(self, api: str, pattern: str) -> tuple[str, ...]:
        """The ids of the api's own models that a shell-like pattern matches ("gpt-4o*"), sorted."""
        provider = self._providers.get(api)
        models = provider.models if provider else ()
        return tuple(sorted({model.id for model in models if fnmatchcase(model.id, pattern)}))

    def near(self, api: str, name: str) -> tuple[str, ...]:
        """At most three ids that resemble `name`, best first, for "did you mean"."""
        ids = {model.id.lower(): model.id for model in self._offered(api)}
        return tuple(ids[close] for close in get_close_matches(name.lower(), ids, n=3))

    def _offered(self, api: str) -> "list[types.ModelInfo]":
        provider = self._providers.get(api)
        if provider is None:
            return []
        apis = (api, *(provider.fallback_model_providers or ()))
        return [model for each in apis if each in self._providers for model in self._providers[each].models]


def load() -> Reference:
    """The reference data of the installed genai-prices package; takes about 0.2 s."""
    from genai_prices.data import providers

    return Reference(providers, version(PACKAGE))


def is_pattern(name: str) -> bool:
    """Whether `name` is a shell-like pattern and not the name of one model."""
    return any(character in name for character in "*?[")


def _convert(api: str, model: "types.ModelInfo", *, own: bool) -> ReferenceModel:
    variants = (model.price_variants or []) if own else []
    windows: tuple[PriceWindow, ...] = ()
    unpriced = _BILLED_BY_CODE.get((api, model.id), "") or _obstacle(model, variants)
    if not unpriced:
        windows = _windows(model, variants)
    return ReferenceModel(api, model.id, model.context_window, windows, unpriced)


def _obstacle(model: "types.ModelInfo", variants: "list[types.PriceVariant]") -> str:
    """Why the model's prices cannot be said in windows; "" where they can."""
    from genai_prices.types import TimeOfDateConstraint

    conditions = _conditions(model, variants)
    if any(isinstance(each.constraint, TimeOfDateConstraint) for each in conditions):
        return "the list price depends on the time of day"
    sheets = [each.prices for each in conditions]
    if not isinstance(model.prices, list):
        sheets.append(model.prices)
    keys = {key for sheet in sheets for key in _prices(sheet)}
    if not keys:
        return "the reference data has no price"
    if unknown := sorted(keys - BY_PRICE_KEY.keys()):
        return f"the list price has a key that is not known here: {unknown[0]}"
    contexts = [price_context(value).items() for variant in variants for value in variant.when.values()]
    whens = {frozenset(variant.when.items()) for variant in variants}
    if any(sum(when <= context for when in whens) > 1 for context in contexts):
        return "several variants of the list price may hold at once"
    return ""


def _windows(model: "types.ModelInfo", variants: "list[types.PriceVariant]") -> tuple[PriceWindow, ...]:
    days = {_start(each) for each in _conditions(model, variants)} - {date.min}
    windows: list[PriceWindow] = []
    for day in (date.min, *sorted(days)):
        window = _window_on(model, variants, day)
        if not windows or msgspec.structs.replace(windows[-1], start=window.start) != window:
            windows.append(window)
    return tuple(windows)


def _window_on(model: "types.ModelInfo", variants: "list[types.PriceVariant]", day: date) -> PriceWindow:
    sheet = model.prices
    if isinstance(sheet, list):
        sheet = next((each.prices for each in reversed(sheet) if _start(each) <= day), sheet[0].prices)
    standard = _prices(sheet)
    by_condition: dict[frozenset[tuple[str, str]], dict[str, Decimal | types.TieredPrices]] = {}
    for variant in variants:
        if _start(variant) <= day:
            merged = by_condition.setdefault(frozenset(variant.when.items()), {})
            by_condition[frozenset(variant.when.items())] = _prices(variant.prices) | merged
    rates, tiers = _rates(standard)
    start = None if day == date.min else _nanoseconds(day)
    named = {
        ",".join(f"{key}={value}" for key, value in sorted(when)): PriceVariant(dict(sorted(when)), *_rates(prices))
        for when, prices in by_condition.items()
        if standard | prices != standard  # OpenAI's `default` says the same as no tier at all
    }
    return PriceWindow(rates, start, tiers, named)


def _rates(prices: "Mapping[str, _Price]") -> tuple[dict[str, str], tuple[PriceTier, ...]]:
    rates: dict[str, str] = {}
    tiers: dict[int, dict[str, str]] = {}
    for key, price in prices.items():
        if isinstance(price, Decimal):
            rates[key] = _plain(price)
            continue
        rates[key] = _plain(price.base)
        for tier in price.tiers:
            tiers.setdefault(tier.start, {})[key] = _plain(tier.price)
    return rates, tuple(PriceTier(start, tiers[start]) for start in sorted(tiers))


def _prices(sheet: object) -> "dict[str, _Price]":
    return {key: price for key, price in vars(sheet).items() if price is not None}


def _conditions(model: "types.ModelInfo", variants: "list[types.PriceVariant]") -> "list[_Conditional]":
    return [*(model.prices if isinstance(model.prices, list) else []), *variants]


def _start(priced: "_Conditional") -> date:
    """The first day on which it holds; the time of day was ruled out before."""
    start: date = getattr(priced.constraint, "start_date", date.min)
    return start


def _nanoseconds(day: date) -> int:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return (midnight - _EPOCH) // timedelta(seconds=1) * 10**9


def _plain(price: Decimal) -> str:
    text = format(price, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
