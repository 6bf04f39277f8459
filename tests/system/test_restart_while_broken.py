"""A restart while the catalog is broken or gone serves the last good one, and says so; damage to that one is mended."""

import time
from pathlib import Path

import httpx
import pytest
from harness.catalogs import CatalogDir, CatalogRepo
from harness.served import Served, chat, wait_for
from harness.upstream import ScriptedUpstream

from engine.catalog.envelope import unseal
from engine.publication import Publication

# The promise is 2 s; twice that here, since other suites may share the cores.
READY_SECONDS = 4.0


def _ask(gateway: Served, key: str) -> httpx.Response:
    reply = httpx.post(
        f"{gateway.url}/v1/chat/completions",
        headers={"authorization": f"Bearer {key}"},
        json=chat("input=1000 output=10"),
    )
    assert reply.status_code == 200, reply.text
    return reply


def _restart(gateway: Served) -> float:
    assert gateway.stop() == 0
    began = time.monotonic()
    gateway.start()
    return time.monotonic() - began


def _last_reload(gateway: Served) -> dict:
    return wait_for(lambda: gateway.status()["last_reload"], message="nobody looked at the source")


def test_restart_on_a_broken_commit_serves_the_last_good_one(gateway: Served, repo: CatalogRepo) -> None:
    good = repo.git("rev-parse", "HEAD")
    repo.write("models/test/model.yaml", "description: [\n")
    bad = repo.commit("broken")
    wait_for(lambda: not gateway.status()["in_sync"])
    assert _restart(gateway) < READY_SECONDS
    reply = _ask(gateway, repo.key)
    assert (reply.headers["x-catalog-revision"], reply.headers["x-catalog-cost-usd"]) == (good, "0.00102")
    reload = _last_reload(gateway)
    assert (reload["ok"], reload["revision"]) == (False, bad)
    assert reload["problems"][0]["file"] == "models/test/model.yaml"
    assert gateway.status()["revision"] == good
    assert "the last good one stays in force" in gateway.log()
    repo.price("3", "4")
    assert gateway.wait_revision(repo.commit("mended")) < 5


@pytest.mark.parametrize("kind", ["repo", "catalog"])
def test_restart_without_the_source_serves_the_last_good_one(
    kind: str, tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    place = tmp_path / "source"
    catalog = CatalogRepo(place, upstream.origin) if kind == "repo" else CatalogDir(place, upstream.origin)
    with Served((f"--{kind}", str(place)), tmp_path / "state", origin=upstream.origin) as gateway:
        good = _ask(gateway, catalog.key).headers["x-catalog-revision"]
        aside = place.rename(tmp_path / "aside")
        assert _restart(gateway) < READY_SECONDS
        assert _ask(gateway, catalog.key).headers["x-catalog-revision"] == good
        reload = _last_reload(gateway)
        assert (reload["verdict"], str(place) in reload["error"]) == ("unreadable", True)
        aside.rename(place)
        wait_for(lambda: gateway.status()["in_sync"], message="it did not recover")
        assert "catalog in force as published before" in gateway.log()


def test_unchanged_catalog_is_not_published_again_by_a_restart(gateway: Served) -> None:
    seq = gateway.status()["seq"]
    _restart(gateway)
    assert _last_reload(gateway)["verdict"] == "unchanged"
    assert gateway.status()["seq"] == seq


@pytest.mark.parametrize("damage", ["pointer", "artifact", "nothing"])
def test_damaged_publication_is_said_and_made_anew(gateway: Served, repo: CatalogRepo, damage: str) -> None:
    artifact = gateway.state / "snapshots" / gateway.status()["digest"]
    assert gateway.stop() == 0
    if damage == "pointer":
        (gateway.state / "current").write_bytes(b'{"seq": 1, "dig')
    elif damage == "artifact":
        artifact.write_bytes(artifact.read_bytes()[:-1])
    else:
        (gateway.state / "current").unlink()
        artifact.unlink()
    gateway.start()
    assert _ask(gateway, repo.key).headers["x-catalog-cost-usd"] == "0.00102"
    assert gateway.status()["in_sync"] is True
    if damage in ("pointer", "artifact"):
        assert "published catalog not usable" in gateway.log()


@pytest.mark.parametrize("of_format", [3, 999])
def test_engine_of_another_format_compiles_what_is_published_again(
    gateway: Served, repo: CatalogRepo, of_format: int
) -> None:
    before = gateway.status()
    repo.write("models/test/model.yaml", "type: strange\n")
    repo.commit("broken")
    wait_for(lambda: _last_reload(gateway)["verdict"] == "rejected")
    assert gateway.stop() == 0
    publication = Publication(gateway.state)
    envelope = unseal(publication.load(before["digest"]))
    other = b"llm-catalog-snapshot %d\n" % of_format + len(envelope.documents).to_bytes(8, "little")
    publication.publish(other + envelope.documents + b"what this engine cannot read", before["revision"])
    gateway.start()
    reply = _ask(gateway, repo.key)
    assert (reply.headers["x-catalog-cost-usd"], reply.headers["x-catalog-revision"]) == ("0.00102", before["revision"])
    assert (gateway.status()["digest"], _last_reload(gateway)["verdict"]) == (before["digest"], "rejected")


def test_publication_damaged_while_serving_is_made_anew_and_nobody_notices(gateway: Served, repo: CatalogRepo) -> None:
    before = gateway.status()["seq"]
    (gateway.state / "current").write_bytes(b"\x00" * 40)
    wait_for(lambda: "published catalog not usable" in gateway.log())
    assert _ask(gateway, repo.key).headers["x-catalog-cost-usd"] == "0.00102"
    status = gateway.status()
    assert status["published_error"]
    httpx.post(f"{gateway.admin}/-/reload").raise_for_status()
    status = gateway.status()
    assert (status["in_sync"], status["published_error"], status["seq"]) == (True, None, before + 1)
    repo.price("3", "4")
    assert gateway.wait_revision(repo.commit("next")) < 5


def test_serve_that_never_had_a_good_catalog_listens_and_waits(tmp_path: Path, upstream: ScriptedUpstream) -> None:
    repo = CatalogRepo(tmp_path / "repo", upstream.origin)
    repo.write("models/test/model.yaml", "type: strange\n")
    repo.commit("broken")
    with Served(("--repo", str(repo.repo)), tmp_path / "state", origin=upstream.origin, ready=False) as gateway:
        problems = wait_for(lambda: (gateway.status()["last_reload"] or {}).get("problems"))
        assert {problem["file"] for problem in problems} == {"models/test/model.yaml"}
        ready = wait_for(lambda: _readyz(gateway))
        assert (ready.status_code, ready.json()["error"]["code"]) == (503, "no_catalog")
        refused = httpx.get(f"{gateway.url}/v1/models", headers={"authorization": f"Bearer {repo.key}"})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        repo.price("1", "2")
        repo.commit("mended")
        gateway.wait_ready()
        _ask(gateway, repo.key)


def _readyz(gateway: Served) -> httpx.Response | None:
    try:
        return httpx.get(f"{gateway.url}/readyz", timeout=5)
    except httpx.HTTPError:
        return None


def test_another_source_does_not_start_from_the_catalog_of_the_first(
    gateway: Served, repo: CatalogRepo, tmp_path: Path, upstream: ScriptedUpstream
) -> None:
    gateway.stop()
    (tmp_path / "empty").mkdir()
    with Served(
        ("--catalog", str(tmp_path / "empty")), tmp_path / "state", origin=upstream.origin, ready=False
    ) as other:
        assert _last_reload(other)["ok"] is False
        assert other.status()["revision"] is None
        assert wait_for(lambda: _readyz(other)).status_code == 503


def test_once_one_worker_is_ready_all_are(tmp_path: Path, repo: CatalogRepo, upstream: ScriptedUpstream) -> None:
    source = ("--repo", str(repo.repo))
    with Served(source, tmp_path / "state", origin=upstream.origin, workers=3, ready=False) as gateway:
        while httpx.get(f"{gateway.url}/readyz", timeout=20).status_code != 200:
            pass
        assert {httpx.get(f"{gateway.url}/readyz", timeout=20).status_code for _ in range(60)} == {200}
