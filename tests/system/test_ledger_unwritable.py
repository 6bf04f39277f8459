"""The disk under the ledger is full, or another process holds its database."""

import contextlib
import os
import random
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from harness.catalogs import CatalogRepo
from harness.load import Ask, Load
from harness.served import Served, chat, wait_for
from harness.upstream import ScriptedUpstream

DISK_BYTES = 112 * 1024 * 1024  # the spool, and room for all its rows in the database and its log
SEGMENTS_BYTES = 2 * 16 * 1024 * 1024  # the one in use, and the one made ahead
BLOCK = bytes(64 * 1024)


class SmallDisk:
    """A disk of its own for the state directory, that can be kept full."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._full = threading.Event()
        self._ended = threading.Event()
        self._filler = threading.Thread(target=self._fill, name="filler", daemon=True)
        self._filler.start()

    def keep_full(self) -> None:
        """Whatever becomes free is taken at once, until `release`."""
        self._full.set()
        wait_for(lambda: self.free_bytes() < len(BLOCK), message="the disk does not fill up")

    def release(self) -> None:
        """Give back all that was taken."""
        self._full.clear()
        time.sleep(0.05)
        (self.place / "filler").unlink(missing_ok=True)

    def free_bytes(self) -> int:
        status = os.statvfs(self.place)
        return status.f_bavail * status.f_frsize

    def end(self) -> None:
        self._full.clear()
        self._ended.set()
        self._filler.join(10)

    def _fill(self) -> None:
        while not self._ended.is_set():
            if not self._full.wait(0.02):
                continue
            with contextlib.suppress(OSError), (self.place / "filler").open("ab", buffering=0) as file:
                while self._full.is_set():
                    file.write(BLOCK)
            time.sleep(0.005)


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
