"""`catalog list`: all models, a line each."""

import time

import click

from engine.cli.completing import complete_environments
from engine.model import Model, PriceWindow, Route


@click.command("list")
@click.argument("path", required=False)
@click.option(
    "--format", "name", type=click.Choice(("text", "json")), default="text", show_default=True, help="How to print it."
)
@click.option("--env", metavar="ENV", shell_complete=complete_environments, help="As in this environment.")
def list_models(path: str | None, name: str, env: str | None) -> None:
    """List the models of a catalog with their prices.

    PATH is the catalog's directory; if left out, catalog/ here, or here. Prices are those that hold now, in USD per
    million tokens. Routes come after the models.
    """
    from engine.cli.catalogs import load_catalog

    catalog = load_catalog(path, env)
    models, routes = list(catalog.models.values()), list(catalog.routes.values())
    click.echo(_json(models, routes) if name == "json" else _text(models, routes))


def window_now(model: Model) -> PriceWindow | None:
    """The window that holds for a request that starts now."""
    now = time.time_ns()
    begun = [window for window in model.pricing.windows if window.start is None or window.start <= now]
    return begun[-1] if begun else None


def _price(model: Model, key: str) -> str | None:
    window = window_now(model)
    if window is None:
        return None
    return "0" if model.pricing.kind == "free" else window.rates.get(key)


def _base(model: Model) -> str:
    return model.base_model.written if model.base_model else ""


def _text(models: list[Model], routes: list[Route]) -> str:
    from engine.cli.table import aligned

    if not models and not routes:
        return "No models."
    rows = [("NAME", "BASE", "INPUT", "OUTPUT", "OWNER")]
    rows += [
        (
            model.name,
            _base(model) or "-",
            _price(model, "input_mtok") or "-",
            _price(model, "output_mtok") or "-",
            model.owner or "-",
        )
        for model in models
    ]
    rows += [
        (route.name, f"{route.strategy} of {len(route.targets)}", "-", "-", route.owner or "-") for route in routes
    ]
    return aligned(rows, right=frozenset((2, 3)))


def _json(models: list[Model], routes: list[Route]) -> str:
    import json

    rows: list[dict[str, object]] = [
        {
            "name": model.name,
            "type": model.type,
            "api": model.api,
            "base_model": _base(model) or None,
            "pricing": model.pricing.kind,
            "input_mtok": _price(model, "input_mtok"),
            "output_mtok": _price(model, "output_mtok"),
            "owner": model.owner or None,
            "team": model.team or None,
            "status": model.lifecycle.status,
            "aliases": model.aliases,
            "description": model.description,
            "file": model.file,
        }
        for model in models
    ]
    rows += [
        {
            "name": route.name,
            "type": "route",
            "strategy": route.strategy,
            "targets": [target.model for target in route.targets],
            "owner": route.owner or None,
            "team": route.team or None,
            "status": route.lifecycle.status,
            "aliases": route.aliases,
            "description": route.description,
            "file": route.file,
        }
        for route in routes
    ]
    return json.dumps({"data": rows}, indent=2)
