"""Limits that a catalog has and this version does not hold anybody to are said in the status and the log."""

from pathlib import Path

import pytest
from harness.catalogs import CatalogDir

from engine.control.publisher import Publisher
from engine.publication import Publication
from engine.sources.source import open_source

SAID = "not enforced by this version"
BUDGET = "limit_usd: '5.00'\nperiod: day\n"


@pytest.fixture
def catalog(tmp_path: Path) -> CatalogDir:
    return CatalogDir(tmp_path / "catalog", "http://127.0.0.1:9")


@pytest.fixture
def publisher(catalog: CatalogDir, tmp_path: Path) -> Publisher:
    return Publisher(open_source(catalog=str(catalog.root)), Publication(tmp_path / "state"))


def test_nothing_is_known_before_a_catalog_is(publisher):
    assert publisher.unenforced is None


def test_a_catalog_without_limits_has_nothing_to_say(publisher):
    publisher.reload("change")
    assert publisher.unenforced == ()


def test_each_kind_of_limit_is_said_once_with_its_files(publisher, catalog, capsys):
    for name in ("a", "b", "c", "d", "e"):
        catalog.write(f"budgets/{name}.yaml", BUDGET)
    catalog.write("budgets/warns.yaml", f"{BUDGET}on_exceeded: warn\n")
    catalog.price("1", "2", extra="rate_limit: {requests_per_minute: 5}\n")
    assert publisher.reload("change").verdict == "published"
    assert publisher.unenforced == (
        f"budgets with on_exceeded: block (budgets/a.yaml, budgets/b.yaml, budgets/c.yaml and 2 more): {SAID}",
        f"rate_limit (models/test/model.yaml): {SAID}",
    )
    assert capsys.readouterr().out.count(SAID) == 2
    catalog.price("3", "4", extra="rate_limit: {requests_per_minute: 5}\n")
    assert publisher.reload("change").verdict == "published"
    assert "not enforced" not in capsys.readouterr().out
