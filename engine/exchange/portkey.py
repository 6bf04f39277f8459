"""Portkey's price lists: pricing/<provider>.json of https://github.com/Portkey-AI/models.

Prices are US cents per token, those of `additional_units` US cents per unit. `default` is no model: others inherit from
it, but not its zeros, which only name the prices that models of this provider have. `custom_pricing` is undocumented:
regions → execution modes → context tiers → the same blocks as above; `context_tier_map` says from how many tokens on.
Long context is also said by pairs of entries, "<model>-lte-128k" and "<model>-gt-128k": they are one model.
"""

import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from engine.exchange.amounts import TOKEN_UNITS, Refused, exact
from engine.exchange.documents import SourceError, Twice, read_json
from engine.exchange.entries import Entry, Source, account_of
from engine.exchange.losses import Account, Reason, pointer
from engine.exchange.portkey_formula import read_formula
from engine.exchange.sheet import BATCH, Condition, Place, Sheet, service_tier

UNIT = "cents-per-token"
_CENT = Fraction(1, 100)

_TOKENS = {
    "request_token": "input_mtok",
    "response_token": "output_mtok",
    "cache_read_input_token": "cache_read_mtok",
    "cache_write_input_token": "cache_write_mtok",
    "request_audio_token": "input_audio_mtok",
    "response_audio_token": "output_audio_mtok",
    "cache_read_audio_input_token": "cache_audio_read_mtok",
    "request_text_token": "input_text_mtok",
    "response_text_token": "output_text_mtok",
    "request_image_token": "input_image_mtok",
    "response_image_token": "output_image_mtok",
    "cache_read_image_input_token": "cache_image_read_mtok",
    "cached_image_input_token": "cache_image_read_mtok",
    "cache_read_text_input_token": "cache_text_read_mtok",
    "cached_text_input_token": "cache_text_read_mtok",
    "reasoning_token": "output_reasoning_mtok",
}
_UNITS_THAT_ARE_TOKENS = {
    "request_audio_token": "input_audio_mtok",
    "response_audio_token": "output_audio_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "thinking_token": "output_reasoning_mtok",
    "output_video_token": "output_video_mtok",
    "embedding_text_token": "input_text_mtok",
    "embedding_image_token": "input_image_mtok",
}
_UNITS = {
    "web_search": "web_searches_kcount",
    "file_search": "storage_searches_kcount",
    "x_search": "social_searches_kcount",
    "code_execution": "code_executions_kcount",
}
_VAGUE = {
    "image_token": "whether of input or output",
    "search": "which search, beside web_search",
}
_MODES: dict[str, Condition] = {
    "standard": (),
    "batch": BATCH,
    "flex": service_tier("flex"),
    "priority": service_tier("priority"),
}
_NO_UNIT = re.compile(r"([a-z_]+_token)_price")  # as in Portkey's Terraform provider
_CONTEXT = re.compile(r"(.+)-(lte|gt)-([0-9]+)(k?)", re.IGNORECASE)


def read_portkey(files: Mapping[str, bytes], *, unit: str | None = None) -> Source:
    """Read price lists by the provider's name.

    Raises:
        SourceError: one is not such a list, or has prices whose unit is not known and was not given.
    """
    models: list[Entry] = []
    others: list[Account] = []
    for provider, data in sorted(files.items()):
        document = read_json(data, f"{provider}.json")
        if not isinstance(document.value, dict):
            raise SourceError(f"{provider}.json is not a price list: it is no mapping from models to prices.")
        reader = _Reader(provider, document.value, document.twice, unit)
        models += reader.models()
        others += reader.others
    return Source(models=tuple(models), others=tuple(others))


class _Reader:
    """One provider's list."""

    def __init__(self, provider: str, entries: dict[str, Any], twice: dict[int, list[Twice]], unit: str | None) -> None:
        self.provider = provider
        self.entries = entries
        self.twice = twice
        self.unit = unit
        self.per_token = TOKEN_UNITS[unit or UNIT]
        self.others: list[Account] = []
        default = entries.get("default")
        self.default = _mapping(default, "pricing_config")

    def models(self) -> Iterator[Entry]:
        if "default" in self.entries:
            self._default()
        for key in [key for key, entry in self.entries.items() if not isinstance(entry, dict) and key != "default"]:
            account = self._account(key)
            account.lose_all(Reason.NOT_A_MODEL)
            self.others.append(account)
            del self.entries[key]
        for again in self.twice.get(id(self.entries), ()):
            account = Account(f"{self.provider}/{again.key}#1", again.value)
            account.lose_all(Reason.WRITTEN_TWICE)
            self.others.append(account)
        for upstream, keys in sorted(self._grouped().items()):
            yield self._model(upstream, keys)

    def _grouped(self) -> dict[str, list[tuple[int, str]]]:
        """The entries of each model, as (tokens above which it holds, key)."""
        pairs: dict[str, dict[str, list[tuple[int, str]]]] = {}
        for key in self.entries:
            if match := _CONTEXT.fullmatch(key):
                size = int(match[3]) * (1000 if match[4] else 1)
                sides = pairs.setdefault(match[1], {"lte": [], "gt": []})
                sides[match[2].lower()].append((size, key))
        grouped: dict[str, list[tuple[int, str]]] = {}
        for name, sides in pairs.items():
            upto, above = sorted(sides["lte"]), sorted(sides["gt"])
            if len(upto) == len(above) == 1 and upto[0][0] == above[0][0] and name not in self.entries:
                grouped[name] = [(0, upto[0][1]), above[0]]
        paired = {key for keys in grouped.values() for _, key in keys}
        for key in self.entries:
            if key not in paired and key != "default":
                grouped[key] = [(0, key)]
        return grouped

    def _model(self, upstream: str, keys: list[tuple[int, str]]) -> Entry:
        accounts = [self._account(key) for _, key in keys]
        sheet = Sheet(accounts[0], trusted_unit=self.unit is not None)
        for account, (above, key) in zip(accounts, keys, strict=True):
            sheet.account = account
            _Prices(self, sheet, self.entries[key]).read(above)
        document = {"pricing": pricing} if (pricing := sheet.pricing()) is not None else {}
        note = ""
        if len(keys) > 1:
            note = f"one model, of {' and '.join(key for _, key in keys)}"
        elif upstream.startswith("ft:") and upstream.count(":") == 1:
            note = "the price of a family: fine-tuned models inherit it by name, as pricing: this model"
        return Entry(
            key=keys[0][1] if len(keys) == 1 else upstream,
            provider=self.provider,
            upstream=upstream,
            document=document,
            accounts=tuple(accounts),
            type="fine-tuned" if upstream.startswith("ft:") else "custom",
            note=note,
        )

    def _account(self, key: str) -> Account:
        return account_of(f"{self.provider}/{key}", self.entries[key], self.twice)

    def _default(self) -> None:
        account = self._account("default")
        for field in account.fields:
            if field.endswith("/price"):
                account.lose(field, Reason.TEMPLATE)
        inherited = _payg(self.default) | _mapping(self.default, "batch_config")
        for name, block in inherited.items():
            if isinstance(block, dict) and not _is_zero(block.get("price")):
                part = "pay_as_you_go" if name in _payg(self.default) else "batch_config"
                account.carry(pointer("pricing_config", part, name, "price"))
        account.carry(pointer("pricing_config", "currency"))
        if read_formula(self.default.get("calculate"), _TOKENS)[0]:
            account.carry(pointer("pricing_config", "calculate"))
        else:
            account.lose(pointer("pricing_config", "calculate"), Reason.FORMULA)
        self.others.append(account)


class _Prices:
    """The prices of one entry, put into its model's sheet."""

    def __init__(self, reader: _Reader, sheet: Sheet, entry: Any) -> None:
        self.reader = reader
        self.sheet = sheet
        self.entry = entry if isinstance(entry, dict) else {}
        config = self.entry.get("pricing_config")
        self.config: dict[str, Any] = config if isinstance(config, dict) else {}
        currency = self.config.get("currency", reader.default.get("currency"))
        self.currency = currency if isinstance(currency, str) else "USD"
        _, self.scaled = read_formula(self.config.get("calculate", reader.default.get("calculate")), _TOKENS)

    def read(self, above: int) -> None:
        """All prices; those of the usual mode hold above this many input tokens."""
        account = self.sheet.account
        if self.currency.upper() == "USD":
            account.carry("/pricing_config/currency")
        if "calculate" in self.config:
            if read_formula(self.config["calculate"], _TOKENS)[0]:
                account.carry("/pricing_config/calculate")
            else:
                account.lose("/pricing_config/calculate", Reason.FORMULA)
        self._block(self.config, "/pricing_config", (), above)
        self._inherited(above)
        for field in ("request_token_price", "response_token_price"):
            self._without_unit(self.entry, field, "", Place((), above))
        custom = self.entry.get("custom_pricing")
        if isinstance(custom, dict):
            self._custom(custom, above)

    def _inherited(self, above: int) -> None:
        """Prices above zero that only `default` has."""
        for part, when in (("pay_as_you_go", ()), ("batch_config", BATCH)):
            own = _mapping(self.config, part)
            for name, block in _mapping(self.reader.default, part).items():
                price = block.get("price") if isinstance(block, dict) else None
                if name in _TOKENS and name not in own and not _is_zero(price):
                    at = pointer("pricing_config", part, name, "price")
                    self._put(_TOKENS[name], price, self.reader.per_token, at, Place(when, above))

    def _block(self, config: Mapping[str, Any], at: str, when: Condition, above: int) -> None:
        for name, value in config.items():
            here = at + pointer(name)
            if name == "pay_as_you_go":
                self._payg(value, here, Place(when, above))
            elif name == "batch_config":
                self._batch(value, here, when, above)
            elif name == "fixed_cost":
                self._fixed(value, here, Place(when, above))
            elif name == "finetune_config":
                self._lose_prices(here, Reason.NO_METER, "training is not a call")
            elif name not in {"currency", "calculate"} and not self._without_unit(config, name, at, Place(when, above)):
                self._lose_prices(here, Reason.NO_METER)

    def _payg(self, block: Any, at: str, place: Place) -> None:
        if not isinstance(block, dict):
            return
        for name, value in block.items():
            here = at + pointer(name)
            if name == "additional_units" and isinstance(value, dict):
                for unit, price in value.items():
                    self._unit(unit, price, here + pointer(unit), place)
            elif name in _TOKENS and isinstance(value, dict) and "price" in value:
                self._token(name, value["price"], f"{here}/price", place)
            elif not self._without_unit(block, name, at, place):
                detail = "per picture" if name == "image" else ""
                self._lose_prices(here, Reason.NO_METER, detail)

    def _batch(self, block: Any, at: str, when: Condition, above: int) -> None:
        for name, value in (block if isinstance(block, dict) else {}).items():
            here = at + pointer(name)
            if when not in ((), BATCH):
                self._lose_prices(here, Reason.AMBIGUOUS, "batch prices inside another mode")
            elif name in _TOKENS and isinstance(value, dict) and "price" in value:
                self._token(name, value["price"], f"{here}/price", Place(BATCH, above))
            else:
                self._lose_prices(here, Reason.NO_METER)

    def _fixed(self, block: Any, at: str, place: Place) -> None:
        """Prices of a request and of its one response; together that of a call."""
        parts = {name: _mapping(block, name).get("price") for name in ("request", "response")}
        fields = [f"{at}/{name}/price" for name, price in parts.items() if price is not None]
        try:
            total = sum((exact(price) for price in parts.values() if price is not None), Fraction(0))
        except Refused as refused:
            for field in fields:
                self.sheet.lose(field, refused.reason, refused.detail, value=1)
            return
        for field in fields:
            self._put("requests_kcount", total, _CENT, field, place)

    def _token(self, name: str, price: Any, at: str, place: Place) -> None:
        if name in self.scaled:
            self.sheet.lose(at, Reason.FORMULA, "multiplied by something else than its tokens", value=price)
        else:
            self._put(_TOKENS[name], price, self.reader.per_token, at, place)

    def _unit(self, name: str, block: Any, at: str, place: Place) -> None:
        price = block.get("price") if isinstance(block, dict) else None
        here = f"{at}/price"
        if price is None:
            return
        if name in _UNITS_THAT_ARE_TOKENS:
            self._put(_UNITS_THAT_ARE_TOKENS[name], price, self.reader.per_token, here, place)
        elif name in _UNITS:
            self._put(_UNITS[name], price, _CENT, here, place)
        elif name in _VAGUE:
            self.sheet.lose(here, Reason.AMBIGUOUS, f"it does not say {_VAGUE[name]}", value=price)
        else:
            self.sheet.lose(here, Reason.NO_METER, value=price)

    def _without_unit(self, block: Mapping[str, Any], name: str, at: str, place: Place) -> bool:
        """Whether it is a price in a field that does not tell its unit; taken where the unit was given."""
        match = _NO_UNIT.fullmatch(name)
        if match is None or match[1] not in _TOKENS or name not in block:
            return False
        if self.reader.unit is None:
            raise SourceError(
                f"{self.sheet.account.entry}: {name} does not say its unit.",
                hint=f"Say it: --unit {', --unit '.join(TOKEN_UNITS)}.",
            )
        self._put(_TOKENS[match[1]], block[name], self.reader.per_token, at + pointer(name), place)
        return True

    def _custom(self, custom: dict[str, Any], above: int) -> None:
        thresholds = _thresholds(custom.get("context_tier_map"))
        used: set[str] = set()
        for region, modes in _mapping(custom, "regions").items():
            at = pointer("custom_pricing", "regions", region)
            if region != "default":
                self._lose_prices(at, Reason.CONDITION, "for a region; give that region a provider of its own")
                continue
            for mode, block in _mapping(modes, "execution_modes").items():
                here = at + pointer("execution_modes", mode)
                if mode not in _MODES:
                    self._lose_prices(here, Reason.CONDITION, "a mode of which no response tells")
                    continue
                when = _MODES[mode]
                self._block(_mapping(block, "pricing_config"), f"{here}/pricing_config", when, above)
                for tier, inner in _mapping(block, "context_tiers").items():
                    there = here + pointer("context_tiers", tier)
                    if tier not in thresholds or above:
                        self._lose_prices(there, Reason.AMBIGUOUS, "context_tier_map does not say where it begins")
                        continue
                    used.add(tier)
                    config = _mapping(inner, "pricing_config")
                    self._block(config, f"{there}/pricing_config", when, thresholds[tier])
        for start, tier in _mapping(custom, "context_tier_map").items():
            if tier in used:
                self.sheet.account.carry(pointer("custom_pricing", "context_tier_map", start))

    def _put(self, key: str, price: Any, usd_per_one: Fraction, at: str, place: Place) -> None:
        if self.currency.upper() != "USD":
            self.sheet.lose(at, Reason.CURRENCY, f"the list is in {self.currency[:16]}", value=price)
        else:
            self.sheet.put(key, price, usd_per_one, at, place)

    def _lose_prices(self, at: str, reason: Reason, detail: str = "") -> None:
        """Lose all below; prices for a special case or for something else than calls hide no cost of usual ones."""
        hides = reason is Reason.NO_METER and detail != "training is not a call"
        for field in self.sheet.account.fields:
            if field == at or field.startswith(f"{at}/"):
                value = self.sheet.account.value(field) if hides else None
                self.sheet.lose(field, reason, detail, value=value)


def _mapping(value: Any, key: str) -> dict[str, Any]:
    inner = value.get(key) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _payg(config: dict[str, Any]) -> dict[str, Any]:
    return _mapping(config, "pay_as_you_go")


def _is_zero(price: Any) -> bool:
    try:
        return price is None or not exact(price)
    except Refused:
        return False


def _thresholds(mapped: Any) -> dict[str, int]:
    """The number of input tokens above which each context tier holds."""
    found: dict[str, int] = {}
    for start, tier in (mapped if isinstance(mapped, dict) else {}).items():
        if isinstance(tier, str) and start.isascii() and start.isdecimal() and len(start) < 10:
            found[tier] = int(start)
    return found
