"""Attempts as rows of the `attempts` table, and back."""

from typing import Any

import msgspec
from sqlalchemy import RowMapping

from engine.ledger.record import Attempt, cut_integers

# Columns that are JSON text in the table.
_JSON_FIELDS = ("labels", "rates", "meters", "metadata", "cut")
_encoder = msgspec.json.Encoder()
_FIELDS = Attempt.__struct_fields__


def row_of(attempt: Attempt, segment: str) -> dict[str, Any]:
    """The row of `attempt`, which was read from the spool file `segment`."""
    attempt = cut_integers(attempt)
    row: dict[str, Any] = {field: getattr(attempt, field) for field in _FIELDS}
    for field in _JSON_FIELDS:
        row[field] = _encoder.encode(row[field]).decode()
    row["input_tokens"] = attempt.meters.get("input_tokens")
    row["output_tokens"] = attempt.meters.get("output_tokens")
    row["segment"] = segment
    return row


def attempt_of(row: RowMapping) -> Attempt:
    """The attempt that `row` was made of."""
    values = {field: row[field] for field in _FIELDS}
    for field in _JSON_FIELDS:
        values[field] = msgspec.json.decode(values[field])
    values["cut"] = tuple(values["cut"])
    return Attempt(**values)
