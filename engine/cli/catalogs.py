"""The catalog that a command is about: found, read and compiled. Shared by the authoring commands."""

import os
import sys
from pathlib import Path

from engine.catalog.compile import Catalog, Outcome, compile_catalog, environments_of
from engine.catalog.layout import ROOT_FILE, lay_out
from engine.catalog.suggest import did_you_mean
from engine.errors import UserError
from engine.problem import has_errors
from engine.reports import Report
from engine.sources.directory import DirectorySource
from engine.tree import Tree


def find_catalog(path: str | None) -> Path:
    """The catalog's directory: as named, else catalog/ here, else here.

    Raises:
        UserError: there is none.
    """
    if path is not None:
        named = Path(path)
        if named.is_dir():
            return named
        what = "is a file" if named.exists() else "is not there"
        raise UserError(f"{path} {what}.", hint="Name the directory that has catalog.yaml.")
    for here in (Path("catalog"), Path()):
        if (here / ROOT_FILE).is_file():
            return here
    if Path("catalog").is_dir():
        return Path("catalog")
    raise UserError(
        "There is no catalog here: neither catalog/catalog.yaml nor catalog.yaml.",
        hint="Name its directory, or go there.",
    )


def read_catalog(root: Path) -> Tree:
    """The files of a catalog's directory, as one consistent state."""
    return DirectorySource(root).read()


def load_catalog(path: str | None, environment: str | None = None) -> Catalog:
    """The compiled catalog of a directory, as it holds in an environment; without one its base.

    Raises:
        UserError: there is none, it has errors, or no such environment.
    """
    root = find_catalog(path)
    tree = read_catalog(root)
    if environment is not None and environment not in (known := environments_of(tree)):
        hint = did_you_mean(environment, known) or f"environments are: {', '.join(known) or 'none'}"
        raise UserError(f'The catalog has no environment "{environment}".', hint=hint[:1].upper() + hint[1:])
    outcome = compile_catalog(tree, environment=environment)
    if outcome.catalog is None:
        count = report_of(outcome, tree, root).errors
        raise UserError(
            f"The catalog in {root} has {count} error{'' if count == 1 else 's'}.",
            hint=f"See `catalog validate {root}`.",
            exit_code=1,
        )
    return outcome.catalog


def report_of(outcome: Outcome, tree: Tree, root: Path) -> Report:
    """What there is to say about a compiled tree. Where it has errors, files are counted instead of models."""
    if outcome.catalog is not None:
        catalog = outcome.catalog
        counts = {"model": len(catalog.models), "provider": len(catalog.providers), "key": len(catalog.keys)}
    else:
        counts = {"model": 0, "provider": 0, "key": 0}
        for place in lay_out(tree.files)[0]:
            if place.kind in counts:
                counts[place.kind] += 1
    return Report(
        problems=outcome.problems,
        models=counts["model"],
        providers=counts["provider"],
        keys=counts["key"],
        root=root.as_posix(),
    )


def verdict(outcome: Outcome) -> int:
    """The exit code: 0 where nothing is an error, else 1."""
    return 1 if has_errors(outcome.problems) else 0


def wants_color() -> bool:
    """Whether standard output takes colours: NO_COLOR and FORCE_COLOR (https://no-color.org) decide before the terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()
