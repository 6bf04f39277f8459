"""`catalog reference`: known models and list prices, frozen into the catalog."""

import os
from pathlib import Path

import click


@click.group()
def reference() -> None:
    """Lock the reference data that a catalog uses."""


@reference.command()
@click.argument("path", required=False)
def update(path: str | None) -> int:
    """Write reference.lock: the models and list prices that the catalog uses, as the installed genai-prices has them.

    PATH is the catalog's directory; if left out, catalog/ here, or here. Says what changed, price before → after.
    """
    import msgspec

    from engine.catalog.compile import Compiler, asked_of_reference, merged
    from engine.catalog.layout import LOCK_FILE
    from engine.cli.catalogs import find_catalog, read_catalog, report_of, wants_color
    from engine.pricing.lock import LockError, build_lock, changes, parse_lock, render
    from engine.pricing.reference import load
    from engine.reports import render as render_report
    from engine.tree import blob_id

    root = find_catalog(path)
    tree = read_catalog(root)
    asked = asked_of_reference(tree)
    before = tree.files.get(LOCK_FILE)
    if not asked and before is None:
        click.echo("The catalog uses no reference data; nothing to lock.")
        return 0
    data = load()
    lock = build_lock(asked, data)
    after = render(lock)
    try:
        old = parse_lock(before) if before is not None else None
    except LockError as error:
        click.echo(f"The old {LOCK_FILE} is replaced: {error}", err=True)
        old = None
    for change in changes(old, lock):
        click.echo(f"{change.model}  {change.what}  {change.before or '-'} → {change.after or '-'}")
    if after == before:
        click.echo(f"{root / LOCK_FILE} is current with genai-prices {data.version}.")
    else:
        _replace(root / LOCK_FILE, after)
        click.echo(f"Wrote {root / LOCK_FILE} from genai-prices {data.version}.")
    files, blobs = tree.files | {LOCK_FILE: after}, tree.blobs | {LOCK_FILE: blob_id(after)}
    outcomes = Compiler().compile_all(msgspec.structs.replace(tree, files=files, blobs=blobs), hints=data)
    unknown = tuple(problem for problem in merged(outcomes) if problem.code == "lock-stale")
    if unknown:
        report = msgspec.structs.replace(report_of(outcomes[""], tree, root), problems=unknown)
        click.echo(render_report(report, "text", color=wants_color()), nl=False, color=True)
        return 1
    return 0


def _replace(path: Path, data: bytes) -> None:
    """Whole or not at all, so that a catalog being followed never sees half a lock."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.write_bytes(data)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
