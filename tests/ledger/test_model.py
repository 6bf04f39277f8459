"""The spool, the reader and the store together, against the simplest account of what must be on record."""

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from engine.ledger.ingest import drain_once
from engine.ledger.spool import MIN_SEGMENT_BYTES, Spool
from engine.ledger.store import Store


@pytest.fixture
def machine(empty_ledger, attempts, rows):
    """Two workers that call, settle, stop, die and start again, while a drainer comes and goes."""

    class Machine(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.home = Path(tempfile.mkdtemp())
            self.database = Path(shutil.copy(empty_ledger, self.home / "ledger.db"))
            self.spool_directory = self.home / "spool"
            self.spools = {}
            self.in_flight = {0: [], 1: []}
            self.expected = {}
            self.store = Store(self.database)
            for worker in (0, 1):
                self.start(worker)

        def start(self, worker):
            self.spools[worker] = Spool(self.spool_directory, worker_name=f"w{worker}", segment_bytes=MIN_SEGMENT_BYTES)

        @rule(worker=st.integers(0, 1), size=st.sampled_from([0, 200, 20_000]))
        def call(self, worker, size):
            attempt = attempts.open(model_asked="m" * size)
            self.in_flight[worker].append((attempt, self.spools[worker].open(attempt)))
            self.expected[attempt.request_id] = {"open"}

        @precondition(lambda self: any(self.in_flight.values()))
        @rule(data=st.data())
        def settle(self, data):
            worker = data.draw(st.sampled_from([worker for worker, calls in self.in_flight.items() if calls]))
            calls = self.in_flight[worker]
            attempt, ticket = calls.pop(data.draw(st.integers(0, len(calls) - 1)))
            state = data.draw(st.sampled_from(["settled", "partial", "failed", "cancelled"]))
            self.spools[worker].settle(ticket, attempts.settled(attempt, state=state))
            self.expected[attempt.request_id] = {state}

        @rule(worker=st.integers(0, 1))
        def die(self, worker):
            """As kill -9 does: the locks are gone, nothing else happens."""
            spool = self.spools[worker]
            spool._ahead.result().close()
            for segment in list(spool._held):
                segment.close()
            spool._thread.shutdown()
            for attempt, _ in self.in_flight[worker]:
                self.expected[attempt.request_id] = {"open", "orphaned"}
            self.in_flight[worker] = []
            self.start(worker)

        @rule(worker=st.integers(0, 1))
        def stop(self, worker):
            if not self.in_flight[worker]:
                self.spools[worker].close()
                self.start(worker)

        @rule(limit=st.sampled_from([1, 100_000]))
        def drain(self, limit):
            done = drain_once(self.spool_directory, self.store, limit=limit)
            assert done.alarms == []

        @rule()
        def restart_control(self):
            self.store.close()
            self.store = Store(self.database)

        @invariant()
        def nothing_is_on_record_that_did_not_happen(self):
            for (request_id, _), row in rows(self.database).items():
                assert row.state in self.expected[request_id] | {"open"}

        def teardown(self):
            try:
                for spool in self.spools.values():
                    spool.close()
                while drain_once(self.spool_directory, self.store).attempts:
                    pass
                still_open = {attempt.request_id for calls in self.in_flight.values() for attempt, _ in calls}
                found = rows(self.database)
                assert {request_id for request_id, _ in found} == self.expected.keys()
                for (request_id, _), row in found.items():
                    states = self.expected[request_id]
                    assert row.state == "open" if request_id in still_open else row.state in states - {"open"}
            finally:
                self.store.close()
                for spool in self.spools.values():
                    for segment in list(spool._held):
                        segment.close()
                    spool._thread.shutdown()
                shutil.rmtree(self.home)

    return Machine


def test_every_call_ends_up_with_one_row_in_the_right_state(machine):
    run_state_machine_as_test(machine, settings=settings(max_examples=15, stateful_step_count=40, deadline=None))
