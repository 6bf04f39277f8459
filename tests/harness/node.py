"""npm packages for tests: installed once from tests/editor/package-lock.json, below the virtual environment."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

WANTED = Path(__file__).parents[1] / "editor"
FILES = ("package.json", "package-lock.json", ".npmrc")


def node_modules() -> Path:
    """The directory node_modules. Where there is no npm, or no registry, the test is skipped and says so; in CI it fails."""
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("npm is not installed: nothing was checked with the packages of tests/editor/package.json")
    digest = hashlib.sha256(b"".join((WANTED / name).read_bytes() for name in FILES)).hexdigest()[:16]
    home = Path(sys.prefix) / "node" / digest
    if not (home / "installed").exists():
        home.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            shutil.copy(WANTED / name, home)
        done = subprocess.run(["npm", "ci"], cwd=home, capture_output=True, text=True, timeout=110)
        if done.returncode:
            reason = f"npm ci failed: {done.stderr.strip()[-300:]}"
            pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
        (home / "installed").touch()
    return home / "node_modules"
