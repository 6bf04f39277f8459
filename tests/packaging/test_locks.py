"""The locks: complete, hashed, the same versions everywhere, and silent about where the files came from."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "locks").glob("*.txt"))
PIN = re.compile(r"([a-z0-9][a-z0-9-]*)==(\S+)(?: ; (.+?))? \\")


def pins(lock):
    """{(package, marker): version}."""
    return {(found[1], found[3]): found[2] for found in PIN.finditer(lock.read_text())}


def test_there_is_a_lock_for_each_purpose():
    assert [lock.stem for lock in LOCKS] == ["demo", "lint", "run", "test"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_every_line_is_a_pin_or_a_hash(lock):
    kinds = (r"#.*", PIN.pattern, r"    --hash=sha256:[0-9a-f]{64}( \\)?")
    strange = [line for line in lock.read_text().splitlines() if not any(re.fullmatch(kind, line) for kind in kinds)]
    assert not strange


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_no_lock_names_an_index_or_a_host(lock):
    assert not re.search(r"://|index|find-links|trusted-host|\b(\w+\.)+(org|com|io|net)\b", lock.read_text())


def test_all_locks_agree_so_that_they_can_share_one_environment():
    versions = {}
    for lock in LOCKS:
        for package, version in pins(lock).items():
            assert versions.setdefault(package, version) == version, package


def test_the_locks_hold_what_pyproject_asks_for():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = {
        "run": project["project"]["dependencies"],
        "demo": project["project"]["dependencies"] + project["project"]["optional-dependencies"]["demo"],
        "test": project["project"]["dependencies"] + project["dependency-groups"]["test"],
        "lint": project["project"]["dependencies"] + project["dependency-groups"]["lint"],
    }
    for lock in LOCKS:
        names = {package for package, _ in pins(lock)}
        wanted = {re.match(r"[\w-]+", entry)[0].lower() for entry in asked[lock.stem]}
        assert wanted <= names, f"locks/{lock.name} is stale: run `make lock`"
