"""A compiled catalog as LiteLLM's config.yaml. What LiteLLM cannot say stands in the loss report.

The file is written as JSON, which is YAML, so that prices keep all their digits. Credentials are the operator's: each
`api_key` refers to an environment variable named after the credential.
"""

import re
from typing import Any

import msgspec

from engine.catalog.compile import Catalog
from engine.catalog.vendors import VENDORS
from engine.exchange.json_export import model_document
from engine.exchange.litellm_export import PROVIDERS, Exported, MapEntry
from engine.exchange.losses import Account, Reason, pointer
from engine.exchange.report import make_report
from engine.model import ROUTE_PREFIX, Model, Route

_ENCODER = msgspec.json.Encoder(decimal_format="number")
_FIELDS = {"aws": {"region": "aws_region_name"}, "azure": {"api_version": "api_version"}} | {
    "google-vertex": {"region": "vertex_location", "project": "vertex_project"}
}


def export_litellm_config(catalog: Catalog, *, at_ns: int) -> Exported:
    """The config with the prices that hold at a time, in nanoseconds since the Unix epoch."""
    accounts: dict[str, Account] = {}
    deployments: dict[str, dict[str, Any]] = {}
    for name, model in catalog.models.items():
        accounts[name] = Account(name, model_document(model))
        deployments[name] = _deployment(catalog, model, accounts[name], at_ns)
    items = list(deployments.values())
    routing: dict[str, Any] = {}
    fallbacks: list[dict[str, list[str]]] = []
    for name, route in catalog.routes.items():
        accounts[name] = Account(name, msgspec.to_builtins(route))
        if _is_said(route, accounts[name]):
            members = [target for target in route.targets if route.strategy == "weighted" or target is route.targets[0]]
            for target in members:
                params = dict(deployments[target.model]["litellm_params"])
                if route.strategy == "weighted":
                    params["weight"] = target.weight
                items.append(deployments[target.model] | {"model_name": name, "litellm_params": params})
            if route.strategy == "fallback" and len(route.targets) > 1:
                fallbacks.append({name: [target.model for target in route.targets[1:]]})
    if fallbacks:
        routing["fallbacks"] = fallbacks
    if catalog.aliases:
        routing["model_group_alias"] = catalog.aliases
        for account in accounts.values():
            account.carry("/aliases")
    document: dict[str, Any] = {"model_list": items}
    if routing:
        document["router_settings"] = routing
    report = make_report("catalog", catalog.tree.revision, list(accounts.values()), {}, [], [])
    return Exported(msgspec.json.format(_ENCODER.encode(document), indent=2) + b"\n", report)


def _deployment(catalog: Catalog, model: Model, account: Account, at_ns: int) -> dict[str, Any]:
    _, info = MapEntry(model, account, at_ns).made()
    provider = catalog.providers[model.provider]
    prefix, _ = PROVIDERS.get(model.api, (model.api, True))
    params: dict[str, Any] = {"model": f"{prefix}/{model.upstream_model}"}
    if provider.base_url != VENDORS[model.api].base_url:
        params["api_base"] = provider.base_url
    for ours, theirs in _FIELDS.get(model.api, {}).items():
        if value := getattr(provider, ours):
            params[theirs] = value
    if provider.credential != "none":
        params["api_key"] = f"os.environ/{re.sub(r'[^A-Z0-9]', '_', provider.credential.upper())}_API_KEY"
    if model.defaults:
        params |= model.defaults
        account.carry("/defaults")
    del info["litellm_provider"]
    if model.base_model is not None and model.base_model.resolved:
        info["base_model"] = model.base_model.resolved.replace(":", "/", 1)
        account.carry("/base_model")
    return {"model_name": model.name, "litellm_params": params, "model_info": info}


def _is_said(route: Route, account: Account) -> bool:
    """Whether LiteLLM's groups and fallbacks say the same as a route."""
    for index, target in enumerate(route.targets):
        if target.model.startswith(ROUTE_PREFIX):
            account.lose(pointer("targets", index), Reason.CONDITION, "a route behind a route")
            return False
    if route.strategy == "conditional":
        account.lose("/targets", Reason.CONDITION, "LiteLLM picks by weight or after failures")
        return False
    account.carry("/name", "/slug", "/strategy", "/targets", "/file", "/blob")
    if route.fallback_on:
        account.lose("/fallback_on", Reason.CONDITION, "LiteLLM falls back after any failure")
    return True
