"""What a request costs the gateway, and what ledger and exact cost add to it: `python tests/benchmarks/bench_gateway.py`.

Four servers take turns in short rounds of one run, each pinned to the last core while upstream and client have the
first (`rig.py`):

    gateway     a worker of `catalog serve` as users start it
    stubbed     the same, started the same way, but no record is written and nothing is charged
    litestar    a raw Litestar handler on the same server: reads the body and answers, without an upstream
    upstream    the upstream itself, without anything between

The figure is the CPU time of the measured process a call: it hardly moves when other programs share the machine, which
requests a second do. Control stands still (SIGSTOP) while a round runs, for it would compete with the client for the
first core; what it needs to book the rounds is measured after them.
"""

# ruff: noqa: T201 - a benchmark's result is what it prints

import argparse
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))  # the harness of the system tests

import httpx  # noqa: E402
from harness.catalogs import CatalogDir  # noqa: E402
from harness.served import Served, wait_for  # noqa: E402
from rig import (  # noqa: E402
    MEASURED_CORE,
    Rig,
    Round,
    cpu_seconds,
    machine,
    median,
    percentile,
    pin,
    publish,
    rig,
    spread,
    table,
    wait_booked,
)
from rig_peers import ANSWER, CHAT, MESSAGES, request  # noqa: E402
from rig_profile import profile  # noqa: E402

SCRIPT = str(Path(__file__).resolve())
CHUNKS = 100
MODEL = "@test/model"

# What runs in processes of its own.


def stubbed_command(arguments: list[str]) -> None:
    """`catalog`, with the stubbed worker in the place of the real one."""
    from engine import serve
    from engine.cli.main import main

    real = serve._module

    def module(name: str, descriptors: list[int]) -> list[str]:
        command = real(name, descriptors)
        return (
            [sys.executable, SCRIPT, "--stubbed-worker", *command[3:]] if name == "engine.gateway.worker" else command
        )

    serve._module = module
    sys.argv = ["catalog", *arguments]
    main()


def stubbed_worker(arguments: list[str]) -> None:
    """The real worker, but that nothing is recorded and nothing is charged."""
    from engine.gateway import worker
    from engine.gateway.calls import Calls
    from engine.pricing.cost import Charge, PricePlan

    unknown = Charge(None, {}, "not computed")
    Calls.open_record = lambda _self, _attempt: None  # what has no beginning on record gets no end either
    PricePlan.charge = lambda _self, _meters, **_fields: unknown
    worker.main(arguments)


def raw_litestar(descriptor: int) -> None:
    """The least that Litestar does for a request on the worker's own server."""
    import uvloop
    from litestar import Litestar, asgi

    from engine.gateway.server import build_server

    head = {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))],
    }

    @asgi("/v1/chat/completions", copy_scope=False)
    async def answer(scope: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send(head)
        await send({"type": "http.response.body", "body": ANSWER})

    app = Litestar([answer], openapi_config=None, debug=False, logging_config=None)
    listen = socket.socket(fileno=descriptor)
    uvloop.run(build_server(app, grace_seconds=1).serve(sockets=[listen]))


class StubbedServed(Served):
    """`catalog serve` with the stubbed worker."""

    def __init__(self, *arguments: Any, **fields: Any) -> None:
        super().__init__(*arguments, **fields)
        after = self._command.index("serve")
        self._command = [sys.executable, SCRIPT, "--stubbed-command", *self._command[after:]]


@contextlib.contextmanager
def litestar() -> Iterator[tuple[int, int]]:
    """The raw handler in a process of its own: (port, pid)."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listen:
        port = listen.getsockname()[1]
        process = subprocess.Popen(
            [sys.executable, SCRIPT, "--raw-litestar", str(listen.fileno())], pass_fds=[listen.fileno()]
        )
        try:
            wait_for(lambda: _answers(port), message="Litestar does not answer")
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(10)


def _answers(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        httpx.post(f"http://127.0.0.1:{port}/v1/chat/completions", content=b"{}", timeout=2)
        return True
    return False


# The measuring.


class Target:
    """A server under load. Rounds pin it and set `control` aside."""

    def __init__(self, rig_: Rig, port: int, pid: int, key: str, control: int = 0) -> None:
        self.rig, self.port, self.pid, self.key, self.control = rig_, port, pid, key, control
        self.sent = 0

    def message(self, *, path: str = CHAT, **script: int) -> bytes:
        return request(f"127.0.0.1:{self.port}", self.key, MODEL, path=path, **script)

    def round(self, message: bytes, **load: float) -> Round:
        """One round; the CPU time is the measured process's."""
        with self.control_aside():
            done = self.rig.closed(self.port, message, self.pid, **load)  # type: ignore[arg-type]
        self.sent += done.done
        return done

    def latencies(self, rate: int) -> list[float]:
        """Microseconds of each of a second's requests."""
        with self.control_aside():
            found = self.rig.open(self.port, self.message(), rate=rate, calls=rate)
        self.sent += len(found)
        return found

    def profile(self, *, show_lines: bool = False) -> str:
        """Where the process's time goes while it answers plain requests."""
        return profile(
            self.pid, lambda seconds: self.round(self.message(), seconds=seconds).cpu_us, show_lines=show_lines
        )

    @contextlib.contextmanager
    def control_aside(self) -> Iterator[None]:
        """Let control stand still for a while."""
        if self.control:
            os.kill(self.control, signal.SIGSTOP)
        try:
            yield
        finally:
            if self.control:
                os.kill(self.control, signal.SIGCONT)


def in_turn(targets: dict[str, Target], measure: Callable[[Target], Any], rounds: int) -> dict[str, list[Any]]:
    """Every target once a round, in turns: what disturbs the machine disturbs them all."""
    found: dict[str, list[Any]] = {name: [] for name in targets}
    for _ in range(rounds):
        for name, target in targets.items():
            found[name].append(measure(target))
    return found


def in_pairs(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios within a round: what slows a round down slows both."""
    return median([one / other for one, other in zip(ours, theirs, strict=True)])


def plain_and_streams(targets: dict[str, Target], seconds: float, rounds: int) -> str:
    """CPU and rate of plain requests, CPU of streams."""

    def plain(target: Target) -> Round:
        return target.round(target.message(), seconds=seconds)

    def paced(target: Target) -> Round:
        return target.round(target.message(chunks=CHUNKS, gap_ms=5), connections=32, calls=96)

    def burst(target: Target) -> Round:
        return target.round(target.message(chunks=CHUNKS), connections=8, calls=200)

    for target in targets.values():
        target.round(target.message(), seconds=0.3)
    requests = in_turn(targets, plain, rounds)
    cpu = {name: [each.cpu_us for each in found] for name, found in requests.items()}
    rows = [
        (
            label,
            f"**{median(cpu[name]):.0f} µs**",
            spread(cpu[name]),
            f"{min(cpu[name]):.0f} µs",
            f"{in_pairs(cpu[name], cpu['stubbed']):.2f}",
            f"{1e6 / median(cpu[name]):,.0f}",
            f"{median([each.rate for each in requests[name]]):,.0f}",
            f"{max(each.rate for each in requests[name]):,.0f}",
        )
        for name, label in LABELS.items()
    ]
    head = ("plain requests", "CPU", "rounds", "least", "ratio", "1 s of CPU", "requests/s", "most")
    text = table(head, rows)

    streams = {name: targets[name] for name in ("gateway", "stubbed")}
    both = {
        "one by one, 5 ms apart": in_turn(streams, paced, rounds),
        "as fast as they come": in_turn(streams, burst, rounds),
    }
    stream_rows = []
    for kind, found in both.items():
        ours, bare = ([each.cpu_us / 1000 for each in found[name]] for name in ("gateway", "stubbed"))
        stream_rows.append(
            (kind, f"**{median(ours):.2f} ms**", spread(ours), f"{median(bare):.2f} ms", f"{in_pairs(ours, bare):.2f}")
        )
    text += "\n\n" + table(
        (f"streams of {CHUNKS} chunks", "CPU a stream", "rounds", "without ledger and cost", "ratio"), stream_rows
    )
    taken = [each.taken * 100 for found in requests.values() for each in found]
    return text + (
        f"\n\nOther programs took {median(taken):.0f} % of the measured core (median of the rounds; at most "
        f"{max(taken):.0f} %)."
    )


def crossed(gateway: Target, seconds: float, rounds: int) -> str:
    """What it costs more where the client speaks Anthropic's API and the provider OpenAI's."""
    loads: dict[str, dict[str, Any]] = {
        "a plain request": {"seconds": seconds},
        f"a stream of {CHUNKS} chunks, as fast as they come": {"connections": 8, "calls": 100},
    }
    rows = []
    for label, load in loads.items():
        script = {"chunks": CHUNKS} if "calls" in load else {}
        cpu: dict[str, list[float]] = {CHAT: [], MESSAGES: []}
        for _ in range(rounds):
            for path, found in cpu.items():
                found.append(gateway.round(gateway.message(path=path, **script), **load).cpu_us)
        rows.append(
            (
                label,
                f"{median(cpu[CHAT]):.0f} µs",
                f"**{median(cpu[MESSAGES]):.0f} µs**",
                f"{in_pairs(cpu[MESSAGES], cpu[CHAT]):.2f}",
            )
        )
    return table(("Anthropic's API to OpenAI's", "CPU, passed through", "crossed", "ratio"), rows)


LABELS = {
    "gateway": "gateway",
    "stubbed": "gateway without ledger and cost",
    "litestar": "raw Litestar handler, no upstream",
    "upstream": "upstream alone",
}


def latency(gateway: Target, stubbed: Target, upstream: Target, rate: int, rounds: int) -> str:
    """What the gateway adds to an answer's time while it has little to do."""

    targets = {"upstream": upstream, "stubbed": stubbed, "gateway": gateway}
    found = in_turn(targets, lambda target: target.latencies(rate), rounds)
    shares = (0.5, 0.99)
    usual, quiet = (
        {name: [choose([percentile(one, share) / 1000 for one in found[name]]) for share in shares] for name in targets}
        for choose in (median, min)
    )
    rows = []
    for name in targets:
        cells = []
        for times in (usual, quiet):
            added = [value - base for value, base in zip(times[name], times["upstream"], strict=True)]
            cells += [
                " / ".join(f"{value:.2f}" for value in times[name]),
                " / ".join(f"{value:+.2f}" for value in added),
            ]
        rows.append((LABELS[name], *(f"{cell} ms" for cell in cells)))
    return table((f"{rate} requests/s", "p50 / p99", "added", "quietest second", "added"), rows)


def booking(gateway: Target, served: Served) -> str:
    """What control needs for the records of a round; and that all calls until now are on record."""
    wait_booked(served.state, gateway.sent)
    used, calls = cpu_seconds(gateway.control), 5000
    gateway.round(gateway.message(), calls=calls)
    wait_booked(served.state, gateway.sent)
    used = cpu_seconds(gateway.control) - used
    return (
        f"Control books an attempt in {used / calls * 1e6:.0f} µs of CPU ({calls:,} in a row, into SQLite). All "
        f"{gateway.sent:,} calls made of this gateway until then were on record, each settled and with its cost."
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a round of plain requests")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--rate", type=int, default=500, help="requests a second for the latencies")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/figures.md")
    parser.add_argument("--only", choices=["profile"], help="nothing but the profile, also line by line")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory(prefix="bench-") as scratch, rig() as rig_, contextlib.ExitStack() as stack:
        upstream_origin = f"http://127.0.0.1:{rig_.upstream_port}"
        catalog = CatalogDir(Path(scratch) / "catalog", upstream_origin)
        catalog.price("1", "2")

        def start(kind: type[Served], name: str, marker: str) -> tuple[Served, Target]:
            served = stack.enter_context(
                kind(("--catalog", str(catalog.root)), Path(scratch) / name, origin=upstream_origin)
            )
            [worker] = served.children(marker)
            [control] = served.children("engine.control")
            pin(worker, MEASURED_CORE)
            return served, Target(rig_, int(served.url.rpartition(":")[2]), worker, catalog.key, control)

        served, gateway = start(Served, "gateway", "gateway.worker")
        if options.only == "profile":
            print(gateway.profile(show_lines=True))
            return
        _, stubbed = start(StubbedServed, "stubbed", "--stubbed-worker")
        litestar_port, litestar_pid = stack.enter_context(litestar())
        pin(litestar_pid, MEASURED_CORE)
        upstream = Target(rig_, rig_.upstream_port, rig_.upstream_pid, "")
        targets = {
            "gateway": gateway,
            "stubbed": stubbed,
            "litestar": Target(rig_, litestar_port, litestar_pid, ""),
            "upstream": upstream,
        }
        throughput = plain_and_streams(targets, options.seconds, options.rounds)
        across = crossed(gateway, options.seconds, options.rounds)
        delays = latency(gateway, stubbed, upstream, options.rate, options.rounds)
        parts = [throughput, across, delays, booking(gateway, served), gateway.profile(), f"*{machine()}*"]
    publish("gateway", "\n\n".join(parts), write=options.write)


if __name__ == "__main__":
    inner = {
        "--stubbed-command": stubbed_command,
        "--stubbed-worker": stubbed_worker,
        "--raw-litestar": lambda arguments: raw_litestar(int(arguments[0])),
    }
    run = inner.get(sys.argv[1]) if len(sys.argv) > 1 else None
    if run is not None:
        run(sys.argv[2:])
    else:
        main()
