"""GitHub, as far as it can stand on this machine: a runner for composite actions, and the API of comments.

The runner knows what our action uses of GitHub's: inputs, outputs of steps, `if`, `env`, `run` in bash, and the files of
the environment. What it cannot show is that GitHub does the same.
"""

import json
import os
import re
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.catalog.reading import read_yaml

ROOT = Path(__file__).parents[2]
ACTION = ROOT / ".github/actions/validate"
TOKEN = "a-token-of-the-test"


class Comments(BaseHTTPRequestHandler):
    """Lists, creates and changes the comments of one pull request."""

    def do_GET(self):
        page = int(re.search(r"page=(\d+)$", self.path)[1])
        self.reply(200, self.server.comments[(page - 1) * 100 : page * 100])

    def do_POST(self):
        comment = {"id": len(self.server.comments) + 1, "user": {"type": "Bot"}, **self.body()}
        self.server.comments.append(comment)
        self.reply(201, comment)

    def do_PATCH(self):
        [comment] = [each for each in self.server.comments if str(each["id"]) == self.path.rpartition("/")[2]]
        comment.update(self.body())
        self.reply(200, comment)

    def body(self):
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def reply(self, status, document):
        self.server.seen.append((self.command, self.path))
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            status, document = 401, {}
        elif self.command != "GET" and self.server.refuses:
            status, document = self.server.refuses, {}
        data = json.dumps(document).encode()
        self.send_response(status)
        if status == 307:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Nothing is printed."""


@pytest.fixture
def api():
    """The API; `comments`, the calls that it has `seen`, and the status with which it `refuses` to write."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Comments)
    server.comments, server.seen, server.refuses = [], [], None
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Run:
    """What a run of the action left behind."""

    code: int
    outputs: dict
    summary: str
    log: str
    steps: list = field(default_factory=list)


@pytest.fixture
def run_action(tmp_path, api):
    """Run the action in a directory, as the event `pull_request` of the repository acme/models unless told otherwise."""

    def run(workspace, *, event="pull_request", head="acme/models", base_sha="", install=False, **inputs):
        temp = tmp_path / "runner"
        temp.mkdir(exist_ok=True)
        happened = {"pull_request": {"number": 7, "head": {"repo": {"full_name": head}}, "base": {"sha": base_sha}}}
        (temp / "event.json").write_text(json.dumps(happened if event == "pull_request" else {}))
        environment = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_"))} | {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "LANG": "C.UTF-8",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ACTION),
            "GITHUB_API_URL": f"http://127.0.0.1:{api.server_port}",
            "GITHUB_EVENT_NAME": event,
            "GITHUB_EVENT_PATH": str(temp / "event.json"),
            "GITHUB_REPOSITORY": "acme/models",
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_TEMP": str(temp),
            "NO_PROXY": "127.0.0.1",
        }
        action = read_yaml((ACTION / "action.yml").read_bytes(), "action.yml").document.value
        values = {f"inputs.{name}": given["default"] for name, given in action["inputs"].items()}
        values |= {f"inputs.{name}": value for name, value in inputs.items()}
        values |= {"github.token": TOKEN, "github.event_name": event}
        if not install:
            values["steps.install.outputs.python"] = sys.executable
        return run_steps(action, values, environment, workspace, temp, skip=() if install else ("install",))

    return run


def run_steps(action, values, environment, workspace, temp, skip):
    log, code, ran = "", 0, []
    summary = temp / "summary.md"
    summary.write_text("")
    for step in action["runs"]["steps"]:
        # GitHub runs no step after one that failed.
        if code or step.get("id") in skip or not holds(step.get("if", ""), values):
            continue
        output = temp / "output"
        output.write_text("")
        files = {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary), "GITHUB_PATH": str(temp / "path")}
        given = {name: expanded(value, values) for name, value in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            cwd=workspace,
            env=environment | files | given,
            capture_output=True,
            text=True,
            timeout=110,
        )
        log += done.stdout + done.stderr
        code = done.returncode
        ran.append(step["name"])
        written = dict(line.split("=", 1) for line in output.read_text().splitlines())
        values |= {f"steps.{step.get('id')}.outputs.{name}": value for name, value in written.items()}
    outputs = {name: expanded(given["value"], values) for name, given in action["outputs"].items()}
    return Run(code, outputs, summary.read_text(), log, ran)


def expanded(text, values):
    """`${{ name }}` as its value; what nobody has set is empty, as on GitHub. A default may hold one too."""
    return re.sub(r"\$\{\{ ([\w.]+) \}\}", lambda found: expanded(values.get(found[1], ""), values), str(text))


def holds(condition, values):
    terms = condition.removeprefix("${{ ").removesuffix(" }}").split(" && ")
    return all(not term or compared(*term.split(" == "), values) for term in terms)


def compared(name, wanted, values):
    return values.get(name, "") == wanted.strip("'")
