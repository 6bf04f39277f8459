"""`catalog serve` as the demo runs it: a child process, and what is asked of it over HTTP."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

from engine.errors import UserError

T = TypeVar("T")

LOOPBACK = "127.0.0.1"
START_SECONDS = 30.0
LIVE_SECONDS = 15.0
STOP_SECONDS = 60.0


def catalog(*arguments: str) -> list[str]:
    """The command line that runs `catalog ARGUMENTS` with this Python."""
    return [sys.executable, "-c", "from engine.cli.main import main; main()", *arguments]


def environment() -> dict[str, str]:
    """This environment without settings of some other gateway."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CATALOG_")}


def free_port(preferred: int) -> int:
    """`preferred` where nobody listens there, else another."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, preferred))
        except OSError:
            probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


class Gateway:
    """`catalog serve` on `repo` at main, as a context manager; ready when `__enter__` returns.

    `arguments` is the command line as a user would type it, after `catalog`.
    """

    def __init__(self, *, repo: Path, config: Path, state: Path, log: Path, port: int, admin_port: int) -> None:
        self.url = f"http://{LOOPBACK}:{port}"
        self.admin_url = f"http://{LOOPBACK}:{admin_port}"
        self.state = state
        self.arguments = ["serve", "--repo", str(repo), "--ref", "main", "--config", str(config), "--state", str(state)]
        self.arguments += ["--listen", f"{LOOPBACK}:{port}", "--admin-listen", f"{LOOPBACK}:{admin_port}"]
        self._log = log
        self._cleanup = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(trust_env=False, timeout=10.0)

    def __enter__(self) -> Self:
        """Start it, and wait until it can take requests.

        Raises:
            UserError: it ended, or is not ready in time.
        """
        with contextlib.ExitStack() as cleanup:
            cleanup.callback(self._client.close)
            log = cleanup.enter_context(self._log.open("ab"))
            cleanup.callback(self._stop)
            self._process = subprocess.Popen(
                catalog(*self.arguments),
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches the demo alone, which stops it in order
            )
            self.wait_for(self._ready, "The gateway is not ready", START_SECONDS)
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._cleanup.close()

    def admin(self, path: str, **query: str | int) -> Any:
        """What the control plane says at `path`, as JSON."""
        return self._client.get(self.admin_url + path, params=query).raise_for_status().json()

    def served_revision(self, key: str) -> str:
        """The commit that the data plane answers with."""
        reply = self._client.get(f"{self.url}/v1/models", headers={"x-portkey-api-key": key})
        return reply.headers.get("x-catalog-revision", "") if reply.status_code == 200 else ""

    def wait_for(self, ask: Callable[[], T | None], otherwise: str, seconds: float = LIVE_SECONDS) -> T:
        """The first answer of `ask` that is not None or False.

        Raises:
            UserError: with the text `otherwise`, when time is over; or the gateway has ended.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.check_running()
            with contextlib.suppress(httpx.HTTPError):
                if answer := ask():
                    return answer
            time.sleep(0.005)
        raise UserError(f"{otherwise} after {seconds:.0f} s.", hint=f"Its log said last: {self._last_words()}")

    def check_running(self) -> None:
        """Raises UserError where the gateway has ended by itself."""
        if self._process is not None and (code := self._process.poll()) is not None:
            raise UserError(f"catalog serve ended with exit code {code}. It said last: {self._last_words()}")

    def wait(self, seconds: float) -> None:
        """Wait for that long, or for less if it ends."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)

    def _ready(self) -> bool:
        return self._client.get(f"{self.url}/readyz").status_code == 200

    def _last_words(self) -> str:
        lines = self._log.read_text("utf-8", "replace").strip().splitlines()
        return "\n    ".join(lines[-3:]) or "nothing"

    def _stop(self) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):  # a second Ctrl-C: do not wait
            self._process.wait(STOP_SECONDS)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
