"""Running `catalog` as a user does."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.shipped import shipped

PROGRAM = "from engine.cli.main import main; main()"
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if name not in {"NO_COLOR", "FORCE_COLOR", "CATALOG_DEBUG"} and not name.startswith("GITHUB_")
}


@pytest.fixture
def run(tmp_path):
    """Run `catalog` with these arguments in an empty directory."""

    def run(*arguments, cwd=tmp_path, stdin=None, **environment):
        path = os.pathsep.join((str(Path(__file__).parents[2]), ENVIRONMENT.get("PYTHONPATH", "")))
        return subprocess.run(
            [sys.executable, "-X", "utf8", "-W", "error", "-c", PROGRAM, *map(str, arguments)],
            cwd=cwd,
            env={**ENVIRONMENT, "PYTHONPATH": path, **environment},
            input="" if stdin is None else stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
        )

    return run


@pytest.fixture
def catalog(tmp_path):
    """A copy of the shipped catalog, in the directory where commands run."""
    return Path(shutil.copytree(shipped("catalog"), tmp_path / "catalog"))
