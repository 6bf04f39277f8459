"""What a shell is told when somebody presses Tab: from the names of files, and nothing is compiled.

A completion never says that something is wrong: where there is no catalog, there is nothing to offer.
"""

import os
from collections.abc import Iterator

import click

_ROOT_FILE = "catalog.yaml"


def complete_models(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Full names of the models that have a file."""
    root = _catalog()
    return _starting(incomplete, _models(root)) if root else []


def complete_environments(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Names of environments."""
    root = _catalog()
    return _starting(incomplete, _directories(os.path.join(root, "environments"))) if root else []  # noqa: PTH118


def complete_kinds(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Kinds of documents."""
    from engine.shipped import shipped

    return _starting(incomplete, (path.name.partition(".")[0] for path in shipped("schemas").glob("*.schema.json")))


def complete_codes(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """Codes of findings."""
    from engine.cli.explain import known_codes

    return _starting(incomplete, known_codes())


def _catalog() -> str:
    return next((folder for folder in ("catalog", ".") if os.path.isfile(os.path.join(folder, _ROOT_FILE))), "")  # noqa: PTH113, PTH118


def _models(root: str) -> Iterator[str]:
    for folder in (root, *(entry.path for entry in _scan(os.path.join(root, "teams")))):  # noqa: PTH118
        for provider in _directories(os.path.join(folder, "models")):  # noqa: PTH118
            for file in _scan(os.path.join(folder, "models", provider)):  # noqa: PTH118
                if file.name.endswith(".yaml"):
                    yield f"@{provider}/{file.name.removesuffix('.yaml')}"


def _directories(path: str) -> list[str]:
    return [entry.name for entry in _scan(path) if entry.is_dir()]


def _scan(path: str) -> list["os.DirEntry[str]"]:
    try:
        return [entry for entry in os.scandir(path) if not entry.name.startswith(".")]
    except OSError:
        return []


def _starting(incomplete: str, names: Iterator[str] | list[str]) -> list[str]:
    return sorted({name for name in names if name.startswith(incomplete) and name.isprintable()})
