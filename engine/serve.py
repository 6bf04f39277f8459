"""The supervisor of one host: binds the sockets, keeps control and the workers running, drains them in order.

    supervisor ──┬── control    admin socket, ledger writer; stopped last, so that it books what the workers leave
                 └── worker xN   the one listening socket, inherited: no restart loses a connection from its queue

Each child holds the reading end of a pipe whose writing end only the supervisor has: when that closes, for whatever
reason, the child drains and exits. Settings reach a child through a pipe, so that nothing of them shows in a process list.
"""

import contextlib
import errno
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import msgspec
import structlog

from engine import heartbeat
from engine.errors import UserError
from engine.operator.settings import Settings
from engine.operator.values import Address
from engine.publication import Publication
from engine.sources.source import Source, open_source

log = structlog.get_logger("supervisor")

BACKLOG = 2048
SETTLED_AFTER_SECONDS = 5.0
MAX_BACKOFF_SECONDS = 5.0
KILL_AFTER_GRACE_SECONDS = 5.0
CONTROL_GRACE_SECONDS = 20.0
# How long the ports are waited for after a supervisor that was killed: its children let go of them within moments.
ORPHANS_LEAVE_SECONDS = 3.0


@dataclass
class Child:
    """One supervised process. `command` takes the settings' file descriptor and gives (argv, inherited descriptors)."""

    name: str
    command: Callable[[int], tuple[list[str], list[int]]]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    restart_at: float = 0.0


@dataclass
class Supervisor:
    """Runs `catalog serve` until SIGTERM or SIGINT."""

    settings: Settings
    on_listening: Callable[[Address, Address], None] = lambda _listen, _admin: None
    _children: list[Child] = field(default_factory=list)

    def run(self) -> int:
        """Serve until told to stop; returns the exit code.

        Raises:
            UserError: a port or the state directory is in use, or cannot be used; or no catalog can ever be named so.
        """
        source = open_source(**msgspec.structs.asdict(self.settings.source))
        with (
            _locked_state(Path(self.settings.state), source_identity(self.settings)) as patience,
            _something_to_serve(source, Publication(Path(self.settings.state))),
            _bound(self.settings.listen, "--listen", patience) as listen,
            _bound(self.settings.admin_listen, "--admin-listen", patience) as admin,
            _Signals() as signals,
        ):
            self.on_listening(_address(listen), _address(admin))
            return self._supervise(listen, admin, signals)

    def _supervise(self, listen: socket.socket, admin: socket.socket, signals: "_Signals") -> int:
        beats_in, beats_out = heartbeat.pair()
        workers_alive, workers_end = os.pipe()
        control_alive, control_end = os.pipe()

        def control(settings: int) -> tuple[list[str], list[int]]:
            descriptors = [settings, admin.fileno(), beats_in.fileno(), control_alive]
            return _module("engine.control.process", descriptors), descriptors

        def worker(index: int) -> Callable[[int], tuple[list[str], list[int]]]:
            def command(settings: int) -> tuple[list[str], list[int]]:
                descriptors = [settings, listen.fileno(), beats_out.fileno(), workers_alive]
                return [*_module("engine.gateway.worker", descriptors), str(index)], descriptors

            return command

        control_child = Child("control", control)
        workers = [Child(f"worker-{index}", worker(index)) for index in range(self.settings.workers)]
        self._children = [control_child, *workers]
        try:
            for child in self._children:
                self._start(child)
            while not signals.stop:
                signals.wait(self._next_timeout())
                self._reap_and_restart()
                if signals.take_reload():
                    _signal(control_child, signal.SIGHUP)
        finally:
            log.info("draining", grace_ms=self.settings.drain.grace_ms)
            listen.close()  # each worker closes its own copy: from then on new connections are refused
            os.close(workers_end)
            _wait_all(workers, self.settings.drain.grace_ms / 1000 + KILL_AFTER_GRACE_SECONDS)
            os.close(control_end)
            _wait_all([control_child], CONTROL_GRACE_SECONDS)
        log.info("stopped")
        return 0

    def _start(self, child: Child) -> None:
        child.started = time.monotonic()
        try:
            child.process = self._spawn(child)
        except OSError as error:
            log.error("cannot be started", child=child.name, reason=error.strerror, restart_in_seconds=_put_off(child))
        else:
            log.info("started", child=child.name, pid=child.process.pid)

    def _spawn(self, child: Child) -> subprocess.Popen[bytes]:
        reading, writing = os.pipe()
        argv, descriptors = child.command(reading)
        # A reload that is asked for before control is ready for it waits; to a worker it never comes.
        unblocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
        with contextlib.suppress(BrokenPipeError), os.fdopen(writing, "wb") as pipe:
            try:
                process = subprocess.Popen(argv, pass_fds=descriptors, stdin=subprocess.DEVNULL, start_new_session=True)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, unblocked)
                os.close(reading)
            pipe.write(self.settings.to_json())
        return process

    def _reap_and_restart(self) -> None:
        for child in self._children:
            if child.process is not None and (code := child.process.poll()) is not None:
                child.process = None
                log.error("died", child=child.name, exit_code=code, restart_in_seconds=_put_off(child))
            if child.process is None and time.monotonic() >= child.restart_at:
                self._start(child)

    def _next_timeout(self) -> float | None:
        waiting = [child.restart_at for child in self._children if child.process is None]
        return max(0.0, min(waiting) - time.monotonic()) if waiting else None


class _Signals:
    """Signals as something to wait for: SIGTERM and SIGINT stop, SIGHUP reloads, SIGCHLD only wakes up."""

    def __init__(self) -> None:
        self.stop = False
        self._reload = False
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._reading, False)
        os.set_blocking(self._writing, False)

    def __enter__(self) -> Self:
        self._previous_fd = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        self._previous = {
            number: signal.signal(number, self._note)
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(self._previous_fd)
        os.close(self._reading)
        os.close(self._writing)

    def wait(self, seconds: float | None) -> None:
        """Return when a signal came or the time is over."""
        if self.stop:
            return
        select.select([self._reading], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._reading, 4096)

    def take_reload(self) -> bool:
        """Whether a reload was asked for since the last call."""
        reload, self._reload = self._reload, False
        return reload

    def _note(self, number: int, _frame: object) -> None:
        if number in (signal.SIGTERM, signal.SIGINT):
            self.stop = True
        elif number == signal.SIGHUP:
            self._reload = True


def source_identity(settings: Settings) -> str:
    """Which catalog is followed, in one line: what was published from another one is not its last good state."""
    source = settings.source
    return f"{source.repo}@{source.ref}:{source.path}" if source.repo else str(source.catalog)


@contextlib.contextmanager
def _something_to_serve(source: Source, publication: Publication) -> Iterator[None]:
    """Where nothing was ever published, a source that is not there is a mistake; later it is only away.

    Raises:
        SourceError: it is not there, or cannot be read at all.
    """
    if publication.stamp() is None:
        source.head()
    yield


@contextlib.contextmanager
def _locked_state(state: Path, source: str) -> Iterator[float]:
    """Hold the state directory for this process alone, and see that what is published there is of this source.

    Gives the seconds to wait for the ports: some if the one before did not stop by itself.
    """
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UserError(
            f"The state directory {state} cannot be used: {error.strerror}.", hint="Choose another with --state."
        ) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
            raise UserError(
                f"The state directory {state} is in use by another `catalog serve` (process {owner}).",
                hint="Stop that one, or choose another directory with --state.",
            ) from None
        except OSError as error:
            raise UserError(
                f"The state directory {state} cannot be locked: {error.strerror}.", hint="Choose one on a local disk."
            ) from None
        patience = ORPHANS_LEAVE_SECONDS if os.fstat(lock).st_size else 0.0
        try:
            os.ftruncate(lock, 0)
            os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            log.warning("the state directory cannot be written", state=str(state), reason=error.strerror)
        _forget_other_source(state, source)
        try:
            yield patience
        finally:
            os.ftruncate(lock, 0)
    finally:
        os.close(lock)


def _forget_other_source(state: Path, source: str) -> None:
    """A catalog published from elsewhere is not the last good one of this source: do not start from it."""
    marker = state / "source"
    try:
        known = marker.read_bytes().decode("utf-8", "replace") if marker.exists() else None
        if known is not None and known != source:
            log.warning("another source: the catalog published before is not served", before=known, now=source)
            (state / "current").unlink(missing_ok=True)
        if known != source:
            marker.write_text(source, encoding="utf-8")
    except OSError as error:
        raise UserError(f"The state directory {state} cannot be used: {error.strerror}.") from None


@contextlib.contextmanager
def _bound(address: Address, option: str, patience: float) -> Iterator[socket.socket]:
    """A listening socket at this address; if it is in use, it is waited for `patience` seconds."""
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            _bind(sock, address, time.monotonic() + patience)
            sock.listen(BACKLOG)
        except OSError as error:
            raise UserError(*_bind_message(address, option, error)) from None
        except OverflowError:
            raise UserError(f"{option} {address}: a port is a number from 0 to 65535.") from None
        sock.setblocking(False)
        yield sock
    finally:
        sock.close()


def _bind(sock: socket.socket, address: Address, deadline: float) -> None:
    while True:
        try:
            sock.bind((address.host, address.port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _bind_message(address: Address, option: str, error: OSError) -> tuple[str]:
    why = {
        errno.EADDRINUSE: "another program already listens there",
        errno.EACCES: "this user may not listen there (ports below 1024 are reserved)",
        errno.EADDRNOTAVAIL: "this machine has no such address",
    }.get(error.errno or 0, error.strerror or str(error))
    return (f"Cannot listen on {address}: {why}. Choose another address with {option} HOST:PORT.",)


def _address(sock: socket.socket) -> Address:
    host, port = sock.getsockname()[:2]
    return Address(host=host, port=port)


def _module(name: str, descriptors: list[int]) -> list[str]:
    return [sys.executable, "-m", name, *map(str, descriptors)]


def _put_off(child: Child) -> float:
    """Note a failure, and when to start again: at once after a single one, ever later after several in a row."""
    now = time.monotonic()
    child.failures = 1 if now - child.started > SETTLED_AFTER_SECONDS else child.failures + 1
    delay = 0.0 if child.failures == 1 else min(0.1 * 2**child.failures, MAX_BACKOFF_SECONDS)
    child.restart_at = now + delay
    return delay


def _signal(child: Child, number: signal.Signals) -> None:
    if child.process is not None:
        with contextlib.suppress(ProcessLookupError):
            child.process.send_signal(number)


def _wait_all(children: list[Child], seconds: float) -> None:
    """Wait for processes that were told to stop, and kill those that take longer than `seconds`."""
    deadline = time.monotonic() + seconds
    for child in children:
        if child.process is None:
            continue
        try:
            child.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("killed: it did not stop in time", child=child.name, seconds=seconds)
            child.process.kill()
            child.process.wait()
