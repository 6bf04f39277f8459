"""The control process: `python -m engine.control.process SETTINGS_FD ADMIN_FD BEATS_FD ALIVE_FD`, run by the supervisor."""

import asyncio
import contextlib
import signal
import socket
import sys
from pathlib import Path

import msgspec
import structlog
import uvicorn

from engine import heartbeat
from engine.control.admin import Control, build_admin
from engine.control.bookkeeper import Bookkeeper
from engine.control.publisher import Publisher
from engine.control.reloader import Reloader
from engine.control.upgrade import upgrade
from engine.control.workers import Workers
from engine.ledger.database import DATABASE_NAME
from engine.ledger.store import Store
from engine.logs import configure_logs
from engine.operator.settings import Settings
from engine.publication import Publication
from engine.sources.source import open_source

log = structlog.get_logger("control")


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]  # noqa: ANN202
        yield


async def control(settings: Settings, admin: socket.socket, beats: socket.socket, alive: int) -> None:
    """Run until the supervisor is gone or says so; then book what the workers left."""
    state = Path(settings.state)
    for warning in settings.warnings:
        log.warning(warning)
    database = state / DATABASE_NAME
    bookkeeper = Bookkeeper(state / "spool", lambda: Store(database))
    bookkeeper.start()
    source = open_source(**msgspec.structs.asdict(settings.source))
    publication = Publication(state)
    upgrade(publication)
    publisher = Publisher(source, publication, settings.environment)
    reloader = Reloader(publisher)
    workers = Workers()

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(alive, _on_parent_gone, loop, alive, stop)
    loop.add_reader(beats, lambda: workers.take(heartbeat.receive(beats)))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tasks: set[asyncio.Task[object]] = set()

    def reload_now() -> None:
        task = loop.create_task(reloader.reload("signal"))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_signal_handler(signal.SIGHUP, reload_now)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
    app = build_admin(
        Control(
            publisher=publisher,
            reloader=reloader,
            bookkeeper=bookkeeper,
            workers=workers,
            source=source,
            database=database,
        )
    )
    server = _Server(
        uvicorn.Config(
            app,
            lifespan="off",
            ws="none",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
        )
    )
    serving = loop.create_task(server.serve(sockets=[admin]))
    following = loop.create_task(reloader.follow(source, stop))
    stopping = loop.create_task(stop.wait())
    await asyncio.wait({serving, following, stopping}, return_when=asyncio.FIRST_COMPLETED)
    faults = [task.exception() for task in (serving, following) if task.done()]
    server.should_exit = True
    following.cancel()  # a look at the source that takes long is not waited for
    await asyncio.gather(serving, following, return_exceptions=True)
    await asyncio.to_thread(bookkeeper.finish)
    log.info("control stopped", ledger=bookkeeper.status.error or "complete")
    for fault in faults:
        if fault is not None:
            raise fault  # the supervisor begins it anew


def _on_parent_gone(loop: asyncio.AbstractEventLoop, alive: int, stop: asyncio.Event) -> None:
    loop.remove_reader(alive)
    stop.set()


def main(argv: list[str]) -> None:
    """Entry point of the process."""
    settings_fd, admin_fd, beats_fd, alive = map(int, argv)
    settings = Settings.inherited(settings_fd)
    if settings is None:
        return
    configure_logs()
    admin = socket.socket(fileno=admin_fd)
    beats = socket.socket(fileno=beats_fd)
    admin.setblocking(False)
    beats.setblocking(False)
    asyncio.run(control(settings, admin, beats, alive))


if __name__ == "__main__":
    main(sys.argv[1:])
