"""The catalog is broken in many ways while requests come in: what was served before is served on, until it is mended."""

import random
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness.catalogs import CatalogDir, CatalogRepo
from harness.load import Ask, Load
from harness.served import Served, chat, wait_for
from harness.upstream import ScriptedUpstream

from engine.shipped import shipped

MODEL = "models/test/model.yaml"
PLAIN = 'description: x\ntype: custom\nupstream_model: x\npricing: {input_mtok: "9", output_mtok: "9"}\nowner: t\n'


@dataclass(frozen=True)
class Break:
    """How to break a catalog, and what the status must then say: a problem at a place, or words of the error."""

    name: str
    do: Callable[[CatalogDir], None]
    file: str = ""
    code: str = ""
    line: int = 0
    error: str = ""


def _write(path: str, text: str) -> Callable[[CatalogDir], None]:
    return lambda catalog: catalog.write(path, text)


def _bytes(path: str, data: bytes) -> Callable[[CatalogDir], None]:
    return lambda catalog: void((catalog.root / path).write_bytes(data))


def void(_: object) -> None:
    """Drop a result."""


def _cycle(catalog: CatalogDir) -> None:
    catalog.write("models/test/a.yaml", PLAIN + 'base_model: "@test/b"\n')
    catalog.write("models/test/b.yaml", PLAIN + 'base_model: "@test/a"\n')


def _tamper_with_lock(catalog: CatalogDir) -> None:
    lock = catalog.root / "reference.lock"
    text = lock.read_text(encoding="utf-8")
    assert '"input_mtok": "0.1"' in text
    lock.write_text(text.replace('"input_mtok": "0.1"', '"input_mtok": "0.01"', 1), encoding="utf-8")


BREAKS = [
    Break("bad yaml", _write(MODEL, PLAIN + "labels: {env: prod\n"), MODEL, "yaml-syntax", 7),
    Break("unknown key", _write(MODEL, PLAIN + "colour: red\n"), MODEL, "unknown-key", 6),
    Break("unquoted @", _write(MODEL, PLAIN + "base_model: @test/other\n"), MODEL, "quote-it", 6),
    Break("missing base model", _write(MODEL, PLAIN + 'base_model: "@test/no"\n'), MODEL, "unknown-model", 6),
    Break("duplicate key", _write(MODEL, PLAIN + "type: custom\n"), MODEL, "duplicate-key", 6),
    Break("cyclic base model", _cycle, "models/test/a.yaml", "base-model-cycle", 6),
    Break("deleted provider", lambda it: (it.root / "providers/test.yaml").unlink(), MODEL, "unknown-provider"),
    Break("tampered lock", _tamper_with_lock, "reference.lock", "lock-invalid"),
    Break("huge file", _bytes(MODEL, b"#" * 3_000_000), MODEL, "file-too-large"),
    Break("binary file", _bytes(MODEL, random.Random(1).randbytes(5000)), MODEL, "not-utf8"),
    Break("empty catalog", lambda it: [path.unlink() for path in it.root.rglob("*.yaml")] and None, "catalog.yaml"),
    Break("alias bomb", _write(MODEL, PLAIN + "labels: {a: &a x, b: *a}\n"), MODEL, "alias", 6),
    Break("deep nesting", _write(MODEL, PLAIN + "labels: " + "[" * 60_000 + "\n"), MODEL, "too-deep", 6),
]


@dataclass
class Rig:
    """A gateway under load, and the good state to come back to."""

    gateway: Served
    catalog: CatalogDir
    load: Load
    good: str

    def assert_undisturbed(self) -> None:
        """Whatever happened to the catalog, what was served before goes on: same commit, same price, no failure."""
        seen = len(self.load.outcomes)
        wait_for(lambda: len(self.load.outcomes) > seen + 20, message="requests do not go on")
        reply = httpx.post(
            f"{self.gateway.url}/v1/chat/completions",
            headers={"authorization": f"Bearer {self.catalog.key}"},
            json=chat("input=1000 output=10"),
        )
        assert reply.headers["x-catalog-revision"] == self.good
        assert reply.headers["x-catalog-cost-usd"] == "0.00102"
        assert [str(outcome) for outcome in self.load.outcomes if not outcome.ok] == []
        assert {outcome.headers["x-catalog-revision"] for outcome in self.load.outcomes[seen:]} == {self.good}

    def wait_broken(self) -> dict[str, Any]:
        """The status's last reload, once it says that the catalog is not what is served."""
        status = wait_for(lambda: None if (s := self.gateway.status())["in_sync"] else s, message="nobody noticed")
        assert status["revision"] == self.good
        assert status["last_reload"]["ok"] is False
        assert _gauge(self.gateway, "catalog_last_reload_successful") == 0
        found: dict[str, Any] = status["last_reload"]
        return found

    def wait_mended(self) -> None:
        """Until the good state is in force again, by itself."""
        wait_for(lambda: self.gateway.status()["in_sync"], message="it did not recover")
        assert _gauge(self.gateway, "catalog_last_reload_successful") == 1
        assert self.gateway.status()["revision"] == self.good


def _gauge(gateway: Served, name: str) -> float:
    text = httpx.get(f"{gateway.admin}/metrics").text
    return next(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name} "))


def _refusals(gateway: Served) -> list[dict[str, Any]]:
    return [event for event in gateway.events() if str(event.get("event", "")).startswith("catalog not published")]


def _assert_says(reload: dict[str, Any], expected: Break) -> None:
    if expected.error:
        assert expected.error in reload["error"]
        return
    found = [problem for problem in reload["problems"] if problem.get("severity", "error") == "error"]
    places = [(problem["file"], problem["code"], problem.get("line", 0)) for problem in found]
    assert any(
        file == expected.file and code in (expected.code or code) and (not expected.line or line == expected.line)
        for file, code, line in places
    ), places
    if expected.line:
        assert all(problem.get("column", 0) > 0 for problem in found if problem["file"] == expected.file)


def _with_reference_models(catalog: CatalogDir) -> None:
    for part in ("providers/openai.yaml", "models/openai", "reference.lock"):
        source = shipped("catalog") / part
        if source.is_dir():
            shutil.copytree(source, catalog.root / part)
        else:
            shutil.copy(source, catalog.root / part)


@pytest.fixture(scope="module")
def repo_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    place = tmp_path_factory.mktemp("broken-repo")
    with ScriptedUpstream() as upstream:
        catalog = CatalogRepo(place / "repo", upstream.origin)
        _with_reference_models(catalog)
        good = catalog.commit("good")
        yield from _rig(catalog, ("--repo", str(catalog.repo)), place / "state", upstream, good)


@pytest.fixture(scope="module")
def directory_rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    place = tmp_path_factory.mktemp("broken-directory")
    with ScriptedUpstream() as upstream:
        catalog = CatalogDir(place / "catalog", upstream.origin)
        _with_reference_models(catalog)
        yield from _rig(catalog, ("--catalog", str(catalog.root)), place / "state", upstream, "")


def _rig(
    catalog: CatalogDir, source: tuple[str, ...], state: Path, upstream: ScriptedUpstream, good: str
) -> Iterator[Rig]:
    def ask(numbers: random.Random) -> Ask:
        return Ask("delay=0.02 gap=0.01", stream=numbers.random() < 0.5)

    with (
        Served(source, state, origin=upstream.origin, workers=2) as gateway,
        Load(lambda: gateway.url, catalog.key, ask, clients=6) as load,
    ):
        rig = Rig(gateway, catalog, load, good or gateway.status()["revision"])
        rig.wait_mended()
        yield rig


@pytest.mark.parametrize("broken", BREAKS, ids=lambda case: case.name)
def test_commit_that_breaks_the_catalog(repo_rig: Rig, broken: Break) -> None:
    repo = repo_rig.catalog
    assert isinstance(repo, CatalogRepo)
    refused = len(_refusals(repo_rig.gateway))
    broken.do(repo)
    bad = repo.commit(broken.name)
    try:
        reload = repo_rig.wait_broken()
        assert (reload["verdict"], reload["revision"]) == ("rejected", bad)
        _assert_says(reload, broken)
        repo_rig.assert_undisturbed()
        assert len(_refusals(repo_rig.gateway)) == refused + 1
    finally:
        repo.git("revert", "--no-edit", "HEAD")
    repo_rig.good = repo.git("rev-parse", "HEAD")
    repo_rig.wait_mended()
    assert repo_rig.gateway.wait_revision(repo_rig.good) < 5


def _without_directory(repo: CatalogRepo) -> Callable[[], None]:
    repo.git("mv", "catalog", "elsewhere")
    repo.git("commit", "-q", "-m", "no catalog")
    return lambda: void(repo.git("reset", "-q", "--hard", "HEAD~1"))


def _without_branch(repo: CatalogRepo) -> Callable[[], None]:
    commit = repo.git("rev-parse", "HEAD")
    repo.git("checkout", "-q", "-B", "other")
    repo.git("branch", "-q", "-D", "main")
    return lambda: void(repo.git("checkout", "-q", "-b", "main", commit))


def _moved_away(repo: CatalogRepo) -> Callable[[], None]:
    aside = repo.repo.with_name("aside")
    repo.repo.rename(aside)
    return lambda: void(aside.rename(repo.repo))


def _without_objects(repo: CatalogRepo) -> Callable[[], None]:
    """The commit is there, a file of it is not: what an incomplete copy looks like."""
    repo.price("7", "7")
    repo.git("add", "-A")
    blob = repo.git("rev-parse", f":catalog/{MODEL}")
    file = repo.repo / ".git/objects" / blob[:2] / blob[2:]
    aside = repo.repo.with_name("object")
    before = repo.git("rev-parse", "HEAD")
    commit = repo.git("commit-tree", "-p", "HEAD", "-m", "x", repo.git("write-tree"))
    file.rename(aside)
    repo.git("update-ref", "refs/heads/main", commit)

    def mend() -> None:
        aside.rename(file)
        repo.git("reset", "-q", "--hard", before)

    return mend


@pytest.mark.parametrize(
    ("take_away", "words"),
    [
        (_without_directory, "'catalog'"),
        (_without_branch, "'main'"),
        (_moved_away, "repo"),
        (_without_objects, "object"),
    ],
)
def test_repository_that_cannot_be_read(
    repo_rig: Rig, take_away: Callable[[CatalogRepo], Callable[[], None]], words: str
) -> None:
    repo = repo_rig.catalog
    assert isinstance(repo, CatalogRepo)
    refused = len(_refusals(repo_rig.gateway))
    mend = take_away(repo)
    try:
        reload = repo_rig.wait_broken()
        assert reload["verdict"] == "unreadable"
        assert words in reload["error"]
        time.sleep(1.2)  # it is looked at again meanwhile: that is no news
        repo_rig.assert_undisturbed()
        assert len(_refusals(repo_rig.gateway)) == refused + 1
    finally:
        mend()
    repo_rig.wait_mended()


@pytest.mark.parametrize("broken", [BREAKS[0], BREAKS[5], BREAKS[8]], ids=lambda case: case.name)
def test_directory_whose_files_break(directory_rig: Rig, broken: Break) -> None:
    before = {path: path.read_bytes() for path in directory_rig.catalog.root.rglob("*") if path.is_file()}
    broken.do(directory_rig.catalog)
    try:
        _assert_says(directory_rig.wait_broken(), broken)
        directory_rig.assert_undisturbed()
    finally:
        for path in directory_rig.catalog.root.rglob("*"):
            if path.is_file() and path not in before:
                path.unlink()
        for path, data in before.items():
            path.write_bytes(data)
    directory_rig.wait_mended()


def test_directory_that_is_moved_away(directory_rig: Rig) -> None:
    root = directory_rig.catalog.root
    aside = root.rename(root.with_name("aside"))
    try:
        reload = directory_rig.wait_broken()
        assert (reload["verdict"], str(root) in reload["error"]) == ("unreadable", True)
        directory_rig.assert_undisturbed()
    finally:
        aside.rename(root)
    directory_rig.wait_mended()
