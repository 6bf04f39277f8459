"""`catalog fmt`: every file in the one canonical form, with its comments."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from engine.problem import Problem

STDIN = "-"
OK, NOT_CANONICAL, REFUSED = 0, 1, 2


class Source(NamedTuple):
    """A document to be formatted. `path` is where it is written, None for standard input; `shown` is its name."""

    path: Path | None
    shown: str
    data: bytes
    kind: str


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--check", is_flag=True, help="Write nothing; list what is not canonical, and exit with 1 if anything is."
)
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@click.option("--as", "place", metavar="PLACE", help="What a file outside a catalog is: models/openai/support.yaml.")
def fmt(paths: tuple[str, ...], check: bool, diff: bool, place: str | None) -> int:  # noqa: FBT001 - click's flags
    """Put catalog files into canonical form: order of keys, quotes, indents; comments stay.

    PATHs are catalogs, directories in them, files, or - for standard input; if left out, catalog/ here, or here. What
    the files say never changes. Exit code 0: done; 1: --check found something; 2: a file does not read, and was left as
    it is.
    """
    from engine.authoring.canonical import MeaningChanged, format_text
    from engine.authoring.files import replace
    from engine.errors import UserError

    refused = changed = count = 0
    for source in _sources(paths, place):
        count += 1
        try:
            formatted = format_text(source.data, source.shown, source.kind)
        except MeaningChanged:
            message = (
                f"{source.shown} was left as it is: its canonical form would not say the same, which is our fault."
            )
            raise UserError(message, hint="Please report it, with the file if you may.") from None
        if formatted.text is None:
            refused += 1
            for problem in formatted.problems:
                _say(problem)
            continue
        text = formatted.text.encode()
        if text != source.data:
            changed += 1
        if diff:
            click.echo(_difference(source, text), nl=False)
        elif check:
            if text != source.data:
                click.echo(source.shown)
        elif source.path is None:
            click.echo(text, nl=False)
        elif text != source.data:
            replace(source.path, text)
            click.echo(source.shown)
    done = "would change" if check or diff else "changed"
    click.echo(f"{count} {'file' if count == 1 else 'files'}, {changed} {done}, {refused} refused", err=True)
    if refused:
        return REFUSED
    return NOT_CANONICAL if check and changed else OK


def _sources(paths: tuple[str, ...], place: str | None) -> Iterator[Source]:
    from engine.errors import UserError

    for path in paths or (_default(),):
        if path == STDIN:
            data = sys.stdin.buffer.read()
            yield Source(None, "<stdin>", data, _kind(place, data, "standard input"))
        elif Path(path).is_dir():
            yield from _directory(Path(path))
        elif not Path(path).is_file():
            raise UserError(f"{path} is not there, or is no file.", hint="Name a catalog, or files in it.")
        else:
            data = Path(path).read_bytes()
            yield Source(Path(path), path, data, _kind(place or _place_of(Path(path)), data, path))


def _default() -> str:
    from engine.cli.catalogs import find_catalog

    return str(find_catalog(None))


def _directory(directory: Path) -> Iterator[Source]:
    """The files of a catalog, or those below one of its directories."""
    from engine.catalog.layout import lay_out
    from engine.cli.catalogs import read_catalog
    from engine.errors import UserError

    root = _root_of(directory.resolve()) or directory.resolve()
    tree = read_catalog(root)
    if tree.problems:
        problem = tree.problems[0]
        raise UserError(f"{directory / problem.file}: {problem.message}.", hint=problem.hint)
    below = directory.resolve().relative_to(root)
    for each in lay_out(tree.files)[0]:
        if each.kind != "lock" and Path(each.file).is_relative_to(below):
            shown = directory / Path(each.file).relative_to(below)
            yield Source(shown, str(shown), tree.files[each.file], each.kind)


def _root_of(path: Path) -> Path | None:
    """The catalog that a path is in: the nearest directory that has catalog.yaml."""
    from engine.catalog.layout import ROOT_FILE

    return next((here for here in (path, *path.parents) if (here / ROOT_FILE).is_file()), None)


def _place_of(path: Path) -> str | None:
    """Where a file is inside its catalog, with forward slashes; None for one outside."""
    inside = path.parent.resolve() / path.name
    root = _root_of(inside.parent)
    return None if root is None else inside.relative_to(root).as_posix()


def _kind(place: str | None, data: bytes, shown: str) -> str:
    """The kind of a document: by its place in a catalog, else by what it says.

    Raises:
        UserError: neither tells.
    """
    from engine.authoring.canonical import kind_of_text
    from engine.catalog.layout import lay_out
    from engine.errors import UserError

    if place is not None:
        kind = next((each.kind for each in lay_out((place,))[0] if each.file == place), None)
        if kind is None or kind == "lock":
            raise UserError(f"{shown}: {place} is not a place of a catalog's document.")
        return kind
    found = kind_of_text(data)
    if found is None:
        raise UserError(
            f"{shown} is outside a catalog, and could be of several kinds.",
            hint="Say what it is: --as models/openai/support.yaml, --as providers/openai.yaml, …",
        )
    return found


def _difference(source: Source, text: bytes) -> str:
    import difflib

    old, new = (data.decode(errors="replace").splitlines(keepends=True) for data in (source.data, text))
    lines = difflib.unified_diff(old, new, source.shown, f"{source.shown} (canonical)")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _say(problem: "Problem") -> None:
    from engine.reports.neutral import neutral

    place = f"{neutral(problem.file)}:{problem.line or 1}:{problem.column or 1}"
    click.echo(f"{place}: {problem.code} {neutral(problem.message)}", err=True)
    if problem.hint:
        click.echo(f"    {neutral(problem.hint)}", err=True)
