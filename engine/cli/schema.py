"""`catalog schema`: the JSON Schemas, for editors and other programs."""

import click

from engine.cli.completing import complete_kinds


@click.command()
@click.argument("kind", required=False, shell_complete=complete_kinds)
def schema(kind: str | None) -> None:
    """Print the JSON Schema of a kind of file.

    KIND is such as model. Without it all kinds are listed.
    """
    from engine.catalog.suggest import did_you_mean
    from engine.errors import UserError
    from engine.shipped import shipped

    files = {path.name.partition(".")[0]: path for path in sorted(shipped("schemas").glob("*.schema.json"))}
    if kind is None:
        click.echo(_listed({name: path.read_bytes() for name, path in files.items()}))
    elif kind in files:
        click.echo(files[kind].read_text(encoding="utf-8"), nl=False)
    else:
        hint = did_you_mean(kind, files) or f"kinds are: {', '.join(files)}"
        raise UserError(f'There is no kind of file called "{kind}".', hint=f"{hint[:1].upper()}{hint[1:]}", exit_code=1)


def _listed(schemas: dict[str, bytes]) -> str:
    import msgspec

    from engine.cli.table import aligned

    return aligned([(name, msgspec.json.decode(data)["description"]) for name, data in schemas.items()])
