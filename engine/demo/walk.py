"""The walk: from a commit to an answer, its exact cost, a new price, and a commit that is refused."""

import contextlib
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from engine.demo.call import KEY_VARIABLE, Answer, Call
from engine.demo.gateway import Gateway, catalog, environment, free_port
from engine.demo.llm import LocalLlm
from engine.demo.repository import ScratchRepository
from engine.demo.screen import INDENT, Screen
from engine.errors import UserError

MODEL = "@local/tiny-support"
MODEL_FILE = "models/local/tiny-support.yaml"
SHIPPED_LLM_URL = "http://127.0.0.1:8792/v1"
PORT, ADMIN_PORT, LLM_PORT = 8790, 8791, 8792
OLD_PRICE = ('input_mtok: "0.10"', 'output_mtok: "0.40"')
NEW_PRICE = ('input_mtok: "0.25"', 'output_mtok: "1.00"')
TYPO = 'inptu_mtok: "0.25"'
QUESTION = "In one short sentence: what is a Git commit?"
HEADERS = ("x-request-id", "x-catalog-model", "x-catalog-revision", "x-catalog-cost-usd")


class Walk:
    """What the chapters share: the running parts, the key, and the commits so far."""

    def __init__(self, screen: Screen, repository: ScratchRepository, gateway: Gateway, key: str, first: str) -> None:
        self.screen = screen
        self.repository = repository
        self.gateway = gateway
        self.key = key
        self.commits = [first]

    def ask(self, *, stream: bool = False) -> str:
        """Send the request, show it and its answer; the request's id."""
        call = Call(self.gateway.url, MODEL, QUESTION, stream=stream)
        self.screen.command(call.typed())
        if not call.with_curl:
            self.screen.say("(curl is not installed here: the same request is sent from Python.)")
        answer = call.send(self.key)
        self.screen.facts((name, answer.headers[name]) for name in HEADERS if name in answer.headers)
        if answer.status != 200:
            raise UserError(f"The gateway answered {answer.status}: {' '.join(answer.lines)}")
        self._show_stream(answer) if stream else self._show_text(answer)
        return answer.headers["x-request-id"]

    def _show_text(self, answer: Answer) -> None:
        reply = json.loads("\n".join(answer.lines))
        self.screen.say(f"The model says: {_one_line(reply['choices'][0]['message']['content'])}")

    def _show_stream(self, answer: Answer) -> None:
        """Print the text while it comes, cut into words by the model itself."""
        self.screen.more(f"{INDENT}The model says, token by token: ")
        events, last = 0, ""
        for line in filter(None, answer.lines):
            events, last = events + 1, line
            if line != "data: [DONE]":
                choices = json.loads(line.removeprefix("data: ")).get("choices") or [{}]
                self.screen.more(_one_line(choices[0].get("delta", {}).get("content") or "", strip=False))
        self.screen.more("\n")
        self.screen.say(f"({events} events; the last one is `{last}`.)")

    def row(self, request_id: str) -> dict[str, Any]:
        """What the ledger holds of a request, once it is there."""
        asked = f"/api/requests/{request_id}"
        row: dict[str, Any] = self.gateway.wait_for(
            lambda: found if (found := self.gateway.admin(asked))["state"] != "open" else None,
            f"The request {request_id} is not on record",
        )
        return row

    def show_row(self, request_id: str) -> None:
        """One row of the ledger, with the arithmetic of its cost."""
        row = self.row(request_id)
        attempt = row["attempts"][-1]
        self.screen.say(f"On record ({self.gateway.admin_url}/api/requests/{request_id}):")
        self.screen.facts(
            [
                ("state", f"{row['state']}, tokens as reported by the model's server"),
                ("who", f"key {row['key']} of {row['owner']}"),
                ("model", f"{row['model']}, sent to {attempt['provider']} as {attempt['upstream_model']}"),
                ("commit", f"{row['revision']} (model file: blob {attempt['blob'][:12]})"),
                ("meters", _pairs(attempt["meters"])),
                ("rates", _pairs(attempt["rates"]) + "  (USD per million tokens)"),
                ("cost", f"{' + '.join(_products(attempt))} per million = {row['cost_usd']} USD"),
            ]
        )

    def commit(self, message: str) -> str:
        """Commit what was changed, and show the change."""
        self.screen.command(f'git commit -am "{message}"')
        self.screen.lines(self.repository.diff())
        self.commits.append(self.repository.commit(message))
        return self.commits[-1]

    def wait_until_live(self, commit: str) -> None:
        """Say how long a commit took to be what requests are answered with."""
        began = time.monotonic()
        self.gateway.wait_for(
            lambda: self.gateway.served_revision(self.key) == commit, f"The commit {commit[:12]} is not live"
        )
        took = (time.monotonic() - began) * 1000
        self.screen.say(f"Commit {commit[:12]} is live after {took:.0f} ms. Nothing was restarted.")


def run(
    screen: Screen, *, once: bool, port: int | None = None, admin_port: int | None = None, keep: bool = False
) -> None:
    """The whole demo; with `once` it ends after the walk, else it stays up until it is interrupted.

    Raises:
        UserError: a part is missing or does not start.
    """
    with contextlib.ExitStack() as parts:
        scratch = parts.enter_context(_scratch(screen, keep=keep))
        walk = _start(screen, scratch, parts, port, admin_port)
        requests = [_first_request(walk), _streamed(walk), _new_price(walk)]
        _compare(walk, requests)
        _refused_commit(walk)
        if once:
            screen.chapter("That was the walk: everything is stopped now")
            return
        with contextlib.suppress(KeyboardInterrupt):
            _what_next(walk)
            while True:
                walk.gateway.wait(3600.0)
                walk.gateway.check_running()
        screen.chapter("Stopping")


@contextlib.contextmanager
def _scratch(screen: Screen, *, keep: bool) -> Iterator[Path]:
    """A directory for all files of this run."""
    directory = Path(tempfile.mkdtemp(prefix="catalog-demo-"))
    try:
        yield directory
    finally:
        if keep:
            screen.say(f"Kept: {directory}")
        else:
            shutil.rmtree(directory, ignore_errors=True)


def _start(
    screen: Screen, scratch: Path, parts: contextlib.ExitStack, port: int | None, admin_port: int | None
) -> Walk:
    screen.chapter("A real model, a Git repository, a gateway")
    began = time.monotonic()
    llm = parts.enter_context(LocalLlm(free_port(LLM_PORT), log=scratch / "llm.log"))
    model_ready = time.monotonic() - began
    repository = ScratchRepository(scratch / "models")
    repository.root.mkdir()
    repository.create()
    if llm.base_url != SHIPPED_LLM_URL:
        repository.replace("providers/local.yaml", SHIPPED_LLM_URL, llm.base_url)
    key = _new_key(repository)
    first = repository.commit("The catalog, and a key for the demo")
    config = scratch / "gateway.yaml"
    config.write_text(_operator_file(llm.base_url), "utf-8")
    began = time.monotonic()
    gateway = parts.enter_context(
        Gateway(
            repo=repository.root,
            config=config,
            state=scratch / "state",
            log=scratch / "gateway.log",
            port=port if port is not None else free_port(PORT),
            admin_port=admin_port if admin_port is not None else free_port(ADMIN_PORT),
        )
    )
    screen.facts(
        [
            ("model", f"SmolLM2-135M on this machine, {llm.base_url}  (ready in {model_ready:.1f} s)"),
            ("catalog", f"{repository.catalog}  (branch main, commit {first[:12]})"),
            ("gateway", f"{gateway.url}  (ready in {time.monotonic() - began:.1f} s)"),
            ("status", f"{gateway.admin_url}/api/status"),
            ("key", f"{KEY_VARIABLE}={key}  (in Git: only its hash)"),
        ]
    )
    screen.say(f"The model {MODEL} is this file, {MODEL_FILE}:")
    screen.lines((repository.catalog / MODEL_FILE).read_text("utf-8").splitlines(), dim=True)
    return Walk(screen, repository, gateway, key, first)


def _new_key(repository: ScratchRepository) -> str:
    command = catalog("keys", "new", "demo", "--owner", "team-support", "--models", "@local/*")
    done = subprocess.run(
        [*command, "--catalog", str(repository.catalog)], env=environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UserError(f"No key could be made: {done.stderr.strip()}")
    return done.stdout.strip()


def _operator_file(llm_url: str) -> str:
    """Loopback addresses are refused unless the operator names them."""
    origin = llm_url.removesuffix("/v1")
    return f"# Belongs to whoever runs the gateway; it is not in Git.\norigins:\n  {origin}: {{private: true}}\n"


def _first_request(walk: Walk) -> str:
    walk.screen.chapter("A request, and its exact cost on record")
    request_id = walk.ask()
    walk.show_row(request_id)
    return request_id


def _streamed(walk: Walk) -> str:
    walk.screen.chapter("The same, streamed")
    request_id = walk.ask(stream=True)
    row = walk.row(request_id)
    walk.screen.say(f"On record: {_pairs(row['attempts'][-1]['meters'])}, {row['cost_usd']} USD.")
    return request_id


def _new_price(walk: Walk) -> str:
    walk.screen.chapter("A new price is a commit")
    for old, new in zip(OLD_PRICE, NEW_PRICE, strict=True):
        walk.repository.replace(MODEL_FILE, old, new)
    walk.wait_until_live(walk.commit("Raise the price of tiny-support"))
    return walk.ask()


def _compare(walk: Walk, requests: list[str]) -> None:
    walk.screen.chapter("Two commits, two prices")
    header = ("REQUEST", "COMMIT", *(f"{part} {what}" for part in ("INPUT", "OUTPUT") for what in ("TOKENS", "RATE")))
    rows = []
    for request_id in requests:
        row = walk.row(request_id)
        parts = [part for product in _products(row["attempts"][-1]) for part in product.split(" x ")]
        rows.append((f"…{request_id[-8:]}", row["revision"][:12], *parts, row["cost_usd"]))
    walk.screen.table((*header, "COST USD"), rows)
    arguments = ["usage", "--by", "revision", "--state", str(walk.gateway.state)]
    walk.screen.command(f"catalog {' '.join(arguments)}")
    done = subprocess.run(catalog(*arguments), env=environment(), capture_output=True, text=True, check=False)
    walk.screen.lines((done.stdout if done.returncode == 0 else done.stderr).splitlines())


def _refused_commit(walk: Walk) -> None:
    walk.screen.chapter("A bad commit changes nothing")
    good = walk.commits[-1]
    walk.repository.replace(MODEL_FILE, NEW_PRICE[0], TYPO)
    bad = walk.commit("A price with a typo")

    def verdict() -> dict[str, Any] | None:
        last: dict[str, Any] | None = walk.gateway.admin("/api/status")["last_reload"]
        return last if last is not None and last["revision"] == bad and not last["ok"] else None

    refused = walk.gateway.wait_for(verdict, f"The commit {bad[:12]} was not refused")
    for problem in refused["problems"]:
        place = f"{problem['file']}:{problem.get('line', 0)}:{problem.get('column', 0)}"
        walk.screen.lines([f"{place}: {problem['code']} {problem['message']}", f"    {problem.get('hint', '')}"])
    answer = Call(walk.gateway.url, MODEL, "Say hello.", max_tokens=8).send(walk.key)
    cost = answer.headers.get("x-catalog-cost-usd")
    list(answer.lines)
    if answer.status != 200 or answer.headers["x-catalog-revision"] != good:
        raise UserError(f"A request after the bad commit was answered {answer.status}, not served by {good[:12]}.")
    walk.screen.say(f"Meanwhile a request was answered by the last good commit, {good[:12]}, for {cost} USD.")
    walk.repository.replace(MODEL_FILE, TYPO, NEW_PRICE[0])
    walk.wait_until_live(walk.commit("Mend the typo"))


def _what_next(walk: Walk) -> None:
    walk.screen.chapter("What to try next")
    root, gateway = walk.repository.root, walk.gateway
    walk.screen.say("All of it stays up until you press Ctrl-C. In another terminal (`catalog` is in .venv/bin):")
    walk.screen.lines(
        [
            f"export {KEY_VARIABLE}={walk.key}   # then any curl from above",
            f'curl {gateway.url}/v1/models -H "x-portkey-api-key: ${KEY_VARIABLE}"',
            f"$EDITOR {walk.repository.catalog / MODEL_FILE}",
            f'git -C {root} commit -am "My price"   # live in well under a second',
            f"catalog validate {walk.repository.catalog}",
            f"catalog show {MODEL} {walk.repository.catalog}",
            f"catalog usage --state {gateway.state}",
            f"curl {gateway.admin_url}/api/requests",
        ]
    )


def _products(attempt: dict[str, Any]) -> list[str]:
    """Tokens and their rates. Cached tokens are part of the input, and this model has no rate of their own for them."""
    return [
        f"{attempt['meters'][f'{part}_tokens']} x {attempt['rates'][f'{part}_mtok']}" for part in ("input", "output")
    ]


def _pairs(values: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _one_line(text: str, *, strip: bool = True) -> str:
    printable = "".join(letter if letter.isprintable() else " " for letter in text)
    return printable.strip() if strip else printable
