import asyncio
import os
import subprocess
from pathlib import Path

import pytest


class Repository:
    """A real repository, driven by the real git."""

    def __init__(self, path: Path, *init: str) -> None:
        self.path = path
        subprocess.run(["git", "init", "-q", "-b", "main", *init, str(path)], check=True)

    def git(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(["git", "-C", str(self.path), *arguments], check=False, capture_output=True, text=True)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout.strip()

    def write(self, files: dict[str, str | bytes | None]) -> None:
        for name, content in files.items():
            path = self.path / name
            if content is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: dict[str, str | bytes | None], message: str = "a change") -> str:
        self.write(files)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture(autouse=True)
def git_home(tmp_path_factory, monkeypatch):
    """Git as on a fresh machine: nobody's configuration, a fixed author."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in [name for name in os.environ if name.startswith(("GIT_", "XDG_")) and name != "GIT_CONFIG_NOSYSTEM"]:
        monkeypatch.delenv(name)
    (home / ".gitconfig").write_text("[user]\n\tname = A\n\temail = a@example.com\n[gc]\n\tauto = 0\n")
    return home


@pytest.fixture
def new_repository():
    return Repository


@pytest.fixture
def repository(tmp_path):
    made = Repository(tmp_path / "repository")
    made.commit({"catalog/catalog.yaml": "format: 1\n", "catalog/models/a/x.yaml": "a: 1\n", "README.md": "hello\n"})
    return made


class Hints:
    """Follows a source's watch, as its one reader, and counts the hints."""

    def __init__(self, source):
        self.stop = asyncio.Event()
        self.watch = source.watch(self.stop)
        self.count = 0
        self._task = None
        self._more = asyncio.Event()

    async def __aenter__(self):
        self._task = asyncio.create_task(self._follow())
        await self.after(0)
        return self

    async def __aexit__(self, *_):
        self.stop.set()
        await asyncio.wait_for(self._task, 5)

    async def _follow(self):
        async for _ in self.watch:
            self.count += 1
            self._more.set()

    async def after(self, count, within=10.0):
        """Wait until there were more than `count` hints."""
        async with asyncio.timeout(within):
            while self.count <= count:
                self._more.clear()
                await self._more.wait()

    async def quiet(self, seconds=0.15):
        """Wait until no hint came for so long."""
        before = -1
        while before != self.count:
            before = self.count
            await asyncio.sleep(seconds)


@pytest.fixture
def hints():
    return Hints
