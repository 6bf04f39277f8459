"""`catalog diff`: what a change does to models, prices and callers, and not how its text differs."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.completing import complete_environments

if TYPE_CHECKING:
    from engine.reports.changes import Comparison
    from engine.tree import Tree

FORMATS = ("text", "json", "markdown")  # those of engine.reports.changes, whose import takes longer than --help


@click.command()
@click.argument("revisions", nargs=-1, metavar="[REV [REV]]")
@click.option(
    "--catalog", "path", metavar="DIR", type=click.Path(), help="The catalog's directory. Default: catalog/, or here."
)
@click.option(
    "--format", "name", type=click.Choice(FORMATS), default="text", show_default=True, help="How to print it."
)
@click.option(
    "--env", metavar="ENV", shell_complete=complete_environments, help="As it holds in this environment. Default: all."
)
@click.option("--exit-code", is_flag=True, help="Exit with 1 where anything changes in effect.")
def diff(revisions: tuple[str, ...], path: str | None, name: str, env: str | None, *, exit_code: bool) -> int:
    """Show what a change does: prices, routing, and who can no longer call what.

    Without REV, the working tree is compared with HEAD; with one, with that revision; two are compared with each other.
    REV... is the commit where REV and the other side parted, as forges compare a pull request. Exit code 0: compared; 2:
    it could not be, or the catalog after the change does not compile.
    """
    from engine.cli.catalogs import wants_color
    from engine.reports.changes import render_changes

    if len(revisions) > 2:
        raise click.UsageError("At most two revisions can be compared.")
    comparison = _compare(revisions, path, env)
    click.echo(render_changes(comparison, name, color=wants_color()), nl=False, color=True)
    if comparison.diffs is None:
        return 2
    return 1 if exit_code and comparison.is_changed else 0


def _compare(revisions: tuple[str, ...], path: str | None, env: str | None) -> "Comparison":
    from engine.cli.catalogs import read_catalog
    from engine.cli.comparing import compare_trees
    from engine.cli.revisions import WORKING_TREE, commit_of, merge_base, place_of, tree_at
    from engine.errors import UserError
    from engine.reports.changes import Side

    root = _root(path, needed=len(revisions) < 2)
    place = place_of(root)
    first, parted = (revisions[0].removesuffix("..."), revisions[0].endswith("...")) if revisions else ("HEAD", False)
    before = commit_of(place, first)
    after: Tree | None
    if len(revisions) == 2:
        commit = commit_of(place, revisions[1])
        after, other, second = tree_at(place, commit), commit, Side(revisions[1], commit)
    else:
        after, other = read_catalog(root), commit_of(place, "HEAD") if parted else ""
        second = Side(WORKING_TREE, after.revision)
    if parted:
        before = merge_base(place, before, other)
    if after is None:
        raise UserError(
            f"{revisions[-1]} has no catalog in {place.path or 'its top directory'}.",
            hint="Name its directory: --catalog DIR.",
        )
    sides = (Side(first, before), second)
    return compare_trees(tree_at(place, before), after, sides, environment=env, root=root, now_ns=time.time_ns())


def _root(path: str | None, *, needed: bool) -> Path:
    """The catalog's directory; it need not be in the working tree where that is not looked at."""
    from engine.cli.catalogs import find_catalog
    from engine.errors import UserError

    try:
        return find_catalog(path)
    except UserError:
        if needed:
            raise
        return Path(path or "catalog")
