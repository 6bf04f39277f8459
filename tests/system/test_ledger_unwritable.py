"""The disk under the ledger is full, or another process holds its database."""

import contextlib
import random
import sqlite3
import time
from collections import Counter

import httpx
from harness.catalogs import CatalogRepo
from harness.disk import DISK_BYTES, SEGMENTS_BYTES, SmallDisk
from harness.load import Ask, Load
from harness.served import Served, chat, wait_for
from harness.upstream import ScriptedUpstream


def _post(gateway: Served, key: str, script: str = "") -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.post(f"{gateway.url}/v1/chat/completions", headers=headers, json=chat(script), timeout=20)


def _fat_model(repo: CatalogRepo) -> None:
    """Its rows are large, so that a segment of the spool is used up within some hundred calls."""
    labels = ", ".join(f"label-{number}: {'x' * 250}" for number in range(40))
    repo.price("1", "2", model="fat", extra=f"labels: {{{labels}}}\n")
    repo.commit("fat")


def test_full_disk_refuses_before_any_upstream_byte_and_loses_no_call_in_flight(
    disk: SmallDisk, repo: CatalogRepo, upstream: ScriptedUpstream
) -> None:
    _fat_model(repo)

    def fat(_: random.Random) -> Ask:
        return Ask("input=1000 output=10", model="@test/fat")

    def slow(_: random.Random) -> Ask:
        return Ask("gap=1.0 output=6", stream=True)

    with Served(("--repo", str(repo.repo)), disk.place / "state", origin=upstream.origin) as gateway:
        _post(gateway, repo.key)
        wait_for(lambda: disk.free_bytes() < DISK_BYTES - SEGMENTS_BYTES, message="the spool is not there")
        with Load(lambda: gateway.url, repo.key, slow, clients=5) as in_flight:
            wait_for(lambda: upstream.answering >= 5)
            disk.keep_full()
            with Load(lambda: gateway.url, repo.key, fat, clients=8) as load:
                wait_for(lambda: any(outcome.status == 503 for outcome in load.outcomes), seconds=60)
                outcomes = load.stop()
            wait_for(lambda: _post(gateway, repo.key).status_code == 503)
            known = set(upstream.journal)
            refused = [_post(gateway, repo.key) for _ in range(5)]
            assert [reply.status_code for reply in refused] == [503] * 5
            assert {reply.json()["error"]["code"] for reply in refused} == {"ledger_unwritable"}
            assert set(upstream.journal) <= known, "a call went out that is not on record"
            wait_for(lambda: [worker["ledger_writable"] for worker in gateway.status()["workers"]] == [False])
            assert "ledger not writable" in gateway.log()
            slow_ones = in_flight.stop()
        assert any(outcome.ok for outcome in slow_ones), "calls in flight end as if nothing were the matter"
        disk.release()
        wait_for(lambda: _post(gateway, repo.key).status_code == 200, message="it does not recover by itself")
        rows = gateway.settled_attempts(len(upstream.journal), seconds=30)
        assert len(rows) == len(upstream.journal)
        assert Counter(row["state"] for row in rows) == {"settled": len(upstream.journal)}
        statuses = Counter(outcome.status for outcome in [*outcomes, *slow_ones])
        assert set(statuses) == {200, 503}
        assert gateway.stop() == 0


def test_allow_goes_on_without_record_and_says_so(
    disk: SmallDisk, repo: CatalogRepo, upstream: ScriptedUpstream
) -> None:
    settings = "ledger: {when_unwritable: allow}\n"
    state = disk.place / "state"
    with Served(("--repo", str(repo.repo)), state, origin=upstream.origin, settings=settings) as gateway:
        assert gateway.stop() == 0
        for file in (state / "spool").iterdir():
            file.unlink()
        disk.keep_full()
        gateway.start()
        assert [_post(gateway, repo.key).status_code for _ in range(5)] == [200] * 5
        worker = wait_for(lambda: next((w for w in gateway.status()["workers"] if w.get("unrecorded")), None))
        assert (worker["unrecorded"], worker["ledger_writable"]) == (5, False)
        assert "catalog_unrecorded_calls_total 5.0" in httpx.get(f"{gateway.admin}/metrics").text
        assert "ledger not writable" in gateway.log()
        disk.release()
        wait_for(lambda: _post(gateway, repo.key).status_code == 200 and gateway.attempts(), message="no recovery")


def test_locked_database_delays_rows_and_no_request(
    gateway: Served, repo: CatalogRepo, upstream: ScriptedUpstream
) -> None:
    _post(gateway, repo.key)
    gateway.settled_attempts(1)
    with contextlib.closing(sqlite3.connect(gateway.state / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with Load(lambda: gateway.url, repo.key, lambda _: Ask(""), clients=4) as load:
            time.sleep(2.5)
            outcomes = load.stop()
        assert len(gateway.attempts()) == 1
        other.execute("ROLLBACK")
    assert len(outcomes) > 50
    assert [str(outcome) for outcome in outcomes if not outcome.ok] == []
    assert max(outcome.ended - outcome.began for outcome in outcomes) < 2
    rows = gateway.settled_attempts(len(outcomes) + 1)
    assert {f"{row['request_id']}.1" for row in rows} == set(upstream.journal)


def test_new_price_that_cannot_be_published_is_live_once_there_is_room(
    disk: SmallDisk, repo: CatalogRepo, upstream: ScriptedUpstream
) -> None:
    with Served(("--repo", str(repo.repo)), disk.place / "state", origin=upstream.origin) as gateway:
        good = gateway.status()["revision"]
        disk.keep_full()
        repo.price("3", "4")
        commit = repo.commit("while the disk is full")
        reload = wait_for(lambda: None if (s := gateway.status())["in_sync"] else s["last_reload"])
        assert (reload["verdict"], reload["revision"]) == ("unpublishable", commit)
        assert "No space left" in reload["error"]
        assert gateway.served_revision() == good
        assert _post(gateway, repo.key).headers["x-catalog-revision"] == good
        disk.release()
        assert gateway.wait_revision(commit) < 5
