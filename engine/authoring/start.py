"""A new catalog: the files of `catalog init`, by their paths below the repository's top."""

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from engine.authoring.canonical import render
from engine.catalog.schema import KINDS
from engine.shipped import shipped

CATALOG = "catalog"
PACKAGE = "llm-catalog-engine"
_CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
_SETUP_PYTHON = "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0"

# Where each kind of document stands, below the catalog and, but for the first, below environments/<env>/ too.
_PLACES: Mapping[str, tuple[str, ...]] = {
    "catalog": ("catalog.yaml",),
    "provider": ("providers/*.yaml",),
    "model": ("models/*/*.yaml", "teams/*/models/*/*.yaml"),
    "route": ("routes/*.yaml", "teams/*/routes/*.yaml"),
    "key": ("keys/*.yaml", "teams/*/keys/*.yaml"),
    "budget": ("budgets/*.yaml",),
    "team": ("teams/*/team.yaml",),
}


class Beginning(msgspec.Struct, kw_only=True):
    """What a new catalog starts with: one provider, and the reference models that it offers.

    `settings` are other keys of the provider's file. `action` is the engine's repository and commit on GitHub
    ("owner/name@<40 hex digits>"), "" to install the package of `version` instead.
    """

    provider: str
    api: str
    base_models: tuple[str, ...] = ()
    settings: dict[str, Any] = {}
    action: str = ""
    version: str


def catalog_files(start: Beginning) -> dict[str, bytes]:
    """The catalog itself but for its lock, by paths below its directory."""
    provider: dict[str, Any] = {"api": start.api, **start.settings}
    if start.base_models:
        provider["base_models"] = list(start.base_models)
    return {
        "catalog.yaml": render("catalog", {"format": 1}).encode(),
        f"providers/{start.provider}.yaml": render("provider", provider).encode(),
        "README.md": _readme(start).encode(),
    }


def helper_files(start: Beginning) -> dict[str, bytes]:
    """What helps those who write it: editor, pre-commit and pull requests; by paths below the repository's top."""
    schemas = {
        f".vscode/schemas/{kind}.schema.json": (shipped("schemas") / f"{kind}.schema.json").read_bytes()
        for kind in KINDS
    }
    return {
        ".github/workflows/catalog.yml": _workflow(start).encode(),
        ".pre-commit-config.yaml": _PRE_COMMIT.encode(),
        ".vscode/extensions.json": _json({"recommendations": ["redhat.vscode-yaml"]}),
        ".vscode/settings.json": _json(_vscode()),
        **schemas,
    }


def _vscode() -> dict[str, Any]:
    mapping = {}
    for kind in KINDS:
        places = _PLACES[kind]
        everywhere = (*places, *(f"environments/*/{place}" for place in places if kind != "catalog"))
        mapping[f"./.vscode/schemas/{kind}.schema.json"] = [f"**/{CATALOG}/{place}" for place in everywhere]
    return {"yaml.schemas": mapping, "yaml.yamlVersion": "1.2", "yaml.format.bracketSpacing": False}


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2) + "\n").encode()


_PRE_COMMIT = """\
# https://pre-commit.com: `pre-commit install` once. Both hooks are the installed `catalog`.
repos:
  - repo: local
    hooks:
      - id: catalog-fmt
        name: catalog fmt
        entry: catalog fmt
        language: system
        files: ^catalog/.+\\.yaml$
      - id: catalog-validate
        name: catalog validate
        entry: catalog validate catalog
        language: system
        files: ^catalog/
        pass_filenames: false
"""

_WORKFLOW = """\
# Every mistake at its line of the pull request. Nothing here needs a secret.
name: catalog

on:
  pull_request:
    paths: [catalog/**, .github/workflows/catalog.yml]

permissions:
  contents: read
{permissions}
jobs:
  validate:
    runs-on: ubuntu-24.04
    timeout-minutes: 10
    steps:
      - uses: {checkout}
        with:
          fetch-depth: 0
          persist-credentials: false
{steps}"""

_BY_ACTION = """\
      - uses: {repository}/.github/actions/validate@{commit}
        with:
          path: catalog
"""

_BY_PACKAGE = """\
      - uses: {setup_python}
        with:
          python-version: "3.13"
      - run: pip install {package}=={version}
      - run: catalog fmt --check catalog
      - run: catalog validate catalog
"""


def _workflow(start: Beginning) -> str:
    repository, _, commit = start.action.partition("@")
    if start.action:
        permissions, steps = (
            "  pull-requests: write # its one comment\n",
            _BY_ACTION.format(repository=repository, commit=commit),
        )
    else:
        permissions, steps = "", _BY_PACKAGE.format(setup_python=_SETUP_PYTHON, package=PACKAGE, version=start.version)
    return _WORKFLOW.format(permissions=permissions, checkout=_CHECKOUT, steps=steps)


def _readme(start: Beginning) -> str:
    called = f"@{start.provider}/{start.base_models[0] if start.base_models else '<slug>'}"
    return f"""\
# Catalog

The LLM models that our gateway serves. Each is a file, and a merged pull request puts it into effect.

| what | where | called |
|---|---|---|
| a provider: an account at, or a server that speaks, some API | `providers/<provider>.yaml` | |
| a model | `models/<provider>/<slug>.yaml` | `@<provider>/<slug>` |
| a model of the provider's own that is offered as it is | `base_models` in the provider's file | `{called}` |
| who may call | `keys/<name>.yaml` | |
| list prices in use; generated | `reference.lock` | |

To add a model, answer the questions of `catalog add`, and open a pull request with the file that it writes.

- `catalog validate` says every mistake, at its line; `catalog explain CODE` says why it is one.
- `catalog show @{start.provider}/…` shows a model with everything resolved; `catalog list` shows all.
- `catalog fmt` puts files into canonical form.
- `catalog keys new NAME --owner TEAM --models "@{start.provider}/*"` makes a key, and prints its secret once.
- `catalog reference update` takes new list prices, and says what they change.

Prices are quoted decimals in USD; the unit is in the key: `input_mtok` is per million input tokens. Secrets never stand
here: `credential` is a name that whoever runs the gateway binds.
"""
