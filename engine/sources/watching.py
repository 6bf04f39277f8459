"""Says when a source may have changed: by file system events where there are any, by polling where there are not.

A hint is only a reason to read again; events may lie, and reading decides. So hints are merged freely, and one comes
every 30 s whatever happens. What never happens is that a change goes without a later hint.
"""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Hashable
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol

from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

Mode = Literal["events", "poll"]

_STEP_MS = 10  # so long without a further event ends a burst
_BURST_MS = 200  # a burst that does not end is reported this often
_CHECK_MS = 1_000  # how often it is checked that the watched directories are still the same
_POLL_S = 1.0
_ABSENT_S = 0.2
_SAFETY_S = 30.0
_SPACING_S = 0.1  # between two hints: a storm of changes is a few reads, not a read each


class Watched(Protocol):
    """What a watch asks of its source. Everything is asked in the watch's own thread, and may touch the disk."""

    recursive: bool

    def anchors(self) -> tuple[Path, ...]:
        """The directories whose events matter; those that exist, none if the source is not there."""

    def concerns(self, path: str) -> bool:
        """Whether an event at this path may mean a change."""

    def stamp(self) -> Hashable:
        """Something cheap that differs after a change, for polling."""


class Watch:
    """An async iterable of hints, until `stop` is set. `mode` says whether events arrive or the source is polled."""

    def __init__(self, watched: Watched, stop: asyncio.Event) -> None:
        self.mode: Mode = "events"
        self._watched = watched
        self._stop = stop
        self._stopped = threading.Event()
        self._hinted = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._next_safety = 0.0

    async def __aiter__(self) -> AsyncIterator[None]:
        """The first hint comes when the watch stands, so that a read after it misses nothing."""
        thread = threading.Thread(target=self._follow, name="source-watch", daemon=True)
        stopping = asyncio.create_task(self._stop.wait())
        stopping.add_done_callback(lambda _: self._hinted.set())
        thread.start()
        try:
            while True:
                await self._hinted.wait()
                if self._stop.is_set():
                    return
                self._hinted.clear()
                hinted_at = time.monotonic()
                yield
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stop.wait(), hinted_at + _SPACING_S - time.monotonic())
        finally:
            self._stopped.set()
            stopping.cancel()

    def _follow(self) -> None:
        while not self._stopped.is_set():
            anchors = self._watched.anchors()
            before = _identities(anchors)
            if not before:
                self._hint()  # the reader finds out what is missing
                self._wait_for_return()
                continue
            try:
                with self._attach(anchors) as notify:
                    self.mode = "events"
                    self._take_events(notify, before)
            except (OSError, WatchfilesRustInternalError):
                # Out of watches or instances, no inotify here, a directory that may not be read or has just gone.
                self.mode = "poll"
                self._poll()

    def _attach(self, anchors: tuple[Path, ...]) -> RustNotify:
        # Permission errors are not to be ignored: with them, watchfiles also ignores that the limit of watches is hit.
        return RustNotify(
            [str(path) for path in anchors],
            debug=False,
            force_polling=False,
            poll_delay_ms=_CHECK_MS,
            recursive=self._watched.recursive,
            ignore_permission_denied=False,
        )

    def _take_events(self, notify: RustNotify, before: Hashable) -> None:
        """Until the watched directories are no longer the same ones."""
        self._hint()
        while not self._stopped.is_set():
            changes = notify.watch(_BURST_MS, _STEP_MS, _CHECK_MS, self._stopped)
            if isinstance(changes, set) and any(self._watched.concerns(path) for _, path in changes):
                self._hint()
            if _identities(self._watched.anchors()) != before:
                return
            self._hint_for_safety()

    def _poll(self) -> None:
        """For as long as a safety interval; then events are tried again."""
        last = self._watched.stamp()
        self._hint()
        while not self._stopped.wait(_POLL_S) and not self._hint_for_safety():
            now = self._watched.stamp()
            if now != last:
                last = now
                self._hint()

    def _wait_for_return(self) -> None:
        while not self._stopped.wait(_ABSENT_S):
            if self._watched.anchors():
                return
            self._hint_for_safety()

    def _hint_for_safety(self) -> bool:
        if time.monotonic() < self._next_safety:
            return False
        self._hint()
        return True

    def _hint(self) -> None:
        self._next_safety = time.monotonic() + _SAFETY_S
        with suppress(RuntimeError):  # the loop is closed: nobody listens any more
            self._loop.call_soon_threadsafe(self._hinted.set)


def _identities(paths: tuple[Path, ...]) -> tuple[tuple[str, int, int], ...]:
    """Which directories these are; one that was replaced has another identity."""
    found = []
    for path in paths:
        with suppress(OSError):
            status = os.stat(path)  # noqa: PTH116 - the fields are what is wanted
            found.append((str(path), status.st_dev, status.st_ino))
    return tuple(found)
