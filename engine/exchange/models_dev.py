"""models.dev: provider files of https://github.com/anomalyco/models.dev, or the api.json that is built of them.

Prices are USD per million tokens. A model's file may name a `base_model`, whose file it is merged over: mappings are
merged, lists replaced, and `base_model_omit` takes keys away last. `cost.context_over_200k` of api.json says again what
`cost.tiers` say, and is not taken twice.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.exchange.amounts import TOKEN_UNITS
from engine.exchange.documents import SourceError, read_json, read_toml
from engine.exchange.entries import Entry, ProviderEntry, Source
from engine.exchange.litellm_entries import whole
from engine.exchange.losses import Account, Reason, pointer
from engine.exchange.sheet import Condition, Place, Sheet, service_tier

UNIT = "usd-per-mtok"

_COST = {
    "input": "input_mtok",
    "output": "output_mtok",
    "reasoning": "output_reasoning_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "input_audio": "input_audio_mtok",
    "output_audio": "output_audio_mtok",
}
_LIMITS = {"context": "context_window", "input": "max_input_tokens", "output": "max_output_tokens"}
_SUPPORTS = {"reasoning": "reasoning", "tool_call": "tools", "structured_output": "json_schema"}
_LEGACY_TIER = 200_000
_MODEL = re.compile(r"(?:.*/)?(?P<provider>[^/]+)/models/(?P<id>.+)\.toml")
_METADATA = re.compile(r"(?:.*/)?(?:_metadata|models)/(?P<id>[^/]+/.+)\.toml")
_MOST_BASES = 8


def read_models_dev(files: Mapping[str, bytes], *, unit: str | None = None, missing: tuple[str, ...] = ()) -> Source:
    """Read provider files by their paths, or one api.json.

    Paths are such as "openai/provider.toml", "openai/models/gpt-4.1.toml" and, for the files that others are based on,
    "_metadata/openai/gpt-4.1.toml" or "models/openai/gpt-4.1.toml". `missing` are models' files that are links to nowhere.

    Raises:
        SourceError: a file cannot be read, or there is no provider.
    """
    if len(files) == 1 and (name := next(iter(files))).endswith(".json"):
        return _Reader(unit).read_api(files[name], name)
    return _Reader(unit).read_tree(files, missing)


class _Reader:
    def __init__(self, unit: str | None) -> None:
        self.unit = unit
        self.models: list[Entry] = []
        self.others: list[Account] = []
        self.providers: list[ProviderEntry] = []

    def read_api(self, data: bytes, name: str) -> Source:
        """All of an api.json."""
        document = read_json(data, name).value
        if not isinstance(document, dict) or not all(isinstance(each, dict) for each in document.values()):
            raise SourceError(f"{name} is not an api.json: it is no mapping from providers to what they offer.")
        for provider, value in sorted(document.items()):
            about = {key: inner for key, inner in value.items() if key != "models"}
            self._provider(provider, about)
            models = value.get("models")
            for model, entry in sorted(models.items() if isinstance(models, dict) else ()):
                if isinstance(entry, dict):
                    self._model(provider, model, entry, Account(f"{provider}/{model}", entry))
        return self._source()

    def read_tree(self, files: Mapping[str, bytes], missing: tuple[str, ...]) -> Source:
        """All of a tree of files."""
        folders = {path.removesuffix("/provider.toml") for path in files if path.endswith("/provider.toml")}
        if not folders:
            raise SourceError("There is no provider.toml in the source.", hint="Name models.dev's providers directory.")
        for path in missing:
            folder, _, model = path.partition("/models/")
            account = Account(f"{folder.rpartition('/')[2]}/{model.removesuffix('.toml')}", None)
            account.lose_all(Reason.UNKNOWN_BASE, "a link to a file that is not there")
            self.others.append(account)
        documents: dict[str, dict[str, Any]] = {}
        metadata: dict[str, dict[str, Any]] = {}
        for path, data in sorted(files.items()):
            if not path.endswith(".toml"):
                continue
            folder = path.partition("/models/")[0]
            if folder in folders or path.endswith("/provider.toml"):
                documents[path] = read_toml(data, path)
            elif match := _METADATA.fullmatch(path):
                metadata[match["id"]] = read_toml(data, path)
        for path, document in documents.items():
            provider = (path.removesuffix("/provider.toml") if path.endswith("/provider.toml") else "").rpartition("/")[
                2
            ]
            if provider:
                self._provider(provider, document)
            elif match := _MODEL.fullmatch(path):
                provider = path.partition("/models/")[0].rpartition("/")[2]
                self._file(provider, path.partition("/models/")[2].removesuffix(".toml"), document, metadata)
        return self._source()

    def _source(self) -> Source:
        return Source(models=tuple(self.models), others=tuple(self.others), providers=tuple(self.providers))

    def _provider(self, name: str, about: dict[str, Any]) -> None:
        account = Account(name, about)
        document: dict[str, Any] = {}
        if _is_text(about.get("name")):
            document["description"] = about["name"]
            account.carry("/name")
        if about.get("id") == name:
            account.carry("/id")
        url = about.get("api")
        if isinstance(url, str) and re.fullmatch(r"https://[a-z0-9.-]+(?:/[A-Za-z0-9._/-]*)?", url):
            document["base_url"] = url.rstrip("/")
            account.carry("/api")
        elif url is not None:
            account.lose("/api", Reason.BAD_VALUE, "not a plain URL")
        self.providers.append(ProviderEntry(name=name, document=document))
        self.others.append(account)

    def _file(
        self, provider: str, model: str, document: dict[str, Any], metadata: Mapping[str, dict[str, Any]]
    ) -> None:
        name = f"{provider}/{model}"
        inherited, missing = _inherited(document, metadata)
        merged = _merge(inherited, document)
        account = Account(name, merged)
        omitted = merged.get("base_model_omit")
        for index, path in enumerate(omitted if isinstance(omitted, list) else ()):
            account.carry(pointer("base_model_omit", index))
            account.lose(pointer(*str(path).split(".")), Reason.OMITTED)
            _remove(merged, str(path).split("."))
        if missing:
            account.lose("/base_model", Reason.UNKNOWN_BASE, f"there is no {missing}.toml")
        else:
            account.carry("/base_model")
        self._model(provider, model, merged, account)

    def _model(self, provider: str, model: str, entry: dict[str, Any], account: Account) -> None:
        sheet = Sheet(account, trusted_unit=self.unit is not None)
        self._cost(entry.get("cost"), "/cost", (), sheet)
        self._modes(entry.get("experimental"), sheet)
        document = _describe(model, entry, account)
        if (pricing := sheet.pricing()) is not None:
            document["pricing"] = pricing
        self.models.append(Entry(key=model, provider=provider, upstream=model, document=document, accounts=(account,)))

    def _cost(self, cost: Any, at: str, when: Condition, sheet: Sheet) -> None:
        if not isinstance(cost, dict):
            return
        self._rates(cost, at, Place(when), sheet)
        tiers = cost.get("tiers")
        for index, tier in enumerate(tiers if isinstance(tiers, list) else ()):
            here = f"{at}/tiers/{index}"
            span = tier.get("tier") if isinstance(tier, dict) else None
            size = whole(span.get("size")) if isinstance(span, dict) else None
            if size is None or span is None or span.get("type", "context") != "context":
                sheet.lose(here, Reason.AMBIGUOUS, "it does not say from how much context on")
                continue
            sheet.account.carry(f"{here}/tier")
            self._rates(tier, here, Place(when, size), sheet)
        legacy = cost.get("context_over_200k")
        if isinstance(legacy, dict):
            if tiers:
                sheet.account.lose(f"{at}/context_over_200k", Reason.CONTRADICTION, "cost.tiers take its place")
            else:
                self._rates(legacy, f"{at}/context_over_200k", Place(when, _LEGACY_TIER), sheet)

    def _rates(self, cost: dict[str, Any], at: str, place: Place, sheet: Sheet) -> None:
        for name, value in cost.items():
            here = at + pointer(name)
            if name in _COST:
                sheet.put(_COST[name], value, TOKEN_UNITS[self.unit or UNIT], here, place)
            elif isinstance(value, int | Decimal):
                sheet.lose(here, Reason.NO_METER, value=value)

    def _modes(self, experimental: Any, sheet: Sheet) -> None:
        """`experimental.modes`: what a mode costs, where the request's body tells it by its service tier or speed."""
        modes = experimental.get("modes") if isinstance(experimental, dict) else None
        for name, mode in (modes if isinstance(modes, dict) else {}).items():
            at = pointer("experimental", "modes", name)
            provider = mode.get("provider") if isinstance(mode, dict) else None
            body = provider.get("body") if isinstance(provider, dict) else None
            when = _condition(body)
            if when is None:
                sheet.account.lose(f"{at}/cost", Reason.CONDITION, "no service tier or speed tells the mode")
                continue
            sheet.account.carry(f"{at}/provider/body")
            self._cost(mode.get("cost"), f"{at}/cost", when, sheet)


def _condition(body: Any) -> Condition | None:
    if not isinstance(body, dict) or len(body) != 1:
        return None
    ((key, value),) = body.items()
    if not isinstance(value, str) or not 0 < len(value) <= 64:
        return None
    return service_tier(value) if key == "service_tier" else (("speed", value),) if key == "speed" else None


def _describe(model: str, entry: dict[str, Any], account: Account) -> dict[str, Any]:
    document: dict[str, Any] = {}
    if _is_text(entry.get("name")):
        document["description"] = entry["name"]
        account.carry("/name")
    if entry.get("id") == model:
        account.carry("/id")
    supports = {ours: entry[theirs] for theirs, ours in _SUPPORTS.items() if isinstance(entry.get(theirs), bool)}
    account.carry(*(f"/{theirs}" for theirs, ours in _SUPPORTS.items() if ours in supports))
    supports |= _modalities(entry.get("modalities"), account)
    if supports:
        document["supports"] = supports
    limits: dict[str, int] = {}
    limit = entry.get("limit")
    for theirs, value in (limit if isinstance(limit, dict) else {}).items():
        if theirs in _LIMITS and (size := whole(value)) is not None:
            limits[_LIMITS[theirs]] = size
            account.carry(pointer("limit", theirs))
        else:
            account.lose(pointer("limit", theirs), Reason.BAD_VALUE)
    if limits:
        document["limits"] = limits
    if entry.get("status") == "deprecated":
        document["lifecycle"] = {"status": "deprecated"}
        account.carry("/status")
    return document


def _modalities(modalities: Any, account: Account) -> dict[str, bool]:
    """What goes in tells vision and audio, since the list is whole; text is what every model takes."""
    listed = {side: _names(modalities, side) for side in ("input", "output")}
    for side, names in listed.items():
        for index, name in enumerate(names):
            if name in {"text", "audio"} or (name == "image" and side == "input"):
                account.carry(pointer("modalities", side, index))
    if not listed["input"]:
        return {}
    return {"vision": "image" in listed["input"], "audio": any("audio" in names for names in listed.values())}


def _names(modalities: Any, side: str) -> list[Any]:
    names = modalities.get(side) if isinstance(modalities, dict) else None
    return names if isinstance(names, list) else []


def _inherited(document: dict[str, Any], metadata: Mapping[str, dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """What a document inherits, and the base that is missing, if any."""
    chain: list[dict[str, Any]] = []
    name = document.get("base_model")
    while name is not None and len(chain) < _MOST_BASES:
        base = metadata.get(name) if isinstance(name, str) else None
        if base is None:
            return _merged(chain), str(name)
        chain.append(base)
        name = base.get("base_model")
    return _merged(chain), ""


def _merged(chain: list[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for base in reversed(chain):
        merged = _merge(merged, base)
    return merged


def _merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(under)
    for key, value in over.items():
        before = merged.get(key)
        merged[key] = _merge(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged


def _remove(value: dict[str, Any], path: list[str]) -> None:
    *parents, last = path
    for key in parents:
        inner = value.get(key)
        if not isinstance(inner, dict):
            return
        value[key] = value = dict(inner)
    value.pop(last, None)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 2000 and value.isprintable() and value == value.strip()
