"""Signals, restarts and draining, as whoever runs a host sees them."""

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest
from harness.catalogs import CatalogRepo
from harness.load import Ask, Load
from harness.served import Served, wait_for
from harness.upstream import ScriptedUpstream

# A killed worker is back within 2 s; twice that here, since other suites may share the cores.
BACK_SECONDS = 4.0


def _long_stream(_: random.Random) -> Ask:
    return Ask("gap=0.15 output=10", stream=True)


def _short(numbers: random.Random) -> Ask:
    return Ask("delay=0.05 gap=0.02", stream=numbers.random() < 0.5)


def _states(gateway: Served) -> dict[str, int]:
    """What is on record once nothing runs any more, straight from the file."""
    with contextlib.closing(sqlite3.connect(gateway.state / "ledger.db")) as database:
        return dict(database.execute("SELECT state, count(*) FROM attempts GROUP BY state").fetchall())


def _spool(gateway: Served) -> list[str]:
    return [path.name for path in (gateway.state / "spool").iterdir()]


@pytest.fixture
def pair(tmp_path: Path, repo: CatalogRepo, upstream: ScriptedUpstream):
    """A gateway with two workers."""
    source = ("--repo", str(repo.repo))
    with Served(source, tmp_path / "state", origin=upstream.origin, workers=2) as gateway:
        yield gateway


def test_sigterm_drains_streams_and_more_signals_do_no_harm(
    pair: Served, repo: CatalogRepo, upstream: ScriptedUpstream
) -> None:
    assert pair.process is not None
    with Load(lambda: pair.url, repo.key, _long_stream, clients=16) as load:
        wait_for(lambda: upstream.answering >= 16)
        pair.process.terminate()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            time.sleep(0.1)
            pair.process.send_signal(number)
        assert pair.process.wait(30) == 0
        outcomes = load.stop()
    answered = [outcome for outcome in outcomes if outcome.status]
    assert len(answered) >= 16
    assert [str(outcome) for outcome in answered if not outcome.ok] == []
    assert _states(pair) == {"settled": len(upstream.journal)}
    assert _spool(pair) == []
    assert "Traceback" not in pair.log()


def test_sigint_ends_it_well_too(gateway: Served) -> None:
    assert gateway.process is not None
    gateway.process.send_signal(signal.SIGINT)
    assert gateway.process.wait(30) == 0


def test_grace_that_is_over_ends_streams_with_a_typed_error(
    tmp_path: Path, repo: CatalogRepo, upstream: ScriptedUpstream
) -> None:
    scripts = iter([Ask("fault=stall", stream=True), Ask("fault=hang"), Ask("fault=hang", stream=True)])
    with Served(
        ("--repo", str(repo.repo)), tmp_path / "state", origin=upstream.origin, settings="drain: {grace: 500ms}\n"
    ) as gateway:
        with Load(lambda: gateway.url, repo.key, lambda _: next(scripts), clients=3) as load:
            wait_for(lambda: upstream.answering >= 3)
            load._stopping.set()
            time.sleep(0.2)
            began = time.monotonic()
            assert gateway.stop() == 0
            assert time.monotonic() - began < 10
            outcomes = load.stop()
        stalled = next(outcome for outcome in outcomes if outcome.ask.script == "fault=stall")
        last = stalled.body.decode().strip().split("\n\n")[-1]
        assert json.loads(last.removeprefix("data: "))["error"]["code"] == "shutting_down"
        assert b"[DONE]" not in stalled.body
        for outcome in outcomes:
            if outcome is not stalled:
                assert outcome.status == 503
                assert json.loads(outcome.body)["error"]["code"] == "shutting_down"
        assert _states(gateway) == {"partial": 1, "cancelled": 2}
        assert _spool(gateway) == []


def test_every_trigger_goes_through_one_function(gateway: Served, repo: CatalogRepo) -> None:
    assert gateway.process is not None
    began = gateway.status()["last_reload"]["at_ns"]
    gateway.process.send_signal(signal.SIGHUP)
    wait_for(lambda: gateway.status()["last_reload"]["trigger"] == "signal")
    reload = httpx.post(f"{gateway.admin}/-/reload")
    assert (reload.status_code, reload.json()["trigger"], reload.json()["verdict"]) == (200, "request", "unchanged")
    assert gateway.status()["last_reload"]["at_ns"] > began
    repo.write("models/test/model.yaml", "description: [\n")
    repo.commit("broken")
    wait_for(lambda: not gateway.status()["in_sync"])
    refused = httpx.post(f"{gateway.admin}/-/reload")
    assert (refused.status_code, refused.json()["trigger"], refused.json()["verdict"]) == (409, "request", "rejected")


def test_sighup_before_control_is_ready_kills_nothing(
    tmp_path: Path, repo: CatalogRepo, upstream: ScriptedUpstream
) -> None:
    source = ("--repo", str(repo.repo))
    with Served(source, tmp_path / "state", origin=upstream.origin, ready=False) as gateway:
        assert gateway.process is not None
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            gateway.process.send_signal(signal.SIGHUP)
            time.sleep(0.02)
        gateway.wait_ready()
        assert [event for event in gateway.events() if event["event"] == "died"] == []


def test_killed_worker_is_back_and_the_other_one_does_not_notice(
    pair: Served, repo: CatalogRepo, upstream: ScriptedUpstream
) -> None:
    with Load(lambda: pair.url, repo.key, _long_stream, clients=16) as load:
        wait_for(lambda: sum(worker["in_flight"] for worker in pair.status()["workers"]) >= 12)
        beats = sorted(pair.status()["workers"], key=lambda worker: worker["in_flight"])
        other, victim = (worker["pid"] for worker in beats)
        os.kill(victim, signal.SIGKILL)
        began = time.monotonic()
        wait_for(lambda: {worker["pid"] for worker in pair.status()["workers"]} - {victim, other})
        assert time.monotonic() - began < BACK_SECONDS
        outcomes = load.stop()
    rows = {row["request_id"]: row for row in pair.settled_attempts(len(upstream.journal))}
    assert other in pair.children("gateway.worker")
    for outcome in outcomes:
        if outcome.request_id and not rows[outcome.request_id]["worker"].endswith(f"-{victim}"):
            assert outcome.ok, outcome
    ends = Counter((row["worker"].endswith(f"-{victim}"), row["state"]) for row in rows.values())
    assert set(ends) <= {(True, "orphaned"), (True, "settled"), (False, "settled")}
    assert ends[True, "orphaned"] > 0


def test_killed_control_is_not_missed_and_the_ledger_catches_up(
    pair: Served, repo: CatalogRepo, upstream: ScriptedUpstream
) -> None:
    with Load(lambda: pair.url, repo.key, _short, clients=8) as load:
        for _ in range(3):
            seen = len(load.outcomes)
            wait_for(lambda seen=seen: len(load.outcomes) > seen + 30)
            (control,) = wait_for(lambda: pair.children("control.process"))
            os.kill(control, signal.SIGKILL)
            wait_for(lambda control=control: pair.children("control.process") not in ([], [control]))
        outcomes = load.stop()
    assert [str(outcome) for outcome in outcomes if not outcome.ok] == []
    wait_for(lambda: _answers(pair), message="control is not back")
    rows = pair.settled_attempts(len(outcomes))
    assert Counter(row["state"] for row in rows) == {"settled": len(outcomes)}
    repo.price("3", "4")
    assert pair.wait_revision(repo.commit("after")) < 5


def _answers(gateway: Served) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{gateway.admin}/api/status", timeout=2).status_code == 200
    return False


def test_killed_supervisor_leaves_nothing_behind_and_a_new_one_begins_at_once_on_the_same_ports(
    pair: Served, repo: CatalogRepo, upstream: ScriptedUpstream
) -> None:
    assert pair.process is not None
    pair._command[-3] = pair.url.removeprefix("http://")
    pair._command[-1] = pair.admin.removeprefix("http://")
    orphans = pair.children()
    with Load(lambda: pair.url, repo.key, _long_stream, clients=8) as load:
        wait_for(lambda: upstream.answering >= 8)
        os.kill(pair.process.pid, signal.SIGKILL)
        pair.process.wait(10)
        pair.start()
        before = len(upstream.journal)
        wait_for(lambda: len(upstream.journal) >= before + 8)
        outcomes = load.stop()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans), message="its children stay")
    answered = [outcome for outcome in outcomes if outcome.status]
    assert [str(outcome) for outcome in answered if not outcome.ok] == []
    rows = pair.settled_attempts(len(upstream.journal))
    assert Counter(row["state"] for row in rows) == {"settled": len(upstream.journal)}
    of_before = Counter(int(row["worker"].split("-")[1]) in orphans for row in rows)
    assert min(of_before[True], of_before[False]) > 0, "calls of before and after the change"


def test_log_that_nobody_reads_any_more_changes_nothing(
    gateway: Served, repo: CatalogRepo, upstream: ScriptedUpstream
) -> None:
    assert gateway.stop() == 0
    reading, writing = os.pipe()
    listen, admin = gateway.url.removeprefix("http://"), gateway.admin.removeprefix("http://")
    gateway._command[-3], gateway._command[-1] = listen, admin
    gateway.process = subprocess.Popen(gateway._command, env=gateway._env, stderr=writing, stdout=writing)
    os.close(writing)
    gateway.wait_ready()
    os.close(reading)
    repo.price("3", "4")
    assert gateway.wait_revision(repo.commit("unseen")) < 5
    repo.write("models/test/model.yaml", "description: [")
    repo.commit("broken")
    wait_for(lambda: not gateway.status()["in_sync"])
    assert gateway.status()["last_reload"]["verdict"] == "rejected"
    os.kill(gateway.children("gateway.worker")[0], signal.SIGKILL)
    wait_for(lambda: gateway.children("gateway.worker") and gateway.is_ready())
    assert gateway.stop() == 0


@pytest.mark.parametrize("child", ["engine.control.process", "engine.gateway.worker"])
@pytest.mark.parametrize("said", [b"", b'{"state": "/var/l'])
def test_child_whose_supervisor_was_killed_before_it_had_said_all_goes_quietly(child: str, said: bytes) -> None:
    reading, writing = os.pipe()
    os.write(writing, said)
    os.close(writing)
    ended = subprocess.run(
        [sys.executable, "-m", child, str(reading), "0", "0", "0", *(["0"] if "worker" in child else [])],
        pass_fds=[reading],
        capture_output=True,
        check=False,
    )
    os.close(reading)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
