"""`catalog init`: a new catalog, with what helps those who will write it."""

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from engine.authoring.start import Beginning

_ACTION = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+@[0-9a-f]{40}", re.ASCII)
_SETTINGS = ("base_url", "region", "project", "api_version")


@click.command()
@click.argument("directory", default=".", metavar="[DIR]")
@click.option("--api", help="Whose API the first provider speaks: openai, groq, vllm, …")
@click.option("--provider", help="The provider's name. Default: the api's.")
@click.option(
    "--base-model", "base_models", multiple=True, help="A known model to offer at its list price. Repeatable."
)
@click.option("--base-url", help="Where the provider is; needed for servers of your own.")
@click.option("--region", help="The provider's region or location, where its api has some.")
@click.option("--project", help="The provider's project, where its api has some.")
@click.option("--api-version", help="The version of its api, where that has some.")
@click.option(
    "--action", default="", metavar="OWNER/REPO@COMMIT", help="Check pull requests by the engine's own action."
)
def init(directory: str, action: str, **flags: Any) -> None:
    """Start a catalog in DIR/catalog, with checks for editors, commits and pull requests.

    Asks for what is not given, on a terminal. Nothing that is there already is overwritten.
    """
    import engine
    from engine.authoring.files import create
    from engine.authoring.start import CATALOG, catalog_files, helper_files
    from engine.errors import UserError

    top = Path(directory)
    _refuse_existing(top)
    if action and not _ACTION.fullmatch(action):
        raise UserError(f"{action} is not a repository with a full commit.", hint="Write OWNER/REPO@COMMIT.")
    start = _beginning(flags, action, engine.__version__)
    own = _locked(catalog_files(start))
    # catalog.yaml last: a directory becomes a catalog when all of it is there.
    files = {f"{CATALOG}/{path}": own[path] for path in sorted(own, key=lambda path: path == "catalog.yaml")}
    for path, data in files.items():
        create(top / path, data)
        click.echo(f"Wrote {top / path}")
    for path, data in helper_files(start).items():
        try:
            create(top / path, data)
            click.echo(f"Wrote {top / path}")
        except FileExistsError:
            click.echo(f"Kept  {top / path}, which is there already")
    click.echo(_next_steps(start, top))


def _refuse_existing(top: Path) -> None:
    from engine.authoring.start import CATALOG
    from engine.catalog.layout import ROOT_FILE
    from engine.errors import UserError

    there = [path for path in (top / ROOT_FILE, top / CATALOG) if path.exists() or path.is_symlink()]
    if there:
        raise UserError(f"{there[0]} is there already, and is not overwritten.", hint="Add to it with `catalog add`.")


def _beginning(flags: dict[str, Any], action: str, version: str) -> "Beginning":
    """What the catalog begins with, from flags and answers.

    Raises:
        UserError: an answer is missing or wrong, and there is nobody to ask.
    """
    from engine.authoring.form import name_fault
    from engine.authoring.start import Beginning
    from engine.catalog.vendors import VENDORS
    from engine.cli.asking import ask, choose, interactive
    from engine.errors import UserError

    api, models = flags["api"], flags["base_models"]
    settings = {name: flags[name] for name in _SETTINGS if flags[name]}
    if fault := _api_fault(api) or name_fault(flags["provider"] or ""):
        raise UserError(f"Nothing was written: {fault}", exit_code=1)
    vendor = None if api is None else VENDORS[api]
    needs_models = vendor is None or bool(vendor.reference)
    missing = [] if api else ["--api"]
    missing += ["--base-model"] if needs_models and not models else []
    missing += ["--base-url"] if vendor and not vendor.base_url and "base_url" not in settings else []
    if missing and not interactive():
        raise UserError(
            f"Nothing was written, these are missing: {', '.join(missing)}.", hint="See catalog init --help."
        )
    provider = flags["provider"]
    if api is None:
        api = choose("Whose API does the first provider speak?", tuple(VENDORS), default="openai")
        provider = provider or ask("The provider's name", default=api, fault=name_fault)
    vendor = VENDORS[api]
    if not vendor.base_url and "base_url" not in settings:
        settings["base_url"] = ask("Where it is, as in http://127.0.0.1:8000/v1", fault=_needed)
    if models and (fault := "; ".join(filter(None, (_model_fault(vendor.reference, name) for name in models)))):
        raise UserError(f"Nothing was written: {fault}", exit_code=1)
    if vendor.reference and not models:
        models = (_asked_model(vendor.reference),)
    return Beginning(
        provider=provider or api, api=api, base_models=tuple(models), settings=settings, action=action, version=version
    )


def _api_fault(api: str | None) -> str:
    from engine.catalog.suggest import did_you_mean
    from engine.catalog.vendors import VENDORS

    if api is None or api in VENDORS:
        return ""
    return f'there is no api "{api}"; {did_you_mean(api, VENDORS) or "apis are: " + ", ".join(VENDORS)}'


def _needed(answer: str) -> str:
    return "" if answer else "it is needed"


def _asked_model(reference: str) -> str:
    from engine.cli.asking import ask
    from engine.pricing.reference import load

    names = load().expand(reference, "*")
    return ask("A model to offer at its list price; Tab completes", names=names,
               fault=lambda name: _model_fault(reference, name))  # fmt: skip


def _model_fault(reference: str, name: str) -> str:
    from engine.pricing.reference import is_pattern, load

    if not reference:
        return "this api has no known models: leave --base-model out, and add a model with `catalog add`"
    data = load()
    if data.expand(reference, name) if is_pattern(name) else data.find(reference, name):
        return ""
    near = data.near(reference, name)
    return f'{reference} has no model "{name}" in the reference data' + (
        f"; did you mean {', '.join(near)}?" if near else ""
    )


def _locked(files: dict[str, bytes]) -> dict[str, bytes]:
    """The catalog with its lock.

    Raises:
        UserError: it would have errors, such as a key that its api needs and no flag gave.
    """
    from engine.authoring.adding import extended_lock, with_files
    from engine.catalog.compile import compile_catalog
    from engine.catalog.layout import LOCK_FILE
    from engine.errors import UserError
    from engine.pricing.reference import load
    from engine.problem import Severity
    from engine.tree import Tree

    nothing = Tree(revision="dir:", files={}, blobs={})
    tree = with_files(nothing, files)
    lock = extended_lock(nothing, tree, load)
    if lock is not None:
        files = files | {LOCK_FILE: lock}
        tree = with_files(tree, {LOCK_FILE: lock})
    errors = [problem for problem in compile_catalog(tree).problems if problem.severity is Severity.ERROR]
    if errors:
        raise UserError(f"Nothing was written: {'; '.join(error.message for error in errors)}.", hint=errors[0].hint)
    return files


def _next_steps(start: "Beginning", top: Path) -> str:
    catalog = shlex.quote(str(top / "catalog"))
    where = "" if top == Path() else f" -C {shlex.quote(str(top))}"
    suffix = "" if top == Path() else f" --catalog {catalog}"
    return "\n".join(
        (
            "\nNext:",
            *(() if (top / ".git").exists() else (f"    git{where} init",)),
            f"    catalog validate {catalog}",
            f"    catalog add --provider {start.provider}{suffix}",
            f'    catalog keys new my-app --owner my-team --models "@{start.provider}/*"{suffix}',
            f"    git{where} add . && git{where} commit -m 'A catalog'",
            f"    catalog serve --catalog {catalog}",
        )
    )
