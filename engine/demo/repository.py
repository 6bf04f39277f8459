"""The demo's own Git repository: a scratch copy of the example catalog, apart from all settings of the user's Git."""

import os
import shutil
import subprocess
from pathlib import Path

from engine.errors import UserError
from engine.shipped import shipped

_SETTINGS = {
    "user.name": "Catalog demo",
    "user.email": "demo@localhost",
    "commit.gpgsign": "false",
    "core.hooksPath": os.devnull,
    "core.autocrlf": "false",
    "gc.auto": "0",
}


class ScratchRepository:
    """A repository at `root` with the catalog in `root/catalog`, on branch main."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.catalog = root / "catalog"

    def create(self) -> None:
        """Lay the example catalog there; nothing is committed yet.

        Raises:
            UserError: there is no `git`, or it fails.
        """
        shutil.copytree(shipped("catalog"), self.catalog)
        self._git("init", "--quiet", "--template=", "--initial-branch=main", ".")
        for name, value in _SETTINGS.items():
            self._git("config", name, value)

    def replace(self, file: str, old: str, new: str) -> None:
        """Change one place of a catalog file."""
        path = self.catalog / file
        text = path.read_text("utf-8")
        assert text.count(old) == 1, f"{file} should have {old!r} once"
        path.write_text(text.replace(old, new), "utf-8")

    def commit(self, message: str) -> str:
        """Commit everything; the commit's full id."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", message)
        return self._git("rev-parse", "HEAD")

    def diff(self) -> list[str]:
        """What changed since the last commit: the lines with + and - only."""
        lines = self._git("diff", "--unified=0", "--no-color").splitlines()
        return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]

    def _git(self, *arguments: str) -> str:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
        try:
            done = subprocess.run(
                ["git", *arguments], cwd=self.root, env=environment, capture_output=True, text=True, check=True
            )
        except FileNotFoundError:
            raise UserError("The demo needs the command git, which is not installed.") from None
        except subprocess.CalledProcessError as error:
            raise UserError(f"git {arguments[0]} failed in {self.root}: {error.stderr.strip()}") from None
        return done.stdout.strip()
