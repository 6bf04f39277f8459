"""`catalog serve` as a process of its own, and what is asked of it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx

T = TypeVar("T")


def wait_for(what: Callable[[], T], *, seconds: float = 15.0, message: str = "") -> T:
    """Ask until the answer is true, and give it."""
    deadline = time.monotonic() + seconds
    while True:
        found = what()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(message or f"{what} did not come true within {seconds} s: {found!r}")
        time.sleep(0.01)


class Served:
    """A running gateway. `source` are flags such as ("--catalog", DIR) or ("--repo", DIR)."""

    def __init__(
        self,
        source: tuple[str, ...],
        state: Path,
        *,
        origin: str = "",
        workers: int = 1,
        settings: str = "",
        env: dict[str, str] | None = None,
        ready: bool = True,
    ) -> None:
        self.state = state
        self._ready_on_enter = ready
        self.log_file = state.with_suffix(".log")
        self._config = state.with_suffix(".gateway.yaml")
        state.parent.mkdir(parents=True, exist_ok=True)
        origins = f"origins: {{'{origin}': {{private: true}}}}\n" if origin else ""
        self._config.write_text(origins + settings, encoding="utf-8")
        self._command = [
            *(sys.executable, "-m", "engine", "serve", *source),
            *("--state", str(state), "--config", str(self._config), "--workers", str(workers)),
            *("--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"),
        ]
        self._env = {name: value for name, value in os.environ.items() if not name.startswith("CATALOG_")} | (env or {})
        self._log_start = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""
        self.admin = ""

    def __enter__(self) -> Self:
        self.start(ready=self._ready_on_enter)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None:
            self.kill_everything()
        if kind is not None:
            sys.stderr.write(self.log()[-8000:])

    def start(self, *, ready: bool = True) -> None:
        """Start it on free ports, and wait until it serves."""
        self._log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                self._command, env=self._env, stdin=subprocess.DEVNULL, stderr=log, stdout=log
            )
        line = wait_for(self._serving_line, seconds=40, message="it does not listen")
        words = line.split()
        self.url = next(word for word in words if word.startswith("http://")).rstrip(";")
        self.admin = words[-1].removesuffix("/api/status")
        if ready:
            self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until requests are taken."""
        wait_for(self.is_ready, message="it is not ready")

    def is_ready(self) -> bool:
        """Whether requests are taken."""
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"{self.url}/readyz", timeout=2).status_code == 200
        return False

    def log(self) -> str:
        """What it logged since its last start."""
        with self.log_file.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode("utf-8", "replace")

    def events(self) -> list[dict[str, Any]]:
        """The log's JSON lines since the last start."""
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]

    def _serving_line(self) -> str:
        assert self.process is not None
        line = next((line for line in self.log().splitlines() if line.startswith("Serving ")), "")
        if not line and self.process.poll() is not None:
            raise AssertionError(f"it ended with {self.process.returncode}: {self.log()}")
        return line

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(60)

    def kill_everything(self) -> None:
        """kill -9 for the supervisor, control and all workers at once."""
        assert self.process is not None
        pids = [self.process.pid, *self.children()]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(30)
        wait_for(lambda: not any(_alive(pid) for pid in pids), message="something survived kill -9")

    def children(self, module: str = "") -> list[int]:
        """The pids of its children; `module` is a part of their command line, such as "gateway.worker"."""
        assert self.process is not None
        return [pid for pid in _children_of(self.process.pid) if module in _command_of(pid)]

    def status(self) -> dict[str, Any]:
        """`/api/status`."""
        return self.ask("/api/status")

    def ask(self, path: str, **query: Any) -> dict[str, Any]:
        """A GET of the control plane."""
        reply = httpx.get(f"{self.admin}{path}", params=query, timeout=10)
        reply.raise_for_status()
        found: dict[str, Any] = reply.json()
        return found

    def attempts(self) -> list[dict[str, Any]]:
        """All attempts on record, newest first."""
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            query = {"limit": 500} | ({"cursor": cursor} if cursor else {})
            page = self.ask("/api/requests", **query)
            found += [attempt for request in page["data"] for attempt in request["attempts"]]
            cursor = page["next"]
            if cursor is None:
                return found

    def settled_attempts(self, count: int, *, seconds: float = 15.0) -> list[dict[str, Any]]:
        """All attempts on record, once there are `count` and none is open."""

        def all_there() -> list[dict[str, Any]]:
            found = self.attempts()
            return found if len(found) >= count and all(a["state"] != "open" for a in found) else []

        return wait_for(all_there, seconds=seconds, message=f"there are not {count} settled attempts on record")

    def wait_revision(self, revision: str, *, seconds: float = 10.0) -> float:
        """Wait until every worker's replies name this revision; the seconds that took."""
        began = time.monotonic()
        wait_for(lambda: self.served_revision() == revision, seconds=seconds, message=f"{revision} is not served")
        return time.monotonic() - began

    def served_revision(self) -> str:
        """The revision that a worker answers with."""
        return httpx.get(f"{self.url}/v1/models", timeout=5).headers.get("x-catalog-revision", "")


def chat(text: str, *, model: str = "@test/model", stream: bool = False, **fields: Any) -> dict[str, Any]:
    """A request's body; `text` is the upstream's script."""
    body = {"model": model, "messages": [{"role": "user", "content": text}], **fields}
    return body | {"stream": True} if stream else body


def _children_of(pid: int) -> Iterator[int]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    yield int(entry.name)


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def _alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
