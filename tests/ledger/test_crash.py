"""kill -9 at random instants, of workers and of the drainer: every call that was made has exactly one row."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import engine
from engine.ledger.reader import segments
from engine.ledger.store import Store

CYCLES = 5
SCRIPT = Path(__file__).with_name("crashing_worker.py")


@pytest.fixture
def start(tmp_path):
    """Starts a process of the test; none outlives it."""
    started = []
    environment = os.environ | {"PYTHONPATH": str(Path(engine.__file__).parents[1])}

    def start(role):
        command = [sys.executable, SCRIPT, role, tmp_path]
        started.append(subprocess.Popen(command, stderr=subprocess.PIPE, env=environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


def test_no_call_is_lost_doubled_or_invented(tmp_path, database, rows, drain, start):
    dice = random.Random()
    written = tmp_path / "journal"
    written.touch()
    for _ in range(CYCLES):
        running = [start("worker"), start("worker"), start("drainer")]
        begun = written.stat().st_size
        deadline = time.monotonic() + 20
        while written.stat().st_size == begun:
            assert time.monotonic() < deadline, [process.poll() for process in running]
            time.sleep(0.005)
        dice.shuffle(running)
        for process in running:
            time.sleep(dice.uniform(0, 0.15))
            process.kill()
        for process in running:
            assert process.wait() == -signal.SIGKILL, process.stderr.read().decode()

    assert rows(database)  # it can be read as the kill left it
    store = Store(database)
    done = drain(tmp_path / "spool", store)
    assert [*store.alarms, *done.alarms] == []
    assert segments(tmp_path / "spool") == []
    store.close()

    journal = [line.split() for line in written.read_text().splitlines()]
    noted = {
        word: {line[1]: line[2:] for line in journal if line[0] == word} for word in ("intent", "opened", "settled")
    }
    found = {request_id: row for (request_id, _), row in rows(database).items()}
    assert len(noted["settled"]) > 100
    assert noted["opened"].keys() <= found.keys() <= noted["intent"].keys()
    for request_id, row in found.items():
        if request_id in noted["settled"]:
            assert (row.state, row.cost_pico_usd) == ("settled", int(noted["settled"][request_id][0]))
        else:
            # Killed in flight; or between the settle and its line in the journal.
            assert row.state in {"orphaned", "settled"}
            assert (row.cost_pico_usd is None) == (row.state == "orphaned")
    in_flight = noted["opened"].keys() - noted["settled"].keys()
    assert any(found[request_id].state == "orphaned" for request_id in in_flight)
