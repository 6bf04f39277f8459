# ruff: noqa: T201 - a script, it prints
"""What it costs to put one attempt on record: `python tests/benchmarks/bench_spool.py [DIRECTORY]`.

Encoding, framing and writing are timed apart, then `open` and `settle` of a real spool, in CPU time of the thread that
calls them and in wall time, with the worst single call.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.ledger.framing import frame
from engine.ledger.record import Attempt, RequestIds, encode
from engine.ledger.spool import Spool

ROUNDS = 100_000
RAW_USAGE = (
    '{"prompt_tokens":1200,"completion_tokens":300,"total_tokens":1500,"prompt_tokens_details":'
    '{"cached_tokens":1000,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,'
    '"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}'
)


def sample() -> tuple[Attempt, Attempt]:
    """A typical record, open and settled."""
    commit = "3826f31aa3826f31aa3826f31aa3826f31aa3826"
    attempt = Attempt(
        request_id=RequestIds().next(),
        state="open",
        started_ns=time.time_ns(),
        client_request_id="client-0001",
        key="app-support",
        owner="team-support",
        labels={"env": "prod"},
        model_asked="support-bot",
        model="@openai/support-bot-v3",
        provider="openai",
        api="openai",
        wire="openai-chat",
        base_model="openai:gpt-4.1-nano",
        upstream_model="ft:gpt-4.1-nano:acme:support:B2xQ",
        revision=commit,
        blob=commit,
        stream=True,
        metadata={"user": "u-123"},
        worker="w0",
    )
    settled = msgspec.structs.replace(
        attempt,
        state="settled",
        upstream_request_id="chatcmpl-abcdef0123456789",
        rates={"input_mtok": "0.20", "cache_read_mtok": "0.05", "output_mtok": "0.80"},
        service_tier="default",
        meters={"input_tokens": 1200, "output_tokens": 300, "cache_read_tokens": 1000},
        raw_usage=RAW_USAGE,
        cost_pico_usd=330_000_000,
        list_cost_pico_usd=330_000_000,
        cost_source="reported",
        first_byte_us=312_000,
        duration_us=1_312_000,
        status=200,
        client_status=200,
    )
    return attempt, settled


def measure(name: str, call: Callable[[], object]) -> None:
    """Print what `call` costs."""
    worst = 0
    cpu, wall = time.thread_time_ns(), time.perf_counter_ns()
    for _ in range(ROUNDS):
        began = time.perf_counter_ns()
        call()
        worst = max(worst, time.perf_counter_ns() - began)
    cpu, wall = time.thread_time_ns() - cpu, time.perf_counter_ns() - wall
    print(f"{name:34}{cpu / ROUNDS / 1e3:8.2f} us CPU {wall / ROUNDS / 1e3:8.2f} us wall {worst / 1e3:10.0f} us worst")


async def measure_disk(directory: Path, attempt: Attempt, settled: Attempt) -> None:
    """Print what durability "disk" costs a call, alone and among many: most of it is waiting, not CPU."""
    spool = Spool(directory, worker_name="disk", durability="disk")

    async def call() -> None:
        ticket = spool.open(attempt)
        await spool.sync()
        spool.settle(ticket, settled)
        await spool.sync()

    for at_once in (1, 200):
        began = time.perf_counter_ns()
        for _ in range(1000 // at_once):
            await asyncio.gather(*(call() for _ in range(at_once)))
        print(f"disk, {at_once:3} at a time {(time.perf_counter_ns() - began) / 1000 / 1e3:33.0f} us wall a call")
    spool.close()


def main() -> None:
    """Measure in the given directory, or in a temporary one."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        attempt, settled = sample()
        print(f"record: open {len(encode(attempt))} bytes, settled {len(encode(settled))} bytes; {ROUNDS} rounds each")
        measure("(the loop itself)", lambda: None)
        measure("encode, settled", lambda: encode(settled))
        payload = encode(settled)
        measure("frame with CRC", lambda: frame(payload))
        data = frame(payload)
        fd = os.open(Path(name) / "raw", os.O_RDWR | os.O_CREAT, 0o600)
        os.posix_fallocate(fd, 0, len(data) * ROUNDS)
        offsets = iter(range(0, len(data) * ROUNDS, len(data)))
        measure("pwrite, preallocated", lambda: os.pwrite(fd, data, next(offsets)))
        spool = Spool(Path(name), worker_name="bench")
        measure("spool: open + settle", lambda: spool.settle(spool.open(attempt), settled))
        spool.close()
        asyncio.run(measure_disk(Path(name), attempt, settled))


if __name__ == "__main__":
    main()
