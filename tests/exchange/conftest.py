"""The price lists that imports are tried on: those beside the project, and the one that LiteLLM's package ships."""

import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from engine.catalog.compile import compile_catalog
from engine.exchange.entries import Source
from engine.exchange.importing import Imported, Wanted, import_source
from engine.exchange.litellm_prices import read_litellm_prices
from engine.exchange.models_dev import read_models_dev
from engine.exchange.portkey import read_portkey
from engine.tree import Tree, blob_id

PRICES = Path(__file__).resolve().parents[3] / "shared" / "prices"
LITELLM = "litellm==1.109.1"
MAP = "model_prices_and_context_window_backup.json"
ORIGIN = "https://example.invalid/prices@0123abc"


def beside_the_project(name):
    directory = PRICES / name
    if not directory.is_dir():
        pytest.skip(f"the price lists are not beside the project: {directory} is not there")
    return directory


@pytest.fixture(scope="session")
def portkey_files():
    return {file.stem: file.read_bytes() for file in beside_the_project("portkey").glob("*.json")}


@pytest.fixture(scope="session")
def models_dev_files():
    root = beside_the_project("models.dev")
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*.toml")}


@pytest.fixture(scope="session")
def litellm_map():
    """LiteLLM's price map, out of its wheel; nothing of it is installed. Kept in the temporary directory."""
    kept = Path(tempfile.gettempdir()) / f"llm-catalog-engine-{LITELLM}" / MAP
    if not kept.is_file():
        kept.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory() as directory:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-input", "-d", directory]
            try:
                subprocess.run([*command, LITELLM], capture_output=True, text=True, timeout=100, check=True)
            except subprocess.SubprocessError as error:
                pytest.skip(f"no package index gives {LITELLM}: {getattr(error, 'stderr', None) or error}")
            (wheel,) = Path(directory).glob("*.whl")
            with zipfile.ZipFile(wheel) as archive:
                kept.write_bytes(archive.read(f"litellm/{MAP}"))
    return kept.read_bytes()


@pytest.fixture(scope="session")
def imported():
    """Import a source."""

    def imported(source, **wanted):
        return import_source(source, Wanted(**{"format": "test", "origin": ORIGIN, **wanted}))

    return imported


class Real(NamedTuple):
    """A real list: how to read it anew, and what came of it when it was read once."""

    read: Callable[[], Source]
    source: Source
    imported: Imported


@pytest.fixture(scope="session")
def real_portkey(portkey_files, imported):
    source = read_portkey(portkey_files)
    return Real(lambda: read_portkey(portkey_files), source, imported(source))


@pytest.fixture(scope="session")
def real_models_dev(models_dev_files, imported):
    source = read_models_dev(models_dev_files)
    return Real(lambda: read_models_dev(models_dev_files), source, imported(source))


@pytest.fixture(scope="session")
def real_litellm(litellm_map, imported):
    source = read_litellm_prices(litellm_map, MAP)
    return Real(lambda: read_litellm_prices(litellm_map, MAP), source, imported(source))


@pytest.fixture(scope="session", params=["real_portkey", "real_models_dev", "real_litellm"])
def real(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def compiled():
    """Compile files as a catalog; there are no errors."""

    def compiled(files):
        files = {"catalog.yaml": b"format: 1\n", **files}
        tree = Tree(revision="test", files=files, blobs={path: blob_id(data) for path, data in files.items()})
        outcome = compile_catalog(tree)
        errors = [problem for problem in outcome.problems if problem.severity == "error"]
        assert errors == []
        return outcome.catalog

    return compiled


@pytest.fixture(scope="session")
def is_whole():
    """Every field of every entry is carried, or lost, and never both."""

    def is_whole(accounts):
        names = Counter(account.entry for account in accounts)
        for account in accounts:
            carried, lost = list(account.carried), [loss.field for loss in account.losses]
            assert sorted(carried + lost) == sorted(account.fields), account.entry
            assert len(set(carried + lost)) == len(carried) + len(lost), account.entry
        return [name for name, count in names.items() if count > 1]

    return is_whole
