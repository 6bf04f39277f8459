"""Reads the spool: whatever is sound, in order, from the committed offset on.

No sound record where one should begin is, under a held lock, a writer that is not there yet: wait. Under a free lock
nobody will ever complete it: it is torn, and the file ends there. Unless sound records follow: then it is damage, which
is copied into the quarantine, reported, and passed over.
"""

import fcntl
import os
import time
from pathlib import Path
from typing import NamedTuple

from engine.ledger.alarm import Alarm
from engine.ledger.framing import FILE_HEADER, frame_at, frames, next_frame
from engine.ledger.record import MAX_FRAME_BYTES, Attempt, decode
from engine.ledger.segment import HIDDEN_PREFIX, SUFFIX

QUARANTINE = "quarantine"
READ_BYTES = 1024 * 1024

# A hidden segment of this age was left by a worker that died while it made it.
_ABANDONED_SECONDS = 60


class Reading(NamedTuple):
    """What was read of one segment: the attempts up to `offset`.

    `more` can be read at once. `finished` means that the owner let go of the lock, and that this was all.
    """

    attempts: list[Attempt]
    offset: int
    more: bool
    finished: bool
    alarms: list[Alarm]


def segments(directory: Path) -> list[Path]:
    """The spool's files, oldest first within a worker; none where the directory does not exist yet.

    Raises:
        OSError: the directory cannot be read.
    """
    try:
        names = os.listdir(directory)  # noqa: PTH208 - names are all that is needed
    except FileNotFoundError:
        return []
    for name in names:
        if name.startswith(HIDDEN_PREFIX) and name.endswith(SUFFIX):
            _remove_abandoned(directory / name)
    return [directory / name for name in sorted(names) if name.endswith(SUFFIX) and not name.startswith(HIDDEN_PREFIX)]


def read_segment(path: Path, offset: int, *, limit: int = READ_BYTES) -> Reading:
    """Read about `limit` bytes of a segment from `offset` on.

    Raises:
        OSError: the file is gone or cannot be read, or damage cannot be put into the quarantine; nothing was passed.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        # Asked before reading: what is there once the lock is free is all there will ever be.
        return _Pass(path, fd, ownerless=_lock_is_free(fd)).read(offset, limit)
    finally:
        os.close(fd)


class _Pass:
    """One look at one segment."""

    def __init__(self, path: Path, fd: int, *, ownerless: bool) -> None:
        self._path = path
        self._fd = fd
        self._ownerless = ownerless
        self._attempts: list[Attempt] = []
        self._alarms: list[Alarm] = []

    def read(self, offset: int, limit: int) -> Reading:
        finished = more = False
        stop = offset + limit
        if offset == 0 and os.pread(self._fd, len(FILE_HEADER), 0) == FILE_HEADER:
            offset = len(FILE_HEADER)
        while True:
            base, data = offset, os.pread(self._fd, limit + MAX_FRAME_BYTES, offset)
            offset = self._take_frames(base, data)
            if offset >= stop:
                more = True
                break
            if offset > base and len(data) == limit + MAX_FRAME_BYTES:
                continue  # the data's end may have cut a frame
            sound = self._next_sound(offset)
            if sound is None:
                finished = self._ownerless
                break
            if sound > offset:
                self._set_aside(offset, sound)
                offset = sound
        return Reading(self._attempts, offset, more, finished, self._alarms)

    def _take_frames(self, base: int, data: bytes) -> int:
        """Take the sound frames that `data`, which begins at `base`, begins with; returns where they end."""
        end = 0
        for found in frames(data):
            try:
                self._attempts.append(decode(found.payload))
            except ValueError:
                self._set_aside(base + end, base + found.end)
            end = found.end
        return base + end

    def _next_sound(self, offset: int) -> int | None:
        """Where the next sound frame begins, `offset` itself included; None where there is none."""
        if self._ownerless:
            return self._search(offset)
        if os.pread(self._fd, 1, offset) in {b"", b"\x00"}:
            return None
        # What a writer completes while we look must not pass for damage. Whatever stands before a sound frame was
        # written before it, so once one has been seen, a second look shows all that came earlier.
        return None if self._search(offset) is None else self._search(offset)

    def _search(self, offset: int) -> int | None:
        data = os.pread(self._fd, os.fstat(self._fd).st_size, offset)
        place = 0 if frame_at(data, 0) else next_frame(data, 0)
        return None if place is None else offset + place

    def _set_aside(self, start: int, end: int) -> None:
        quarantine = self._path.parent / QUARANTINE
        quarantine.mkdir(mode=0o700, exist_ok=True)
        copy = quarantine / f"{self._path.name}.{start}-{end}"
        fd = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:  # noqa: PTH123 - the mode is set where the file is made
            file.write(os.pread(self._fd, end - start, start))
            file.flush()
            os.fsync(fd)
        message = (
            f"bytes {start} to {end} of spool file {self._path.name} are damaged; they are kept as {copy.name} in "
            f"{quarantine}, and reading goes on behind them. Calls recorded there may end as orphaned or be missing."
        )
        self._alarms.append(Alarm("spool_damaged", message))


def _lock_is_free(fd: int) -> bool:
    try:
        # Shared: readers do not take each other for an owner.
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _remove_abandoned(path: Path) -> None:
    try:
        if time.time() - path.stat().st_mtime < _ABANDONED_SECONDS:
            return
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return
    try:
        if _lock_is_free(fd):
            path.unlink(missing_ok=True)
    finally:
        os.close(fd)
