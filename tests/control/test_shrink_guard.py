"""Most models gone at once: the revision is held back, named in the status, and served where it says why (fault C36)."""

import shutil
from pathlib import Path

import pytest
from harness.catalogs import CatalogDir, CatalogRepo
from harness.served import Served, wait_for
from harness.upstream import ScriptedUpstream

from engine.control.publisher import Publisher
from engine.publication import Publication
from engine.sources.source import open_source

MODELS = 10
WHY = "allow_shrink: the region has a catalog of its own now\n"


@pytest.fixture
def catalog(tmp_path: Path) -> CatalogDir:
    """`@test/model` and nine more."""
    catalog = CatalogDir(tmp_path / "catalog", "http://127.0.0.1:9")
    for number in range(1, MODELS):
        catalog.price("1", "2", model=f"model-{number}")
    return catalog


def open_publisher(catalog: CatalogDir, tmp_path: Path, environment: str = "") -> Publisher:
    return Publisher(open_source(catalog=str(catalog.root)), Publication(tmp_path / "state"), environment)


@pytest.fixture
def publisher(catalog: CatalogDir, tmp_path: Path) -> Publisher:
    publisher = open_publisher(catalog, tmp_path)
    assert publisher.reload("change").verdict == "published"
    return publisher


def remove(catalog: CatalogDir, count: int) -> None:
    for number in range(1, count + 1):
        (catalog.root / f"models/test/model-{number}.yaml").unlink()


def test_three_of_ten_may_go(publisher, catalog):
    remove(catalog, 3)
    assert publisher.reload("change").verdict == "published"


def test_more_are_held_back_until_the_revision_says_why(publisher, catalog):
    served = publisher.served
    remove(catalog, 4)
    held = publisher.reload("change")
    assert (held.verdict, held.held) == ("rejected", False)
    (problem,) = held.problems
    assert (problem.code, problem.file) == ("catalog-shrinks", "catalog.yaml")
    assert problem.message == "4 of 10 models are gone: @test/model-1, @test/model-2, @test/model-3, …"
    assert "allow_shrink" in problem.hint
    assert publisher.served == served
    catalog.write("catalog.yaml", f"format: 1\n{WHY}")
    assert publisher.reload("change").verdict == "published"


def test_models_that_come_back_end_it(publisher, catalog):
    remove(catalog, 9)
    assert publisher.reload("change").verdict == "rejected"
    for number in range(1, MODELS):
        catalog.price("1", "2", model=f"model-{number}")
    assert publisher.reload("change").verdict == "unchanged"


def test_a_catalog_without_any_model_is_held_back(publisher, catalog):
    shutil.rmtree(catalog.root / "models")
    held = publisher.reload("change")
    assert (held.verdict, held.problems[0].code) == ("rejected", "catalog-shrinks")


def test_an_empty_directory_is_no_empty_catalog(publisher, catalog):
    shutil.rmtree(catalog.root)
    catalog.root.mkdir()
    held = publisher.reload("change")
    assert (held.verdict, [problem.code for problem in held.problems]) == ("rejected", ["missing-file"])


def test_a_catalog_may_begin_empty_and_grow(tmp_path):
    catalog = CatalogDir(tmp_path / "catalog", "http://127.0.0.1:9")
    shutil.rmtree(catalog.root / "models")
    publisher = open_publisher(catalog, tmp_path)
    assert publisher.reload("change").verdict == "published"
    catalog.price("1", "2")
    assert publisher.reload("change").verdict == "published"


def test_the_word_that_was_said_counts_once(publisher, catalog):
    remove(catalog, 4)
    catalog.write("catalog.yaml", f"format: 1\n{WHY}")
    assert publisher.reload("change").verdict == "published"
    for number in range(5, 8):
        (catalog.root / f"models/test/model-{number}.yaml").unlink()
    held = publisher.reload("change")
    assert (held.verdict, held.problems[0].code) == ("rejected", "catalog-shrinks")
    assert "what it said in the revision before" in held.problems[0].hint
    catalog.write("catalog.yaml", "format: 1\nallow_shrink: and these too\n")
    assert publisher.reload("change").verdict == "published"


@pytest.mark.parametrize("said_before", ["", WHY])
def test_a_restart_compares_with_what_is_served(catalog, tmp_path, said_before):
    catalog.write("catalog.yaml", f"format: 1\n{said_before}")
    assert open_publisher(catalog, tmp_path).reload("change").verdict == "published"
    remove(catalog, 4)
    assert open_publisher(catalog, tmp_path).reload("change").verdict == "rejected"
    catalog.write("catalog.yaml", "format: 1\nallow_shrink: another reason\n")
    assert open_publisher(catalog, tmp_path).reload("change").verdict == "published"


def test_what_cannot_be_compared_is_served(publisher, catalog, tmp_path):
    (tmp_path / "state/snapshots" / publisher.served.digest).write_bytes(b"of another format")
    remove(catalog, 9)
    assert open_publisher(catalog, tmp_path).reload("change").verdict == "published"


def test_another_environment_is_the_operators_choice(publisher, catalog, tmp_path):
    for number in range(1, MODELS):
        catalog.write(f"environments/dev/models/test/model-{number}.yaml", "remove: true\n")
    assert publisher.reload("change").verdict == "published"
    catalog.price("2", "3")
    assert open_publisher(catalog, tmp_path, "dev").reload("change").verdict == "published"


def test_a_running_gateway_serves_on_and_says_so(tmp_path):
    with ScriptedUpstream() as upstream:
        repo = CatalogRepo(tmp_path / "repo", upstream.origin)
        repo.price("1", "2", model="other")
        good = repo.commit("two models")
        with Served(("--repo", str(repo.repo)), tmp_path / "state", origin=upstream.origin) as gateway:
            gateway.wait_revision(good)
            (repo.root / "models/test/other.yaml").unlink()
            bad = repo.commit("one model")
            status = wait_for(lambda: (found := gateway.status())["last_reload"]["revision"] == bad and found)
            assert (status["in_sync"], status["revision"]) == (False, good)
            assert [problem["code"] for problem in status["last_reload"]["problems"]] == ["catalog-shrinks"]
            assert gateway.served_revision() == good
            repo.write("catalog.yaml", f"format: 1\n{WHY}")
            gateway.wait_revision(repo.commit("one model, and why"))
            status = gateway.status()
            assert (status["in_sync"], status["warnings"]) == (True, [])
