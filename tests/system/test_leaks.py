"""Hundreds of reloads and thousands of requests leave memory, open files and threads where they were."""

import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from harness.catalogs import CatalogRepo
from harness.load import Ask, Load
from harness.served import Served, wait_for
from harness.upstream import ScriptedUpstream

RELOADS = 300
WARM_UP = 60
REQUESTS = 2000
MAX_GROWTH_MIB = 16


@dataclass(frozen=True)
class Usage:
    """What one process holds."""

    resident_mib: float
    files: int
    threads: int

    @classmethod
    def of(cls, pid: int) -> "Usage":
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        fields = dict(line.split(":", 1) for line in status.splitlines())
        files = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208
        return cls(int(fields["VmRSS"].split()[0]) / 1024, files, int(fields["Threads"]))


def _commits(repo: CatalogRepo, count: int) -> list[str]:
    """A chain of commits that differ in one price, made without a process for each."""
    stream = []
    parent = repo.git("rev-parse", "HEAD")
    text = (repo.root / "models/test/model.yaml").read_text(encoding="utf-8")
    for number in range(count):
        data = text.replace('"1"', f'"{number + 3}"')
        stream += [
            f"commit refs/heads/prepared\nmark :{number + 1}\ncommitter t <t@example.invalid> {1_800_000_000 + number} +0000",
            f"data 1\nx\nfrom {parent}",
            f"M 100644 inline catalog/models/test/model.yaml\ndata {len(data)}\n{data}\n",
        ]
        parent = f":{number + 1}"
    marks = repo.repo / "marks"
    repo.git_input("\n".join(stream), "fast-import", "--quiet", f"--export-marks={marks}")
    by_number = dict(line.split() for line in marks.read_text(encoding="utf-8").splitlines())
    return [by_number[f":{number + 1}"] for number in range(count)]


def _follow(gateway: Served, repo: CatalogRepo, commits: list[str]) -> None:
    with httpx.Client() as client:
        for commit in commits:
            (repo.repo / ".git/refs/heads/main").write_text(f"{commit}\n", encoding="ascii")
            reply = client.post(f"{gateway.admin}/-/reload", timeout=10)
            assert reply.json()["revision"] == commit, reply.text


def test_processes_stay_as_small_as_they_were(gateway: Served, repo: CatalogRepo, upstream: ScriptedUpstream) -> None:
    (worker,) = gateway.children("gateway.worker")
    (control,) = gateway.children("control.process")
    commits = _commits(repo, RELOADS)

    def ask(numbers: random.Random) -> Ask:
        return Ask("output=2", stream=numbers.random() < 0.5, leave=numbers.choice(("", "", "", "", "", "reading")))

    def measured() -> dict[str, Usage]:
        wait_for(lambda: upstream.answering == 0 and gateway.status()["workers"][0]["in_flight"] == 0)
        gateway.settled_attempts(len(upstream.journal), seconds=30)
        time.sleep(0.3)
        return {"worker": Usage.of(worker), "control": Usage.of(control)}

    with Load(lambda: gateway.url, repo.key, ask, clients=8) as load:
        _follow(gateway, repo, commits[:WARM_UP])
        wait_for(lambda: len(load.outcomes) > REQUESTS // 3, seconds=60)
    before = measured()
    with Load(lambda: gateway.url, repo.key, ask, clients=8) as load:
        _follow(gateway, repo, commits[WARM_UP:])
        wait_for(lambda: len(load.outcomes) > REQUESTS, seconds=60)
    assert gateway.wait_revision(commits[-1]) < 5
    after = measured()

    for name, now in after.items():
        then = before[name]
        assert now.resident_mib - then.resident_mib < MAX_GROWTH_MIB, (name, then, now)
        assert abs(now.files - then.files) <= 6, (name, then, now)
        assert abs(now.threads - then.threads) <= 4, (name, then, now)
    assert after["worker"].resident_mib < 100
    assert len(list((gateway.state / "snapshots").iterdir())) <= 6
