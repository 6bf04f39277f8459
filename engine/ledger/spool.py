"""The append-only files in front of the ledger, as a worker writes them.

No call is made unless its `open` stands in the spool, and every `open` has room for its `settle`:

    ticket = spool.open(attempt)          # LedgerUnwritable: refuse the request
    await spool.sync()                    # at once under durability "process"
    … call the upstream, pass the answer on, all but its last byte …
    spool.settle(ticket, settled)
    await spool.sync()

A worker's incarnation has its own files, which nobody else ever writes to: segments of a fixed size, made ahead by a
thread, each locked from before it is visible until the last settle it owes is written.
"""

import asyncio
import contextlib
import re
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from engine.errors import LedgerUnwritable
from engine.ledger.framing import frame
from engine.ledger.record import MAX_FRAME_BYTES, Attempt, RequestIds, encode
from engine.ledger.segment import SUFFIX, Segment

Durability = Literal["process", "disk"]

SEGMENT_BYTES = 16 * 1024 * 1024
MIN_SEGMENT_BYTES = 4 * MAX_FRAME_BYTES

# How long an `open` waits for a segment that is still being made: once for each, so that a slow disk stalls nobody else.
_WAIT_SECONDS = 0.1
# How often a full or failing disk is tried again.
_RETRY_SECONDS = 0.25
# Settles that no segment takes wait in memory; beyond this many the newest is given up, and its attempt is orphaned.
_LATE_MAX = 4096

_WORKER_NAME = re.compile(r"[A-Za-z0-9_-]{1,40}", re.ASCII)


class Ticket:
    """An open attempt: the segment that keeps room for its settle."""

    __slots__ = ("segment", "settled")

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.settled = False


class Spool:
    """The files of one incarnation of one worker; to be used from the thread of its event loop only.

    Durability "process" survives the death of the process at any instant, "disk" also that of the machine. `trouble`
    says why opens are refused at present, for the operator; "" is none. `late` settles wait in memory for a segment
    that takes them, `lost` counts those given up: both stay 0 unless the disk fails on room that it had granted.
    """

    def __init__(
        self,
        directory: Path,
        *,
        worker_name: str,
        durability: Durability = "process",
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        if _WORKER_NAME.fullmatch(worker_name) is None:
            raise ValueError(f"not a worker's name: {worker_name!r}")
        if segment_bytes < MIN_SEGMENT_BYTES:
            raise ValueError(f"a segment has at least {MIN_SEGMENT_BYTES} bytes, not {segment_bytes}")
        self.trouble = ""
        self.lost = 0
        self._directory = directory
        self._incarnation = f"{worker_name}-{RequestIds().next().removeprefix('req_')}"
        self._durable = durability == "disk"
        self._segment_bytes = segment_bytes
        self._segment: Segment | None = None
        self._number = 0
        self._held: set[Segment] = set()
        self._late: deque[bytes] = deque()
        self._closing = False
        # One thread makes, syncs and closes the segments, so no file is closed while it is being synced.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._ahead: Future[Segment] | None = None
        self._waited = False
        self._retry_at = 0.0
        self._dirty: set[Segment] = set()
        self._written = 0
        self._synced = 0
        self._unsynced = range(0)
        self._sync_turn = asyncio.Lock()
        self._make_ahead()

    @property
    def pending(self) -> int:
        """How many opens have no settle yet."""
        return sum(segment.pending for segment in self._held)

    @property
    def late(self) -> int:
        """How many settles wait in memory."""
        return len(self._late)

    def open(self, attempt: Attempt) -> Ticket:
        """Record that a call is about to be made; it has been written in full when this returns.

        Raises:
            LedgerUnwritable: it could not be recorded, so the call must not be made.
        """
        data = frame(encode(attempt))
        segment = self._segment
        if segment is None or not segment.has_room(len(data)):
            segment = self._rotate()
        try:
            segment.append(data)
        except OSError as error:
            self._retire(segment)
            raise self._unwritable(str(error)) from None
        segment.pending += 1
        if self._durable:
            self._mark_dirty(segment)
        return Ticket(segment)

    def settle(self, ticket: Ticket, attempt: Attempt) -> None:
        """Record how a call ended, before the last byte goes to the client. Never fails; the first settle counts."""
        if ticket.settled:
            return
        ticket.settled = True
        segment = ticket.segment
        data = frame(encode(attempt))
        try:
            segment.append(data)
        except OSError as error:
            self.trouble = str(error)
            self._retire(segment)
            self._keep_late(data)
        else:
            if self._durable:
                self._mark_dirty(segment)
        segment.pending -= 1
        if segment.sealed and not segment.pending:
            self._release(segment)
        if self._late:
            self._write_late()

    async def sync(self) -> None:
        """Return when all that was written until now is on disk; at once under durability "process".

        The disk is waited for in a thread, for many callers at a time.

        Raises:
            LedgerUnwritable: the disk did not take it. After an `open`: make no call, settle the attempt as failed.
        """
        if not self._durable:
            return
        target = self._written
        async with self._sync_turn:
            if target in self._unsynced:
                raise self._unwritable(self.trouble)
            if target <= self._synced:
                return
            covered, dirty, self._dirty = self._written, self._dirty, set()
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, _sync_all, dirty)
            except OSError as error:
                self._unsynced = range(self._synced + 1, covered + 1)
                for segment in dirty:
                    self._retire(segment)
                raise self._unwritable(str(error)) from None
            except asyncio.CancelledError:
                self._dirty |= dirty  # whoever is next in turn asks again
                raise
            self._synced = covered

    def close(self) -> None:
        """Take no more opens. A file is closed once no settle is owed to it; settles go on being taken until then."""
        if self._closing:
            return
        if self._late:
            self._write_late()
        self._closing = True
        if self._ahead is not None:
            self._thread.submit(_discard, self._ahead)
        if self._segment is not None:
            self._retire(self._segment)
        if not self._held:
            self._thread.shutdown()

    def _rotate(self) -> Segment:
        """The next segment, in which there is room."""
        if self._closing:
            raise self._unwritable("the worker is stopping")
        if self._segment is not None:
            self._retire(self._segment)
        segment = self._take_ahead()
        self._segment = segment
        self._held.add(segment)
        self.trouble = ""
        self._make_ahead()
        return segment

    def _make_ahead(self) -> Future[Segment]:
        self._number += 1
        path = self._directory / f"{self._incarnation}-{self._number:06d}{SUFFIX}"
        self._ahead = self._thread.submit(_make_segment, path, self._segment_bytes, durable=self._durable)
        self._waited = False
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        return self._ahead

    def _take_ahead(self) -> Segment:
        while True:
            if self._ahead is None and time.monotonic() < self._retry_at:
                raise self._unwritable(self.trouble)
            ahead = self._ahead or self._make_ahead()
            wait, self._waited = 0.0 if self._waited else _WAIT_SECONDS, True
            try:
                segment = ahead.result(wait)
            except OSError as error:  # TimeoutError is one
                if not ahead.done():
                    raise self._unwritable("the next spool segment is still being made") from None
                self._ahead = None
                self.trouble = str(error)
            else:
                self._ahead = None
                return segment

    def _retire(self, segment: Segment) -> None:
        """Take no more opens into `segment`, and close it as soon as it owes no settle."""
        if segment is self._segment:
            self._segment = None
        if not segment.sealed:
            segment.sealed = True
            if not segment.pending:
                self._release(segment)

    def _release(self, segment: Segment) -> None:
        self._held.discard(segment)
        if segment in self._dirty:
            self._thread.submit(_sync_and_close, segment)
        else:
            self._thread.submit(segment.close)
        if self._closing and not self._held:
            self._thread.shutdown(wait=False)

    def _keep_late(self, data: bytes) -> None:
        if len(self._late) < _LATE_MAX:
            self._late.append(data)
        else:
            self.lost += 1

    def _write_late(self) -> None:
        """Settles stand on their own, so another segment serves as well."""
        try:
            while self._late:
                segment = self._segment
                if segment is None or not segment.has_room(len(self._late[0])):
                    segment = self._rotate()
                segment.append(self._late[0])
                self._late.popleft()
                if self._durable:
                    self._mark_dirty(segment)
        except LedgerUnwritable:
            pass
        except OSError as error:
            self.trouble = str(error)
            if self._segment is not None:
                self._retire(self._segment)

    def _mark_dirty(self, segment: Segment) -> None:
        self._dirty.add(segment)
        self._written += 1

    def _unwritable(self, trouble: str) -> LedgerUnwritable:
        self.trouble = trouble
        return LedgerUnwritable("The ledger cannot be written at present, so no call was made; try again later.")


def _make_segment(path: Path, size: int, *, durable: bool) -> Segment:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Segment.create(path, size, durable=durable)


def _discard(ahead: Future[Segment]) -> None:
    if ahead.exception() is None:
        ahead.result().discard()


def _sync_all(segments: set[Segment]) -> None:
    for segment in segments:
        segment.sync()


def _sync_and_close(segment: Segment) -> None:
    with contextlib.suppress(OSError):  # the segment remembers it, for those who wait in `sync`
        segment.sync()
    segment.close()
