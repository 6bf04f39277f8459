"""Usage: what an upstream says it counted, as meters. Where a count stands is data: a table of paths for each wire."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

MAX_COUNT: Final = 10**9  # of one call; a count above it is a fault of the upstream, not a bill

Path = tuple[str, ...]
Paths = Mapping[str, tuple[Path, ...]]


class Usage(msgspec.Struct, frozen=True):
    """The usage of one answer.

    `meters` counts by the usage keys of `pricing.meters`: `input_tokens` includes cached ones, `output_tokens` those of
    reasoning. What the upstream does not mention is absent, an explicit zero is a zero. `suspect` says what cannot be
    believed; where that is a count, or a count is missing that every answer has, `meters` is empty, so that no cost is
    made of it. `raw` is the upstream's JSON value. `service_tier` and `response_model` are the answer's, not the
    request's; None where it names none.
    """

    meters: dict[str, int]
    raw: bytes
    service_tier: str | None = None
    response_model: str | None = None
    suspect: tuple[str, ...] = ()


def read_counts(value: Any, paths: Paths, required: tuple[str, ...]) -> tuple[dict[str, int], tuple[str, ...]]:
    """The meters in a decoded usage object, and what is wrong with it; the first path that holds a count is taken."""
    meters, suspect = {}, []
    for meter, candidates in paths.items():
        count = _first(value, candidates)
        if count is None:
            if meter in required:
                suspect.append(f"{meter} is missing")
        elif type(count) is int and 0 <= count <= MAX_COUNT:
            meters[meter] = count
        else:
            suspect.append(f"{meter} is no count")
    return ({} if suspect else meters), tuple(suspect)


def fallen(before: Usage, after: Usage) -> tuple[str, ...]:
    """The meters that fell between two reports of one stream, where they can only rise."""
    return tuple(
        f"{meter} fell from {count} to {after.meters[meter]}"
        for meter, count in before.meters.items()
        if after.meters.get(meter, count) < count
    )


def _first(value: Any, candidates: tuple[Path, ...]) -> Any:
    for path in candidates:
        found = value
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if found is not None:
            return found
    return None
