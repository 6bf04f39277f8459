"""What nobody should rely on is said in the status and the log: limits that hold nobody, environments that are none."""

from pathlib import Path

import httpx
import pytest
from harness.catalogs import CatalogDir
from harness.served import Served
from harness.upstream import ScriptedUpstream

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
    assert publisher.caveats is None


def test_a_catalog_without_limits_has_nothing_to_say(publisher):
    publisher.reload("change")
    assert publisher.caveats == ()


def test_each_kind_of_limit_is_said_once_with_its_files(publisher, catalog, capsys):
    for name in ("a", "b", "c", "d", "e"):
        catalog.write(f"budgets/{name}.yaml", BUDGET)
    catalog.write("budgets/warns.yaml", f"{BUDGET}on_exceeded: warn\n")
    catalog.price("1", "2", extra="rate_limit: {requests_per_minute: 5}\n")
    assert publisher.reload("change").verdict == "published"
    assert publisher.caveats == (
        f"budgets with on_exceeded: block (budgets/a.yaml, budgets/b.yaml, budgets/c.yaml and 2 more): {SAID}",
        f"rate_limit (models/test/model.yaml): {SAID}",
    )
    assert capsys.readouterr().out.count(SAID) == 2
    catalog.price("3", "4", extra="rate_limit: {requests_per_minute: 5}\n")
    assert publisher.reload("change").verdict == "published"
    assert "not enforced" not in capsys.readouterr().out


def test_the_environment_of_the_operators_file_is_served(tmp_path):
    with ScriptedUpstream() as upstream:
        catalog = CatalogDir(tmp_path / "catalog", upstream.origin)
        catalog.write("environments/dev/models/test/trial.yaml", "type: custom\npricing: free\n")
        source, state = ("--catalog", str(catalog.root)), tmp_path / "state"
        with Served(source, state, origin=upstream.origin, settings="environment: dev\n") as gateway:
            status = gateway.status()
            assert (status["environment"], status["warnings"]) == ("dev", [])
            reply = httpx.get(f"{gateway.url}/v1/models", headers={"authorization": f"Bearer {catalog.key}"})
            assert "@test/trial" in {model["id"] for model in reply.json()["data"]}


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ("", ()),
        ("dev", ()),
        ("prdo", ('the catalog has no environment "prdo", so its base is served; did you mean "prod"?',)),
        ("x", ('the catalog has no environment "x", so its base is served; it has dev, prod',)),
    ],
)
def test_an_environment_that_the_catalog_does_not_know(catalog, tmp_path, environment, said):
    for known in ("dev", "prod"):
        catalog.write(f"environments/{known}/models/test/trial.yaml", "type: custom\npricing: free\n")
    source = open_source(catalog=str(catalog.root))
    publisher = Publisher(source, Publication(tmp_path / "state"), environment)
    assert publisher.reload("change").verdict == "published"
    assert publisher.caveats == said


def test_a_catalog_without_environments_is_for_all(catalog, tmp_path):
    publisher = Publisher(open_source(catalog=str(catalog.root)), Publication(tmp_path / "state"), "prod")
    publisher.reload("change")
    assert publisher.caveats == ()
