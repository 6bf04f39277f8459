"""The ledger's writer as a thread of control: from the workers' spools into the store, as long as there is anything."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from engine.errors import UserError
from engine.ledger.alarm import Alarm
from engine.ledger.ingest import drain_once
from engine.ledger.reader import segments
from engine.ledger.store import Store, StoreFault

log = structlog.get_logger("control")

IDLE_SECONDS = 0.05
MAX_BACKOFF_SECONDS = 1.0
FINISH_SECONDS = 15.0
MAX_ALARMS = 20


class BookkeeperStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the ledger does. `records` were booked since control began; `error` is "" while it works."""

    writable: bool
    records: int
    error: str = ""
    alarms: tuple[Alarm, ...] = ()


class Bookkeeper:
    """Owns the one writer of the store. Trouble with the store is said and retried; the spools keep everything."""

    def __init__(self, spool: Path, open_store: Callable[[], Store]) -> None:
        self._spool = spool
        self._open_store = open_store
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bookkeeper", daemon=True)
        self._records = 0
        self._error = "starting"
        self._alarms: list[Alarm] = []

    @property
    def status(self) -> BookkeeperStatus:
        """How it does now."""
        return BookkeeperStatus(
            writable=not self._error, records=self._records, error=self._error, alarms=tuple(self._alarms)
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self) -> None:
        """Book what the workers left, then stop. Blocks for at most `FINISH_SECONDS`."""
        self._stop.set()
        self._thread.join(FINISH_SECONDS)

    def _run(self) -> None:
        backoff = 0.1
        while True:
            try:
                store = self._open_store()
            except (StoreFault, UserError) as error:
                self._set_error(str(error))
            except Exception as error:  # the edge of the thread: it must not end while there is a spool to book
                self._set_error(f"internal error: {type(error).__name__}: {error}")
                log.exception("internal error while opening the ledger")
            else:
                try:
                    self._note_alarms(store.alarms)
                    self._set_error("")
                    backoff = 0.1
                    self._book(store)
                except Exception as error:  # likewise: begin anew with what is on disk
                    self._set_error(f"internal error: {type(error).__name__}: {error}")
                    log.exception("internal error while booking")
                else:
                    return
                finally:
                    store.close()
            if self._stop.wait(backoff):
                return
            backoff = min(backoff * 2, MAX_BACKOFF_SECONDS)

    def _book(self, store: Store) -> None:
        """Book until told to stop, and then what the workers left until now: files of a successor's are its own."""
        owed: set[str] | None = None
        deadline = 0.0
        while True:
            if owed is None and self._stop.is_set():
                owed = {path.name for path in segments(self._spool)}
                deadline = time.monotonic() + FINISH_SECONDS
            done = drain_once(self._spool, store)
            self._records += len(done.attempts)
            self._note_alarms(done.alarms)
            self._set_error(next((alarm.message for alarm in done.alarms if alarm.code == "store_failed"), ""))
            if owed is not None:
                left = owed.intersection(path.name for path in segments(self._spool))
                if not left or time.monotonic() > deadline:
                    return
            if done.more:
                continue
            if owed is None:
                self._stop.wait(IDLE_SECONDS)
            else:
                time.sleep(IDLE_SECONDS)

    def _set_error(self, error: str) -> None:
        if error and error != self._error:
            log.error("ledger store not writable: records stay in the spool", error=error)
        elif self._error and not error:
            log.info("ledger store open")
        self._error = error

    def _note_alarms(self, alarms: list[Alarm]) -> None:
        for alarm in alarms:
            if alarm not in self._alarms:
                log.error("ledger alarm", code=alarm.code, alarm=alarm.message)
                self._alarms.append(alarm)
        del self._alarms[:-MAX_ALARMS]
