"""The scripts behind the Makefile: they say clearly what a machine lacks, and notice what is stale."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAKE_OLD = "import runpy, sys; sys.version_info = (3, 9, 2); runpy.run_path(sys.argv.pop(1), run_name='__main__')"


@pytest.fixture
def project(tmp_path):
    """The files that the scripts look at, and nothing installed."""
    for name in ("tools", "locks"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def run(project, *arguments, path="", **environment):
    return subprocess.run(
        [sys.executable, *arguments], cwd=project, env={"PATH": path, **environment}, capture_output=True, text=True
    )


def test_the_installer_can_be_read_by_an_old_python():
    ast.parse((ROOT / "tools/install.py").read_text(), feature_version=(3, 6))


@pytest.mark.parametrize("chosen", [(), ("--chosen",)])
def test_an_old_python_is_one_clear_message(project, chosen):
    done = run(project, "-c", MAKE_OLD, "tools/install.py", "demo", *chosen)
    assert done.returncode == 2
    assert "Error: Python 3.11 or newer is needed" in done.stderr
    assert "is 3.9.\nInstall one and name it: make PYTHON=" in done.stderr
    assert not (project / ".venv").exists()


def test_an_old_default_python_gives_way_to_a_newer_one(project):
    newer = project / "bin" / "python3.12"
    newer.parent.mkdir()
    newer.write_text('#!/bin/sh\necho "newer: $*"\n')
    newer.chmod(0o755)
    done = run(project, "-c", MAKE_OLD, "tools/install.py", "demo", path=str(newer.parent))
    assert done.stdout == "newer: tools/install.py demo\n"
    refused = run(project, "-c", MAKE_OLD, "tools/install.py", "demo", "--chosen", path=str(newer.parent))
    assert refused.returncode == 2, "a Python that was asked for is not replaced"


def test_a_python_without_venv_is_told_which_package_to_install(project):
    (project / "sitecustomize.py").write_text(
        "import importlib.util as util\nfind = util.find_spec\n"
        "util.find_spec = lambda name, *more: None if name in {'ensurepip', 'virtualenv'} else find(name, *more)\n"
    )
    done = run(project, "tools/install.py", "demo", PYTHONPATH=str(project))
    assert done.returncode == 2
    assert "no venv module" in done.stderr
    assert "apt install python3-venv" in done.stderr


def test_stale_parts_of_the_readme_are_named_and_mended(project):
    (project / "model.yaml").write_text("price: 2\n")
    part = "# Title\n<!-- generated: file model.yaml -->\n```yaml\nprice: {}\n```\n<!-- end -->\nafter\n"
    (project / "README.md").write_text(part.format(1))
    stale = run(project, "tools/readme.py", "--check")
    assert stale.returncode == 1
    assert "generated: file model.yaml" in stale.stderr
    assert run(project, "tools/readme.py", "--write").returncode == 0
    assert (project / "README.md").read_text() == part.format(2)
    assert run(project, "tools/readme.py", "--check").returncode == 0


def test_the_readme_of_this_checkout_is_current():
    done = subprocess.run(
        [sys.executable, ROOT / "tools/readme.py", "--check"], env=os.environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
