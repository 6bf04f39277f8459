"""Parts of control that a whole gateway shows only by accident: faults of our own, lost beats, numbers that were lost."""

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from harness.catalogs import CatalogDir
from harness.served import wait_for

from engine import heartbeat
from engine.catalog.compile import Compiler
from engine.control import bookkeeper as bookkeeping
from engine.control import workers as worker_list
from engine.control.bookkeeper import Bookkeeper
from engine.control.publisher import Publisher
from engine.control.reloader import Reloader
from engine.control.workers import Workers
from engine.heartbeat import Heartbeat
from engine.ledger.store import Store
from engine.publication import Publication, PublicationError
from engine.sources.source import open_source


@pytest.fixture
def catalog(tmp_path: Path) -> CatalogDir:
    return CatalogDir(tmp_path / "catalog", "http://127.0.0.1:9")


@pytest.fixture
def publisher(catalog: CatalogDir, tmp_path: Path) -> Publisher:
    return Publisher(open_source(catalog=str(catalog.root)), Publication(tmp_path / "state"))


def _once(fault: Exception, real: Callable) -> Callable:
    """`real`, but the first call raises."""
    faults = [fault]

    def call(*arguments, **named):
        if faults:
            raise faults.pop()
        return real(*arguments, **named)

    return call


def test_fault_of_ours_is_a_verdict_and_the_next_look_is_a_new_one(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Compiler, "compile", _once(RecursionError("too deep"), Compiler.compile))
    failed = publisher.reload("request")
    assert (failed.verdict, failed.held, failed.error) == ("failed", False, "internal error: RecursionError: too deep")
    assert publisher.served is None
    assert publisher.reload("request").verdict == "published"


def test_verdict_that_stands_names_who_asked_last(publisher: Publisher, catalog: CatalogDir) -> None:
    catalog.write("models/test/model.yaml", "type: strange\n")
    first = publisher.reload("change")
    second = publisher.reload("signal")
    assert (first.verdict, second.verdict, second.trigger) == ("rejected", "rejected", "signal")
    assert second.at_ns > first.at_ns
    assert second.problems == first.problems


def test_removed_artifact_is_published_anew_under_a_new_number(publisher: Publisher, tmp_path: Path) -> None:
    publisher.reload("change")
    current = publisher.served
    assert current is not None
    (tmp_path / "state/snapshots" / current.digest).unlink()
    assert publisher.reload("change").verdict == "published"
    again = publisher.served
    assert again is not None
    assert (again.digest, again.seq) == (current.digest, current.seq + 1)
    assert publisher.reload("change").verdict == "unchanged"


def test_damaged_pointer_is_mended_also_while_the_catalog_is_broken(
    publisher: Publisher, catalog: CatalogDir, tmp_path: Path
) -> None:
    publisher.reload("change")
    good = publisher.served
    assert good is not None
    catalog.write("models/test/model.yaml", "type: strange\n")
    assert publisher.reload("change").verdict == "rejected"
    (tmp_path / "state/current").write_bytes(b"{")
    assert publisher.published_error is not None
    assert publisher.reload("change").verdict == "rejected"
    mended = publisher.served
    assert mended is not None
    assert (mended.digest, mended.revision, mended.seq) == (good.digest, good.revision, good.seq + 1)


def test_numbers_of_publications_never_come_again(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    assert publication.publish(b"one", "r1").seq == 1
    assert publication.publish(b"one", "r1").seq == 1
    assert publication.publish(b"one", "r2").seq == 2
    (tmp_path / "current").write_bytes(b"{")
    assert publication.publish(b"two", "r3").seq == 3
    (tmp_path / "current").unlink()
    assert publication.publish(b"three", "r4").seq == 4


def test_old_artifacts_and_leftovers_of_a_killed_writer_go(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(b"0", "r")
    leftover = tmp_path / "snapshots/.current.dead"
    leftover.write_bytes(b"{")
    os.utime(leftover, (1, 1))
    for number in range(1, 9):
        publication.publish(str(number).encode(), "r")
    assert len(list((tmp_path / "snapshots").iterdir())) == 5
    assert not leftover.exists()


def test_what_cannot_be_tidied_up_is_published_all_the_same(tmp_path: Path) -> None:
    publication = Publication(tmp_path)
    publication.publish(b"0", "r")
    for number in range(6):
        (tmp_path / f"snapshots/a-directory-{number}").mkdir()
    assert publication.publish(b"1", "r").seq == 2


def test_full_state_directory_changes_nothing(tmp_path: Path) -> None:
    publication = Publication(tmp_path / "state")
    publication.publish(b"one", "r1")
    (tmp_path / "state/snapshots").rename(tmp_path / "aside")
    (tmp_path / "state/snapshots").write_bytes(b"")
    with pytest.raises(PublicationError):
        publication.publish(b"two", "r2")
    current = publication.current()
    assert current is not None
    assert current.revision == "r1"


def test_bookkeeper_begins_anew_after_a_fault_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "spool").mkdir()
    monkeypatch.setattr(bookkeeping, "drain_once", _once(RuntimeError("a fault"), bookkeeping.drain_once))
    keeper = Bookkeeper(tmp_path / "spool", lambda: Store(tmp_path / "ledger.db"))
    keeper.start()
    try:
        wait_for(lambda: keeper.status.writable)
        wait_for(lambda: not bookkeeping.drain_once.__closure__[0].cell_contents, message="the fault did not happen")
        wait_for(lambda: keeper.status.writable)
    finally:
        keeper.finish()
    assert keeper.status.error == ""


def test_worker_that_was_silent_for_long_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(worker_list.time, "monotonic", lambda: now[0])
    workers = Workers()
    beat = Heartbeat(worker="0-1", pid=os.getpid(), started_ns=1, requests=7, refusals={"x": 2}, unrecorded=1)
    workers.take([beat])
    now[0] += 60
    workers.take([])
    assert workers.alive == []
    workers.take([beat])
    assert [found.worker for found in workers.alive] == ["0-1"]
    assert (workers.requests, workers.refusals, workers.unrecorded) == (7, {"x": 2}, 1)


def test_worker_that_is_gone_keeps_its_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(worker_list.time, "monotonic", lambda: now[0])
    workers = Workers()
    no_process = 2**22 + 1  # above the largest pid that Linux gives
    workers.take([Heartbeat(worker="0-1", pid=no_process, started_ns=1, requests=7, refusals={"x": 2})])
    now[0] += 60
    workers.take([Heartbeat(worker="0-2", pid=os.getpid(), started_ns=2, requests=1)])
    assert (workers.requests, workers.refusals) == (8, {"x": 2})
    assert [found["worker"] for found in workers.to_builtins()] == ["0-2"]


def test_beat_that_is_too_large_leaves_out_what_is_long() -> None:
    receiving, sending = heartbeat.pair()
    with receiving, sending:
        reasons = {f"provider-{number}": "x" * 500 for number in range(300)}
        heartbeat.send(sending, Heartbeat(worker="0-1", pid=1, started_ns=1, requests=3, disabled_providers=reasons))
        (beat,) = heartbeat.receive(receiving)
    assert (beat.requests, beat.disabled_providers) == (3, {})


def test_triggers_at_once_share_a_run_and_none_is_lost(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[str] = []
    real = publisher.reload

    def slow(trigger: str):
        runs.append(trigger)
        time.sleep(0.1)
        return real(trigger)

    monkeypatch.setattr(publisher, "reload", slow)

    async def many() -> None:
        reloader = Reloader(publisher)
        first = asyncio.create_task(reloader.reload("first"))
        await asyncio.sleep(0.03)
        outcomes = await asyncio.gather(first, *(reloader.reload("later") for _ in range(20)))
        assert all(outcome.held for outcome in outcomes)

    asyncio.run(many())
    assert runs == ["first", "later"]
