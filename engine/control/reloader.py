"""Every trigger (a change, a signal, a request) goes through one function, one at a time."""

import asyncio
import contextlib

from engine.control.publisher import Publisher, Reload
from engine.sources.source import Source
from engine.sources.watching import Watch

MIN_SECONDS_BETWEEN_CHANGES = 0.2
RETRY_SECONDS = 1.0
MAX_RETRY_SECONDS = 5.0  # who mends it does not wait long for us to see it


class Reloader:
    """Runs the publisher in a thread, never twice at once. Triggers that come meanwhile share the next run."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._lock = asyncio.Lock()
        self._waiting: asyncio.Task[Reload] | None = None
        self._watch: Watch | None = None

    @property
    def watch_mode(self) -> str:
        """How changes are noticed: by "events", or by a "poll" where the system gives none; "off" before the start."""
        return self._watch.mode if self._watch is not None else "off"

    async def reload(self, trigger: str) -> Reload:
        """What the source says from now on, published or refused."""
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.get_running_loop().create_task(self._run(trigger))
        return await asyncio.shield(self._waiting)

    async def follow(self, source: Source, stop: asyncio.Event) -> None:
        """Reload whenever the source hints at a change.

        A storm of changes makes five reloads a second, the last one included, and takes at most half of the time.
        """
        loop = asyncio.get_running_loop()
        not_before = 0.0
        self._watch = source.watch(stop)
        async for _ in self._watch:
            if await _stops_before(not_before, stop):
                return
            began = loop.time()
            outcome = await self.reload("change")
            ended = loop.time()
            not_before = max(began + MIN_SECONDS_BETWEEN_CHANGES, ended + (ended - began))
            pause = RETRY_SECONDS
            while outcome.may_pass:
                if await _stops_before(loop.time() + pause, stop):
                    return
                outcome = await self.reload("retry")
                pause = min(2 * pause, MAX_RETRY_SECONDS)

    async def _run(self, trigger: str) -> Reload:
        async with self._lock:
            self._waiting = None  # whoever comes from here on saw a later state: a run of its own
            return await asyncio.to_thread(self._publisher.reload, trigger)


async def _stops_before(moment: float, stop: asyncio.Event) -> bool:
    """Wait until `moment` on the loop's clock; whether `stop` came first."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(moment):
            await stop.wait()
    return stop.is_set()
