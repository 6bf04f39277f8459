"""A gateway worker: `python -m engine.gateway.worker SETTINGS_FD LISTEN_FD BEATS_FD ALIVE_FD INDEX`, run by the supervisor."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import time
from pathlib import Path

import structlog
import uvloop

from engine import heartbeat
from engine.gateway.app import Gateway, build_app
from engine.gateway.calls import Calls
from engine.gateway.follow import POLL_SECONDS, Follower
from engine.gateway.server import build_server
from engine.gateway.upstream import Upstream
from engine.ledger.spool import Spool
from engine.logs import configure_logs
from engine.operator.origins import Origin
from engine.operator.settings import Settings
from engine.publication import Publication

log = structlog.get_logger("gateway")

# A request makes few cycles: looking for them at every 700th new object cost 4 % of a request.
GC_THRESHOLDS = (20_000, 50, 100)


class Upstreams:
    """One client per origin, for the life of the worker."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clients: dict[Origin, Upstream] = {}

    def __call__(self, origin: Origin) -> Upstream:
        """The client of an origin; one that exists already is given again."""
        client = self._clients.get(origin)
        if client is None:
            limits = self._settings.limits
            client = self._clients[origin] = Upstream(
                origin,
                self._settings.policy(origin),
                max_connections=limits.max_connections,
                max_response_bytes=limits.max_response_bytes,
            )
        return client

    async def close(self) -> None:
        """Close every connection."""
        for client in self._clients.values():
            await client.close()


async def serve(settings: Settings, listen: socket.socket, beats: socket.socket, alive: int, index: int) -> None:
    """Serve until the supervisor is gone or says so, then drain."""
    name = f"{index}-{os.getpid()}"
    spool = Spool(Path(settings.state) / "spool", durability=settings.ledger.durability, worker_name=name)
    calls = Calls(spool, settings.ledger, settings.on_disconnect)
    gateway = Gateway(settings, calls, name)
    upstreams = Upstreams(settings)
    follower = Follower(Publication(Path(settings.state)), settings, gateway, upstreams)
    gateway.look = follower.look
    follower.look()
    # What was loaded at the start stays: taking it out of the collector's sight shortens every later collection.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(alive, _on_parent_gone, loop, alive, stop)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = build_server(
        build_app(gateway),
        grace_seconds=settings.drain.grace_ms / 1000,
        on_refusal=gateway.count_unread,
        body_seconds=settings.limits.body_timeout_ms / 1000,
    )
    background = [
        loop.create_task(_follow(follower)),
        loop.create_task(_beat(gateway, beats)),
    ]
    serving = loop.create_task(server.serve(sockets=[listen]))
    stopping = loop.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    gateway.draining = True
    server.should_exit = True
    await calls.finish(settings.drain.grace_ms / 1000)
    await serving
    calls.close()
    for task in (*background, stopping):
        task.cancel()
    await upstreams.close()
    log.info("drained", worker=name)


def _on_parent_gone(loop: asyncio.AbstractEventLoop, alive: int, stop: asyncio.Event) -> None:
    loop.remove_reader(alive)
    stop.set()


async def _follow(follower: Follower) -> None:
    while True:
        await asyncio.sleep(POLL_SECONDS)
        follower.look()


async def _beat(gateway: Gateway, sock: socket.socket) -> None:
    """Tell control once a second how this worker does."""
    started_ns = time.time_ns()
    loop = asyncio.get_running_loop()
    next_at = loop.time()
    while True:
        routes = gateway.routes
        beat = heartbeat.Heartbeat(
            worker=gateway.worker,
            pid=os.getpid(),
            started_ns=started_ns,
            seq=routes.seq if routes else 0,
            digest=routes.digest if routes else "",
            revision=routes.revision if routes else "",
            in_flight=len(gateway.calls),
            detached=gateway.calls.detached,
            requests=gateway.requests,
            refusals=dict(gateway.refusals),
            unrecorded=gateway.calls.unrecorded,
            loop_lag_us=max(0, int((loop.time() - next_at) * 1e6)),
            ledger_writable=gateway.calls.ledger_writable,
            draining=gateway.draining,
            disabled_providers=routes.disabled if routes else {},
        )
        heartbeat.send(sock, beat)
        next_at = loop.time() + heartbeat.BEAT_SECONDS
        await asyncio.sleep(heartbeat.BEAT_SECONDS)


def main(argv: list[str]) -> None:
    """Entry point of the process."""
    settings_fd, listen_fd, beats_fd, alive, index = map(int, argv)
    settings = Settings.inherited(settings_fd)
    if settings is None:
        return
    configure_logs()
    listen = socket.socket(fileno=listen_fd)
    beats = socket.socket(fileno=beats_fd)
    listen.setblocking(False)
    beats.setblocking(False)
    with contextlib.suppress(KeyboardInterrupt):
        uvloop.run(serve(settings, listen, beats, alive, index))


if __name__ == "__main__":
    main(sys.argv[1:])
