"""`catalog keys`: secrets for those who may call. The catalog only ever holds their hashes."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from engine.model import Key

_AGE = re.compile(r"([0-9]{1,6})([smhd])", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_SHOWN_OF_A_HASH = 12

_in_catalog = click.option(
    "--catalog", "path", metavar="DIR", help="The catalog's directory. Default: catalog/ here, or here."
)
_of_team = click.option("--team", help="The team below which the key stands: teams/TEAM/keys/.")


@click.group()
def keys() -> None:
    """Make, replace, list and revoke the keys of those who may call."""


@keys.command(short_help="Make a key, and print its secret once.")
@click.argument("name")
@click.argument("more", nargs=-1, metavar="[PATTERN]...")
@click.option("--owner", help="The team that answers for the key. Required, but with --team.")
@click.option("--models", required=True, multiple=True, metavar="PATTERN...", help="Which models it may call.")
@click.option("--description", default="", help="What it is for.")
@_of_team
@_in_catalog
def new(
    name: str,
    more: tuple[str, ...],
    owner: str | None,
    models: tuple[str, ...],
    description: str,
    team: str | None,
    path: str | None,
) -> None:
    """Make a key: print its secret once, write keys/NAME.yaml with its hash.

    PATTERNs are names such as @local/tiny-support, aliases, or "@local/*", where * stands for any characters. Standard
    output has the secret and nothing else. It cannot be shown again.
    """
    from engine.authoring.canonical import render
    from engine.authoring.files import create
    from engine.catalog.secret import new_secret, sha256_hex
    from engine.cli.catalogs import find_catalog
    from engine.errors import UserError

    if not owner and not team:
        raise click.UsageError("Missing option '--owner' (or '--team').")
    root = find_catalog(path)
    secret = new_secret()
    values = {
        "description": description,
        "owner": owner,
        "models": [*models, *more],
        "secrets": [{"sha256": sha256_hex(secret)}],
    }
    file = _place(name, team)
    content = render("key", {key: value for key, value in values.items() if value})
    _check(file, content)
    try:
        create(root / file, content.encode())
    except FileExistsError:
        raise UserError(
            f"{root / file} is already there, and is not overwritten.",
            hint=f"Choose another name, or give it another secret: catalog keys rotate {name}.",
        ) from None
    _hand_over(secret, root, file)


@keys.command(short_help="Give a key another secret; the old ones end.")
@click.argument("name")
@click.option("--expire-old", metavar="AGE", help="How long the old secrets still work: 30m, 24h (the default), 7d.")
@click.option("--date", metavar="TIME", help="Until when they do instead: 2026-12-01T00:00:00Z.")
@_of_team
@_in_catalog
def rotate(name: str, expire_old: str | None, date: str | None, team: str | None, path: str | None) -> None:
    """Give a key another secret: print it once, and let the old ones end.

    The key stays the same: its name, what it may call, what it has used. Standard output has the secret and nothing
    else. It cannot be shown again.
    """
    from engine.authoring.rotation import rotated
    from engine.catalog.secret import new_secret, sha256_hex
    from engine.cli.catalogs import find_catalog

    root = find_catalog(path)
    expires = _end(expire_old, date)
    file, text = _existing(root, name, team)
    secret = new_secret()
    changed, dated = rotated(text, sha256_hex(secret), expires)
    _put(root, file, changed)
    old = "No other secret" if not dated else "The old secret" if dated == 1 else f"{dated} old secrets"
    click.echo(f"{old} {'ends' if dated <= 1 else 'end'} at {expires}.", err=True)
    _hand_over(secret, root, file)


@keys.command(short_help="Refuse a key, or one of its secrets.")
@click.argument("name")
@click.option("--secret", "prefix", metavar="HASH", help="Only the secret whose SHA-256 begins so; see `keys list`.")
@_of_team
@_in_catalog
def revoke(name: str, prefix: str | None, team: str | None, path: str | None) -> None:
    """Refuse a key from the next commit on; or only one of its secrets.

    The file stays, so that what the key has used keeps its name.
    """
    from engine.authoring.rotation import NoSuchSecret, disabled, without_secret
    from engine.cli.catalogs import find_catalog
    from engine.errors import UserError

    root = find_catalog(path)
    file, text = _existing(root, name, team)
    if prefix is None:
        changed, done = disabled(text), f"The key {name} is disabled"
    else:
        try:
            changed, sha256 = without_secret(text, prefix)
        except NoSuchSecret as fault:
            hint = "`catalog keys list` shows the hashes; without --secret, the whole key is revoked."
            raise UserError(f"Nothing was revoked: {fault}.", hint=hint) from None
        done = f"The secret {sha256[:_SHOWN_OF_A_HASH]}… is gone"
    _put(root, file, changed)
    click.echo(f"{done}. Commit {root / file}: then it is refused.")
    _warn(root, file)


@keys.command("list", short_help="List the keys and what they may call.")
@click.argument("path", required=False)
@click.option(
    "--format", "name", type=click.Choice(("text", "json")), default="text", show_default=True, help="How to print it."
)
def list_keys(path: str | None, name: str) -> None:
    """List the keys: whose they are, what they may call, which secrets they have and until when.

    PATH is the catalog's directory; if left out, catalog/ here, or here.
    """
    from engine.cli.catalogs import load_catalog

    found = sorted(load_catalog(path).keys.values(), key=lambda key: key.file)
    now = datetime.now(UTC)
    click.echo(_json(found, now) if name == "json" else _table(found, now))


def _table(found: "list[Key]", now: datetime) -> str:
    from engine.cli.table import aligned

    rows = [("NAME", "OWNER", "MODELS", "STATE", "SECRETS", "FILE")]
    for key in found:
        secrets = [
            secret.sha256[:_SHOWN_OF_A_HASH] + (f" until {_shown(secret.expires)}" if secret.expires else "")
            for secret in key.secrets
        ]
        models = ", ".join((*key.models, *(f"not {denied}" for denied in key.deny_models)))
        rows.append((key.name, key.owner, models, _state(key, now), ", ".join(secrets), key.file))
    return aligned(rows)


def _json(found: "list[Key]", now: datetime) -> str:
    import json

    documents = [
        {
            "name": key.name,
            "owner": key.owner,
            "models": key.models,
            "deny_models": key.deny_models,
            "state": _state(key, now),
            "expires": _shown(key.expires) if key.expires else None,
            "secrets": [
                {"sha256": secret.sha256, "expires": _shown(secret.expires) if secret.expires else None}
                for secret in key.secrets
            ],
            "file": key.file,
        }
        for key in found
    ]
    return json.dumps(documents, indent=2)


def _state(key: "Key", now: datetime) -> str:
    if key.disabled:
        return "disabled"
    at = now.timestamp() * 1e9
    ended = (key.expires is not None and key.expires <= at) or all(
        secret.expires is not None and secret.expires <= at for secret in key.secrets
    )
    return "expired" if ended else "active"


def _shown(nanoseconds: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=nanoseconds // 10**9)).strftime(_TIME)


def _end(age: str | None, date: str | None) -> str:
    """When the old secrets end, as an RFC 3339 time in UTC.

    Raises:
        UserError: it is not such a time, or both are given.
    """
    from engine.catalog.values import nanoseconds
    from engine.errors import UserError

    if age is not None and date is not None:
        raise UserError("--expire-old and --date do not go together.")
    if date is not None:
        try:
            return _shown(nanoseconds(date))
        except (ValueError, OverflowError):
            raise UserError(f"{date} is not a time.", hint="Write it as 2026-12-01T00:00:00Z.") from None
    match = _AGE.fullmatch(age or "24h")
    if match is None:
        raise UserError(f"{age} is not a length of time.", hint="Write it as 30m, 24h or 7d.")
    return (datetime.now(UTC) + timedelta(seconds=int(match[1]) * _SECONDS[match[2]])).strftime(_TIME)


def _place(name: str, team: str | None) -> str:
    return f"teams/{team}/keys/{name}.yaml" if team else f"keys/{name}.yaml"


def _existing(root: Path, name: str, team: str | None) -> tuple[str, str]:
    """A key's file and its text.

    Raises:
        UserError: there is no such key, or several, or its file has problems.
    """
    from engine.catalog.layout import lay_out
    from engine.catalog.reading import read_yaml
    from engine.catalog.schema import check
    from engine.catalog.suggest import did_you_mean
    from engine.cli.catalogs import read_catalog
    from engine.errors import UserError

    tree = read_catalog(root)
    named = {place.file: place.names[-1] for place in lay_out(tree.files)[0] if place.kind == "key"}
    inside = (f"teams/{team}/",) if team else ("keys/", "teams/")  # an environment's own keys are edited by hand
    found = [file for file, each in named.items() if each == name and file.startswith(inside)]
    if not found:
        hint = did_you_mean(name, named.values()) or "`catalog keys list` lists all keys."
        raise UserError(f"There is no key {name} in {root}.", hint=hint[:1].upper() + hint[1:], exit_code=1)
    if len(found) > 1:
        raise UserError(f"There are several keys {name}: {', '.join(found)}.", hint="Say whose: --team TEAM.")
    document = read_yaml(tree.files[found[0]], found[0]).document
    if document is None or check("key", document):
        raise UserError(f"{root / found[0]} has errors.", hint=f"See `catalog validate {root}`.")
    return found[0], document.text


def _put(root: Path, file: str, content: str) -> None:
    from engine.authoring.files import replace

    _check(file, content)
    replace(root / file, content.encode())


def _check(file: str, content: str) -> None:
    """Refuse what `validate` would refuse, before anything is written.

    Raises:
        UserError: the name, the owner or a pattern is not possible, or there are too many secrets.
    """
    from engine.catalog.layout import SLUG_HINT, lay_out
    from engine.catalog.reading import read_yaml
    from engine.catalog.schema import check
    from engine.errors import UserError

    places, problems = lay_out((file,))
    if not any(place.file == file for place in places):
        raise UserError(f'Nothing was written: "{file.removesuffix(".yaml")}" is not a name.', hint=SLUG_HINT)
    found = [problem for problem in problems if problem.file == file]
    reading = read_yaml(content.encode("utf-8", "replace"), file)
    found += reading.problems if reading.document is None else check("key", reading.document)
    if found:
        raise UserError(f"Nothing was written: {found[0].message}.", hint=found[0].hint)


def _hand_over(secret: str, root: Path, file: str) -> None:
    click.echo(secret)
    click.echo(f"Wrote {root / file}. Commit it; hand the secret over safely, it is not kept anywhere.", err=True)
    _warn(root, file)


def _warn(root: Path, file: str) -> None:
    """Say at once what `validate` will say about the file, such as a pattern that matches nothing."""
    from engine.catalog.compile import compile_catalog
    from engine.cli.catalogs import read_catalog

    for problem in compile_catalog(read_catalog(root)).problems:
        if problem.file == file:
            said = "; ".join(part for part in (problem.message, problem.hint) if part)
            click.echo(f"{problem.severity}: {said}", err=True)
