"""The one writer of the ledger's database."""

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.exc import SQLAlchemyError

from engine.ledger.alarm import Alarm
from engine.ledger.database import create_private, is_damaged, lock_for_writing, reason, writer_engine
from engine.ledger.record import FINAL_STATES, Attempt
from engine.ledger.rows import row_of
from engine.ledger.schema import migrate
from engine.ledger.tables import attempts, spool_segments

WAL_ALARM_BYTES = 256 * 1024 * 1024


class StoreFault(Exception):
    """The database did not take it now. Whether a commit landed is unknown: the same rows may be given again."""


class SegmentBatch(NamedTuple):
    """What was read of one spool file: its attempts up to `offset`; `finished` when no more will ever come."""

    segment: str
    attempts: list[Attempt]
    offset: int
    finished: bool


class Store:
    """Takes attempts into the database; to be used by one thread at a time, never by an event loop's.

    `alarms` says what was found at the start.

    Raises:
        UserError: another process writes it, a newer engine wrote it, or the directory cannot be written.
        StoreFault: the database cannot be opened now, e.g. because the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.alarms: list[Alarm] = []
        self._turn = threading.Lock()
        self._lock = lock_for_writing(path)
        self._engine = writer_engine(path)
        try:
            if path.exists() and is_damaged(path):
                self.alarms.append(_move_aside(path))
            create_private(path)
            with self._transaction() as connection:
                migrate(connection)
        except OSError as error:
            self.close()
            raise StoreFault(str(error)) from None
        except BaseException:
            self.close()
            raise

    def offsets(self) -> dict[str, int]:
        """How far each spool file has been committed, in bytes.

        Raises:
            StoreFault: the database cannot be read now.
        """
        with self._transaction() as connection:
            return {row.name: row.committed_bytes for row in connection.execute(sa.select(spool_segments))}

    def commit(self, batches: Iterable[SegmentBatch]) -> int:
        """Commit attempts, offsets and the orphans of finished files at once; returns how many became orphans.

        Giving the same batches again changes nothing.

        Raises:
            StoreFault: it may or may not have been committed; give it again.
        """
        batches = list(batches)
        rows = _fold(batches)
        offsets = [{"name": batch.segment, "committed_bytes": batch.offset} for batch in batches]
        ended = [batch.segment for batch in batches if batch.finished]
        with self._transaction() as connection:
            if rows:
                connection.execute(_UPSERT_ATTEMPT, rows)
            if offsets:
                connection.execute(_UPSERT_OFFSET, offsets)
            return connection.execute(_ORPHAN, {"ended": ended}).rowcount if ended else 0

    def forget(self, segments: Iterable[str]) -> None:
        """Drop the offsets of spool files that are gone.

        Raises:
            StoreFault: not now.
        """
        if rows := [{"gone": name} for name in segments]:
            with self._transaction() as connection:
                connection.execute(sa.delete(spool_segments).where(spool_segments.c.name == sa.bindparam("gone")), rows)

    def check(self) -> list[Alarm]:
        """What an operator should know now."""
        try:
            size = self.path.with_name(self.path.name + "-wal").stat().st_size
        except OSError:
            return []
        if size < WAL_ALARM_BYTES:
            return []
        message = f"the write-ahead log of {self.path} has {size} bytes: a reader keeps a transaction open for long"
        return [Alarm("store_wal_large", message)]

    def close(self) -> None:
        """Close the database and let another process write it."""
        with self._turn:
            self._engine.dispose()
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        with self._turn:
            try:
                with self._engine.begin() as connection:
                    yield connection
            except SQLAlchemyError as error:
                # After a failed write only what is on disk is true: read it anew.
                self._engine.dispose()
                raise StoreFault(f"{self.path}: {reason(error)}") from None


def _fold(batches: list[SegmentBatch]) -> list[dict[str, Any]]:
    """One row for each attempt, the one that supersedes; the first of several ends."""
    kept: dict[tuple[str, int], tuple[Attempt, str]] = {}
    for batch in batches:
        for attempt in batch.attempts:
            identity = (attempt.request_id, attempt.attempt)
            held = kept.get(identity)
            if held is None or (held[0].state not in FINAL_STATES and attempt.state in FINAL_STATES):
                kept[identity] = (attempt, batch.segment)
    return [row_of(attempt, segment) for attempt, segment in kept.values()]


def _upsert_attempt() -> sa.Insert:
    """An end supersedes `open` and `orphaned`; nothing else supersedes anything."""
    statement = insert(attempts)
    changed = {column.name: column for column in statement.excluded if not column.primary_key}
    return statement.on_conflict_do_update(
        index_elements=[attempts.c.request_id, attempts.c.attempt],
        set_=changed,
        where=sa.and_(
            _is_any(attempts.c.state, ("open", "orphaned")),
            _is_any(statement.excluded.state, FINAL_STATES),
        ),
    )


def _is_any(column: sa.ColumnElement[str], states: tuple[str, ...]) -> sa.ColumnElement[bool]:
    # Not IN: its list is expanded for each statement, which many rows at a time do not allow.
    return sa.or_(*(column == state for state in states))


def _upsert_offset() -> sa.Insert:
    statement = insert(spool_segments)
    return statement.on_conflict_do_update(
        index_elements=[spool_segments.c.name],
        set_={"committed_bytes": statement.excluded.committed_bytes},
        where=spool_segments.c.committed_bytes < statement.excluded.committed_bytes,
    )


_UPSERT_ATTEMPT = _upsert_attempt()
_UPSERT_OFFSET = _upsert_offset()
_ORPHAN = (
    sa.update(attempts)
    .where(attempts.c.state == "open", attempts.c.segment.in_(sa.bindparam("ended", expanding=True)))
    .values(state="orphaned")
)


def _move_aside(path: Path) -> Alarm:
    """Keep a damaged database under another name, with its log, so that a new one can begin."""
    aside = f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(path.with_name(aside + suffix))
    message = (
        f"the ledger's database {path} was damaged; it is kept as {aside}, and a new one was begun with the rows that "
        "the spool still holds. Earlier rows are only in the damaged file: SQLite's `.recover` may save them."
    )
    return Alarm("store_corrupt", message)
