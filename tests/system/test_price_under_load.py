"""A price is committed while hundreds of requests are in flight."""

import random
import statistics
import sys
import time
from collections import defaultdict
from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import httpx
from harness.catalogs import CatalogRepo
from harness.load import Ask, Load, exact_cost_usd
from harness.served import Served, wait_for
from harness.upstream import ScriptedUpstream

IN_FLIGHT = 200
COMMITS = 5


def _mixed(numbers: random.Random) -> Ask:
    tokens = f"input={numbers.randrange(1, 5000)} output={numbers.randrange(3, 8)}"
    if numbers.random() < 0.5:
        return Ask(f"delay={numbers.uniform(0.5, 1.5):.3f} {tokens}")
    return Ask(f"gap={numbers.uniform(0.1, 0.3):.3f} {tokens}", stream=True)


def _seconds_until_live(gateway: Served, commit: str) -> float:
    """Until the last answer that still named another commit, asked on connections that any worker may take."""
    began = last_old = time.monotonic()
    new = 0
    while new < 20:
        assert time.monotonic() - began < 10, f"{commit} is not live"
        if httpx.get(f"{gateway.url}/v1/models", timeout=5).headers["x-catalog-revision"] == commit:
            new += 1
        else:
            new, last_old = 0, time.monotonic()
    return last_old - began


def test_no_request_fails_and_every_row_has_the_commit_and_the_rates_it_was_priced_with(
    tmp_path: Path, repo: CatalogRepo, upstream: ScriptedUpstream
) -> None:
    prices = {repo.git("rev-parse", "HEAD"): ("1", "2")}
    live: list[tuple[float, str]] = []
    seconds: list[float] = []
    with Served(("--repo", str(repo.repo)), tmp_path / "state", origin=upstream.origin, workers=2) as gateway:
        with Load(lambda: gateway.url, repo.key, _mixed, clients=IN_FLIGHT) as load:
            for number in range(COMMITS):
                wait_for(lambda: upstream.answering >= IN_FLIGHT * 3 // 4, message="the load does not build up")
                price = (f"{number + 3}.000000000001", f"0.{number + 1}7")
                repo.price(*price)
                commit = repo.commit(f"price {number}")
                prices[commit] = price
                seconds.append(_seconds_until_live(gateway, commit))
                live.append((time.time(), commit))
                time.sleep(0.4)
            outcomes = load.stop()
        rows = {row["request_id"]: row for row in gateway.settled_attempts(len(outcomes))}
        assert gateway.status()["workers"]
        assert {worker["revision"] for worker in gateway.status()["workers"]} == {live[-1][1]}
    sys.stdout.write(f"live after {[round(value * 1000) for value in seconds]} ms, {IN_FLIGHT} calls in flight\n")

    assert [str(outcome) for outcome in outcomes if not outcome.ok] == []
    assert len(rows) == len(outcomes) == len(upstream.journal)
    for outcome in outcomes:
        row = rows[outcome.request_id]
        assert row["state"] == "settled"
        assert row["revision"] == outcome.headers["x-catalog-revision"]
        assert (row["rates"]["input_mtok"], row["rates"]["output_mtok"]) == prices[row["revision"]]
        script = upstream.journal[f"{row['request_id']}.1"].script
        assert (row["meters"]["input_tokens"], row["meters"]["output_tokens"]) == (script.input, script.output)
        cost = Fraction(row["cost_usd"])
        assert cost == exact_cost_usd(row)
        if not outcome.ask.stream:
            assert Fraction(outcome.headers["x-catalog-cost-usd"]) == cost

    workers: dict[str, set[str]] = defaultdict(set)
    for row in rows.values():
        workers[row["revision"]].add(row["worker"])
    assert all(len(workers[commit]) == 2 for commit in prices), "each worker served each commit"
    _assert_pinned(list(rows.values()), live, list(prices))
    assert statistics.median(seconds) < 0.5
    assert max(seconds) < 3


def _assert_pinned(rows: list[dict], live: list[tuple[float, str]], commits: list[str]) -> None:
    """What began under one commit ends under it; what began once the next was live is that one's."""
    spanning = 0
    for moment, commit in live:
        place = commits.index(commit)
        for row in rows:
            began = datetime.fromisoformat(row["started_at"])
            ended = (began + timedelta(microseconds=row["duration_us"])).timestamp()
            if began.timestamp() > moment:
                assert commits.index(row["revision"]) >= place
            elif ended > moment and commits.index(row["revision"]) < place:
                spanning += 1
    assert spanning > IN_FLIGHT // 10, "calls in flight kept their commit to the end"


def test_quick_commits_end_with_the_last_one(gateway: Served, repo: CatalogRepo) -> None:
    for number in range(3, 18):
        repo.price(str(number), "2")
        commit = repo.commit(f"price {number}")
    assert gateway.wait_revision(commit) < 3
    assert gateway.status()["in_sync"] is True
