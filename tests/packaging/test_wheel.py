"""The wheel and the source archive, built for real; the wheel works from a directory that has nothing to do with us."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OUR_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("CATALOG_", "PYTHON"))}


def tracked(*folders):
    """The files of these folders that belong to the project."""
    listed = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *folders], cwd=ROOT, text=True
    )
    return {name for name in listed.split("\0") if name and (ROOT / name).is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """(wheel, source archive), made by the build backend that the lock names, without the network."""
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--target", "sdist", "--directory", out]
    done = subprocess.run(command, cwd=ROOT, env=OUR_ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return next(out.glob("*.whl")), next(out.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def catalog(built, tmp_path_factory):
    """Runs the installed `catalog` in an unrelated directory. Its dependencies are those that the tests run with."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False)
    python = home / "bin" / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    site = home / "lib" / version / "site-packages"
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--no-deps",
        "--no-index",
        "--quiet",
        built[0],
    ]
    done = subprocess.run(install, env=OUR_ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(site.glob("*.pth")), "the wheel itself brings no .pth"
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def run(*arguments):
        command = [home / "bin" / "catalog", *arguments]
        return subprocess.run(command, cwd=elsewhere, env=OUR_ENVIRONMENT, capture_output=True, text=True)

    run.python, run.elsewhere = python, elsewhere
    return run


def test_the_wheel_holds_the_files_of_the_checkout_and_nothing_else(built):
    with zipfile.ZipFile(built[0]) as wheel:
        inside = {name: wheel.read(name) for name in wheel.namelist() if ".dist-info/" not in name}
    wanted = {name: name for name in tracked("engine")}
    wanted |= {f"engine/_shipped/{name}": name for name in tracked("schemas", "catalog")}
    assert inside.keys() == wanted.keys()
    assert all(content == (ROOT / wanted[name]).read_bytes() for name, content in inside.items())


def test_the_source_archive_builds_the_same_wheel(built, tmp_path):
    with tarfile.open(built[1]) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", tmp_path / "out"]
    subprocess.run(command, cwd=source, env=OUR_ENVIRONMENT, check=True, capture_output=True)
    (again,) = (tmp_path / "out").glob("*.whl")
    with zipfile.ZipFile(again) as second, zipfile.ZipFile(built[0]) as first:
        assert {name: second.read(name) for name in second.namelist()} == {
            name: first.read(name) for name in first.namelist()
        }


def test_the_wheel_carries_its_licence_and_the_command(built):
    with zipfile.ZipFile(built[0]) as wheel:
        names = wheel.namelist()
        assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
        entry_points = next(name for name in names if name.endswith("entry_points.txt"))
        assert "catalog = engine.cli.main:main" in wheel.read(entry_points).decode()


def test_the_installed_command_runs_anywhere(catalog):
    done = catalog("--help")
    assert done.returncode == 0, done.stderr
    assert "validate" in done.stdout
    where = subprocess.check_output(
        [catalog.python, "-c", "import engine; print(engine.__file__)"], cwd=catalog.elsewhere, text=True
    )
    assert not where.startswith(str(ROOT))


def test_the_installed_command_finds_its_schemas_and_its_catalog(catalog):
    code = "from engine.shipped import shipped; print(shipped('catalog'))"
    shipped = subprocess.check_output([catalog.python, "-c", code], cwd=catalog.elsewhere, text=True).strip()
    assert Path(shipped).parts[-2:] == ("_shipped", "catalog")
    done = catalog("validate", shipped)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_copy_of_the_shipped_catalog_is_refused_where_it_is_broken(catalog, tmp_path):
    broken = tmp_path / "catalog"
    (broken / "models" / "local").mkdir(parents=True)
    (broken / "catalog.yaml").write_text("format: 1\n")
    (broken / "models" / "local" / "nowhere.yaml").write_text("type: custom\nprice: 1\n")
    done = catalog("validate", str(broken))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "models/local/nowhere.yaml:2:" in done.stdout
