"""One gateway worker inside the test's process, made of a worker process's own parts: what it holds can be seen."""

import asyncio
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
import uvloop

from engine.catalog.compile import compile_catalog
from engine.catalog.snapshot import Snapshot, encode
from engine.gateway.app import Gateway, build_app
from engine.gateway.auth import Authenticators
from engine.gateway.calls import Calls
from engine.gateway.routing import Routes
from engine.gateway.server import Server, build_server
from engine.gateway.worker import Upstreams
from engine.ledger.reader import read_segment, segments
from engine.ledger.record import Attempt
from engine.ledger.spool import Spool
from engine.operator.credentials import Bindings
from engine.operator.settings import OriginSettings, Settings
from engine.sources.directory import DirectorySource
from harness.served import wait_for

T = TypeVar("T")


class InProcess:
    """A worker on a thread's event loop, serving the catalog in a directory. `settings` are fields of `Settings`."""

    def __init__(
        self, catalog: Path, state: Path, *, origin: str, write_stall_seconds: float = 60.0, **settings: Any
    ) -> None:
        self._settings = Settings(state=str(state), origins={origin: OriginSettings()}, **settings)
        self._catalog = catalog
        self._spool_directory = state / "spool"
        self._write_stall_seconds = write_stall_seconds
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gateway-in-process", daemon=True)
        self.gateway: Gateway
        self._server: Server
        self._loop: asyncio.AbstractEventLoop
        self._own_tasks: set[asyncio.Task[Any]] = set()
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10), "it does not start"
        wait_for(lambda: self._server.started)
        self._own_tasks = self.in_loop(self._all_tasks)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(15)
        assert not self._thread.is_alive(), "it does not end"

    def _run(self) -> None:
        uvloop.run(self._serve())

    async def _serve(self) -> None:
        settings = self._settings
        outcome = compile_catalog(DirectorySource(str(self._catalog)).read())
        assert outcome.catalog is not None, outcome.problems
        artifact = encode(outcome.catalog)
        spool = Spool(self._spool_directory, durability=settings.ledger.durability, worker_name="test")
        calls = Calls(spool, settings.ledger, settings.on_disconnect)
        upstreams = Upstreams(settings)
        self.gateway = Gateway(settings, calls, "test")
        snapshot = Snapshot.decode(artifact)
        self.gateway.routes = Routes(snapshot, 1, "digest", Bindings(settings), upstreams, Authenticators())
        listen = socket.create_server(("127.0.0.1", 0))
        listen.setblocking(False)
        self.url = f"http://127.0.0.1:{listen.getsockname()[1]}"
        self._loop = asyncio.get_running_loop()
        self._server = build_server(
            build_app(self.gateway),
            grace_seconds=2,
            on_refusal=self.gateway.count_unread,
            body_seconds=settings.limits.body_timeout_ms / 1000,
            write_stall_seconds=self._write_stall_seconds,
        )
        self._ready.set()
        await self._server.serve(sockets=[listen])
        await calls.finish(1)
        calls.close()
        await upstreams.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.url.rpartition(":")[2])

    def in_loop(self, ask: Callable[[], T]) -> T:
        """Ask something in the worker's own thread."""

        async def asked() -> T:
            return ask()

        return asyncio.run_coroutine_threadsafe(asked(), self._loop).result(10)

    def drain(self, grace_seconds: float) -> None:
        """End as a worker does: wait for the calls, then end them."""
        asyncio.run_coroutine_threadsafe(self.gateway.calls.finish(grace_seconds), self._loop).result(30)

    def tasks(self) -> list[str]:
        """The tasks that run in the worker, but for those of its start and the one that asks."""
        return self.in_loop(lambda: [repr(task) for task in self._all_tasks() - self._own_tasks])

    def connections(self) -> int:
        """How many clients are connected."""
        return self.in_loop(lambda: len(self._server.server_state.connections))

    def _all_tasks(self) -> set[asyncio.Task[Any]]:
        return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]

    def records(self) -> list[Attempt]:
        """All records in the spool, in the order of writing."""
        return [
            record
            for path in segments(self._spool_directory)
            for record in read_segment(path, 0, limit=1 << 30).attempts
        ]

    def settled(self, count: int = 1) -> list[Attempt]:
        """The final records, once there are `count` and no call is in flight; none is opened or settled twice."""
        wait_for(lambda: not self.in_loop(lambda: len(self.gateway.calls)), message="a call does not end")
        records = self.records()
        opened = [record.request_id for record in records if record.state == "open"]
        final = [record for record in records if record.state != "open"]
        assert sorted(opened) == sorted(record.request_id for record in final), records
        assert len(set(opened)) == len(opened) == count, records
        return final


def as_json(record: Attempt) -> str:
    """A record as text, to look for what must not be in it."""
    return msgspec.json.encode(msgspec.structs.asdict(record)).decode()
