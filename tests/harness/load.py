"""Many clients at once, on raw sockets, each with its own manners, and what each of them saw."""

import asyncio
import contextlib
import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from types import TracebackType
from typing import Any, Literal, Self

from harness.served import chat

# How a client leaves with a reset: with half of its request sent, before the first byte of the answer, or within it.
Leave = Literal["", "sending", "waiting", "reading"]

DONE = b"data: [DONE]\n\n"
REFUSED_PAUSE_SECONDS = 0.02


@dataclass(frozen=True)
class Ask:
    """One request to make: its script for the upstream, and how the client behaves."""

    script: str
    stream: bool = False
    leave: Leave = ""
    model: str = "@test/model"


@dataclass
class Outcome:
    """What a client saw. `error` is the client's own trouble with the connection, "" if there was none."""

    ask: Ask
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False
    error: str = ""

    @property
    def request_id(self) -> str:
        return self.headers.get("x-request-id", "")

    @property
    def ok(self) -> bool:
        """Whether the whole answer arrived, a stream with its end."""
        return self.status == 200 and self.complete and (not self.ask.stream or self.body.endswith(DONE))

    def __str__(self) -> str:
        return f"{self.ask} -> {self.status} {self.error} complete={self.complete} {self.headers} {self.body[-300:]!r}"


async def call(url: str, key: str, ask: Ask) -> Outcome:
    """Make one request on a connection of its own."""
    outcome = Outcome(ask)
    writer: asyncio.StreamWriter | None = None
    try:
        host, _, port = url.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=2**20)
        await _converse(reader, writer, key, outcome)
    except (OSError, EOFError, asyncio.IncompleteReadError) as error:
        outcome.error = outcome.error or f"{type(error).__name__}: {error}"
    finally:
        outcome.ended = time.monotonic()
        if writer is not None:
            if ask.leave:
                with contextlib.suppress(OSError):  # the gateway's end was quicker
                    option = struct.pack("ii", 1, 0)
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
                writer.transport.abort()
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    return outcome


async def _converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, key: str, outcome: Outcome) -> None:
    ask = outcome.ask
    body = json.dumps(chat(ask.script, model=ask.model, stream=ask.stream)).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: tests\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    request = head.encode() + body
    writer.write(request[: len(request) - len(body) // 2] if ask.leave == "sending" else request)
    await writer.drain()
    if ask.leave == "sending":
        return
    if ask.leave == "waiting":
        await asyncio.sleep(0.02)
        return
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    outcome.status = int(lines[0].split()[1])
    outcome.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
    if ask.leave == "reading":
        outcome.body = await reader.read(10)
        return
    if (length := outcome.headers.get("content-length")) is not None:
        outcome.body = await reader.readexactly(int(length))
    else:
        while size := int(await reader.readuntil(b"\r\n"), 16):
            outcome.body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)
    outcome.complete = True


class Load:
    """`clients` that ask one thing after another, from a thread, until `stop`."""

    def __init__(
        self,
        url: Callable[[], str],
        key: str,
        make: Callable[[random.Random], Ask],
        *,
        clients: int,
        seed: int = 0,
    ) -> None:
        self.outcomes: list[Outcome] = []
        self.in_flight = 0
        self._url = url
        self._key = key
        self._make = make
        self._clients = clients
        self._random = random.Random(seed)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="load")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> list[Outcome]:
        """Ask no more, wait for the answers still owed, and give everything that was seen."""
        self._stopping.set()
        self._thread.join(60)
        assert not self._thread.is_alive(), "clients still wait for an answer"
        return self.outcomes

    async def _run(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(self._clients)))

    async def _client(self) -> None:
        while not self._stopping.is_set():
            self.in_flight += 1
            outcome = await call(self._url(), self._key, self._make(self._random))
            self.in_flight -= 1
            self.outcomes.append(outcome)
            if outcome.status == 0 and not outcome.ask.leave:
                await asyncio.sleep(REFUSED_PAUSE_SECONDS)


def exact_cost_usd(row: dict[str, Any]) -> Fraction:
    """The cost of a row without cached tokens, from its own meters and rates: each meter rounded once to a pico-USD."""
    meters, rates = row["meters"], row["rates"]
    assert not meters.get("cache_read_tokens")
    pico = sum(
        round(meters[f"{name}_tokens"] * Fraction(rates[f"{name}_mtok"]) * 10**6) for name in ("input", "output")
    )
    return Fraction(pico, 10**12)
