"""Processes are killed at random instants while clients come and go; then the ledger is held against the upstream's journal.

CHAOS_CYCLES says how often, CHAOS_SEED repeats a run's decisions (not its timing).
"""

import contextlib
import os
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness.catalogs import CatalogRepo
from harness.load import Ask, Load, Outcome, exact_cost_usd
from harness.served import Served, wait_for
from harness.upstream import ScriptedUpstream

CYCLES = int(os.environ.get("CHAOS_CYCLES") or 20)
SEED = int(os.environ.get("CHAOS_SEED") or time.time_ns() % 1_000_000)

STRIKES = ("worker", "worker", "worker", "control", "control", "supervisor", "everything", "everything", "terminate")
CANCELLING = "@test/cancelling"


def _ask(numbers: random.Random) -> Ask:
    stream = numbers.random() < 0.5
    tokens = f"input={numbers.randrange(1, 3000)} output={numbers.randrange(2, 9)}"
    pace = f"gap={numbers.uniform(0, 0.04):.3f}" if stream else f"delay={numbers.uniform(0, 0.2):.3f}"
    leave = numbers.choice(("", "", "", "", "", "", "sending", "waiting", "waiting", "reading", "reading"))
    model = CANCELLING if numbers.random() < 0.3 else "@test/model"
    return Ask(f"{pace} {tokens}", stream, leave, model)


class Chaos:
    """A gateway that is struck again and again. `killed` are the pids that got SIGKILL."""

    def __init__(self, gateway: Served, repo: CatalogRepo) -> None:
        self.gateway = gateway
        self.repo = repo
        self.random = random.Random(SEED)
        self.killed: set[int] = set()
        self.orphans: set[int] = set()
        self.prices = {repo.git("rev-parse", "HEAD"): ("1", "2")}
        self.strikes: Counter[str] = Counter()

    def cycle(self) -> None:
        """Let the load run for a moment, perhaps commit a price, and strike."""
        time.sleep(self.random.uniform(0.05, 0.5))
        if self.random.random() < 0.3:
            price = (f"{self.random.randrange(1, 10**6)}", f"0.{self.random.randrange(1, 10**6):06}")
            self.repo.price(*price)
            self.prices[self.repo.commit("price")] = price
            time.sleep(self.random.uniform(0, 0.1))
        strike = self.random.choice(STRIKES)
        self.strikes[strike] += 1
        getattr(self, f"_{strike}")()

    def _worker(self) -> None:
        self._kill(self.gateway.children("gateway.worker")[:1])

    def _control(self) -> None:
        self._kill(self.gateway.children("control.process"))

    def _supervisor(self) -> None:
        """Its children see it and leave, while a new one already begins."""
        assert self.gateway.process is not None
        self.orphans |= set(self.gateway.children())
        self._kill([self.gateway.process.pid])
        self.gateway.process.wait(10)
        self.gateway.start()

    def _everything(self) -> None:
        assert self.gateway.process is not None
        pids = [*self.gateway.children(), self.gateway.process.pid]
        self.random.shuffle(pids)
        self._kill(pids)
        self.gateway.process.wait(10)
        self.gateway.start()

    def _terminate(self) -> None:
        assert self.gateway.stop() == 0
        self.gateway.start()

    def _kill(self, pids: list[int]) -> None:
        self.killed |= set(pids)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.chaos
@pytest.mark.timeout(60 + 12 * CYCLES)
def test_every_attempt_of_the_upstreams_journal_has_exactly_one_right_row(
    tmp_path: Path, repo: CatalogRepo, upstream: ScriptedUpstream
) -> None:
    sys.stdout.write(f"CHAOS_SEED={SEED} CHAOS_CYCLES={CYCLES}\n")
    repo.write("models/test/cancelling.yaml", _cancelling())
    repo.commit("a model whose calls are cancelled when the client leaves")
    with Served(
        ("--repo", str(repo.repo)),
        tmp_path / "state",
        origin=upstream.origin,
        workers=2,
        settings="drain: {grace: 3s}\n",
    ) as gateway:
        chaos = Chaos(gateway, repo)
        with Load(lambda: gateway.url, repo.key, _ask, clients=30, seed=SEED) as load:
            for _ in range(CYCLES):
                chaos.cycle()
            time.sleep(0.3)
            chaos._everything()
            outcomes = load.stop()
        wait_for(lambda: upstream.answering == 0, message="the upstream still answers")
        wait_for(lambda: not any(map(_exists, chaos.orphans)), message="children outlived their supervisor")
        chaos._everything()
        rows = gateway.settled_attempts(len(upstream.journal), seconds=30)
        assert gateway.stop() == 0
        log = gateway.log_file.read_text(encoding="utf-8")
    sys.stdout.write(f"{dict(chaos.strikes)} {len(outcomes)} requests, {len(upstream.journal)} reached the upstream, ")
    sys.stdout.write(f"rows {dict(Counter(row['state'] for row in rows))}\n")
    _check_rows(rows, outcomes, upstream, chaos)
    for fault in ("Traceback", "internal error"):
        assert fault not in log, log[max(0, log.index(fault) - 500) :][:4000]
    assert not list((tmp_path / "state" / "spool").glob("quarantine/*"))
    with contextlib.closing(sqlite3.connect(tmp_path / "state" / "ledger.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _cancelling() -> str:
    return (
        "description: Not read on for clients that left\ntype: custom\nupstream_model: other\n"
        'pricing: {input_mtok: "5", output_mtok: "7"}\non_disconnect: cancel\nowner: team-tests\n'
    )


def _exists(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except OSError:
        return False


def _check_rows(rows: list[dict[str, Any]], outcomes: list[Outcome], upstream: ScriptedUpstream, chaos: Chaos) -> None:
    by_attempt = {f"{row['request_id']}.{row['attempt']}": row for row in rows}
    by_request = {outcome.request_id: outcome for outcome in outcomes if outcome.request_id}
    assert len(by_attempt) == len(rows), "a row stands twice"
    assert upstream.duplicates == [], "an attempt went out twice"
    assert set(upstream.journal) - set(by_attempt) == set(), "an attempt is not on record"
    for attempt in set(by_attempt) - set(upstream.journal):
        _check_unsent(by_attempt[attempt])
    for attempt, received in upstream.journal.items():
        row = by_attempt[attempt]
        outcome = by_request.get(row["request_id"])
        try:
            _check_row(row, received.script.input, received.script.output, chaos)
            if outcome is not None and outcome.ok:
                assert row["state"] == "settled", "the client has the whole answer"
                assert row["revision"] == outcome.headers["x-catalog-revision"]
                shown = outcome.headers.get("x-catalog-cost-usd", row["cost_usd"])
                assert Fraction(row["cost_usd"]) == Fraction(shown)
            if received.finished and row["model"] != CANCELLING and _worker_pid(row) not in chaos.killed:
                assert row["state"] == "settled", "the upstream finished and nobody killed the worker"
        except AssertionError as error:
            raise AssertionError(f"{error}\nrow: {row}\njournal: {received}\nclient: {outcome}") from None


def _check_row(row: dict[str, Any], input_tokens: int, output_tokens: int, chaos: Chaos) -> None:
    if row["state"] == "orphaned":
        assert _worker_pid(row) in chaos.killed, "only a killed worker leaves an attempt without its end"
    if row["state"] == "settled" or row["cost_usd"] is not None:
        assert (row["meters"]["input_tokens"], row["meters"]["output_tokens"]) == (input_tokens, output_tokens)
        assert Fraction(row["cost_usd"]) == exact_cost_usd(row)
        expected = ("5", "7") if row["model"] == CANCELLING else chaos.prices[row["revision"]]
        assert (row["rates"]["input_mtok"], row["rates"]["output_mtok"]) == expected
    else:
        assert row["state"] in ("orphaned", "cancelled", "partial", "failed")


def _check_unsent(row: dict[str, Any]) -> None:
    """On record, and not in the journal: killed, left or failed before the upstream had all of it."""
    assert row["state"] in ("orphaned", "cancelled", "failed"), row
    assert row["cost_usd"] in (None, "0"), row


def _worker_pid(row: dict[str, Any]) -> int:
    return int(row["worker"].split("-")[1])


def test_restarted_gateway_answers(gateway: Served, repo: CatalogRepo) -> None:
    """What chaos builds on: kill -9 for everything at once, and the next start is a normal one."""
    gateway.kill_everything()
    gateway.start()
    reply = httpx.get(f"{gateway.url}/v1/models", headers={"authorization": f"Bearer {repo.key}"})
    assert reply.status_code == 200
