"""`catalog keys`: secrets for those who may call. The catalog only ever holds their hashes."""

from pathlib import Path

import click


@click.group()
def keys() -> None:
    """Make keys for those who may call."""


@keys.command()
@click.argument("name")
@click.argument("more", nargs=-1, metavar="[PATTERN]...")
@click.option("--owner", required=True, help="The team that answers for the key.")
@click.option("--models", required=True, multiple=True, metavar="PATTERN...", help="Which models it may call.")
@click.option("--description", default="", help="What it is for.")
@click.option("--catalog", "path", metavar="DIR", help="The catalog's directory. Default: catalog/ here, or here.")
def new(
    name: str, more: tuple[str, ...], owner: str, models: tuple[str, ...], description: str, path: str | None
) -> None:
    """Make a key: print its secret once, write keys/NAME.yaml with its hash.

    PATTERNs are names such as @local/tiny-support, aliases, or "@local/*", where * stands for any characters. Standard
    output has the secret and nothing else. It cannot be shown again.
    """
    from engine.catalog.secret import new_secret, sha256_hex
    from engine.cli.catalogs import find_catalog
    from engine.errors import UserError

    root = find_catalog(path)
    secret = new_secret()
    content = _document(owner, (*models, *more), description, sha256_hex(secret))
    file = f"keys/{name}.yaml"
    _check(file, content)
    try:
        (root / "keys").mkdir(exist_ok=True)
        with (root / file).open("x", encoding="utf-8", newline="\n") as opened:
            opened.write(content)
    except FileExistsError:
        raise UserError(
            f"{root / file} is already there, and is not overwritten.",
            hint="Choose another name, or add a second secret to that file.",
        ) from None
    click.echo(secret)
    click.echo(f"Wrote {root / file}. Commit it; hand the secret over safely, it is not kept anywhere.", err=True)
    _warn(root, file)


def _document(owner: str, models: tuple[str, ...], description: str, sha256: str) -> str:
    import json

    def quoted(text: str) -> str:
        return json.dumps(text, ensure_ascii=False)  # JSON's strings are YAML's

    lines = [f"description: {quoted(description)}"] if description else []
    lines += [f"owner: {quoted(owner)}", f"models: [{', '.join(quoted(model) for model in models)}]", "secrets:"]
    return "\n".join((*lines, f"  - sha256: {quoted(sha256)}", ""))


def _check(file: str, content: str) -> None:
    """Refuse what `validate` would refuse, before anything is written.

    Raises:
        UserError: the name, the owner or a pattern is not possible.
    """
    from engine.catalog.layout import SLUG_HINT, lay_out
    from engine.catalog.reading import read_yaml
    from engine.catalog.schema import check
    from engine.errors import UserError

    places, problems = lay_out((file,))
    if not any(place.file == file for place in places):
        name = file.removeprefix("keys/").removesuffix(".yaml")
        raise UserError(f'No key was made: "{name}" is not a name.', hint=SLUG_HINT)
    problems = [problem for problem in problems if problem.file == file]
    reading = read_yaml(content.encode("utf-8", "replace"), file)
    problems += reading.problems if reading.document is None else check("key", reading.document)
    if problems:
        raise UserError(f"No key was made: {problems[0].message}.", hint=problems[0].hint)


def _warn(root: Path, file: str) -> None:
    """Say at once what `validate` will say about the new file, such as a pattern that matches nothing."""
    from engine.catalog.compile import compile_catalog
    from engine.cli.catalogs import read_catalog

    for problem in compile_catalog(read_catalog(root)).problems:
        if problem.file == file:
            said = "; ".join(part for part in (problem.message, problem.hint) if part)
            click.echo(f"{problem.severity}: {said}", err=True)
