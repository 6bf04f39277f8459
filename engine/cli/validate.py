"""`catalog validate`: the linter."""

import click

from engine.reports import FORMATS


@click.command()
@click.argument("path", required=False)
@click.option(
    "--format", "name", type=click.Choice(tuple(FORMATS)), default="text", show_default=True, help="How to print it."
)
def validate(path: str | None, name: str) -> int:
    """Check a catalog: every mistake, at its line.

    PATH is the catalog's directory; if left out, catalog/ here, or here. Exit code 0: it can be served, perhaps with
    warnings; 1: it has errors; 2: it could not be read.
    """
    from engine.cli.catalogs import compile_with_hints, find_catalog, read_catalog, report_of, verdict, wants_color
    from engine.reports import render

    root = find_catalog(path)
    tree = read_catalog(root)
    outcome = compile_with_hints(tree)
    click.echo(render(report_of(outcome, tree, root), name, color=wants_color()), nl=False, color=True)
    return verdict(outcome)
