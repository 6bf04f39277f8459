"""Where a worker's microseconds go: samples of its Python stack while it is busy, by room of the house."""

import collections
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rig import table

# Which of our rooms a file belongs to; the first that matches the innermost frame of a sample has it.
ROOMS = (
    ("engine/gateway/upstream/", "upstream client"),
    ("engine/gateway/request", "request: headers, body"),
    ("engine/gateway/keys", "key, model"),
    ("engine/gateway/routing", "key, model"),
    ("engine/catalog/", "key, model"),
    ("engine/gateway/reply", "reply"),
    ("engine/gateway/calls", "ledger"),
    ("engine/gateway/settlement", "ledger"),
    ("engine/ledger/", "ledger"),
    ("engine/pricing/", "pricing"),
    ("engine/money", "pricing"),
    ("engine/wires/", "wires"),
    ("engine/gateway/server", "server: uvicorn, httptools"),
    ("uvicorn/", "server: uvicorn, httptools"),
    ("litestar/", "litestar"),
    ("engine/gateway/exchange", "exchange: the pump"),
    ("engine/gateway/app", "app: handler, record's beginning"),
    ("engine/gateway/", "worker: watch, beat"),
    ("uvloop", "uvloop: event loop, reading sockets"),
    ("asyncio/", "uvloop: event loop, reading sockets"),
)


def profile(pid: int, load: Callable[[float], float], *, seconds: int = 10, show_lines: bool = False) -> str:
    """A table of rooms. `load` keeps the process busy for some seconds and says what a call cost it, in microseconds."""
    py_spy = shutil.which("py-spy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if py_spy is None:
        return "No profile: `pip install py-spy` for it."
    with tempfile.NamedTemporaryFile(suffix=".folded") as file:
        # --nonblocking: samples may tear, but the worker is not stopped 500 times a second.
        command = [py_spy, "record", "--pid", str(pid), "--format", "raw", "--rate", "500", "--nonblocking"]
        sampling = subprocess.Popen(
            [*command, "--duration", str(seconds), "--output", file.name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        cpu = load(seconds + 1)
        sampling.wait(60)
        folded = Path(file.name).read_text(encoding="utf-8")
    rooms, lines = collections.Counter[str](), collections.Counter[str]()
    for line in folded.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = [frame for frame in stack.split(";") if frame]
        if not frames:  # a torn sample
            continue
        rooms[room_of(frames)] += int(count)
        lines[frames[-1]] += int(count)
    total = rooms.total()
    if show_lines:
        sys.stdout.writelines(f"{n / total * cpu:6.1f} µs  {line}\n" for line, n in lines.most_common(60))
    rows = [(room, f"{n / total * cpu:.1f} µs", f"{n / total:.0%}") for room, n in rooms.most_common()]
    return table(("room", "of the CPU of a plain request", "share"), rows) + f"\n\n{total:,} samples."


def room_of(frames: list[str]) -> str:
    """The room of a sample: the innermost frame that lies in one."""
    for frame in reversed(frames):
        for part, room in ROOMS:
            if part in frame:
                return room
    return "other"
