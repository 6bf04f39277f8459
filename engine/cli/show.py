"""`catalog show`: one model, everything resolved, and where each value comes from."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from engine.cli.completing import complete_environments, complete_models
from engine.model import Model, PriceTier, PriceWindow, Provider, Route

Row = tuple[str, str, str]

_MOST_CALLERS = 12
_TIMES = frozenset(("deprecated_at", "sunset"))


@click.command()
@click.argument("model", shell_complete=complete_models)
@click.argument("path", required=False)
@click.option(
    "--format", "name", type=click.Choice(("text", "json")), default="text", show_default=True, help="How to print it."
)
@click.option("--env", metavar="ENV", shell_complete=complete_environments, help="As in this environment.")
@click.option("--key", metavar="NAME", help="Only say whether this key may call it, and if not, why.")
def show(model: str, path: str | None, name: str, env: str | None, key: str | None) -> int:
    """Show one model: everything resolved, and where each value comes from.

    MODEL is a name such as @openai/support-bot or @route/support, or an alias. PATH is the catalog's directory; if left
    out, catalog/ here, or here. With --key the exit code is 1 where the key may not call it.
    """
    from engine.catalog.suggest import did_you_mean
    from engine.cli.callers import callers_of, why_not
    from engine.cli.catalogs import load_catalog
    from engine.errors import UserError

    catalog = load_catalog(path, env)
    full = catalog.aliases.get(model, model)
    if full not in catalog.models and full not in catalog.routes:
        known = (*catalog.models, *catalog.routes, *catalog.aliases)
        hint = did_you_mean(model, known) or "`catalog list` lists all models."
        raise UserError(f"There is no model {model} in the catalog.", hint=hint[:1].upper() + hint[1:], exit_code=1)
    if key is not None:
        reason = why_not(catalog, key, full)
        click.echo(f"{key} may not call {full}: {reason}" if reason else f"{key} may call {full}")
        return 1 if reason else 0
    callers = callers_of(catalog, full)
    route = catalog.routes.get(full)
    if route is not None:
        click.echo(_route_json(route, callers) if name == "json" else _route_text(route, callers))
        return 0
    found = catalog.models[full]
    places = _window_places(catalog, found)
    provider = catalog.providers[found.provider]
    show_as = _json if name == "json" else _text
    click.echo(show_as(found, provider, places, callers))
    return 0


def _window_places(catalog: Any, model: Model) -> list[str]:
    """File and line of each price window; the lock for list prices."""
    from engine.catalog.reading import read_yaml

    owner = catalog.models.get(model.pricing.source) if model.pricing.source else model
    if owner is None or not model.pricing.windows:
        return ["reference.lock"] * len(model.pricing.windows)
    document = read_yaml(catalog.tree.files[owner.file], owner.file).document
    assert document is not None, "the catalog has compiled"
    written = document.value["pricing"]
    if not isinstance(written, list):
        return [document.place("/pricing")]
    lines = [document.position(f"/pricing/{index}")[0] for index in range(len(written))]
    in_order = sorted(range(len(written)), key=lambda index: _start_order(written[index].get("from")))
    return [f"{owner.file}:{lines[index]}" for index in in_order]


def _start_order(text: str | None) -> tuple[bool, int]:
    from engine.catalog.values import nanoseconds

    return (text is not None, nanoseconds(text) if text else 0)


def _text(model: Model, provider: Provider, places: list[str], callers: list[str]) -> str:
    rows = [*_fields(model, provider), *_price_rows(model, places), _callers_row(callers)]
    return _below(model.name, rows)


def _below(name: str, rows: list[Row]) -> str:
    from engine.cli.table import aligned

    return f"{name}\n" + "\n".join(f"  {line}" for line in aligned(rows).splitlines())


def _callers_row(callers: list[str]) -> Row:
    shown = ", ".join(callers[:_MOST_CALLERS])
    more = len(callers) - _MOST_CALLERS
    return ("callable by", f"{shown} and {more} more" if more > 0 else shown or "no key", "")


def _route_text(route: Route, callers: list[str]) -> str:
    values: dict[str, Any] = {
        "description": route.description,
        "strategy": route.strategy,
        "fallback_on": ", ".join(map(str, route.fallback_on)),
        "sticky": _pairs(_given(route.sticky)) if route.sticky else "",
        "aliases": ", ".join(route.aliases),
        "owner": route.owner,
        "labels": _pairs(route.labels),
        "access": _pairs(_told(route.access)),
        "lifecycle": _pairs(_told(route.lifecycle)),
    }
    rows: list[Row] = [("file", route.file, f"blob {route.blob[:12]}")]
    rows += [(name, str(value), "") for name, value in values.items() if value]
    for target in route.targets:
        weight = f"weight {target.weight}" if route.strategy == "weighted" else _pairs(target.when)
        rows.append(("target", target.model, weight))
    return _below(route.name, [*rows, _callers_row(callers)])


def _route_json(route: Route, callers: list[str]) -> str:
    import json

    import msgspec

    return json.dumps(msgspec.to_builtins(msgspec.structs.asdict(route) | {"callers": callers}), indent=2)


def _fields(model: Model, provider: Provider) -> Iterator[Row]:
    values: dict[str, Any] = {
        "description": model.description,
        "type": model.type,
        "base_model": _base(model),
        "upstream_model": model.upstream_model,
        "aliases": ", ".join(model.aliases),
        "owner": model.owner,
        "labels": _pairs(model.labels),
        "supports": _pairs(_given(model.supports)),
        "limits": _pairs(_given(model.limits)),
        "defaults": _pairs(model.defaults),
        "overrides": _pairs(model.overrides),
        "forbid": ", ".join(model.forbid),
        "headers": _pairs(model.headers),
        "timeouts": _pairs(_given(model.timeouts)),
        "retry": _pairs(_told(model.retry)),
        "rate_limit": _pairs(_told(model.rate_limit)),
        "endpoints": ", ".join(model.endpoints),
        "access": _pairs(_told(model.access)),
        "lifecycle": _pairs(_told(model.lifecycle)),
        "strict": "true" if model.strict else "",
        "record_content": "" if model.record_content == "none" else model.record_content,
        "checks": f"{len(model.checks)}" if model.checks else "",
        "on_disconnect": model.on_disconnect,
    }
    yield ("file", model.file, f"blob {model.blob[:12]}")
    yield ("api", provider.api, provider.file)
    wires = (*model.wires, model.embeddings_wire, model.rerank_wire)
    yield ("wires", ", ".join(filter(None, wires)), "the api, the base model and the endpoints")
    yield ("base_url", provider.base_url, provider.file)
    yield ("credential", provider.credential, provider.file)
    for name, value in values.items():
        origin = model.origins.get(name, "")
        if name == "limits" and (window := model.origins.get("limits.context_window")):
            origin = ", ".join(part for part in (origin, f"context_window: {window}") if part)
        if value:
            yield (name, str(value), origin or "default")


def _base(model: Model) -> str:
    base = model.base_model
    if base is None:
        return ""
    steps = [base.written, *base.chain[1:]]
    if base.resolved and base.resolved != base.written:
        steps.append(base.resolved)
    by = ", by the reference data's own matching" if base.matched_by == "pattern" else ""
    return " → ".join(steps) + by


def _price_rows(model: Model, places: list[str]) -> Iterator[Row]:
    yield ("pricing", model.pricing.kind, model.origins.get("pricing", "default"))
    for window, place in zip(model.pricing.windows, places, strict=True):
        yield (f"  {_from(window)}", "", place)
        yield from _rate_rows(window.rates, window.tiers, "    ")
        for name, variant in window.variants.items():
            yield (f"    {name}", "", "")
            yield from _rate_rows(variant.rates, variant.tiers, "      ")


def _rate_rows(rates: dict[str, str], tiers: tuple[PriceTier, ...], indent: str) -> Iterator[Row]:
    for key, rate in rates.items():
        yield (f"{indent}{key}", rate, "")
    for tier in tiers:
        yield (f"{indent}above {tier.above_input_tokens} input tokens", "", "")
        yield from _rate_rows(tier.rates, (), f"{indent}  ")


def _from(window: PriceWindow) -> str:
    if window.start is None:
        return "always"
    return f"from {_time(window.start)}"


def _time(nanoseconds: int) -> str:
    return f"{datetime.fromtimestamp(nanoseconds // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _given(struct: Any) -> dict[str, Any]:
    import msgspec

    return {name: value for name, value in msgspec.structs.asdict(struct).items() if value is not None}


def _told(struct: Any) -> dict[str, Any]:
    """What differs from the defaults; times as people write them."""
    import msgspec

    if struct == type(struct)():
        return {}
    told: dict[str, Any] = msgspec.to_builtins(struct)
    return {
        name: _time(value) if name in _TIMES else value for name, value in told.items() if value not in (None, "", [])
    }


def _pairs(values: dict[str, Any]) -> str:
    import json

    return ", ".join(
        f"{name}: {value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}"
        for name, value in values.items()
    )


def _json(model: Model, provider: Provider, places: list[str], callers: list[str]) -> str:
    import json

    import msgspec

    document = msgspec.structs.asdict(model) | {
        "base_url": provider.base_url,
        "credential": provider.credential,
        "provider_file": provider.file,
        "window_places": places,
        "callers": callers,
    }
    return json.dumps(msgspec.to_builtins(document), indent=2)
