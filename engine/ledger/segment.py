"""One file of the spool, as its writer holds it.

A segment is visible only once it is locked, preallocated and begun: made under a hidden name and then renamed. So a
reader that gets the lock of a visible segment knows that nobody will write to it any more.
"""

import contextlib
import fcntl
import os
import sys
from pathlib import Path

from engine.ledger.framing import FILE_HEADER
from engine.ledger.record import MAX_FRAME_BYTES

SUFFIX = ".spool"
HIDDEN_PREFIX = "."


class Segment:
    """An open, locked, preallocated file with room for frames.

    `tail` is where the next frame goes. `pending` counts the opens without a settle; for each of them `MAX_FRAME_BYTES`
    are kept free. `sealed` takes no more opens, but still the settles it owes.
    """

    __slots__ = ("_fd", "_sync_failure", "closed", "path", "pending", "sealed", "size", "tail")

    def __init__(self, path: Path, fd: int, size: int) -> None:
        self._fd = fd
        self._sync_failure: OSError | None = None
        self.path = path
        self.size = size
        self.tail = len(FILE_HEADER)
        self.pending = 0
        self.sealed = False
        self.closed = False

    @classmethod
    def create(cls, path: Path, size: int, *, durable: bool) -> "Segment":
        """A new segment of `size` bytes; `durable` also brings the file and its name to disk.

        Raises:
            OSError: the disk is full, or does not take it.
        """
        hidden = path.with_name(HIDDEN_PREFIX + path.name)
        fd = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _preallocate(fd, size)
            os.pwrite(fd, FILE_HEADER, 0)
            if durable:
                os.fsync(fd)
            hidden.rename(path)
            if durable:
                _sync_directory(path.parent)
        except BaseException:
            for name in (hidden, path):
                name.unlink(missing_ok=True)
            os.close(fd)
            raise
        return cls(path, fd, size)

    def has_room(self, length: int) -> bool:
        """Whether a frame of `length` bytes, its settle and all settles owed fit."""
        return not self.sealed and self.tail + length + MAX_FRAME_BYTES * (self.pending + 1) <= self.size

    def append(self, data: bytes) -> None:
        """Write a frame, all of it or nothing.

        Raises:
            OSError: it could not be written; no part of it counts.
        """
        try:
            written = os.pwrite(self._fd, data, self.tail)
        except OSError:
            self._erase(len(data))
            raise
        if written != len(data):
            self._erase(len(data))
            raise OSError(f"only {written} of {len(data)} bytes could be written to {self.path.name}")
        self.tail += written

    def _erase(self, length: int) -> None:
        # Truncating would give back the room of the settles owed; zeros say "end so far" just as well.
        with contextlib.suppress(OSError):
            os.pwrite(self._fd, bytes(length), self.tail)

    def sync(self) -> None:
        """Bring to disk what was appended.

        Raises:
            OSError: the disk did not take it, now or before: what a failed sync dropped, a second one cannot prove.
        """
        if self._sync_failure is not None:
            raise self._sync_failure
        if not self.closed:
            try:
                os.fdatasync(self._fd)
            except OSError as error:
                self._sync_failure = error
                raise

    def close(self) -> None:
        """Release the lock: a reader may now finish with the file."""
        if not self.closed:
            self.closed = True
            os.close(self._fd)

    def discard(self) -> None:
        """Remove a segment that holds no record."""
        self.path.unlink(missing_ok=True)
        self.close()


def _preallocate(fd: int, size: int) -> None:
    if sys.platform == "darwin":
        zeros = bytes(1 << 20)
        for offset in range(0, size, len(zeros)):
            os.pwrite(fd, zeros[: size - offset], offset)
    else:
        os.posix_fallocate(fd, 0, size)


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
