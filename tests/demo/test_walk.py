"""`catalog demo` as a user runs it: the whole walk on real parts, and nothing left behind."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

DEMO = [sys.executable, "-c", "from engine.cli.main import main; main()", "demo"]


@pytest.fixture
def surroundings(tmp_path):
    """An environment full of settings that are none of the demo's business."""
    strange = {
        "TMPDIR": str(tmp_path / "scratch"),
        "GIT_DIR": "/nonexistent",
        "GIT_AUTHOR_DATE": "never",
        "CATALOG_LISTEN": "not an address",
        "CATALOG_STATE": "/nonexistent/state",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "http_proxy": "http://127.0.0.1:9",
        "HOME": str(tmp_path / "home"),
    }
    (tmp_path / "scratch").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text("[commit]\n\tgpgsign = true\n[core]\n\thooksPath = /nonexistent\n")
    return os.environ | strange


def processes_of(directory):
    """Command lines of running processes that name `directory`."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(directory) in command:
            found.append(command)
    return found


def check_nothing_is_left(scratch):
    assert list(Path(scratch).iterdir()) == []
    assert processes_of(scratch) == []


def follow_the_hints(text, environment):
    """What the demo says to try next does work."""
    hints = re.sub(r"\x1b\[\d*m", "", text).partition("What to try next")[2].splitlines()
    model_file = Path(next(line for line in hints if "$EDITOR" in line).split()[-1])
    model_file.write_text(model_file.read_text().replace('"0.25"', '"0.35"'))
    commands = [shlex.split(line, comments=True) for line in hints if line.strip().startswith(("catalog ", "git "))]
    assert {command[1] for command in commands} == {"validate", "show", "usage", "-C"}
    clean = {name: value for name, value in environment.items() if not name.startswith(("GIT_", "CATALOG_"))}
    clean["GIT_CONFIG_GLOBAL"] = os.devnull
    for command in commands:
        program = DEMO[:-1] if command[0] == "catalog" else command[:1]
        done = subprocess.run([*program, *command[1:]], env=clean, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


def check_story(text):
    """Two commits, two prices, and every cost is what its line says: tokens times rates."""
    rows = re.findall(r"^ +…\w{8}  (\w{12}) +(\d+) +(\S+) +(\d+) +(\S+) +(\S+) *$", text, re.MULTILINE)
    assert len(rows) == 3
    for _, tokens_in, rate_in, tokens_out, rate_out, cost in rows:
        exact = (int(tokens_in) * Decimal(rate_in) + int(tokens_out) * Decimal(rate_out)) / 10**6
        assert Decimal(cost) == exact
    assert [row[0] for row in rows[:2]] == [rows[0][0]] * 2
    assert rows[2][0] != rows[0][0]
    assert [(row[2], row[4]) for row in rows] == [("0.10", "0.40"), ("0.10", "0.40"), ("0.25", "1.00")]
    assert re.search(r"Commit \w{12} is live after \d+ ms", text)
    assert re.search(r"models/local/tiny-support\.yaml:\d+:\d+: ", text), "the bad commit is refused with its place"
    assert f"answered by the last good commit, {rows[2][0]}" in text
    assert "data: [DONE]" in text
    assert re.search(r"^ +TOTAL +3 ", text, re.MULTILINE), "catalog usage counts the three calls"


def test_once_walks_through_and_leaves_nothing(surroundings):
    done = subprocess.run([*DEMO, "--once"], env=surroundings, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert ("sent from Python" in done.stdout) is (shutil.which("curl") is None)
    check_story(done.stdout)
    check_nothing_is_left(surroundings["TMPDIR"])


def test_without_curl_it_stays_up_until_it_is_interrupted(surroundings, tmp_path):
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("git", "sh"):
        (tools / name).symlink_to(shutil.which(name))
    environment = surroundings | {"PATH": str(tools), "FORCE_COLOR": "1"}
    seen = []
    with subprocess.Popen(DEMO, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as demo:
        for line in demo.stdout:
            seen.append(line)
            if "/api/requests\n" in re.sub(r"\x1b\[\d*m", "", line) and "curl http" in line:
                break
        while_up = processes_of(surroundings["TMPDIR"])
        follow_the_hints("".join(seen), environment)
        demo.send_signal(signal.SIGINT)
        seen.append(demo.stdout.read())
        said = demo.stderr.read()
    text = "".join(seen)
    assert demo.returncode == 0, text + said
    assert while_up
    assert "\x1b[1m" in text
    text = re.sub(r"\x1b\[\d*m", "", text)
    assert "sent from Python" in text
    check_story(text)
    check_nothing_is_left(surroundings["TMPDIR"])


def test_a_port_in_use_is_one_clear_message_and_nothing_is_left(surroundings, local_llm):
    port = re.search(r":(\d+)/", local_llm)[1]
    done = subprocess.run([*DEMO, "--once", "--port", port], env=surroundings, capture_output=True, text=True)
    assert done.returncode == 2
    assert f"Cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "Traceback" not in done.stderr
    check_nothing_is_left(surroundings["TMPDIR"])


def test_no_color_wins(monkeypatch, capsys):
    from engine.demo.screen import Screen

    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    Screen().chapter("Plain")
    assert capsys.readouterr().out == "\n1. Plain\n"
