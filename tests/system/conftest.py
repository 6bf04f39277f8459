"""A gateway in front of the tests' own upstream."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.catalogs import CatalogRepo
from harness.served import Served
from harness.upstream import ScriptedUpstream


@pytest.fixture
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture
def repo(tmp_path: Path, upstream: ScriptedUpstream) -> CatalogRepo:
    return CatalogRepo(tmp_path / "repo", upstream.origin)


@pytest.fixture
def gateway(tmp_path: Path, repo: CatalogRepo, upstream: ScriptedUpstream) -> Iterator[Served]:
    with Served(("--repo", str(repo.repo)), tmp_path / "state", origin=upstream.origin) as running:
        yield running
