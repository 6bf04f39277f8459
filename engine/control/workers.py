"""What the workers said last."""

import os
import time

import msgspec

from engine.heartbeat import BEAT_SECONDS, Heartbeat

LOST_AFTER_BEATS = 5


class Workers:
    """The last heartbeat of each worker, and what those whose process has ended had counted."""

    def __init__(self) -> None:
        self._beats: dict[str, tuple[float, Heartbeat]] = {}
        self._gone_requests = 0
        self._gone_unrecorded = 0
        self._gone_refusals: dict[str, int] = {}

    def take(self, beats: list[Heartbeat]) -> None:
        """Note new beats, and forget workers whose process is gone; one that is only silent may beat again."""
        now = time.monotonic()
        for beat in beats:
            self._beats[beat.worker] = (now, beat)
        for name, (at, beat) in list(self._beats.items()):
            if _is_lost(at, now) and not _exists(beat.pid):
                del self._beats[name]
                self._gone_requests += beat.requests
                self._gone_unrecorded += beat.unrecorded
                for code, count in beat.refusals.items():
                    self._gone_refusals[code] = self._gone_refusals.get(code, 0) + count

    @property
    def alive(self) -> list[Heartbeat]:
        """The workers that were heard of lately, by name."""
        now = time.monotonic()
        return [beat for _, (at, beat) in sorted(self._beats.items()) if not _is_lost(at, now)]

    @property
    def requests(self) -> int:
        """Requests taken since control began to listen, also by workers that are gone."""
        return self._gone_requests + sum(beat.requests for _, beat in self._beats.values())

    @property
    def unrecorded(self) -> int:
        """Calls made without a record, which only happens where the operator chose so."""
        return self._gone_unrecorded + sum(beat.unrecorded for _, beat in self._beats.values())

    @property
    def refusals(self) -> dict[str, int]:
        """Requests refused before any attempt, by code."""
        total = dict(self._gone_refusals)
        for _, beat in self._beats.values():
            for code, count in beat.refusals.items():
                total[code] = total.get(code, 0) + count
        return total

    def to_builtins(self) -> list[dict[str, object]]:
        """For the status page: every field, also where it says nothing special."""
        return [msgspec.structs.asdict(beat) for beat in self.alive]


def _is_lost(at: float, now: float) -> bool:
    return now - at > LOST_AFTER_BEATS * BEAT_SECONDS


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
