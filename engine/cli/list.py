"""`catalog list`: all models, a line each."""

import time

import click

from engine.model import Model, PriceWindow


@click.command("list")
@click.argument("path", required=False)
@click.option(
    "--format", "name", type=click.Choice(("text", "json")), default="text", show_default=True, help="How to print it."
)
def list_models(path: str | None, name: str) -> None:
    """List the models of a catalog with their prices.

    PATH is the catalog's directory; if left out, catalog/ here, or here. Prices are those that hold now, in USD per
    million tokens.
    """
    from engine.cli.catalogs import load_catalog

    models = list(load_catalog(path).models.values())
    click.echo(_json(models) if name == "json" else _text(models))


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


def _text(models: list[Model]) -> str:
    from engine.cli.table import aligned

    if not models:
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
    return aligned(rows, right=frozenset((2, 3)))


def _json(models: list[Model]) -> str:
    import json

    rows = [
        {
            "name": model.name,
            "type": model.type,
            "api": model.api,
            "base_model": _base(model) or None,
            "pricing": model.pricing.kind,
            "input_mtok": _price(model, "input_mtok"),
            "output_mtok": _price(model, "output_mtok"),
            "owner": model.owner or None,
            "aliases": model.aliases,
            "description": model.description,
            "file": model.file,
        }
        for model in models
    ]
    return json.dumps({"data": rows}, indent=2)
