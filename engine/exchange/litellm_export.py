"""A compiled catalog as LiteLLM's price map. What LiteLLM cannot say stands in the loss report."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec

from engine.catalog.compile import Catalog
from engine.exchange.json_export import model_document, rfc3339
from engine.exchange.litellm_entries import ENDPOINTS, LIMITS, SUPPORTS, mode_of
from engine.exchange.litellm_fields import OTHERS, SEARCH_SIZES, TOKENS, field_name, suffix_of
from engine.exchange.litellm_prices import KEY_LABEL, MODE_LABEL, PROVIDER_LABEL
from engine.exchange.losses import Account, Reason, pointer
from engine.exchange.report import LossReport, make_report
from engine.model import Model, PriceTier, PriceWindow
from engine.money import format_fraction
from engine.pricing.meters import BY_PRICE_KEY

_ENCODER = msgspec.json.Encoder(decimal_format="number")

# LiteLLM's provider for an api, and whether it stands before the model's name.
PROVIDERS: dict[str, tuple[str, bool]] = {
    "anthropic": ("anthropic", False),
    "aws": ("bedrock", True),
    "azure": ("azure", True),
    "cohere": ("cohere", True),
    "fireworks": ("fireworks_ai", True),
    "google": ("gemini", True),
    "google-vertex": ("vertex_ai", True),
    "litellm": ("litellm_proxy", True),
    "llama-cpp": ("openai", True),
    "lmstudio": ("lm_studio", True),
    "moonshotai": ("moonshot", True),
    "openai": ("openai", False),
    "openai-compatible": ("openai", True),
    "together": ("together_ai", True),
    "vllm": ("hosted_vllm", True),
    "voyageai": ("voyage", True),
}
_FIELD_OF = {price_key: field for field, price_key in reversed(list(TOKENS.items()))}
# Fields that are no token's, and that LiteLLM has for a threshold or a way of processing as well.
_SPECIAL = {
    ("input_cost_per_audio_per_second", True, ""),
    ("input_cost_per_character", True, ""),
    ("ocr_cost_per_page", False, "_batches"),
}
_SEARCHES = "web_searches_kcount"


class Exported(msgspec.Struct, frozen=True):
    """The file in the other format, and what became of every field of the catalog's models."""

    data: bytes
    report: LossReport


def export_litellm(catalog: Catalog, *, at_ns: int) -> Exported:
    """The price map as it holds at a time, in nanoseconds since the Unix epoch: LiteLLM has no windows."""
    entries: dict[str, dict[str, Any]] = {}
    accounts: list[Account] = []
    for model in catalog.models.values():
        account = Account(model.name, model_document(model))
        account.carry("/name", "/type", "/pricing/source")  # the entry's key, and how the catalog came to the prices
        accounts.append(account)
        key, entry = MapEntry(model, account, at_ns).made()
        if entries.setdefault(key, entry) != entry:
            account.lose_all(Reason.CONTRADICTION, f"another model is {key} as well")
    files: dict[str, tuple[str, ...]] = {
        account.entry: (key_of(model),) for account, model in zip(accounts, catalog.models.values(), strict=True)
    }
    report = make_report("catalog", catalog.tree.revision, accounts, files, [], [])
    return Exported(msgspec.json.format(_ENCODER.encode(dict(sorted(entries.items()))), indent=4) + b"\n", report)


def key_of(model: Model) -> str:
    """What LiteLLM calls a model: the key that it had there, or the name by LiteLLM's own rules."""
    provider, before = PROVIDERS.get(model.api, (model.api, True))
    return model.labels.get(KEY_LABEL) or (f"{provider}/{model.upstream_model}" if before else model.upstream_model)


class MapEntry:
    """One model as an entry of the price map."""

    def __init__(self, model: Model, account: Account, at_ns: int) -> None:
        self.model = model
        self.account = account
        self.at_ns = at_ns
        self.entry: dict[str, Any] = {}

    def made(self) -> tuple[str, dict[str, Any]]:
        """The entry's key and what it says; the account then tells what it does not say."""
        model, account = self.model, self.account
        provider = model.labels.get(PROVIDER_LABEL) or PROVIDERS.get(model.api, (model.api, True))[0]
        mode = model.labels.get(MODE_LABEL) or mode_of(model.endpoints)
        self.entry["litellm_provider"] = provider
        if mode:
            self.entry["mode"] = mode
        account.carry("/provider", "/api", "/upstream_model")
        account.carry(*(pointer("labels", label) for label in (KEY_LABEL, PROVIDER_LABEL, MODE_LABEL)))
        self._prices(mode)
        self._rest()
        return key_of(model), dict(sorted(self.entry.items()))

    def _prices(self, mode: str) -> None:
        pricing, account = self.model.pricing, self.account
        account.carry("/pricing/kind")
        if pricing.kind == "free":
            self.entry |= {"input_cost_per_token": Decimal(0), "output_cost_per_token": Decimal(0)}
        begun = [index for index, window in enumerate(pricing.windows) if (window.start or 0) <= self.at_ns]
        for index, window in enumerate(pricing.windows if pricing.kind != "free" else ()):
            at = f"/pricing/windows/{index}"
            if not begun or index != begun[-1]:
                account.lose(at, Reason.CONDITION, f"not the window that holds at {rfc3339(self.at_ns)}")
                continue
            account.carry(f"{at}/from")
            self._window(window, mode, at)

    def _window(self, window: PriceWindow, mode: str, at: str) -> None:
        self._rates(window.rates, mode, 0, "", f"{at}/rates")
        self._tiers(window.tiers, mode, "", at)
        for name, variant in sorted(window.variants.items()):
            there = at + pointer("variants", name)
            suffix = suffix_of(variant.when)
            if not suffix:
                self.account.lose(there, Reason.CONDITION)
                continue
            self.account.carry(f"{there}/when")
            self._rates(variant.rates, mode, 0, suffix, f"{there}/rates")
            self._tiers(variant.tiers, mode, suffix, there)

    def _tiers(self, tiers: tuple[PriceTier, ...], mode: str, suffix: str, at: str) -> None:
        for index, tier in enumerate(tiers):
            there = f"{at}/tiers/{index}"
            self.account.carry(f"{there}/above_input_tokens")
            self._rates(tier.rates, mode, tier.above_input_tokens, suffix, f"{there}/rates")

    def _rates(self, rates: dict[str, str], mode: str, above: int, suffix: str, at: str) -> None:
        for key, rate in rates.items():
            here = at + pointer(key)
            field, per = _field(key, mode)
            special = bool(above or suffix) and (field, bool(above), suffix) not in _SPECIAL
            if field is None or (special and key not in _FIELD_OF):
                self.account.lose(here, Reason.CONDITION if field and special else Reason.NO_METER)
                continue
            try:
                amount = Decimal(format_fraction(Fraction(rate) / per))
            except ValueError:
                self.account.lose(here, Reason.NOT_EXACT)
                continue
            self.entry[field_name(field, above, suffix)] = (
                dict.fromkeys(SEARCH_SIZES, amount) if key == _SEARCHES else amount
            )
            self.account.carry(here)

    def _rest(self) -> None:
        model, account = self.model, self.account
        for theirs, ours in LIMITS.items():
            if (size := getattr(model.limits, ours)) is not None:
                self.entry[theirs] = size
                account.carry(pointer("limits", ours))
        for theirs, ours in SUPPORTS.items():
            if (can := getattr(model.supports, ours)) is not None:
                self.entry[theirs] = can
                account.carry(pointer("supports", ours))
        if model.endpoints:
            self.entry["supported_endpoints"] = [path for path, ours in ENDPOINTS.items() if ours in model.endpoints]
            account.carry("/endpoints")
        since = model.lifecycle.deprecated_at
        if since is not None and since % (86_400 * 10**9) == 0:
            self.entry["deprecation_date"] = rfc3339(since)[:10]
            account.carry("/lifecycle/deprecated_at")
            if model.lifecycle.status == "active":
                account.carry("/lifecycle/status")


def _field(key: str, mode: str) -> tuple[str | None, Fraction]:
    """LiteLLM's field for a price key, and how many times an amount of 1 in it the rate's unit is."""
    per = Fraction(BY_PRICE_KEY[key].per)
    if key in _FIELD_OF:
        return _FIELD_OF[key], per
    if key == _SEARCHES:
        return "search_context_cost_per_query", per
    for field, (price_key, usd, modes) in OTHERS.items():
        if price_key == key and (mode in modes or (not modes and not _has_mode_of_its_own(key, mode))):
            return field, per * usd
    return None, per


def _has_mode_of_its_own(key: str, mode: str) -> bool:
    return any(price_key == key and mode in modes for price_key, _, modes in OTHERS.values())
