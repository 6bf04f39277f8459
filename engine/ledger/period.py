"""How people name a point in time: "24h", "7d", "2026-11-01", "2026-11-01T12:00:00Z"."""

import re
from datetime import UTC, datetime

_AGO = re.compile(r"([1-9][0-9]{0,5})(m|h|d|w)", re.ASCII)
_SECONDS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_moment(text: str, *, now_ns: int) -> int:
    """Nanoseconds since the Unix epoch of a moment: so long ago, or a date or time in UTC unless it says otherwise.

    Raises:
        ValueError: it is neither.
    """
    text = text.strip()
    if (ago := _AGO.fullmatch(text)) is not None:
        return now_ns - int(ago[1]) * _SECONDS[ago[2]] * 10**9
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a time: write 24h, 7d, 2026-11-01 or 2026-11-01T12:00:00Z") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    since_epoch = moment - _EPOCH
    return (since_epoch.days * 86_400 + since_epoch.seconds) * 10**9 + since_epoch.microseconds * 1000
