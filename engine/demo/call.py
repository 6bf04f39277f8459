"""One request as a user types it: the text that is shown is the text that is run."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from engine.errors import UserError

KEY_VARIABLE = "CATALOG_KEY"
TIMEOUT_SECONDS = 120.0


@dataclass
class Answer:
    """A reply whose head has been read. `lines` is its body, read as it comes; header names are in lower case."""

    status: int
    headers: dict[str, str]
    lines: Iterator[str]


@dataclass
class Call:
    """A chat request with our key in `x-portkey-api-key`."""

    gateway: str
    model: str
    question: str
    stream: bool = False
    max_tokens: int = 48
    with_curl: bool = field(default_factory=lambda: shutil.which("curl") is not None)

    @property
    def url(self) -> str:
        """Where it goes."""
        return f"{self.gateway}/v1/chat/completions"

    @property
    def body(self) -> dict[str, object]:
        """What is asked."""
        message = {"role": "user", "content": self.question}
        body: dict[str, object] = {"model": self.model, "max_tokens": self.max_tokens, "messages": [message]}
        return body | {"stream": True} if self.stream else body

    def typed(self) -> str:
        """The curl command, with the key in the variable CATALOG_KEY."""
        fields = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in self.body.items()]
        body = "{" + ",\n          ".join(fields) + "}"
        lines = [
            f"curl -i{'N' if self.stream else ''} {self.url}",
            f'-H "x-portkey-api-key: ${KEY_VARIABLE}"',
            '-H "content-type: application/json"',
            f"-d {shlex.quote(body)}",
        ]
        return " \\\n     ".join(lines)

    def send(self, key: str) -> Answer:
        """Run it, by curl where it is installed, else the same request from Python.

        Raises:
            UserError: there is no answer.
        """
        lines = self._by_curl(key) if self.with_curl else self._by_httpx(key)
        status = next(lines, "").split()
        headers: dict[str, str] = {}
        for line in lines:
            if not line:
                break
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if len(status) < 2 or not status[1].isdigit():
            raise UserError(f"No answer came from {self.url}.")
        return Answer(int(status[1]), headers, lines)

    def _by_curl(self, key: str) -> Iterator[str]:
        environment = os.environ | {KEY_VARIABLE: key, "NO_PROXY": "*", "no_proxy": "*"}
        command = ["sh", "-c", f"exec {self.typed()}"]
        with subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as running:
            assert running.stdout is not None
            assert running.stderr is not None
            for line in running.stdout:
                yield line.decode("utf-8", "replace").rstrip("\r\n")
            said = running.stderr.read().decode("utf-8", "replace").strip().splitlines()
        if running.returncode:
            raise UserError(f"curl failed: {said[-1] if said else running.returncode}")

    def _by_httpx(self, key: str) -> Iterator[str]:
        headers = {"x-portkey-api-key": key}
        try:
            with (
                httpx.Client(trust_env=False, timeout=TIMEOUT_SECONDS) as client,
                client.stream("POST", self.url, headers=headers, json=self.body) as reply,
            ):
                yield f"{reply.http_version} {reply.status_code}"
                yield from (f"{name}: {value}" for name, value in reply.headers.items())
                yield ""
                yield from reply.iter_lines()
        except httpx.HTTPError as error:
            raise UserError(f"The request to {self.url} failed: {error}") from None
