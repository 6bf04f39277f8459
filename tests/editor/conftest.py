"""A language server as an editor runs it: JSON-RPC over pipes."""

import json
import subprocess
import threading
from pathlib import Path
from queue import Empty, Queue

import pytest
from harness.node import node_modules

SERVER = "yaml-language-server/bin/yaml-language-server"
PATIENCE = 60


class LanguageServer:
    """The YAML language server, with the workspace's own settings. Positions count from 0, as the protocol has it."""

    def __init__(self, workspace: Path, settings: dict) -> None:
        self.workspace = workspace
        self.settings = settings
        self.diagnostics: dict[str, list[dict]] = {}
        self._replies: Queue = Queue()
        self._published: Queue = Queue()
        self._number = 0
        self._process = subprocess.Popen(
            ["node", str(node_modules() / SERVER), "--stdio"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=workspace,
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        folder = {"uri": workspace.as_uri(), "name": "workspace"}
        capabilities = {
            "workspace": {"configuration": True, "workspaceFolders": True},
            "textDocument": {
                "hover": {"contentFormat": ["markdown", "plaintext"]},
                "completion": {"completionItem": {"snippetSupport": True}},
                "publishDiagnostics": {},
            },
        }
        self.ask(
            "initialize",
            processId=None,
            rootUri=folder["uri"],
            workspaceFolders=[folder],
            capabilities=capabilities,
        )
        self.tell("initialized")
        self.tell("workspace/didChangeConfiguration", settings=settings)

    def open(self, path: str, text: str | None = None) -> str:
        """Open a file of the workspace, or what is being typed into it; returns its URI."""
        file = self.workspace / path
        uri = file.as_uri()
        text = file.read_text(encoding="utf-8") if text is None else text
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.tell("textDocument/didOpen", textDocument=document)
        return uri

    def findings(self, uri: str) -> list[dict]:
        """The diagnostics of an open file, as soon as they are published."""
        while uri not in self.diagnostics:
            found = self._published.get(timeout=PATIENCE)
            self.diagnostics[found["uri"]] = found["diagnostics"]
        return self.diagnostics[uri]

    def at(self, method: str, uri: str, line: int, character: int):
        """Ask `textDocument/<method>` about a place."""
        position = {"line": line, "character": character}
        return self.ask(f"textDocument/{method}", textDocument={"uri": uri}, position=position)

    def ask(self, method: str, **params):
        """A request, and its result."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while True:
            reply = self._replies.get(timeout=PATIENCE)
            if reply["id"] == self._number:
                assert "error" not in reply, reply
                return reply["result"]

    def tell(self, method: str, **params) -> None:
        """A notification."""
        self._send({"method": method, "params": params})

    def close(self) -> None:
        """Shut down as the protocol wants it."""
        try:
            self.ask("shutdown")
            self.tell("exit")
            self._process.wait(10)
        except (subprocess.TimeoutExpired, Empty):
            self._process.kill()
            self._process.wait()
        self._process.stdin.close()
        self._reader.join()
        self._process.stdout.close()

    def _send(self, message: dict) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self._process.stdin.flush()

    def _read(self) -> None:
        while header := self._process.stdout.readline():
            length = int(header.partition(b":")[2])
            while self._process.stdout.readline().strip():
                pass
            message = json.loads(self._process.stdout.read(length))
            method = message.get("method")
            if method == "textDocument/publishDiagnostics":
                self._published.put(message["params"])
            elif method == "workspace/configuration":
                sections = [self._section(item.get("section", "")) for item in message["params"]["items"]]
                self._send({"id": message["id"], "result": sections})
            elif "id" in message and method:
                self._send({"id": message["id"], "result": None})
            elif "id" in message:
                self._replies.put(message)

    def _section(self, name: str):
        """A section of VS Code's flat settings, such as yaml for "yaml.schemas"."""
        if name in self.settings:
            return self.settings[name]
        prefix = f"{name}."
        section: dict = {}
        for key, value in self.settings.items():
            if key.startswith(prefix):
                *path, last = key.removeprefix(prefix).split(".")
                inner = section
                for part in path:
                    inner = inner.setdefault(part, {})
                inner[last] = value
        return section


@pytest.fixture(scope="module")
def start_server():
    """Start a server for a workspace and its settings; all are closed at the end."""
    servers = []

    def start(workspace: Path, settings: dict) -> LanguageServer:
        servers.append(LanguageServer(workspace, settings))
        return servers[-1]

    yield start
    for server in servers:
        server.close()
