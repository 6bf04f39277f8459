"""From the spool into the store, one step at a time."""

from pathlib import Path
from typing import NamedTuple

from engine.ledger.alarm import Alarm
from engine.ledger.reader import READ_BYTES, read_segment, segments
from engine.ledger.record import MAX_FRAME_BYTES, Attempt
from engine.ledger.store import SegmentBatch, Store, StoreFault

_LEAST_SHARE = 4 * MAX_FRAME_BYTES


class Drained(NamedTuple):
    """What one step did.

    `attempts` were read and committed, in the order in which they were written: an `open` and its end are two of them.
    `orphaned` attempts have no end and never will. `more` is waiting. After a crash, some of it may come again.
    """

    attempts: list[Attempt]
    orphaned: int
    more: bool
    alarms: list[Alarm]


def drain_once(directory: Path, store: Store, *, limit: int = READ_BYTES) -> Drained:
    """Take about `limit` bytes of records from the spool into the store, and remove the files that are done with.

    Synchronous, for a thread of its own: call it again at once while there is `more`, else some tenths of a second
    later. Never raises for what a disk or a database may do: alarms say it, and nothing of the spool is passed over.
    """
    alarms = store.check()
    try:
        offsets = store.offsets()
        batches, more = _read(directory, offsets, limit, alarms)
        orphaned = store.commit(batches) if batches else 0
        finished = {batch.segment for batch in batches if batch.finished}
        for name in finished:
            (directory / name).unlink(missing_ok=True)
        store.forget(name for name in offsets if name in finished or not (directory / name).exists())
    except StoreFault as error:
        return Drained([], 0, False, [*alarms, Alarm("store_failed", f"{error}; the rows stay in the spool")])
    except OSError as error:
        return Drained([], 0, False, [*alarms, Alarm("spool_unreadable", f"{error}; it is tried again")])
    return Drained([attempt for batch in batches for attempt in batch.attempts], orphaned, more, alarms)


def _read(directory: Path, offsets: dict[str, int], limit: int, alarms: list[Alarm]) -> tuple[list[SegmentBatch], bool]:
    """Read what is new in each file: about `limit` bytes, shared fairly."""
    batches: list[SegmentBatch] = []
    more = False
    paths = segments(directory)
    share = max(limit // max(len(paths), 1), _LEAST_SHARE)
    for path in paths:
        offset = offsets.get(path.name, 0)
        try:
            reading = read_segment(path, offset, limit=share)
        except FileNotFoundError:
            continue
        except OSError as error:
            alarms.append(Alarm("spool_unreadable", f"{path}: {error.strerror}; it is tried again"))
            continue
        alarms += reading.alarms
        more = more or reading.more
        if reading.offset > offset or reading.finished:
            batches.append(SegmentBatch(path.name, reading.attempts, reading.offset, reading.finished))
    return batches, more
