"""What one call to an upstream costs, for the gateway's client and for each candidate: `python tests/benchmarks/bench_upstream.py`.

A server in a process of its own, on another core, answers 600 B of JSON, or a stream of 100 chunks that are sent one by
one. The client is pinned to one core with all its threads; the candidates take turns in short rounds of one run, so
that their ratios hold even where the machine is busy. CPU is user and system time of the client's process (its threads
included), so it says what the client costs even where the server is the slower side.
"""

# ruff: noqa: T201 - a benchmark's result is what it prints

import argparse
import asyncio
import gc
import importlib
import multiprocessing
import os
import statistics
import sys
import time
from pathlib import Path

import uvloop

from engine.gateway.upstream import Upstream, UpstreamRequest
from engine.operator.origins import Origin, OriginPolicy

CANDIDATES = Path(__file__).parents[1] / "upstream" / "candidates"
ANSWER = b'{"id":"chatcmpl-1","choices":[{"message":{"role":"assistant","content":"' + b"x" * 520 + b'"}}]}'
PLAIN = (
    b"HTTP/1.1 200 OK\r\ndate: Mon, 01 Jan 2026 00:00:00 GMT\r\nserver: bench\r\ncontent-type: application/json\r\n"
    b"x-request-id: req_0123456789abcdef\r\nx-ratelimit-remaining-requests: 9999\r\n"
    b"content-length: %d\r\n\r\n%s" % (len(ANSWER), ANSWER)
)
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
EVENT = b'data: {"id":"chatcmpl-1","choices":[{"delta":{"content":" word"},"index":0}],"model":"bench"}\n\n'
CHUNK = b"%x\r\n%s\r\n" % (len(EVENT), EVENT)
BODY = b'{"model":"bench","messages":[{"role":"user","content":"' + b"y" * 960 + b'"}]}'
HEADERS = (
    ("authorization", "Bearer sk-0123456789abcdef0123456789abcdef"),
    ("content-type", "application/json"),
    ("accept", "application/json"),
    ("x-request-id", "req_0123456789abcdef"),
)


class _Answerer(asyncio.Protocol):
    def connection_made(self, transport):
        self._transport = transport
        self._got = b""

    def data_received(self, data):
        self._got += data
        head_end = self._got.find(b"\r\n\r\n")
        if head_end < 0 or len(self._got) < head_end + 4 + len(BODY):
            return
        streamed = b"/stream" in self._got[:32]
        self._got = b""
        if streamed:
            self._transport.write(STREAM_HEAD)
            self._more(100)
        else:
            self._transport.write(PLAIN)

    def _more(self, left):
        if not left:
            self._transport.write(b"0\r\n\r\n")
        elif not self._transport.is_closing():
            self._transport.write(CHUNK)
            asyncio.get_running_loop().call_soon(self._more, left - 1)


def _serve(pipe, core):
    os.sched_setaffinity(0, {core})

    async def main():
        server = await asyncio.get_running_loop().create_server(_Answerer, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


async def _drive(client, target, calls, concurrency):
    request = UpstreamRequest("POST", target, HEADERS, BODY)
    left = iter(range(calls))

    async def worker():
        for _ in left:
            response = await client.send(request)
            if target == "/plain":
                assert len(await response.read()) == len(ANSWER)
            else:
                size = 0
                async for chunk in response.chunks():
                    size += len(chunk)
                assert size == 100 * len(EVENT)

    await asyncio.gather(*(worker() for _ in range(concurrency)))


async def _measure(classes, port, target, calls, concurrency, rounds):
    origin = Origin("http", "127.0.0.1", port)
    clients = {
        name: kind(origin, OriginPolicy(private=True), max_connections=concurrency, max_response_bytes=1 << 24)
        for name, kind in classes.items()
    }
    cpu, wall = ({name: [] for name in clients} for _ in range(2))
    for client in clients.values():
        await _drive(client, target, concurrency * 4, concurrency)
    for _ in range(rounds):
        for name, client in clients.items():
            gc.collect()
            started, used = time.perf_counter(), time.process_time()
            await _drive(client, target, calls, concurrency)
            cpu[name].append((time.process_time() - used) / calls * 1e6)
            wall[name].append((time.perf_counter() - started) / calls * 1e6)
    for client in clients.values():
        await client.close()
    return {name: (statistics.median(cpu[name]), statistics.median(wall[name])) for name in clients}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--candidates", default="aiohttp,pyreqwest,httpx", help="comma-separated; missing ones are named"
    )
    parser.add_argument("--calls", type=int, default=3000, help="plain calls a round; streams are a twentieth of it")
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--loop", choices=["uvloop", "asyncio"], default="uvloop")
    options = parser.parse_args()

    cores = sorted(os.sched_getaffinity(0))
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs, cores[-1]), daemon=True)
    server.start()
    port = ours.recv()
    os.sched_setaffinity(0, {cores[0]})

    sys.path.insert(0, str(CANDIDATES))
    classes = {"httptools (ours)": Upstream}
    for name in filter(None, options.candidates.split(",")):
        try:
            classes[name] = importlib.import_module(f"with_{name}").Upstream
        except ImportError as error:
            print(f"{name}: left out, {error}", file=sys.stderr)

    run = uvloop.run if options.loop == "uvloop" else asyncio.run
    for target, calls in (("/plain", options.calls), ("/stream", max(options.calls // 20, options.concurrency))):
        results = run(_measure(classes, port, target, calls, options.concurrency, options.rounds))
        base = next(iter(results.values()))[0]
        print(f"\n{options.loop}, {target[1:]}, concurrency {options.concurrency}, {options.rounds} x {calls} calls")
        print(f"| client | CPU a call, µs | ratio | wall a call, µs |\n|---|{'---:|' * 3}")
        for name, (cpu, wall) in results.items():
            print(f"| {name} | {cpu:,.0f} | {cpu / base:.1f} | {wall:,.0f} |")
    server.terminate()
    server.join()


if __name__ == "__main__":
    main()
