"""`catalog validate`: the linter."""

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.completing import complete_environments, complete_kinds
from engine.reports import FORMATS, Report

if TYPE_CHECKING:
    from engine.cli.chosen import Chosen


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path())
@click.option(
    "--format",
    "name",
    type=click.Choice(tuple(FORMATS)),
    help="How to print it. Default: text, and github where GITHUB_ACTIONS is set.",
)
@click.option("--strict", is_flag=True, help="Warnings count as errors.")
@click.option(
    "--policy",
    metavar="FILE",
    type=click.Path(),
    help="The operator's gateway.yaml: also say which providers it disables. No secret is read.",
)
@click.option("--env", metavar="ENV", shell_complete=complete_environments, help="Only this environment. Default: all.")
@click.option("--base", metavar="REV", help="Also say what should not have changed since this revision.")
@click.option("--output", metavar="FILE", type=click.Path(), help="Write the report there, and only the counts here.")
@click.option(
    "--kind", metavar="KIND", shell_complete=complete_kinds, help="With -: what the document on standard input is."
)
@click.option(
    "--as", "place", metavar="PATH", type=click.Path(), help="With -: check the catalog with it in this file's place."
)
def validate(
    paths: tuple[str, ...],
    name: str | None,
    *,
    strict: bool,
    policy: str | None,
    env: str | None,
    base: str | None,
    output: str | None,
    kind: str | None,
    place: str | None,
) -> int:
    """Check a catalog: every mistake, at its line.

    PATH is the catalog's directory; if left out, catalog/ here, or here. Or files and directories inside a catalog: all
    of it is compiled, and only their findings are shown and decide. Or - for one document from standard input. Exit
    code 0: it can be served, perhaps with warnings; 1: it has errors; 2: it could not be read.
    """
    import msgspec

    from engine.cli.chosen import STDIN

    gc.disable()  # the process ends before memory runs out, and what it makes is not made in circles
    _check_call(paths, kind, place)
    if paths == (STDIN,) and place is None:
        report = _document_alone(kind or "")
    else:
        report = _in_catalog(paths, place, env, base, policy)
    report = msgspec.structs.replace(report, strict=strict)
    _print(report, name, output)
    return 0 if report.ok else 1


def _check_call(paths: tuple[str, ...], kind: str | None, place: str | None) -> None:
    from engine.cli.chosen import STDIN

    if STDIN not in paths and (kind or place):
        raise click.UsageError(
            f"--{'kind' if kind else 'as'} is about a document from standard input: write - for PATH."
        )
    if STDIN in paths and len(paths) > 1:
        raise click.UsageError("- stands alone: standard input is one document.")
    if STDIN in paths and (kind is None) == (place is None):
        raise click.UsageError("Say what standard input is: --kind model, or --as catalog/models/openai/name.yaml.")


def _document_alone(kind: str) -> Report:
    """One document: its text and its shape, without the catalog that it would be part of."""
    from engine.catalog.reading import read_yaml
    from engine.catalog.schema import KINDS, check
    from engine.catalog.suggest import did_you_mean
    from engine.cli.chosen import read_stdin
    from engine.errors import UserError

    if kind not in KINDS:
        hint = did_you_mean(kind, KINDS) or f"kinds are: {', '.join(KINDS)}"
        raise UserError(f'There is no kind of document called "{kind}".', hint=hint[:1].upper() + hint[1:])
    reading = read_yaml(read_stdin(), "stdin")
    problems = list(reading.problems)
    if reading.document is not None:
        problems += check(kind, reading.document)
    in_order = tuple(sorted(problems, key=lambda problem: problem.sort_key))
    return Report(problems=in_order, models=0, providers=0, keys=0, files=("stdin",), chosen=True)


def _in_catalog(
    paths: tuple[str, ...], place: str | None, env: str | None, base: str | None, policy: str | None
) -> Report:
    """A whole catalog, or the part of its findings that was asked for."""
    import msgspec

    from engine.catalog.compile import environments_of
    from engine.cli.catalogs import read_catalog, report_of
    from engine.cli.chosen import Chosen, choose, choose_place, from_stdin, path_in_repository
    from engine.cli.findings import Judged

    settings = None
    if policy is not None:
        from engine.cli.policy import read_policy

        settings = read_policy(policy)  # first: a mistake in it is said at once
    if place is None:
        chosen = choose(paths)
        tree = read_catalog(chosen.root)
    else:
        root, file = choose_place(place)
        chosen = Chosen(root, frozenset((file,)))
        tree = from_stdin(read_catalog(root), file)
    judged = Judged(tree, env)
    judged.today()
    if base is not None:
        judged.since(chosen.root, base)
    if settings is not None:
        judged.under(settings)
    report = msgspec.structs.replace(
        report_of(judged.first, tree, chosen.root),
        problems=judged.findings(),
        environments=len(environments_of(tree)),
        files=_checked(tree.files),
        repository_path=path_in_repository(chosen.root),
    )
    return _narrowed(report, chosen) if chosen.paths else report


def _checked(files: dict[str, bytes]) -> tuple[str, ...]:
    from engine.catalog.layout import ignored

    return tuple(file for file in files if not ignored(file))


def _narrowed(report: Report, chosen: "Chosen") -> Report:
    """Only what is about the files that were asked for, and how much there is elsewhere."""
    import msgspec

    from engine.cli.chosen import with_parents
    from engine.errors import UserError

    shown = tuple(problem for problem in report.problems if chosen.covers(problem.file))
    files = tuple(file for file in report.files if chosen.covers(file))
    known = {path for file in (*files, *(problem.file for problem in shown)) for path in with_parents(file)}
    if unknown := sorted(chosen.paths - known):
        raise UserError(f"{chosen.root / unknown[0]} is no part of the catalog in {chosen.root}.")
    part = msgspec.structs.replace(report, problems=shown, files=files, chosen=True)
    elsewhere = (report.errors - part.errors, report.warnings - part.warnings)
    return msgspec.structs.replace(part, elsewhere=elsewhere)


def _print(report: Report, name: str | None, output: str | None) -> None:
    from engine.cli.catalogs import wants_color
    from engine.reports import render
    from engine.reports.report import totals

    if name is None:
        name = "github" if output is None and os.environ.get("GITHUB_ACTIONS") == "true" else "text"
    if output is None:
        click.echo(render(report, name, color=wants_color()), nl=False, color=True)
    else:
        Path(output).write_text(render(report, name), encoding="utf-8", newline="\n")
        click.echo(totals(report))
    if name == "github" and (summary := os.environ.get("GITHUB_STEP_SUMMARY")):
        _add_to_summary(report, summary)


def _add_to_summary(report: Report, path: str) -> None:
    from engine.reports.github import summary_of

    try:
        with Path(path).open("a", encoding="utf-8", newline="\n") as file:
            file.write(summary_of(report))
    except OSError as error:  # the findings have been printed: the verdict stands
        click.echo(f"catalog: the step's summary cannot be written: {error.strerror}", err=True)
