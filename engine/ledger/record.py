"""What is on record of one call to one upstream, and its bytes in the spool.

A record is one JSON array, fields in the order below: an older reader ignores what a newer writer appends, and an older
record leaves the newer fields at their defaults. So fields are only ever appended. JSON is UTF-8, which never holds the
byte 0xFF: the spool's frame mark cannot stand inside a record, whatever a client sends.
"""

import os
import time
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec

SCHEMA_VERSION = 1

# A framed record is at most 16 KiB; the frame itself takes 12 bytes (`framing.HEADER`).
MAX_FRAME_BYTES = 16 * 1024
MAX_RECORD_BYTES = MAX_FRAME_BYTES - 12

# What a column of 64 bits holds.
MAX_INTEGER = 2**63 - 1

# Checked when a record is read; counts and costs may be beyond it, and are then unknown (`cut_integers`).
Integer = Annotated[int, msgspec.Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]

State = Literal["open", "settled", "partial", "failed", "cancelled", "orphaned"]
CostSource = Literal["reported", "estimated", "none"]

FINAL_STATES: tuple[State, ...] = ("settled", "partial", "failed", "cancelled")
STATES: tuple[State, ...] = ("open", *FINAL_STATES, "orphaned")


class Attempt(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One call to one upstream.

    `request_id` is ours (`RequestIds`), never a client's or an upstream's; with `attempt`, which counts from 1, it is
    the record's identity. `open` is written before the call, and any of `FINAL_STATES` after it, each complete on its
    own. `orphaned` is never written: the reader concludes it.

    `meters` maps a usage key (`input_tokens`, cached tokens included) to a count, `rates` a price key (`input_mtok`) to
    the exact decimal that was applied. `raw_usage` is the upstream's own usage object as JSON text. A cost is in
    pico-USD, None is unknown. `started_ns` is wall-clock time since the Unix epoch; the two durations are monotonic and
    count from the start of the attempt. `status` is the upstream's HTTP status, `client_status` ours; 0 is "none yet".
    `cut` names the fields that did not fit as they were.
    """

    version: Integer = SCHEMA_VERSION
    request_id: str
    attempt: Integer = 1
    state: State
    started_ns: Integer
    client_request_id: str = ""
    upstream_request_id: str = ""
    key: str = ""
    owner: str = ""
    labels: dict[str, str] = {}
    model_asked: str = ""
    model: str = ""
    provider: str = ""
    api: str = ""
    wire: str = ""
    base_model: str = ""
    upstream_model: str = ""
    revision: str = ""
    blob: str = ""
    rates: dict[str, str] = {}
    service_tier: str = ""
    meters: dict[str, int] = {}
    raw_usage: str | None = None
    cost_pico_usd: int | None = None
    list_cost_pico_usd: int | None = None
    cost_source: CostSource = "none"
    stream: bool = False
    first_byte_us: Integer | None = None
    duration_us: Integer | None = None
    status: Integer = 0
    client_status: Integer = 0
    error_code: str = ""
    retries: Integer = 0
    trace_id: str = ""
    metadata: dict[str, str] = {}
    worker: str = ""
    cut: tuple[str, ...] = ()


class RequestIds:
    """Makes request ids: "req_" and the 32 hex digits of a UUIDv7 (RFC 9562), so that they sort by time.

    Within one process they only ever rise, also when the wall clock is set back or two fall into one millisecond.
    """

    def __init__(self, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._clock_ns = clock_ns
        self._last = 0

    def next(self) -> str:
        """A new id."""
        # 48 bits of milliseconds and the 12 bits below them (RFC 9562, 6.2, method 3) are one rising number.
        milliseconds, rest = divmod(self._clock_ns(), 1_000_000)
        self._last = stamp = max((milliseconds << 12) | (rest * 4096 // 1_000_000), self._last + 1)
        random = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
        value = (stamp >> 12 << 80) | (0x7 << 76) | ((stamp & 0xFFF) << 64) | (0b10 << 62) | random
        return f"req_{value:032x}"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Attempt)


def encode(attempt: Attempt) -> bytes:
    """The record's bytes, at most `MAX_RECORD_BYTES`; what does not fit is cut and named in `cut`, the row never lost.

    Cut are, until it fits: raw usage, metadata and labels to a part of them; then every text and map, and at last all
    maps. What no JSON can hold (lone surrogates) is replaced by "?".
    """
    try:
        data = _encoder.encode(attempt)
    except ValueError:  # a lone surrogate, or an integer of thousands of digits
        return _encode_cut(attempt)
    return data if len(data) <= MAX_RECORD_BYTES else _encode_cut(attempt)


def decode(data: bytes | memoryview) -> Attempt:
    """The record of `encode`'s bytes.

    Raises:
        ValueError: these are not a record.
    """
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"not a ledger record: {error}") from None


def cut_integers(attempt: Attempt) -> Attempt:
    """`attempt`, but counts and costs beyond 63 bits are unknown and named in `cut`: no store holds them."""
    changed: dict[str, object] = {}
    for field in ("cost_pico_usd", "list_cost_pico_usd"):
        cost = getattr(attempt, field)
        if cost is not None and abs(cost) > MAX_INTEGER:
            changed[field] = None
    if any(abs(count) > MAX_INTEGER for count in attempt.meters.values()):
        changed["meters"] = {name: count for name, count in attempt.meters.items() if abs(count) <= MAX_INTEGER}
    return _with_cut(attempt, changed) if changed else attempt


# A round's caps: characters of a text, characters or bytes of a bulky field, bytes of any other map. A character takes
# up to six bytes in JSON, so the last round holds whatever comes: 20 texts of 40 characters are under 5 KB.
_ROUNDS = ((256, 4096, 4096), (128, 1024, 2048), (40, 0, 0))
_BULKY = frozenset({"raw_usage", "metadata", "labels"})


def _encode_cut(attempt: Attempt) -> bytes:
    attempt = cut_integers(attempt)
    for text_cap, bulky_cap, map_cap in _ROUNDS:
        changed: dict[str, object] = {}
        for field in attempt.__struct_fields__:
            value = getattr(attempt, field)
            bulky = field in _BULKY
            if isinstance(value, dict):
                kept: object = _cut_map(value, bulky_cap if bulky else map_cap)
            elif isinstance(value, str):
                kept = _cut_text(value, bulky_cap if bulky else text_cap)
            else:
                continue
            if kept != value:
                changed[field] = kept
        data = _encoder.encode(_with_cut(attempt, changed))
        if len(data) <= MAX_RECORD_BYTES:
            break
    return data


def _with_cut(attempt: Attempt, changed: dict[str, object]) -> Attempt:
    return msgspec.structs.replace(attempt, **changed, cut=tuple(dict.fromkeys((*attempt.cut, *changed))))


def _cut_text(text: str, characters: int) -> str:
    return text[:characters].encode("utf-8", "replace").decode("utf-8")


def _cut_map(values: dict[str, object], cap: int) -> dict[str, object]:
    """The first entries of `values` that take at most `cap` bytes as JSON."""
    kept: dict[str, object] = {}
    size = 0
    for key, value in values.items():
        name = _cut_text(key, len(key))
        held = _cut_text(value, len(value)) if isinstance(value, str) else value
        size += len(_encoder.encode((name, held)))
        if size > cap:
            break
        kept[name] = held
    return kept
