"""Every trigger (a change, a signal, a request) goes through one function, one at a time."""

import asyncio
import contextlib
import time

from engine.control.publisher import Publisher, Reload
from engine.sources.source import Source
from engine.sources.watching import Watch

MIN_SECONDS_BETWEEN_CHANGES = 0.5


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
        """Reload whenever the source hints at a change. A storm of changes makes two reloads a second, the last one included."""
        last = 0.0
        self._watch = source.watch(stop)
        async for _ in self._watch:
            pause = last + MIN_SECONDS_BETWEEN_CHANGES - time.monotonic()
            if last and pause > 0:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await stop.wait()
                if stop.is_set():
                    return
            last = time.monotonic()
            await self.reload("change")

    async def _run(self, trigger: str) -> Reload:
        async with self._lock:
            self._waiting = None  # whoever comes from here on saw a later state: a run of its own
            return await asyncio.to_thread(self._publisher.reload, trigger)
