"""`catalog export`: a catalog for other people's programs."""

import time
from pathlib import Path

import click

FORMATS = ("litellm", "litellm-config", "json")


@click.command()
@click.argument("path", required=False)
@click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    required=True,
    help="LiteLLM's price map, its config, or plain JSON.",
)
@click.option("--out", metavar="FILE", help="Where to write it. If left out: standard output.")
@click.option("--report", metavar="FILE", help="Write what LiteLLM cannot say there, as JSON.")
def export(path: str | None, format_: str, out: str | None, report: str | None) -> None:
    """Export a catalog to LiteLLM or as plain JSON.

    PATH is the catalog's directory; if left out, catalog/ here, or here. Plain JSON has all windows; LiteLLM's formats
    have the prices that hold now. What LiteLLM cannot say is counted on standard error.
    """
    from engine.cli.catalogs import load_catalog
    from engine.cli.exchanging import write_output
    from engine.errors import UserError

    catalog = load_catalog(path)
    if format_ == "json":
        from engine.exchange.json_export import export_json

        if report is not None:
            raise UserError("Plain JSON says all there is; --report is for LiteLLM.")
        write_output(export_json(catalog), out)
        return
    from engine.exchange.litellm_config_export import export_litellm_config
    from engine.exchange.litellm_export import export_litellm
    from engine.exchange.report import to_json, to_text

    exporter = export_litellm if format_ == "litellm" else export_litellm_config
    exported = exporter(catalog, at_ns=time.time_ns())
    if report is not None:
        Path(report).write_bytes(to_json(exported.report))
    write_output(exported.data, out)
    click.echo(to_text(exported.report, done="exported"), err=True)
