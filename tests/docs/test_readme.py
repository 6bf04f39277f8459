"""Every command that README.md shows is run as it stands there, but for ports and paths."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness.served import Served

from engine.cli.main import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = BLOCK.findall(README)

# Run by others: `make` by whoever runs these tests, the demo by tests/demo.
ELSEWHERE = ("make demo", "make test")


def blocks(language: str, containing: str) -> list[str]:
    found = [text for name, text in BLOCKS if name == language and containing in text]
    assert found, f"README.md has no {language} block with {containing!r} any more"
    return found


class Reader:
    """Somebody who types what the README says, in a scratch copy of the catalog's repository."""

    def __init__(self, root: Path, llm: str) -> None:
        self.root = root
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CATALOG_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "GIT_CONFIG_GLOBAL": os.devnull,
            **{
                f"GIT_{who}_{what}": "readme@example.invalid"
                for who in ("AUTHOR", "COMMITTER")
                for what in ("NAME", "EMAIL")
            },
        }
        shutil.copytree(ROOT / "catalog", root / "catalog")
        provider = root / "catalog/providers/local.yaml"
        provider.write_text(re.sub(r"base_url: .*", f"base_url: {llm}", provider.read_text()))
        self.type("git init -q -b main && git add . && git commit -qm 'Begin'")

    def type(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=100, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout

    def at(self, text: str, served: Served) -> str:
        return text.replace("http://127.0.0.1:8790", served.url).replace("http://127.0.0.1:8791", served.admin)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, local_llm: str) -> Reader:
    return Reader(tmp_path_factory.mktemp("readme"), local_llm)


@pytest.fixture(scope="module")
def served(reader: Reader, local_llm: str) -> Iterator[Served]:
    """The lines of "Serving", in their order: a key, a commit, and `catalog serve` with the README's own settings."""
    key, commit, serve = blocks("sh", "catalog serve --repo")[0].strip().splitlines()
    reader.environment["CATALOG_KEY"] = re.findall(r"cat_[0-9A-Za-z]{40}", reader.type(key))[0]
    reader.type(commit)
    settings = blocks("yaml", "# gateway.yaml")[0]
    assert serve == "catalog serve --repo . --ref main --config gateway.yaml"
    origin = local_llm.removesuffix("/v1")
    shown = settings.replace("http://127.0.0.1:8792", origin)
    state = reader.root.parent / "readme-state"
    with Served(("--repo", str(reader.root), "--ref", "main"), state, settings=shown) as running:
        yield running


def test_the_curl_request_is_answered(reader: Reader, served: Served) -> None:
    (request,) = blocks("sh", "/v1/chat/completions")
    assert '"choices"' in reader.type(reader.at(request, served))


def test_the_python_request_is_answered(reader: Reader, served: Served) -> None:
    (program,) = blocks("python", "OpenAI(")
    path = reader.root.parent / "request.py"
    path.write_text(reader.at(program, served))
    assert reader.type(f"{sys.executable} {path}").strip()


def test_the_cost_is_shown(reader: Reader, served: Served) -> None:
    reader.type(reader.at(blocks("sh", "/v1/chat/completions")[0], served))
    served.settled_attempts(1)
    (commands,) = blocks("sh", "catalog usage")
    usage, *curls = commands.strip().splitlines()
    assert "@local/tiny-support" in reader.type(f"CATALOG_STATE={served.state} {usage}")
    for curl in curls:
        assert '"cost_usd"' in reader.type(reader.at(curl, served))


def test_a_catalog_is_written_and_checked(reader: Reader) -> None:
    """All lines in one shell, as they follow on each other; then what they left behind."""
    (commands,) = blocks("sh", "catalog init")
    said = reader.type(commands)
    assert "Wrote catalog/models/openai/support-bot.yaml" in said
    assert "0 errors, 0 warnings" in said
    assert "@openai/support-bot added" in said
    assert "reference.lock is current" in said
    assert reader.type("cd acme && git status --short").split() == ["??", "catalog/models/"]


def test_prices_go_out_and_come_back(reader: Reader) -> None:
    (commands,) = blocks("sh", "catalog import")
    said = reader.type(f"({commands}) 2>&1")
    assert "0 errors" in said.splitlines()[-1]
    assert (reader.root / "imported/models/openai").is_dir()


@pytest.mark.parametrize("command", re.findall(r"`(curl [^`]*8791[^`]*)`", README))
def test_commands_of_the_operator(reader: Reader, served: Served, command: str) -> None:
    assert "error" not in reader.type(reader.at(command.replace("curl ", "curl -sf "), served))[:10]


def test_no_other_command_is_shown() -> None:
    shown = {line.split("#")[0].strip() for name, text in BLOCKS if name == "sh" for line in text.splitlines()}
    run = "\n".join(
        text
        for containing in (
            "catalog init",
            "catalog import",
            "catalog serve --repo",
            "/v1/chat/completions",
            "catalog usage",
        )
        for text in blocks("sh", containing)
    )
    assert [line for line in shown if line and line not in run and line not in ELSEWHERE] == []


def test_every_command_that_the_text_names_is_one() -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    named = {name for page in pages for name in re.findall(r"`catalog ([a-z]+)", page.read_text(encoding="utf-8"))}
    assert {"validate", "explain", "add"} <= named <= COMMANDS.keys()
