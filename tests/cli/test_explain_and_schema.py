"""`catalog explain`, `catalog schema`, `catalog completion`."""

import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.catalog.codes import CODES
from engine.catalog.schema import schema_of
from engine.cli.explain import explanation_of, known_codes
from engine.shipped import shipped

ROOT = Path(__file__).parents[2]


def test_explain_lists_every_code(run):
    done = run("explain")
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == known_codes()
    assert set(CODES) < set(known_codes())


def test_every_code_that_the_engine_writes_is_explained():
    written = set()
    for file in (ROOT / "engine").rglob("*.py"):
        written |= set(re.findall(r'code="([a-z0-9]+(?:-[a-z0-9]+)+)"', file.read_text()))
    assert len(written) > 5
    assert written <= set(known_codes())


def test_every_code_says_what_and_why():
    for code in known_codes():
        found = explanation_of(code)
        assert found.meaning, code
        assert found.why.endswith("."), code
        assert found.severity in {"error", "warning"}


def test_an_explanation_as_it_is_read(run):
    assert run("explain", "quote-it").stdout == (
        "quote-it (error): a value must be quoted to mean what was meant\n\n"
        'YAML keeps "@" and the backtick for itself, so a name such as @openai/bot must be quoted.\n\n'
        "Bad:\n    # models/local/tiny.yaml\n    type: custom\n    aliases: [small]\n    pricing: @openai/bot\n\n"
        'Good:\n    # models/local/tiny.yaml\n    type: custom\n    aliases: [small]\n    pricing: "@openai/bot"\n'
    )
    warning = run("explain", "unpriced").stdout
    assert "accept: {unpriced: the reason}" in warning
    assert json.loads(run("explain", "unpriced", "--format", "json").stdout)["code"] == "unpriced"


def test_no_example_is_obeyed_by_the_terminal(run):
    said = run("explain", "forbidden-character").stdout
    assert "\u202e" not in said
    assert "\\u202e" in said


def test_explain_suggests(run):
    done = run("explain", "unknown-kye")
    assert done.returncode == 1
    assert done.stderr == 'catalog: There is no code "unknown-kye".\n    Did you mean "unknown-key"?\n'
    assert run("explain", "xyzzy").stderr.endswith("`catalog explain` lists all codes.\n")


def test_schema(run):
    kinds = sorted(path.name.partition(".")[0] for path in shipped("schemas").glob("*.schema.json"))
    listed = run("schema")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == kinds
    assert json.loads(run("schema", "model").stdout) == schema_of("model")
    wrong = run("schema", "modle")
    assert wrong.returncode == 1
    assert wrong.stderr.endswith('Did you mean "model"?\n')


def completions(run, words, **environment):
    """What bash would be told, asked as bash asks."""
    index = str(len(words.split(" ")) - 1)
    done = run(_CATALOG_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=index, **environment)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("catalog val", ["validate"]),
        ("catalog explain unknown-m", ["unknown-model"]),
        ("catalog schema mod", ["model"]),
        ("catalog validate --format s", ["sarif"]),
        ("catalog validate --kind prov", ["provider"]),
        ("catalog validate --str", ["--strict"]),
        ("catalog completion z", ["zsh"]),
        ("catalog --ver", ["--version"]),
    ],
)
def test_completions(run, catalog, words, offered):
    assert completions(run, words) == offered


def test_completion_without_a_catalog_offers_nothing_and_says_nothing(run):
    assert completions(run, "catalog validate --env p") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_what_the_shell_can_read(run, shell, tmp_path):
    script = run("completion", shell)
    assert script.returncode == 0
    assert "_CATALOG_COMPLETE" in script.stdout
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed: its script was printed, and not read by it")
    (tmp_path / "script").write_text(script.stdout)
    subprocess.run([shell, "-n", tmp_path / "script"], check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_a_model_by_tab(run, catalog, tmp_path):
    """A real bash on a real terminal: "@" does not split the word, and one Tab writes the rest of the name."""
    (tmp_path / "script").write_text(run("completion", "bash").stdout)
    program = tmp_path / "bin/catalog"
    program.parent.mkdir()
    program.write_text(f"#!{sys.executable}\nfrom engine.cli.main import main\nmain()\n")
    program.chmod(0o755)
    environment = {
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PS1": "ready> ",
        "TERM": "dumb",
        "HOME": str(tmp_path),
    }
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], environment)
    try:
        seen = read_until(terminal, "ready> ")
        os.write(terminal, b"source ./script\n")
        read_until(terminal, "ready> ")
        os.write(terminal, b"catalog show @local/ti\t")
        seen = read_until(terminal, "@local/tiny-support ")
        assert "catalog show @local/tiny-support " in seen
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)


def read_until(terminal, wanted, seconds=20):
    seen = ""
    end = time.monotonic() + seconds
    while wanted not in seen and time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 4096).decode()
    assert wanted in seen
    return seen
