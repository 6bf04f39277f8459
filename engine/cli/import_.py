"""`catalog import`: other people's model lists and prices as catalog files."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from engine.cli.exchanging import Files
    from engine.exchange.entries import Source
    from engine.exchange.importing import FindBase, Imported
    from engine.tree import Tree

FORMATS = ("litellm-config", "litellm-prices", "portkey", "models-dev")
UNITS = ("usd-per-token", "cents-per-token", "usd-per-1k-tokens", "usd-per-mtok")


@click.command("import")
@click.argument("format_", metavar="FORMAT", type=click.Choice(FORMATS))
@click.argument("source")
@click.option("--catalog", "into", metavar="DIR", help="The catalog to add to. If left out: catalog/ here, or here.")
@click.option("--out", metavar="DIR", help="A new directory to write a catalog to, instead.")
@click.option(
    "--provider",
    "providers",
    metavar="[SOURCE=]NAME",
    multiple=True,
    help="Import this provider of the source only; or NAME for what the source calls SOURCE.",
)
@click.option("--repo", metavar="URL", help="The repository that the source is from, for the files to name.")
@click.option("--commit", metavar="SHA", help="Its commit.")
@click.option("--unit", type=click.Choice(UNITS), help="What token prices are in, where the format does not say.")
@click.option("--report", metavar="FILE", help="Write the loss report there, as JSON.")
@click.option("--dry-run", is_flag=True, help="Write nothing but the report.")
def import_(
    format_: str,
    source: str,
    into: str | None,
    out: str | None,
    providers: tuple[str, ...],
    repo: str | None,
    commit: str | None,
    unit: str | None,
    report: str | None,
    dry_run: bool,  # noqa: FBT001 - click's flag
) -> int:
    """Import models and prices from another format.

    Every field of every entry arrives exactly, or stands in the loss report with the reason. Nothing is written unless
    the whole catalog is then without errors, and no file that was not imported before is replaced.
    """
    from engine.cli.exchanging import read_files, write_files
    from engine.errors import UserError
    from engine.exchange.documents import SourceError
    from engine.exchange.importing import Wanted, import_source
    from engine.exchange.report import to_json, to_text

    if into is not None and out is not None:
        raise UserError("--catalog and --out exclude each other.")
    files = read_files(format_, source)
    root, tree = _target(into, out)
    try:
        read = _read(format_, files, unit)
        renamed, only = _providers(read, providers)
        wanted = Wanted(
            format=format_,
            origin=_origin(files.read, repo, commit),
            renamed=renamed,
            only_renamed=only,
            existing=_existing(tree),
            find_base=_find_base(),
        )
        imported = import_source(read, wanted)
    except SourceError as error:
        raise UserError(error.message, hint=error.hint) from None
    written = _checked(imported, tree, root)
    if report is not None:
        Path(report).write_bytes(to_json(imported.report))
    click.echo(to_text(imported.report))
    if dry_run:
        click.echo(f"{len(written)} files would be written to {root}.")
        return 0
    write_files(root, written)
    click.echo(f"{len(written)} files written to {root}." if written else f"{root} has all of it already.")
    return 0


def _target(into: str | None, out: str | None) -> "tuple[Path, Tree]":
    """Where to write, and the catalog that is there."""
    from engine.cli.catalogs import find_catalog, read_catalog
    from engine.errors import UserError
    from engine.tree import Tree, blob_id

    if out is None:
        root = find_catalog(into)
        return root, read_catalog(root)
    root = Path(out)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UserError(f"{out} is there already.", hint="Name a new directory; or add to a catalog with --catalog.")
    first = b"format: 1\n"
    return root, Tree(revision="", files={"catalog.yaml": first}, blobs={"catalog.yaml": blob_id(first)})


def _read(format_: str, source: "Files", unit: str | None) -> "Source":
    files = source.read
    if format_ == "portkey":
        from engine.exchange.portkey import read_portkey

        return read_portkey({Path(name).stem: data for name, data in files.items()}, unit=unit)
    if format_ == "models-dev":
        from engine.exchange.models_dev import read_models_dev

        return read_models_dev(files, unit=unit, missing=source.missing)
    ((name, data),) = files.items()
    if format_ == "litellm-prices":
        from engine.exchange.litellm_prices import read_litellm_prices

        return read_litellm_prices(data, name, unit=unit)
    from engine.exchange.litellm_config import read_litellm_config

    return read_litellm_config(data, name, unit=unit)


def _providers(source: "Source", asked: tuple[str, ...]) -> tuple[dict[str, str], bool]:
    """The source's providers and what to call them; and whether only these are wanted."""
    import re

    from engine.catalog.layout import SLUG, SLUG_HINT
    from engine.errors import UserError
    from engine.exchange.naming import slugs

    known = sorted({entry.provider for entry in source.models})
    renamed: dict[str, str] = {}
    for item in asked:
        theirs, equals, ours = item.rpartition("=")
        if not equals:
            alone = len(known) == 1 and len(asked) == 1
            theirs, ours = (known[0], item) if alone else (item, slugs([item])[item])
        if re.fullmatch(SLUG, ours, re.ASCII) is None or ours == "route":
            raise UserError(f'"{ours}" is no name for a provider.', hint=f"{SLUG_HINT[0].upper()}{SLUG_HINT[1:]}.")
        renamed[theirs] = ours
    return renamed, bool(renamed)


def _origin(files: dict[str, bytes], repo: str | None, commit: str | None) -> str:
    """What the files say about where they come from: as given, else the source's digest."""
    import hashlib

    from engine.errors import UserError

    given = "@".join(part for part in (repo, commit) if part)
    if given:
        if not given.isprintable() or " " in given or len(given) > 300:
            raise UserError("--repo and --commit have no spaces and no control characters.")
        return given
    digest = hashlib.sha256()
    for name, data in sorted(files.items()):
        digest.update(b"%s\0%d\0" % (name.encode(), len(data)))
        digest.update(data)
    return f"sha256:{digest.hexdigest()}"


def _existing(tree: "Tree") -> dict[str, str]:
    """The catalog's providers and their apis; imported ones too, since people write their base_url."""
    from engine.catalog.reading import read_yaml
    from engine.catalog.vendors import VENDORS

    found = {}
    for path, data in tree.files.items():
        folder, _, name = path.rpartition("/")
        document = read_yaml(data, path).document if folder == "providers" else None
        api = document.value.get("api") if document is not None and isinstance(document.value, dict) else None
        if isinstance(api, str) and api in VENDORS:
            found[name.removesuffix(".yaml")] = api
    return found


def _find_base() -> "FindBase":
    """A look into the reference data, which takes 0.2 s to load and is loaded when it is first asked."""
    from functools import cache

    from engine.pricing.reference import load

    reference = cache(load)

    def find(api: str, name: str) -> str | None:
        found = reference().find(api, name)
        if found is None:
            return None
        return found.model.id if found.model.api == api else found.model.name

    return find


def _checked(imported: "Imported", tree: "Tree", root: Path) -> dict[str, bytes]:
    """The files that differ from what is there, with the lock that they need.

    Raises:
        UserError: one would replace a file that was not imported, or the catalog would have errors.
    """
    import msgspec

    from engine.catalog.compile import asked_of_reference, compile_catalog
    from engine.catalog.layout import LOCK_FILE
    from engine.cli.catalogs import report_of
    from engine.errors import UserError
    from engine.exchange.rendering import is_imported
    from engine.pricing.lock import build_lock, render
    from engine.pricing.reference import load
    from engine.problem import has_errors
    from engine.reports import render as render_report
    from engine.tree import blob_id

    files = imported.files if tree.revision else tree.files | imported.files
    changed = {path: data for path, data in files.items() if not tree.revision or tree.files.get(path) != data}
    own = sorted(path for path in changed if tree.revision and path in tree.files and not is_imported(tree.files[path]))
    if own:
        more = f" and {len(own) - 1} more" if len(own) > 1 else ""
        raise UserError(
            f"{root / own[0]}{more} is there, and was not imported.",
            hint="Rename it, or import with --provider SOURCE=NAME.",
        )

    def with_files(files: dict[str, bytes]) -> "Tree":
        blobs = {path: blob_id(data) for path, data in files.items()}
        return msgspec.structs.replace(tree, files=tree.files | files, blobs=tree.blobs | blobs)

    after = with_files(changed)
    if asked := asked_of_reference(after):
        lock = render(build_lock(asked, load()))
        if lock != tree.files.get(LOCK_FILE):
            changed[LOCK_FILE] = lock
            after = with_files(changed)
    outcome = compile_catalog(after)
    if has_errors(outcome.problems):
        errors = tuple(problem for problem in outcome.problems if problem.severity == "error")
        shown = msgspec.structs.replace(report_of(outcome, after, root), problems=errors[:20])
        click.echo(render_report(shown, "text", color=False), nl=False, err=True)
        raise UserError(f"The catalog would have {len(errors)} errors; nothing was written.", exit_code=1)
    return dict(sorted(changed.items()))
