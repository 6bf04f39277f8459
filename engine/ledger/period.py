"""Moments as people write them: `24h` ago, a day, or an exact time."""

import re
from datetime import UTC, datetime, timedelta

from engine.ledger.record import MAX_INTEGER

_AGO = re.compile(r"([1-9][0-9]{0,5})([mhdw])", re.ASCII)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_moment(text: str, now_ns: int) -> int:
    """Nanoseconds since the Unix epoch, of 63 bits at most, of "24h" (before `now_ns`), "2026-11-01" (00:00 UTC) or an RFC 3339 time.

    Raises:
        ValueError: it is none of these, or it says no time zone.
    """
    if (ago := _AGO.fullmatch(text)) is not None:
        return _bounded(now_ns - timedelta(**{_UNITS[ago[2]]: int(ago[1])}) // timedelta(microseconds=1) * 1000)
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            if len(text) != len("2026-11-01"):
                raise ValueError("no time zone")  # noqa: TRY301 - one way out
            moment = moment.replace(tzinfo=UTC)
        return _bounded((moment - _EPOCH) // timedelta(microseconds=1) * 1000)
    except (ValueError, OverflowError):
        raise ValueError(
            f"not a moment: {text!r}; write 90m, 24h, 7d or 2w (ago), a day such as 2026-11-01 (UTC), "
            "or a time such as 2026-11-01T12:00:00Z"
        ) from None


def _bounded(epoch_ns: int) -> int:
    return max(-MAX_INTEGER, min(epoch_ns, MAX_INTEGER))
