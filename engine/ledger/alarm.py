"""What an operator should know about the ledger, as a value."""

from typing import Literal

import msgspec

AlarmCode = Literal[
    "spool_damaged",  # bytes in mid-file are no record; they were put into the spool's quarantine
    "spool_unreadable",  # a spool file, or its quarantine, cannot be read or written; tried again
    "store_failed",  # the database takes no rows at present; they stay in the spool
    "store_corrupt",  # the database was damaged; it was moved aside and a new one begun
    "store_wal_large",  # a long reader keeps the write-ahead log from being folded in
]


class Alarm(msgspec.Struct, frozen=True):
    """`message` says what happened, where, and what becomes of it; it holds no secret."""

    code: AlarmCode
    message: str
