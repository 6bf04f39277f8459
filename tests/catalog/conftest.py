"""Trees of files for the compiler, and the example catalogs beside this file."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from engine.catalog.compared import compare_findings
from engine.catalog.compile import Compiler, compile_catalog, merged
from engine.catalog.dated import dated_findings
from engine.catalog.values import nanoseconds
from engine.problem import Problem
from engine.tree import Tree, blob_id

EXAMPLES = Path(__file__).parent
NOW = nanoseconds("2026-11-01T00:00:00Z")


def make_tree(files: Mapping[str, str | bytes]) -> Tree:
    data = {path: text if isinstance(text, bytes) else text.encode() for path, text in files.items()}
    return Tree(revision="test", files=data, blobs={path: blob_id(content) for path, content in data.items()})


def files_of(folder: Path) -> dict[str, bytes]:
    """A folder's files by their path below it. `expected.*` and `removed.txt` belong to the tests."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("expected.") and path.name != "removed.txt"
    }


def example_files(folder: Path) -> dict[str, bytes]:
    """The example of a code: good/minimal, with the example's files laid over it and those of removed.txt taken away."""
    files = files_of(EXAMPLES / "good" / "minimal") | files_of(folder)
    removed = folder / "removed.txt"
    for path in removed.read_text().split() if removed.exists() else ():
        del files[path]
    return files


def findings_of(files: Mapping[str, str | bytes]) -> tuple[Problem, ...]:
    """All that can be said of a catalog and its environments, on NOW, as the commit that follows on good/minimal."""
    outcomes = Compiler().compile_all(make_tree(files))
    after = outcomes[""].catalog
    before = compile_catalog(make_tree(files_of(EXAMPLES / "good" / "minimal"))).catalog
    if after is None or before is None:
        return merged(outcomes)
    return (*merged(outcomes), *dated_findings(after, NOW), *compare_findings(before, after, NOW))


@pytest.fixture
def findings() -> Callable[[Mapping[str, str | bytes]], tuple[Problem, ...]]:
    return findings_of


@pytest.fixture
def tree() -> Callable[[Mapping[str, str | bytes]], Tree]:
    return make_tree


@pytest.fixture
def minimal() -> dict[str, bytes]:
    """The files of a small catalog that is right."""
    return files_of(EXAMPLES / "good" / "minimal")


@pytest.fixture
def good(request: pytest.FixtureRequest) -> Tree:
    """The good example named by an indirect parameter."""
    return make_tree(files_of(EXAMPLES / "good" / request.param))


@pytest.fixture
def example(request: pytest.FixtureRequest) -> dict[str, bytes]:
    """The files of the example named by an indirect parameter, as "good/code" or "bad/code"."""
    return example_files(EXAMPLES / request.param)


@pytest.fixture
def bad(request: pytest.FixtureRequest) -> Tree:
    """The bad example named by an indirect parameter."""
    return make_tree(example_files(EXAMPLES / "bad" / request.param))
