"""Connections to the ledger's SQLite database: one that writes, and any number that only read.

Only the writer changes and checkpoints the file: versions of SQLite before 3.51.3 can damage a database whose
write-ahead log two connections reset at once. So a second writer is refused by a lock, readers open read-only, and
there is no memory map.
"""

import fcntl
import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError, StatementError
from sqlalchemy.pool import NullPool, QueuePool

from engine.errors import UserError

DATABASE_NAME = "ledger.db"
BUSY_SECONDS = 5.0


def lock_for_writing(path: Path) -> int:
    """Be the one writer of the database at `path`; returns the descriptor that holds the lock until it is closed.

    Raises:
        UserError: another process is, or the directory takes no files.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UserError(f"The ledger cannot be written in {path.parent}: {error.strerror}.") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise UserError(
            f"Another process writes the ledger in {path.parent}.",
            hint="Stop it, or give this one another state directory.",
        ) from None
    return fd


def create_private(path: Path) -> None:
    """Make the file if it is not there, for its owner only; its write-ahead log will inherit the mode.

    Raises:
        OSError: the directory takes no file.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def writer_engine(path: Path) -> Engine:
    """An engine with one connection, whose every transaction holds the write lock from its beginning."""
    engine = create_engine(
        "sqlite://", creator=lambda: _connect(path, "rwc"), poolclass=QueuePool, pool_size=1, max_overflow=0
    )
    event.listen(engine, "connect", _set_durable)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def reader_engine(path: Path) -> Engine:
    """An engine that can only read; each transaction sees one state of the database, and should be short."""
    engine = create_engine("sqlite://", creator=lambda: _connect(path, "ro"), poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    return engine


def is_damaged(path: Path) -> bool:
    """Whether SQLite's own check finds the file at `path` damaged. It reads all of it.

    Raises:
        OSError: it cannot be checked now.
    """
    connection = _connect(path, "ro")
    try:
        return bool(connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
    except sqlite3.DatabaseError as error:
        if (error.sqlite_errorcode & 0xFF) in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            return True
        raise OSError(f"{path} cannot be checked: {error}") from None
    finally:
        connection.close()


def reason(error: SQLAlchemyError) -> str:
    """What the database said, without the statement and its values."""
    return str(error.orig) if isinstance(error, StatementError) else type(error).__name__


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # No isolation level: SQLite's own transactions, tables included, begun by the listeners here.
    return sqlite3.connect(
        f"file:{quote(str(path))}?mode={mode}",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def _set_durable(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA journal_size_limit = 67108864")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
