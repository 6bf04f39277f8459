"""What starting costs, and what stays in memory: `python tests/benchmarks/bench_commands.py`.

Commands are started again and again on one core, in turns with an empty Python; `serve` has all cores.
Wall time is what a user waits; CPU time is what hardly changes when other programs share the machine.
"""

import argparse
import contextlib
import http.client
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # the harness of the system tests

from harness.catalogs import CatalogDir, CatalogRepo  # noqa: E402
from harness.served import Served  # noqa: E402
from rig import MEASURED_CORE, Rig, cpu_seconds, machine, median, publish, rig, spread, table, wait_booked  # noqa: E402
from rig_peers import request  # noqa: E402

from engine.cli.main import COMMANDS  # noqa: E402
from engine.shipped import shipped  # noqa: E402

CATALOG = str(Path(sys.executable).parent / "catalog")
REQUESTS = 5_000


def run_on_measured_core(command: list[str]) -> tuple[float, float]:
    """Run a command; (milliseconds, CPU milliseconds)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(["taskset", "-c", str(MEASURED_CORE), *command], capture_output=True, text=True, check=False)
    took = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return took * 1000, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def commands(rounds: int) -> str:
    """`catalog --help` and `catalog validate`, beside an empty Python; and of all commands' help the slowest."""
    timed = {
        "`python -c pass`": ([sys.executable, "-c", "pass"], None),
        "`catalog --help`": ([CATALOG, "--help"], 150),
        "`catalog validate` of the shipped catalog": ([CATALOG, "validate", str(shipped("catalog"))], 500),
    }
    helps = {f"`catalog {name} --help`, the slowest of all": ([CATALOG, name, "--help"], 150) for name in COMMANDS}
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in (*timed, *helps)}
    for _ in range(rounds):
        for name, (command, _target) in (timed | helps).items():
            found[name].append(run_on_measured_core(command))
    slowest = max(helps, key=lambda name: median([wall for wall, _ in found[name]]))
    rows = []
    for name, (_command, target) in (timed | {slowest: helps[slowest]}).items():
        wall, cpu = ([each[index] for each in found[name]] for index in (0, 1))
        rows.append(_row(name, wall, f"{median(cpu):.0f} ms", target))
    return table(("command", "wall, median", "fastest", "rounds", "CPU", "aim"), rows)


def _row(name: str, wall: list[float], cpu: str, target: int | None) -> tuple[str, ...]:
    aim = f"< {target} ms" if target else ""
    return (name, f"**{median(wall):.0f} ms**", f"{min(wall):.0f} ms", spread(wall), cpu, aim)


def starting(rounds: int, scratch: Path) -> str:
    """`catalog serve` from the command to the first 200 of /readyz."""
    catalog = CatalogRepo(scratch / "start", "http://127.0.0.1:9")
    kinds = {"nothing in the state directory": False, "the state of a stopped one": True}
    found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        for kind, again in kinds.items():
            state = scratch / f"state-{number if not again else 'again'}"
            if again and not state.exists():
                _stop(_start(catalog, state)[0])
            served, took = _start(catalog, state)
            found[kind].append((took, _cpu_of_all(served)))
            _stop(served)
            if not again:
                shutil.rmtree(state)
    rows = []
    for kind, times in found.items():
        wall, cpu = ([each[index] for each in times] for index in (0, 1))
        rows.append(_row(kind, wall, f"{median(cpu):.0f} ms", 2000))
    head = ("`catalog serve` until /readyz says 200", "wall, median", "fastest", "rounds", "CPU, all processes", "aim")
    return table(head, rows)


def _start(catalog: CatalogRepo, state: Path) -> tuple[Served, float]:
    served = Served(("--repo", str(catalog.repo)), state)
    began = time.perf_counter()
    served.start(ready=False)
    host, _, port = served.url.removeprefix("http://").rpartition(":")
    while True:
        with contextlib.suppress(OSError), contextlib.closing(http.client.HTTPConnection(host, int(port))) as asked:
            asked.request("GET", "/readyz")
            if asked.getresponse().status == 200:
                return served, (time.perf_counter() - began) * 1000
        time.sleep(0.002)


def _cpu_of_all(served: Served) -> float:
    """CPU milliseconds of the supervisor, control and the worker until now."""
    assert served.process is not None
    return sum(map(cpu_seconds, [served.process.pid, *served.children()])) * 1000


def _stop(served: Served) -> None:
    code = served.stop()
    assert code == 0, served.log()


def memory(rig_: Rig, scratch: Path) -> str:
    """Resident memory of a worker and of control, fresh and after many requests."""
    origin = f"http://127.0.0.1:{rig_.upstream_port}"
    catalog = CatalogDir(scratch / "memory", origin)
    with Served(("--catalog", str(catalog.root)), scratch / "memory-state", origin=origin) as served:
        [worker], [control] = served.children("gateway.worker"), served.children("engine.control")
        assert served.process is not None
        pids = {"worker": worker, "control": control, "supervisor": served.process.pid}
        columns = {"fresh": _memory(pids)}
        port = int(served.url.rpartition(":")[2])
        host = f"127.0.0.1:{port}"
        rig_.closed(port, request(host, catalog.key, "@test/model"), worker, calls=REQUESTS)
        columns[f"after {REQUESTS:,} plain"] = _memory(pids)
        rig_.closed(port, request(host, catalog.key, "@test/model", chunks=20), worker, calls=REQUESTS)
        wait_booked(served.state, 2 * REQUESTS)
        columns[f"and {REQUESTS:,} streamed, all booked"] = _memory(pids)
    rows = []
    for name in pids:
        cells = [f"{column[name][0]:.0f} MB ({column[name][1]:.0f})" for column in columns.values()]
        if name == "worker":
            cells = [f"**{cell}**" for cell in cells]
        rows.append((name, *cells, "< 100 MB" if name == "worker" else ""))
    return table(("resident (its own alone)", *columns, "aim"), rows)


def _memory(pids: dict[str, int]) -> dict[str, tuple[float, float]]:
    """Megabytes by process: resident, and what it shares with no other process."""
    found = {}
    for name, pid in pids.items():
        sizes = {}
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]:
            field, _, size = line.partition(":")
            sizes[field] = int(size.split()[0]) * 1024 / 1e6
        found[name] = (sizes["Rss"], sizes["Private_Clean"] + sizes["Private_Dirty"])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--write", action="store_true", help="put the figures into docs/figures.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        scratch = Path(name)
        parts = [commands(options.rounds), starting(max(3, options.rounds // 2), scratch)]
        with rig() as rig_:
            parts.append(memory(rig_, scratch))
    publish("commands", "\n\n".join([*parts, f"*{machine()}*"]), write=options.write)


if __name__ == "__main__":
    main()
