"""A worker inside the test's process in front of the tests' own upstream."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from harness.catalogs import CatalogDir
from harness.inprocess import InProcess
from harness.upstream import ScriptedUpstream


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture
def catalog(tmp_path: Path, upstream: ScriptedUpstream) -> CatalogDir:
    """`@test/model` drains when its client leaves, `@test/cancel` cancels."""
    directory = CatalogDir(tmp_path / "catalog", upstream.origin)
    directory.price("1", "2", model="cancel", extra="on_disconnect: cancel\n")
    return directory


@pytest.fixture
def start(tmp_path: Path, catalog: CatalogDir, upstream: ScriptedUpstream) -> Iterator[Callable[..., InProcess]]:
    """Starts a worker with these settings."""
    with ExitStack() as stack:

        def starting(**settings: Any) -> InProcess:
            worker = InProcess(catalog.root, tmp_path / "state", origin=upstream.origin, **settings)
            return stack.enter_context(worker)

        yield starting
