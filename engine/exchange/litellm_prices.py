"""LiteLLM's price map: model_prices_and_context_window.json, one mapping from a model's key to all about it."""

from collections import Counter
from typing import Any

from engine.exchange.documents import SourceError, read_json
from engine.exchange.entries import Entry, Source, account_of
from engine.exchange.litellm_entries import describe, mode_of
from engine.exchange.litellm_fields import read_prices
from engine.exchange.losses import Account, Reason
from engine.exchange.sheet import Sheet

NOT_MODELS = frozenset(("sample_spec", "fallback_generalizations"))

KEY_LABEL = "litellm.key"  # what the map calls the model
PROVIDER_LABEL = "litellm.provider"
MODE_LABEL = "litellm.mode"  # where the endpoints do not tell it


def read_litellm_prices(data: bytes, name: str, *, unit: str | None = None) -> Source:
    """Read a price map.

    Raises:
        SourceError: it is not one.
    """
    document = read_json(data, name)
    if not isinstance(document.value, dict) or not all(isinstance(entry, dict) for entry in document.value.values()):
        raise SourceError(f"{name} is not a price map: it is no mapping from models to mappings.")
    others: list[Account] = []
    for again in document.twice.get(id(document.value), ()):
        account = Account(f"{again.key}#1", again.value)
        account.lose_all(Reason.WRITTEN_TWICE)
        others.append(account)
    upstreams = Counter(_upstream(key, entry) for key, entry in document.value.items())
    models: list[Entry] = []
    for key, entry in sorted(document.value.items()):
        account = account_of(key, entry, document.twice)
        if key in NOT_MODELS:
            account.lose_all(Reason.NOT_A_MODEL)
            others.append(account)
        elif not isinstance(entry.get("litellm_provider"), str):
            account.lose_all(Reason.NO_PROVIDER)
            others.append(account)
        else:
            alone = upstreams[_upstream(key, entry)] == 1
            models.append(_model(key, entry, account, unit, slug_from="" if alone else key))
    return Source(models=tuple(models), others=tuple(others))


def _upstream(key: str, entry: dict[str, Any]) -> tuple[str, str]:
    """A model's provider, and what that calls it: the key without the provider before it."""
    provider = str(entry.get("litellm_provider"))
    return provider, key.removeprefix(f"{provider}/") or key


def _model(key: str, entry: dict[str, Any], account: Account, unit: str | None, *, slug_from: str) -> Entry:
    provider, upstream = _upstream(key, entry)
    mode = entry.get("mode")
    sheet = Sheet(account, trusted_unit=unit is not None)
    read_prices(entry, mode if isinstance(mode, str) else "", sheet, unit=unit)
    document = describe(entry, account)
    if (pricing := sheet.pricing()) is not None:
        document["pricing"] = pricing
    account.carry("/litellm_provider")
    labels = {KEY_LABEL: key, PROVIDER_LABEL: provider}
    if isinstance(mode, str) and mode != mode_of(document.get("endpoints", ())):
        labels[MODE_LABEL] = mode
    if all(len(value) <= 256 and value.isprintable() for value in labels.values()):
        document["labels"] = labels
        account.carry("/mode")
    return Entry(
        key=key,
        provider=provider,
        upstream=upstream,
        slug_from=slug_from,
        document=document,
        accounts=(account,),
    )
