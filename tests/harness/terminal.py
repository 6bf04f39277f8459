"""A program on a real terminal, and somebody who waits for its questions and types."""

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

# A new session gets its controlling terminal by opening it: only then does Ctrl-C reach the program.
PROGRAM = "import os; os.close(os.open(os.ttyname(0), os.O_RDWR)); from engine.cli.main import main; main()"
ROOT = Path(__file__).resolve().parents[2]


class Terminal:
    """`catalog` on a terminal of 200 columns. `screen` is all that it has printed."""

    def __init__(self, arguments: Sequence[str], cwd: Path) -> None:
        self.terminal, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        environment = {**os.environ, "TERM": "xterm", "PYTHONPATH": str(ROOT), "INPUTRC": os.devnull}
        command = (sys.executable, "-W", "error", "-c", PROGRAM, *arguments)
        self.process = subprocess.Popen(
            command, cwd=cwd, env=environment, stdin=inside, stdout=inside, stderr=inside, start_new_session=True
        )
        os.close(inside)
        self.screen = ""
        self._seen = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)

    def type(self, text: str) -> None:
        """Type without waiting for anything."""
        os.write(self.terminal, text.encode())

    def answer(self, question: str, text: str) -> None:
        """Wait until `question` is printed, after what was answered before; then type `text` and Enter."""
        self.wait_for(question)
        self.type(f"{text}\n")

    def wait_for(self, text: str, seconds: float = 30) -> None:
        """Wait until `text` is printed."""
        until = time.monotonic() + seconds
        while text not in self.screen[self._seen :]:
            assert time.monotonic() < until, f"{text!r} was not printed:\n{self.screen}"
            assert self._read(), f"it ended before {text!r}:\n{self.screen}"
        self._seen = self.screen.index(text, self._seen) + len(text)

    def end(self) -> int:
        """Wait for the end; the exit code."""
        while self._read():
            pass
        return self.process.wait(30)

    def interrupt(self) -> int:
        """Press Ctrl-C until it ends; the exit code.

        Once is not always enough: Python's readline sleeps over a signal that comes just before it begins to wait.
        """
        for _ in range(10):
            self.type("\x03")
            until = time.monotonic() + 3
            while time.monotonic() < until:
                if not self._read(0.2):
                    return self.process.wait(30)
        raise AssertionError(f"it does not end:\n{self.screen}")

    def _read(self, seconds: float = 1) -> bool:
        ready, _, _ = select.select([self.terminal], [], [], seconds)
        if not ready:
            return True
        with contextlib.suppress(OSError):  # Linux says so when the other side has closed
            if data := os.read(self.terminal, 4096):
                self.screen += data.decode().replace("\r\n", "\n")
                return True
        return False
