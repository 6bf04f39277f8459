"""Models, everything resolved: from drafts, their bases and their prices."""

from typing import Any

from engine.catalog import parts
from engine.catalog.bases import Base, reference_name
from engine.catalog.choosing import check_wires, choose_wires
from engine.catalog.document import Document
from engine.catalog.drafts import ModelDraft, Offered
from engine.catalog.prices import Priced, at_list_price
from engine.catalog.upstream_rules import check_headers
from engine.catalog.values import headers, milliseconds, timeouts, whole
from engine.model import BaseModel, Check, Limits, Model, Pricing, Supports
from engine.pricing.reference import Found
from engine.problem import Problem

_OF_THE_PROVIDER = ("headers", "labels", "retry", "supports", "timeouts")


def check_model(document: Document, team: str) -> list[Problem]:
    """What a model's file says wrong, by itself."""
    value = document.value
    problems = [*parts.check_owner(document, team), *check_headers(document, value.get("headers", {}))]
    if value["type"] == "base" and (value.get("base_model") or "").startswith("@"):
        message = "a model of type base reprices or limits a reference model, not one of the catalog"
        problems.append(document.problem("bad-value", message, "/base_model", hint="write type: custom"))
    for name in value.get("overrides", {}):
        if name in value.get("defaults", {}):
            message = f'"{name}" is forced by overrides, so its default never holds'
            problems.append(document.problem("conflicting-keys", message, f"/defaults/{name}", at="key"))
    return problems


def build_model(draft: ModelDraft, base: Base, priced: Priced, replacement: str, problems: list[Problem]) -> Model:
    """The model that a file describes; `replacement` is the full name of what its lifecycle names."""
    value, provider = draft.value, draft.owner.provider
    above: dict[str, Any] = draft.owner.document.value
    limits = value.get("limits", {})
    window = whole(limits.get("context_window")) or (base.found.model.context_window if base.found else None)
    upstream = draft.slug
    if value["type"] == "base" and base.base is not None:
        _, upstream = reference_name(base.base.written, provider.api)
        upstream += draft.owner.vendor.model_suffix
    wires = choose_wires(draft.owner, base.found, value.get("endpoints", ()))
    problems += check_wires(draft, wires)
    return Model(
        name=draft.name,
        provider=provider.name,
        slug=draft.slug,
        type=value["type"],
        api=provider.api,
        wire=wires.first,
        upstream_model=value.get("upstream_model", upstream),
        pricing=priced.pricing,
        file=draft.document.file,
        blob=draft.blob,
        description=value.get("description", ""),
        base_model=base.base,
        list_pricing=_list_pricing(base.found),
        owner=draft.team or value.get("owner", ""),
        labels={**provider.labels, **value.get("labels", {})},
        aliases=tuple(value.get("aliases", ())),
        supports=Supports(**{**draft.owner.vendor.supports, **above.get("supports", {}), **value.get("supports", {})}),
        limits=Limits(
            context_window=window,
            max_output_tokens=whole(limits.get("max_output_tokens")),
            over_limit=limits.get("over_limit", "refuse"),
            max_input_tokens=whole(limits.get("max_input_tokens")),
        ),
        defaults=value.get("defaults", {}),
        overrides=value.get("overrides", {}),
        forbid=tuple(value.get("forbid", ())),
        headers=headers(above.get("headers"), value.get("headers")),
        timeouts=timeouts(above.get("timeouts"), value.get("timeouts")),
        on_disconnect=value.get("on_disconnect", "drain"),
        origins=_origins(draft, base, priced),
        team=draft.team,
        endpoints=tuple(sorted(value.get("endpoints", ()))),
        access=parts.access(value, draft.team),
        rate_limit=parts.rate_limit(value),
        retry=parts.retry(above.get("retry"), value.get("retry")),
        strict=value.get("strict", False),
        record_content=value.get("record_content", "none"),
        lifecycle=parts.lifecycle(draft.document, replacement, problems),
        checks=tuple(map(_check, value.get("checks", ()))),
        wires=wires.chat,
        embeddings_wire=wires.embeddings,
        rerank_wire=wires.rerank,
        dialect=draft.owner.vendor.dialect,
    )


def _check(written: dict[str, Any]) -> Check:
    timeout = milliseconds(written["timeout"]) if "timeout" in written else Check("").timeout_ms
    return Check(written["prompt"], written.get("expect", ""), written.get("max_cost_usd"), timeout)


def build_offered(offered: Offered) -> Model:
    """The model that a provider offers as the reference data knows it."""
    provider, found = offered.owner.provider, offered.found
    slug = offered.name.partition("/")[2]
    file = offered.owner.document
    place = f"{file.file}:{file.position(offered.pointer)[0]}"
    wires = choose_wires(offered.owner, found)
    priced = at_list_price(found, offered.owner) if found.model.windows else Priced(Pricing("unpriced"), "nowhere")
    return Model(
        name=offered.name,
        provider=provider.name,
        slug=slug,
        type="base",
        api=provider.api,
        wire=wires.first,
        upstream_model=slug + offered.owner.vendor.model_suffix,
        pricing=priced.pricing,
        file=file.file,
        blob=provider.blob,
        base_model=BaseModel(slug, f"{provider.api}:{found.model.id}", (), found.matched_by),
        list_pricing=_list_pricing(found),
        labels=provider.labels,
        supports=provider.supports,
        limits=Limits(found.model.context_window),
        headers=provider.headers,
        timeouts=provider.timeouts,
        retry=provider.retry,
        wires=wires.chat,
        embeddings_wire=wires.embeddings,
        rerank_wire=wires.rerank,
        dialect=offered.owner.vendor.dialect,
        origins={
            **dict.fromkeys(("type", "base_model", "upstream_model"), place),
            "pricing": priced.origin,
            **_window_origin(found),
            **_provider_origins(file.value, offered),
        },
    )


def _list_pricing(found: Found | None) -> Pricing | None:
    return found.model.pricing if found is not None and found.model.windows else None


def _origins(draft: ModelDraft, base: Base, priced: Priced) -> dict[str, str]:
    origins = {key: draft.document.place(f"/{key}") for key in draft.value if key != "accept"}
    if "context_window" not in draft.value.get("limits", {}):
        origins |= _window_origin(base.found)
    if "upstream_model" not in draft.value:
        origins["upstream_model"] = "the base model's id" if draft.value["type"] == "base" else "the slug"
    if draft.value.get("pricing") is None or isinstance(draft.value["pricing"], str):
        origins["pricing"] = priced.origin
    if draft.team:
        origins["owner"] = f"teams/{draft.team}/"
        origins.setdefault("access", f"teams/{draft.team}/")
    for key, place in _provider_origins(draft.owner.document.value, draft).items():
        origins[key] = f"{origins[key]}, {place}" if key in origins else place
    return origins


def _window_origin(found: Found | None) -> dict[str, str]:
    if found is None or not found.model.context_window:
        return {}
    return {"limits.context_window": f"{found.model.name} (reference.lock)"}


def _provider_origins(value: dict[str, Any], of: ModelDraft | Offered) -> dict[str, str]:
    return {key: of.owner.document.place(f"/{key}") for key in _OF_THE_PROVIDER if key in value}
