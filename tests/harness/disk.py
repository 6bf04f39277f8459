"""A disk of its own, small enough to be filled up. It needs the right to mount one."""

import contextlib
import os
import threading
import time
from pathlib import Path

from harness.served import wait_for

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
