"""The store: idempotent, one writer, and nothing lost to damage, ambiguous commits or a killed migration."""

import itertools
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from engine.errors import UserError
from engine.ledger.database import writer_engine
from engine.ledger.ingest import drain_once
from engine.ledger.queries import Ledger, QueryError
from engine.ledger.record import FINAL_STATES, STATES
from engine.ledger.schema import migrate, revision_of
from engine.ledger.spool import MIN_SEGMENT_BYTES, Spool
from engine.ledger.store import SegmentBatch, Store, StoreFault
from engine.ledger.tables import SCHEMA_REVISION, metadata


def put(store, *made, segment="a.spool", offset=100, finished=False):
    return store.commit([SegmentBatch(segment, list(made), offset, finished)])


def test_a_row_is_the_record(store, rows, attempts):
    attempt = attempts.settled(
        raw_usage=None,
        metadata={"a": '"quoted"\n', "é": "ü"},
        cut=("labels",),
        first_byte_us=7,
        list_cost_pico_usd=None,
        attempt=3,
        retries=2,
    )
    put(store, attempt)
    assert rows(store.path) == {(attempt.request_id, 3): attempt}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(STATES, STATES)))
@pytest.mark.parametrize("together", [True, False])
def test_an_end_supersedes_open_and_orphaned_and_nothing_else_does(store, rows, attempts, before, after, together):
    first = attempts.settled(state=before, model_asked="first")
    second = attempts.settled(first, state=after, model_asked="second")
    if together:
        put(store, first, second)
    else:
        put(store, first)
        put(store, second)
    (row,) = rows(store.path).values()
    assert row == (second if before in {"open", "orphaned"} and after in FINAL_STATES else first)


def test_any_order_and_any_repetition_gives_the_same_rows(store, rows, attempts):
    opened = [attempts.open() for _ in range(20)]
    ends = [attempts.settled(attempt, cost_pico_usd=number) for number, attempt in enumerate(opened[:15])]
    written = [*opened, *ends] * 3
    shuffle = random.Random(5)
    shuffle.shuffle(written)
    while written:
        put(store, *[written.pop() for _ in range(min(len(written), 7))], offset=len(written))
    expected = {(attempt.request_id, 1): attempt for attempt in [*opened, *ends]}
    assert rows(store.path) == expected


def test_offsets_never_go_back(store):
    put(store, offset=100)
    put(store, offset=50)
    assert store.offsets() == {"a.spool": 100}
    store.forget(["a.spool", "unknown"])
    assert store.offsets() == {}


def test_a_count_of_more_than_63_bits_is_kept_as_unknown(store, rows, attempts):
    attempt = attempts.settled(meters={"input_tokens": 2**63, "output_tokens": 5}, cost_pico_usd=2**64)
    put(store, attempt)
    (row,) = rows(store.path).values()
    assert (row.meters, row.cost_pico_usd, set(row.cut)) == ({"output_tokens": 5}, None, {"meters", "cost_pico_usd"})


def test_rows_and_offset_come_together_or_not_at_all(store, rows, attempts):
    @sa.event.listens_for(store._engine, "commit")
    def fail(connection):
        raise sa.exc.OperationalError("COMMIT", None, sqlite3.OperationalError("disk I/O error"))

    with pytest.raises(StoreFault, match="disk I/O error"):
        put(store, attempts.settled())
    sa.event.remove(store._engine, "commit", fail)
    assert rows(store.path) == {}
    assert store.offsets() == {}


def test_a_commit_that_landed_although_it_failed_is_repeated_without_harm(store, tmp_path, rows, attempts):
    spool = Spool(tmp_path / "spool", worker_name="w0", segment_bytes=MIN_SEGMENT_BYTES)
    written = [attempts.open() for _ in range(12)]
    for attempt in written:
        spool.settle(spool.open(attempt), attempts.settled(attempt))

    @sa.event.listens_for(store._engine, "commit")
    def land_and_fail(connection):
        connection.connection.driver_connection.execute("COMMIT")
        raise sa.exc.OperationalError("COMMIT", None, sqlite3.OperationalError("connection lost"))

    (alarm,) = drain_once(tmp_path / "spool", store).alarms
    assert alarm.code == "store_failed"
    sa.event.remove(store._engine, "commit", land_and_fail)
    spool.close()
    while drain_once(tmp_path / "spool", store).attempts:
        pass
    assert [row.state for row in rows(store.path).values()] == ["settled"] * 12


def test_while_another_process_holds_the_database_rows_stay_in_the_spool(store, tmp_path, rows, attempts, monkeypatch):
    monkeypatch.setattr("engine.ledger.database.BUSY_SECONDS", 0.05)
    store._engine.dispose()
    spool = Spool(tmp_path / "spool", worker_name="w0", segment_bytes=MIN_SEGMENT_BYTES)
    attempt = attempts.open()
    spool.settle(spool.open(attempt), attempts.settled(attempt))
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    (alarm,) = drain_once(tmp_path / "spool", store).alarms
    assert (alarm.code, "locked" in alarm.message) == ("store_failed", True)
    other.execute("ROLLBACK")
    other.close()
    assert len(drain_once(tmp_path / "spool", store).attempts) == 2
    assert len(rows(store.path)) == 1
    spool.close()


def test_there_is_one_writer(store, database):
    with pytest.raises(UserError, match="Another process writes the ledger"):
        Store(database)
    store.close()
    Store(database).close()


def test_a_directory_that_takes_no_ledger_is_a_users_error(tmp_path):
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(UserError, match="The ledger cannot be written"):
        Store(tmp_path / "state" / "ledger.db")


def test_the_database_is_private_and_durable(store):
    assert store.path.stat().st_mode & 0o777 == 0o600
    with store._transaction() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA mmap_size").scalar() == 0


def test_a_long_reader_is_told(store, monkeypatch, attempts):
    assert store.check() == []
    monkeypatch.setattr("engine.ledger.store.WAL_ALARM_BYTES", 1000)
    put(store, attempts.settled())
    assert [alarm.code for alarm in store.check()] == ["store_wal_large"]


def zeros(path):
    data = path.read_bytes()
    path.write_bytes(data[:4096] + bytes(4096) + data[8192:])


def noise(path):
    data = bytearray(path.read_bytes())
    for place in range(5000, len(data), 97):
        data[place] ^= 0x55
    path.write_bytes(data)


def halved(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def another_format(path):
    path.write_bytes(b"this is no database" * 1000)


@pytest.mark.parametrize("damage", [zeros, noise, halved, another_format])
def test_a_damaged_database_is_moved_aside_and_begun_anew_from_the_spool(tmp_path, database, rows, attempts, damage):
    spool = Spool(tmp_path / "spool", worker_name="w0", segment_bytes=MIN_SEGMENT_BYTES)
    attempt = attempts.open()
    ticket = spool.open(attempt)
    store = Store(database)
    put(store, *[attempts.settled() for _ in range(200)])
    drain_once(tmp_path / "spool", store)
    store.close()
    damage(database)
    damaged = database.read_bytes()

    store = Store(database)
    (alarm,) = store.alarms
    (aside,) = (path for path in tmp_path.glob("ledger.db.damaged-*") if not path.name.endswith(("-wal", "-shm")))
    assert alarm.code == "store_corrupt"
    assert aside.name in alarm.message
    assert aside.read_bytes() == damaged
    assert database.stat().st_mode & 0o777 == 0o600
    spool.settle(ticket, attempts.settled(attempt))
    spool.close()
    drain_once(tmp_path / "spool", store)
    assert [row.state for row in rows(database).values()] == ["settled"]
    store.close()


def test_a_lost_write_ahead_log_is_no_reason_to_stop(database, attempts):
    store = Store(database)
    put(store, attempts.settled())
    copy = database.with_name("copy.db")
    copy.write_bytes(database.read_bytes())  # as it is without its log
    store.close()
    again = Store(copy)
    put(again, attempts.settled())
    assert again.alarms == []
    again.close()


def test_the_migrations_make_the_tables_that_the_code_knows(database):
    engine = writer_engine(database)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        assert revision_of(connection) == SCHEMA_REVISION
    engine.dispose()


def test_a_newer_database_is_refused_and_left_as_it_is(database):
    with sqlite3.connect(database) as other:
        other.execute("UPDATE alembic_version SET version_num = '9999'")
    other.close()
    before = database.read_bytes()
    with pytest.raises(UserError, match=r"newer engine \(schema 9999; this one knows"):
        Store(database)
    with pytest.raises(QueryError, match="newer engine"), Ledger.open(database):
        pytest.fail("opened")
    assert database.read_bytes() == before


KILLED_MIGRATION = """
    import os, signal, sys
    from pathlib import Path
    import sqlalchemy as sa
    from engine.ledger.store import Store

    left = int(sys.argv[2])

    @sa.event.listens_for(sa.Engine, "after_cursor_execute")
    def count(connection, cursor, statement, *rest):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    Store(Path(sys.argv[1])).close()
    print("done")
"""


def test_a_migration_killed_at_any_statement_is_made_up_for(tmp_path, attempts, rows):
    killed = 0
    for left in range(1, 100, 3):
        database = tmp_path / f"{left}.db"
        script = [sys.executable, "-c", textwrap.dedent(KILLED_MIGRATION), database, str(left)]
        done = subprocess.run(script, capture_output=True, text=True)
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        killed += 1
        engine = writer_engine(database)
        with engine.connect() as connection:
            assert revision_of(connection) is None
            assert "attempts" not in sa.inspect(connection).get_table_names()
        engine.dispose()
        store = Store(database)
        assert store.alarms == []
        put(store, attempts.settled())
        store.close()
        assert len(rows(database)) == 1
    assert killed >= 3


def test_migrating_twice_changes_nothing(store):
    with store._transaction() as connection:
        migrate(connection)


def test_readers_are_not_held_up_by_the_writer(store, attempts, rows):
    put(store, attempts.settled())
    with store._transaction() as connection:
        connection.exec_driver_sql("DELETE FROM attempts")
        assert len(rows(store.path)) == 1
    assert rows(store.path) == {}


def test_readers_cannot_write(store):
    with Ledger.open(store.path) as ledger, pytest.raises(sa.exc.OperationalError, match="readonly"):
        ledger._connection.exec_driver_sql("DELETE FROM attempts")


def test_two_drainers_of_one_spool_book_each_call_once(store, tmp_path, rows, attempts):
    spool = Spool(tmp_path / "spool", worker_name="w0", segment_bytes=MIN_SEGMENT_BYTES)
    written = [attempts.open() for _ in range(300)]
    problems = []
    stop = threading.Event()

    def drain_on():
        while not stop.is_set():
            problems.extend(drain_once(tmp_path / "spool", store, limit=2000).alarms)

    threads = [threading.Thread(target=drain_on) for _ in range(2)]
    for thread in threads:
        thread.start()
    for attempt in written:
        spool.settle(spool.open(attempt), attempts.settled(attempt))
    spool.close()
    deadline = time.monotonic() + 20
    while any((tmp_path / "spool").glob("*.spool")) and time.monotonic() < deadline:
        time.sleep(0.01)
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []
    found = rows(store.path)
    assert found.keys() == {(attempt.request_id, 1) for attempt in written}
    assert {row.state for row in found.values()} == {"settled"}
