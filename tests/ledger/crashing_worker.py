"""A process of the crash test: `worker` makes calls and journals them, `drainer` takes them into the store.

Each line of the journal is written by one write(2), which a kill does not take back:
`intent` before the open, `opened` once it returned, `settled` once the settle returned.
"""

import os
import random
import sys
import time
from pathlib import Path

import msgspec

from engine.ledger.ingest import drain_once
from engine.ledger.record import Attempt, RequestIds
from engine.ledger.spool import MIN_SEGMENT_BYTES, Spool
from engine.ledger.store import Store


def work(home: Path) -> None:
    journal = os.open(home / "journal", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(*words: object) -> None:
        os.write(journal, (" ".join(map(str, words)) + "\n").encode())

    dice, ids = random.Random(), RequestIds()
    spool = Spool(home / "spool", worker_name="w0", segment_bytes=8 * MIN_SEGMENT_BYTES)
    in_flight = []
    while True:
        request_id = ids.next()
        note("intent", request_id)
        # Long records cross pages, where a kill can tear a write.
        asked = "m" * dice.choice([10, 100, 14_000])
        attempt = Attempt(request_id=request_id, state="open", started_ns=time.time_ns(), model_asked=asked)
        ticket = spool.open(attempt)
        note("opened", request_id)
        in_flight.append((attempt, ticket))
        time.sleep(0.0003)  # many kills matter more than many calls
        while len(in_flight) > dice.randrange(20):
            attempt, ticket = in_flight.pop(dice.randrange(len(in_flight)))
            cost = dice.randrange(10**12)
            spool.settle(ticket, msgspec.structs.replace(attempt, state="settled", cost_pico_usd=cost))
            note("settled", attempt.request_id, cost)


def drain(home: Path) -> None:
    store = Store(home / "ledger.db")
    while True:
        if alarms := drain_once(home / "spool", store, limit=200_000).alarms:
            raise SystemExit(f"alarms: {alarms}")


if __name__ == "__main__":
    {"worker": work, "drainer": drain}[sys.argv[1]](Path(sys.argv[2]))
