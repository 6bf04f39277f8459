"""What the workers said last."""

import time

import msgspec

from engine.heartbeat import BEAT_SECONDS, Heartbeat

LOST_AFTER_BEATS = 5


class Workers:
    """The last heartbeat of each worker, and what those that are gone had counted."""

    def __init__(self) -> None:
        self._beats: dict[str, tuple[float, Heartbeat]] = {}
        self._gone_requests = 0
        self._gone_refusals: dict[str, int] = {}

    def take(self, beats: list[Heartbeat]) -> None:
        """Note new beats, and forget workers that fell silent."""
        now = time.monotonic()
        for beat in beats:
            self._beats[beat.worker] = (now, beat)
        for name, (at, beat) in list(self._beats.items()):
            if now - at > LOST_AFTER_BEATS * BEAT_SECONDS:
                del self._beats[name]
                self._gone_requests += beat.requests
                for code, count in beat.refusals.items():
                    self._gone_refusals[code] = self._gone_refusals.get(code, 0) + count

    @property
    def alive(self) -> list[Heartbeat]:
        """The workers that were heard of lately, by name."""
        return [beat for _, (_, beat) in sorted(self._beats.items())]

    @property
    def requests(self) -> int:
        """Requests taken since control began to listen, also by workers that are gone."""
        return self._gone_requests + sum(beat.requests for beat in self.alive)

    @property
    def refusals(self) -> dict[str, int]:
        """Requests refused before any attempt, by code."""
        total = dict(self._gone_refusals)
        for beat in self.alive:
            for code, count in beat.refusals.items():
                total[code] = total.get(code, 0) + count
        return total

    def to_builtins(self) -> list[dict[str, object]]:
        """For the status page."""
        return [msgspec.to_builtins(beat) for beat in self.alive]
