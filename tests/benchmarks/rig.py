"""What the gateway's benchmarks share: an upstream and a client around a server, and whose CPU time it was.

The measured process has the last core for itself; upstream, client and everything else have the first.
"""

import contextlib
import multiprocessing
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig_peers import serve_client, serve_upstream

from engine.ledger.database import DATABASE_NAME
from engine.ledger.queries import Ledger

HERE = Path(__file__).resolve()
FIGURES = HERE.parents[2] / "docs" / "figures.md"
CORES = sorted(os.sched_getaffinity(0))
MEASURED_CORE, OTHER_CORE = CORES[-1], CORES[0]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process with all its threads, to the nanosecond (the kernel's clock of that process)."""
    return time.clock_gettime((~pid << 3) | 2)


def pin(pid: int, core: int) -> None:
    """Keep a running process, with all its threads, on one core."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


@dataclass
class Round:
    """One round of load: what `done` calls cost the measured process, and how long they took.

    `taken` is the share of the measured core that other programs used meanwhile.
    """

    done: int
    seconds: float
    cpu: float
    taken: float

    @property
    def cpu_us(self) -> float:
        """CPU time a call, in microseconds."""
        return self.cpu / self.done * 1e6

    @property
    def rate(self) -> float:
        """Calls a second, by the wall clock."""
        return self.done / self.seconds


@dataclass
class Rig:
    """The upstream and the client."""

    upstream_port: int
    upstream_pid: int
    _client: Any = field(repr=False)

    def closed(
        self, port: int, message: bytes, pid: int, *, connections: int = 32, seconds: float = 0.0, calls: int = 0
    ) -> Round:
        """Keep the server at `port` busy; the CPU time is that of `pid`."""
        self._client.send(
            (
                "closed",
                {"port": port, "message": message, "connections": connections, "seconds": seconds, "calls": calls},
            )
        )
        self._begin()
        busy, used, began = _busy(MEASURED_CORE), cpu_seconds(pid), time.perf_counter()
        self._client.send("go")
        told = self._result()
        used, elapsed = cpu_seconds(pid) - used, time.perf_counter() - began
        ours = used if os.sched_getaffinity(pid) == {MEASURED_CORE} else 0.0
        return Round(
            told["done"], told["seconds"], used, max(0.0, (_busy(MEASURED_CORE) - busy - ours) / max(elapsed, 0.01))
        )

    def open(self, port: int, message: bytes, *, rate: int, calls: int) -> list[float]:
        """The latencies of calls at a steady rate, in microseconds."""
        self._client.send(("open", {"port": port, "message": message, "rate": rate, "calls": calls}))
        self._begin()
        self._client.send("go")
        latencies: list[float] = self._result()["latencies"]
        return latencies

    def _begin(self) -> None:
        told = self._client.recv()
        assert told == "connected", told
        time.sleep(0.05)  # the server has accepted them all

    def _result(self) -> dict[str, Any]:
        told: dict[str, Any] = self._client.recv()
        if told["error"]:
            raise SystemExit(f"a request failed, so nothing was measured:\n{told['error']}")
        return told


@contextlib.contextmanager
def rig() -> Iterator[Rig]:
    """Start both on the first core, where this process and all that it starts stay too."""
    os.sched_setaffinity(0, {OTHER_CORE})
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    upstream = spawn.Process(target=serve_upstream, args=(theirs,), daemon=True)
    client_pipe, client_end = spawn.Pipe()
    client = spawn.Process(target=serve_client, args=(client_end,), daemon=True)
    upstream.start()
    client.start()
    try:
        assert upstream.pid is not None
        yield Rig(ours.recv(), upstream.pid, client_pipe)
    finally:
        for process in (client, upstream):
            process.kill()
            process.join()


def _busy(core: int) -> float:
    """Seconds that a core has worked, for whomever; what the hypervisor took counts as work of others."""
    for line in Path("/proc/stat").read_text(encoding="ascii").splitlines():
        if line.startswith(f"cpu{core} "):
            user, nice, system, _idle, _iowait, irq, softirq, steal = map(int, line.split()[1:9])
            return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    return 0.0


def wait_booked(state: Path, count: int, *, seconds: float = 120.0) -> None:
    """Wait until `count` attempts are in the ledger of a state directory, all settled, each with its cost."""
    deadline = time.monotonic() + seconds
    while True:
        with Ledger.open(state / DATABASE_NAME) as ledger:
            total = ledger.usage("revision").total
        if total.states == {"settled": count} and not total.unknown_cost:
            return
        if time.monotonic() > deadline:
            raise SystemExit(f"{count} settled attempts should be on record, these are: {total}")
        time.sleep(0.2)


# What is said about it.


def median(values: list[float]) -> float:
    return statistics.median(values)


def spread(values: list[float]) -> str:
    """How far the rounds are apart: "±6 %" is half the range over the median."""
    return f"±{(max(values) - min(values)) / 2 / (median(values) or 1) * 100:.0f} %"


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table, its numbers to the right."""
    lines = [head, ("---", *["---:"] * (len(head) - 1)), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine() -> str:
    """One line: on what this was measured."""
    info = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"model name\s*: (.+)", info)
    load = os.getloadavg()[0]
    return (
        f"{model[1] if model else os.uname().machine}, {len(CORES)} cores, Linux {os.uname().release.partition('-')[0]}, "
        f"Python {'.'.join(map(str, sys.version_info[:3]))}, {time.strftime('%Y-%m-%d', time.gmtime())}, "
        f"load average at the end {load:.1f}"
    )


def publish(name: str, text: str, *, write: bool) -> None:
    """Print the result; with `write`, also put it between the markers of `name` in docs/figures.md."""
    print(text)  # noqa: T201 - a benchmark's result is what it prints
    if not write:
        return
    begin, end = f"<!-- {name}: written by tests/benchmarks/", f"<!-- end of {name} -->"
    page = FIGURES.read_text(encoding="utf-8")
    head, marker, rest = page.partition(begin)
    first_line, _, rest = rest.partition("\n")
    _, close, tail = rest.partition(end)
    if not marker or not close:
        raise SystemExit(f"{FIGURES} has no markers for {name!r}")
    FIGURES.write_text(f"{head}{begin}{first_line}\n{text}\n{close}{tail}", encoding="utf-8")
