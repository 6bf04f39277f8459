"""A gateway in front of the tests' own upstream."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.catalogs import CatalogRepo
from harness.disk import DISK_BYTES, SmallDisk
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


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=700", "tmpfs", str(place)],
        capture_output=True,
        text=True,
    )
    if mounted.returncode != 0:
        pytest.skip(f"a small disk needs the right to mount one: {mounted.stderr.strip()}")
    disk = SmallDisk(place)
    try:
        yield disk
    finally:
        disk.end()
        subprocess.run(["umount", "-l", str(place)], check=True)
