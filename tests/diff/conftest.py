"""A small catalog with everything in it, to be changed and compared."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest

from engine.catalog.compile import Catalog, compile_catalog
from engine.catalog.diffing import CatalogDiff, diff
from engine.pricing.lock import Lock, render
from engine.reports.changes import Comparison, Side, render_changes
from engine.tree import Tree, blob_id

NOW = 1_795_435_200_000_000_000  # 2026-11-23T12:00:00Z
LOCK = Path(__file__).parents[1] / "catalog" / "good" / "minimal" / "reference.lock"

BASE: Mapping[str, str] = {
    "catalog.yaml": "format: 1\n",
    "reference.lock": LOCK.read_text(),
    "providers/openai.yaml": "api: openai\nbase_models: [gpt-4.1-nano]\n",
    "providers/local.yaml": "api: vllm\nbase_url: http://127.0.0.1:8000/v1\ncredential: none\n",
    "models/openai/bot.yaml": (
        "type: fine-tuned\nbase_model: gpt-4.1-nano\nupstream_model: ft:bot:1\naliases: [bot]\nowner: bots\n"
        'pricing: {input_mtok: "0.20", output_mtok: "0.80"}\n'
    ),
    "models/openai/heir-a.yaml": 'type: fine-tuned\nbase_model: gpt-4.1-nano\npricing: "@openai/bot"\n',
    "models/openai/heir-b.yaml": 'type: fine-tuned\nbase_model: gpt-4.1-nano\npricing: "@openai/bot"\n',
    "models/openai/listed.yaml": "type: fine-tuned\nbase_model: gpt-4.1-nano\npricing: inherit\n",
    "models/local/tiny.yaml": 'type: custom\nupstream_model: tiny-1\npricing: {input_mtok: "0.1", output_mtok: "0.4"}\n',
    "routes/main.yaml": (
        'strategy: weighted\ntargets: [{model: "@openai/bot", weight: 95}, {model: "@local/tiny", weight: 5}]\n'
    ),
    "teams/support/team.yaml": 'description: Support\nmodels: ["@openai/*", "@local/*"]\n',
    **{f"teams/{team}/team.yaml": f"description: Those of {team}\n" for team in ("bots", "data", "search")},
    "teams/support/keys/desk.yaml": f'models: ["@openai/*"]\nkey_sha256: "{"d" * 64}"\n',
    "keys/batch.yaml": f'owner: data\nmodels: ["*"]\nkey_sha256: "{"b" * 64}"\n',
    "keys/search.yaml": f'owner: search\nmodels: [bot, "@local/*"]\nkey_sha256: "{"5" * 64}"\n',
    "budgets/bot.yaml": 'limit_usd: "100.00"\nperiod: month\napplies_to: {models: ["@openai/bot"]}\n',
}


def tree_of(files: Mapping[str, str], revision: str = "test") -> Tree:
    data = {path: text.encode() for path, text in files.items()}
    return Tree(revision=revision, files=data, blobs={path: blob_id(content) for path, content in data.items()})


def compiled(files: Mapping[str, str]) -> Catalog:
    outcome = compile_catalog(tree_of(files))
    assert outcome.catalog is not None, outcome.problems
    return outcome.catalog


def changed(files: Mapping[str, str], edits: Mapping[str, str | None]) -> dict[str, str]:
    """The files with edits: new text, None to remove, and "old => new" to replace in what is there."""
    result = dict(files)
    for path, text in edits.items():
        if text is None:
            del result[path]
        elif " => " in text:
            for line in text.splitlines():
                old, new = (part.replace("\\n", "\n") for part in line.split(" => "))
                assert old in result[path], f"{old!r} is not in {path}"
                result[path] = result[path].replace(old, new)
        else:
            result[path] = text
    return result


def shown(change: CatalogDiff, name: str = "text") -> str:
    comparison = Comparison(Side("before", "1" * 40), Side("after", "2" * 40), {"": change})
    return render_changes(comparison, name)


@pytest.fixture
def base() -> dict[str, str]:
    return dict(BASE)


@pytest.fixture
def edited() -> Callable[[Mapping[str, str | None]], dict[str, str]]:
    """The base catalog's files with edits."""
    return lambda edits: changed(BASE, edits)


@pytest.fixture
def edit() -> Callable[[Mapping[str, str], Mapping[str, str | None]], dict[str, str]]:
    """Any files with edits."""
    return changed


@pytest.fixture
def compare() -> Callable[..., CatalogDiff]:
    """Compile two sets of files and compare them at a fixed time."""
    return lambda before, after, now=NOW: diff(compiled(before), compiled(after), now_ns=now)


@pytest.fixture
def show() -> Callable[..., str]:
    return shown


@pytest.fixture(name="compiled")
def compiled_fixture() -> Callable[[Mapping[str, str]], Catalog]:
    return compiled


@pytest.fixture
def moved_lock() -> str:
    """The base's lock with another list price in the window that holds at `NOW`."""
    document = json.loads(BASE["reference.lock"])
    del document["digest"]
    document["apis"]["openai"]["models"]["gpt-4.1-nano"]["windows"][-1]["rates"]["input_mtok"] = "0.15"
    return render(msgspec.convert(document, Lock)).decode()
