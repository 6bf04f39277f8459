"""What `catalog serve` says when it cannot begin: one clear message, exit code 2, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness.catalogs import CatalogRepo
from harness.served import Served


def _serve(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CATALOG_")}
    environment["PYTHONPATH"] = os.getcwd()  # noqa: PTH109
    return subprocess.run(
        [sys.executable, "-m", "engine", "serve", *arguments],
        capture_output=True,
        text=True,
        timeout=30,
        env=environment,
        cwd=cwd,
    )


def _assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    said = done.stderr
    assert done.returncode == 2, said
    assert done.stdout == ""
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) <= 2, said
    for word in words:
        assert word in said


def test_ports_and_state_that_are_in_use(gateway: Served, repo: CatalogRepo, tmp_path: Path) -> None:
    assert gateway.process is not None
    source = ("--repo", str(repo.repo))
    listen, admin = gateway.url.removeprefix("http://"), gateway.admin.removeprefix("http://")
    free = ("--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
    other = ("--state", str(tmp_path / "other"))
    _assert_refused(_serve(*source, *other, "--listen", listen, *free[2:], cwd=tmp_path), listen, "--listen")
    _assert_refused(_serve(*source, *other, *free[:2], "--admin-listen", admin, cwd=tmp_path), admin, "--admin-listen")
    taken = _serve(*source, "--state", str(gateway.state), *free, cwd=tmp_path)
    _assert_refused(taken, str(gateway.state), str(gateway.process.pid), "--state")
    assert gateway.is_ready()
    assert gateway.status()["in_sync"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--catalog", ".", "--state", "file/state"), ("file/state", "--state")),
        (("--catalog", ".", "--state", "/proc/state"), ("/proc/state", "--state")),
        (("--catalog", ".", "--admin-listen", "0.0.0.0:0"), ("0.0.0.0", "loopback")),
        ((), ("no catalog here", "--catalog")),
        (("--catalog", ".", "--repo", "."), ("catalog", "--repo")),
        (("--catalog", ".", "--listen", "127.0.0.1:99999"), ("99999",)),
        (("--catalog", ".", "--workers", "0"), ("workers",)),
        (("--repo", ".", "--ref", "main~1"), ("main~1",)),
    ],
)
def test_settings_that_cannot_be_served(tmp_path: Path, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    (tmp_path / "file").write_text("not a directory", encoding="utf-8")
    defaults = () if "--state" in arguments else ("--state", "state")
    ports = tuple(
        part for option in ("--listen", "--admin-listen") if option not in arguments for part in (option, "127.0.0.1:0")
    )
    _assert_refused(_serve(*arguments, *defaults, *ports, cwd=tmp_path), *words)
