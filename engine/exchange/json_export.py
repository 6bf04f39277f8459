"""A compiled catalog as plain JSON, for other people's programs. docs/import.md describes the format; it is stable."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.catalog.compile import Catalog
from engine.model import Lifecycle, Model, PriceTier, PriceVariant, PriceWindow, Pricing, Provider, Route

FORMAT = 1
_MODEL_FIELDS = (
    "description", "owner", "team", "labels", "aliases", "endpoints", "limits", "supports", "defaults", "overrides", "forbid",
)  # fmt: skip
_PROVIDER_FIELDS = ("name", "description", "owner", "labels", "api", "base_url", "region", "project", "api_version")
_ROUTE_FIELDS = ("name", "description", "owner", "team", "labels", "strategy", "targets", "fallback_on", "aliases")


def export_json(catalog: Catalog) -> bytes:
    """The whole catalog: the same bytes for the same catalog."""
    document = {
        "format": FORMAT,
        "revision": catalog.tree.revision,
        "providers": [_only(provider, _PROVIDER_FIELDS) for provider in catalog.providers.values()],
        "models": [model_document(model) for model in catalog.models.values()],
        "routes": [_only(route, _ROUTE_FIELDS) for route in catalog.routes.values()],
        "aliases": catalog.aliases,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def _only(value: Provider | Route, names: tuple[str, ...]) -> dict[str, Any]:
    plain = msgspec.to_builtins(value)
    return {name: plain[name] for name in names if plain.get(name)}


def model_document(model: Model) -> dict[str, Any]:
    """One model in plain values. What it does not say is left out; money and rates are decimal strings."""
    plain = msgspec.to_builtins(model)
    document: dict[str, Any] = {
        "name": model.name,
        "type": model.type,
        "provider": model.provider,
        "api": model.api,
        "upstream_model": model.upstream_model,
    }
    if model.base_model is not None:
        document["base_model"] = model.base_model.resolved or model.base_model.written
    document["pricing"] = _pricing(model.pricing)
    document |= {name: plain[name] for name in _MODEL_FIELDS if plain.get(name)}
    if model.lifecycle != Lifecycle():
        document["lifecycle"] = _lifecycle(model.lifecycle)
    return document


def _pricing(pricing: Pricing) -> dict[str, Any]:
    document: dict[str, Any] = {"kind": pricing.kind}
    if pricing.source:
        document["source"] = pricing.source
    if pricing.kind not in {"free", "unpriced"}:
        document["windows"] = [_window(window) for window in pricing.windows]
    return document


def _window(window: PriceWindow) -> dict[str, Any]:
    document: dict[str, Any] = {} if window.start is None else {"from": rfc3339(window.start)}
    document |= _rates(window)
    if window.variants:
        document["variants"] = {name: {"when": v.when, **_rates(v)} for name, v in sorted(window.variants.items())}
    return document


def _rates(part: PriceWindow | PriceVariant) -> dict[str, Any]:
    document: dict[str, Any] = {"rates": part.rates}
    if part.tiers:
        document["tiers"] = [_tier(tier) for tier in part.tiers]
    return document


def _tier(tier: PriceTier) -> dict[str, Any]:
    return {"above_input_tokens": tier.above_input_tokens, "rates": tier.rates}


def _lifecycle(lifecycle: Lifecycle) -> dict[str, Any]:
    document: dict[str, Any] = {"status": lifecycle.status}
    for name in ("deprecated_at", "sunset"):
        at = getattr(lifecycle, name)
        if at is not None:
            document[name] = rfc3339(at)
    if lifecycle.replacement:
        document["replacement"] = lifecycle.replacement
    if lifecycle.status == "retired" or lifecycle.when_retired != "refuse":
        document["when_retired"] = lifecycle.when_retired
    return document


def rfc3339(nanoseconds: int) -> str:
    """A time as the catalog writes it, with as many digits after the second as it has."""
    seconds, rest = divmod(nanoseconds, 10**9)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}{f'.{rest:09d}'.rstrip('0') if rest else ''}Z"
