"""What the gateway's benchmarks share: an upstream and a client as processes of their own, and whose CPU time it was.

The measured process has the last core for itself; upstream, client and everything else have the first. Both are bare
uvloop protocols (about 20 µs a request together), so that they are not what is measured.
"""

import asyncio
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import re
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from engine.ledger.database import DATABASE_NAME
from engine.ledger.queries import Ledger

HERE = Path(__file__).resolve()
FIGURES = HERE.parents[2] / "docs" / "figures.md"
CORES = sorted(os.sched_getaffinity(0))
MEASURED_CORE, OTHER_CORE = CORES[-1], CORES[0]

_TEXT = " ".join(["The quick brown fox jumps over the lazy dog."] * 6)
ANSWER = (
    '{"id":"chatcmpl-0123456789abcdefghij","object":"chat.completion","created":1764000000,"model":"upstream-name",'
    '"choices":[{"index":0,"message":{"role":"assistant","content":"' + _TEXT + '"},"finish_reason":"stop"}],'
    '"usage":{"prompt_tokens":230,"completion_tokens":61,"total_tokens":291,"prompt_tokens_details":'
    '{"cached_tokens":128},"completion_tokens_details":{"reasoning_tokens":0}}}'
).encode()
PLAIN = (
    b"HTTP/1.1 200 OK\r\ndate: Mon, 01 Jan 2026 00:00:00 GMT\r\nserver: bench\r\ncontent-type: application/json\r\n"
    b"x-request-id: req_0123456789abcdef\r\nx-ratelimit-remaining-requests: 9999\r\ncontent-length: %d\r\n\r\n%s"
    % (len(ANSWER), ANSWER)
)
_EVENT = b'data: {"id":"chatcmpl-0123456789abcdefghij","object":"chat.completion.chunk","created":1764000000,"model":"upstream-name","choices":%s}\n\n'
_WORD = _EVENT % b'[{"index":0,"delta":{"content":" word"},"finish_reason":null}]'
_LAST = (
    _EVENT % b'[{"index":0,"delta":{},"finish_reason":"stop"}]',
    _EVENT[:-3] % b"[]" + b',"usage":{"prompt_tokens":230,"completion_tokens":100,"total_tokens":330}}\n\n',
    b"data: [DONE]\n\n",
)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
_STREAM = re.compile(rb"chunks=(\d+) gap_ms=(\d+)")


def request(host: str, key: str, model: str, *, chunks: int = 0, gap_ms: int = 0) -> bytes:
    """A chat request of about 1 KB with the headers of OpenAI's client; with `chunks`, a streamed one."""
    script = f"chunks={chunks} gap_ms={gap_ms} " if chunks else ""
    fields = f'"model":"{model}","temperature":0.2,"max_tokens":256' + (',"stream":true' if chunks else "")
    system = '{"role":"system","content":"You are a support assistant. Answer in one paragraph."}'
    text = (script + "Please summarise this ticket for me. " * 20)[:650]
    body = f'{{{fields},"messages":[{system},{{"role":"user","content":"{text}"}}]}}'
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: {host}\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive"
        "\r\nAccept: application/json\r\nContent-Type: application/json\r\nUser-Agent: OpenAI/Python 2.0.0\r\n"
        "X-Stainless-Lang: python\r\nX-Stainless-Package-Version: 2.0.0\r\nX-Stainless-OS: Linux\r\n"
        "X-Stainless-Arch: x64\r\nX-Stainless-Runtime: CPython\r\nX-Stainless-Runtime-Version: 3.11.7\r\n"
        f"X-Stainless-Async: false\r\nX-Stainless-Retry-Count: 0\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


# The upstream.


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


_WORD_CHUNK = _chunk(_WORD)
_LAST_CHUNKS = b"".join(map(_chunk, _LAST)) + b"0\r\n\r\n"


class _Upstream(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self._transport, self._got = transport, b""

    def data_received(self, data: bytes) -> None:
        self._got += data
        head_end = self._got.find(b"\r\n\r\n")
        if head_end < 0:
            return
        length = _LENGTH.search(self._got, 0, head_end + 2)
        if length is None or len(self._got) < head_end + 4 + int(length[1]):
            return
        script = _STREAM.search(self._got, head_end)
        self._got = b""
        if script is None:
            self._transport.write(PLAIN)
        else:
            self._transport.write(STREAM_HEAD)
            self._more(int(script[1]), int(script[2]) / 1000)

    def _more(self, left: int, gap: float) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(_WORD_CHUNK if left else _LAST_CHUNKS)
        if left:
            loop = asyncio.get_running_loop()
            if gap:
                loop.call_later(gap, self._more, left - 1, gap)
            else:
                loop.call_soon(self._more, left - 1, gap)


def _serve_upstream(pipe: multiprocessing.connection.Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(_Upstream, "127.0.0.1", 0, backlog=1024)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


# The client.


class _Connection(asyncio.Protocol):
    """Sends one request at a time and tells `on_answer(connection, microseconds)`."""

    def __init__(self, message: bytes, on_answer: Callable[["_Connection", float], None]) -> None:
        self._message, self._on_answer = message, on_answer
        self._streamed = b"chunks=" in message
        self._got = b""
        self.error = ""
        self.busy = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def send(self) -> None:
        self.busy = True
        self._began = time.perf_counter()
        self.transport.write(self._message)

    def data_received(self, data: bytes) -> None:
        self._got = got = self._got + data if self._got else data
        if self._streamed:
            complete = got.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
            if not complete and got.startswith(b"HTTP/1.1 200") and len(got) > 64:
                self._got = got[:32] + got[-32:]
        else:
            head_end = got.find(b"\r\n\r\n")
            length = _LENGTH.search(got, 0, head_end + 2) if head_end > 0 else None
            complete = length is not None and len(got) >= head_end + 4 + int(length[1])
        if complete or not got.startswith(b"HTTP/1.1 200"):
            if not got.startswith(b"HTTP/1.1 200"):
                self.error = got[:600].decode("latin-1")
            self._got, self.busy = b"", False
            self._on_answer(self, (time.perf_counter() - self._began) * 1e6)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.busy:
            self.error = f"the connection was closed: {exc}"
            self._on_answer(self, 0.0)


async def _connect(port: int, message: bytes, count: int, on_answer: Any) -> list[_Connection]:
    loop = asyncio.get_running_loop()
    made = [
        await loop.create_connection(lambda: _Connection(message, on_answer), "127.0.0.1", port) for _ in range(count)
    ]
    return [protocol for _, protocol in made]


async def _closed_loop(
    pipe: Any, port: int, message: bytes, connections: int, seconds: float, calls: int
) -> dict[str, Any]:
    """Every connection sends its next request as soon as it has its answer, for a time or for a number of calls."""
    done, errors, left = 0, [], calls or 1 << 60
    over = asyncio.Event()
    until = 0.0

    def on_answer(connection: _Connection, _took: float) -> None:
        nonlocal done, left
        done += 1
        if connection.error:
            errors.append(connection.error)
            over.set()
        elif left > 0 and time.perf_counter() < until:
            left -= 1
            connection.send()
        elif not any(each.busy for each in made):
            over.set()

    made = await _connect(port, message, connections, on_answer)
    pipe.send("connected")
    pipe.recv()
    began = time.perf_counter()
    until = began + (seconds or 3600)
    for connection in made[: calls or None]:
        left -= 1
        connection.send()
    await over.wait()
    took = time.perf_counter() - began
    for connection in made:
        connection.transport.close()
    return {"done": done, "seconds": took, "error": errors[0] if errors else ""}


async def _open_loop(pipe: Any, port: int, message: bytes, rate: int, calls: int) -> dict[str, Any]:
    """Requests at a steady rate, whatever the answers do; the latency of each, from its writing to its last byte."""
    free: list[_Connection] = []
    latencies: list[float] = []
    errors: list[str] = []

    def on_answer(connection: _Connection, took: float) -> None:
        latencies.append(took)
        if connection.error:
            errors.append(connection.error)
        free.append(connection)

    made = await _connect(port, message, 64, on_answer)
    free += made
    pipe.send("connected")
    pipe.recv()
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(calls):
        await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
        while not free:  # noqa: ASYNC110 - only where the server is far behind
            await asyncio.sleep(0.001)
        free.pop().send()
        if errors:
            break
    while len(latencies) < calls and not errors:  # noqa: ASYNC110 - nothing is measured any more
        await asyncio.sleep(0.005)
    for connection in made:
        connection.transport.close()
    return {"done": len(latencies), "latencies": latencies, "error": errors[0] if errors else ""}


def _serve_client(pipe: multiprocessing.connection.Connection) -> None:
    jobs = {"closed": _closed_loop, "open": _open_loop}
    while True:
        try:
            kind, arguments = pipe.recv()
        except EOFError:
            return
        pipe.send(uvloop.run(jobs[kind](pipe, **arguments)))


# Both, and the account.


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
    upstream = spawn.Process(target=_serve_upstream, args=(theirs,), daemon=True)
    client_pipe, client_end = spawn.Pipe()
    client = spawn.Process(target=_serve_client, args=(client_end,), daemon=True)
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
        f"Python {'.'.join(map(str, os.sys.version_info[:3]))}, {time.strftime('%Y-%m-%d', time.gmtime())}, "
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
