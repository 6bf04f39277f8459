"""Example catalogs with their expected outcome beside them, checked to the letter.

A folder of bad/ is named after the code that it shows, and holds only what differs from good/minimal.
"""

from pathlib import Path

import msgspec
import pytest

from engine.catalog.codes import CODES, FOUND_ELSEWHERE
from engine.catalog.compile import compile_catalog
from engine.problem import Severity, has_errors
from engine.reports import Report, render

HERE = Path(__file__).parent
GOOD = sorted(path.parent.name for path in (HERE / "good").glob("*/expected.json"))  # acme has a test of its own
BAD = sorted(path.name for path in (HERE / "bad").iterdir())

# Too large to keep as files (test_reading makes them), or not found in one catalog alone (test_dated, test_compared).
MADE_ELSEWHERE = {"file-too-large", "too-many-values", "value-too-long", *FOUND_ELSEWHERE}


def test_every_code_has_a_bad_example():
    assert set(BAD) | MADE_ELSEWHERE == set(CODES)


@pytest.mark.parametrize("good", GOOD, indirect=True, ids=str)
def test_good_example_has_no_problems(good):
    assert compile_catalog(good).problems == ()


@pytest.mark.parametrize(("good", "name"), [(name, name) for name in GOOD], indirect=["good"])
def test_good_example_compiles_to_what_is_expected(good, name):
    catalog = compile_catalog(good).catalog
    assert catalog is not None
    compiled = {
        "providers": catalog.providers,
        "models": catalog.models,
        "aliases": catalog.aliases,
        "keys": catalog.keys,
        "routes": catalog.routes,
        "budgets": catalog.budgets,
        "teams": catalog.teams,
    }
    expected = (HERE / "good" / name / "expected.json").read_bytes()
    assert msgspec.json.decode(msgspec.json.encode(compiled)) == msgspec.json.decode(expected)


@pytest.mark.parametrize(("bad", "code"), [(name, name) for name in BAD], indirect=["bad"])
def test_bad_example_says_exactly_what_is_expected(bad, code):
    outcome = compile_catalog(bad)
    report = Report(problems=outcome.problems, models=0, providers=0, keys=0)
    said, _, _ = render(report, "text").rstrip("\n").rpartition("\n")
    assert said + "\n" == (HERE / "bad" / code / "expected.txt").read_text()
    assert code in {problem.code for problem in outcome.problems}


@pytest.mark.parametrize(("bad", "code"), [(name, name) for name in BAD], indirect=["bad"])
def test_only_errors_keep_a_catalog_from_being_published(bad, code):
    outcome = compile_catalog(bad)
    assert (outcome.catalog is None) == has_errors(outcome.problems) == (CODES[code][0] is Severity.ERROR)
    assert all(problem.severity is CODES[problem.code][0] for problem in outcome.problems)


@pytest.mark.parametrize("bad", BAD, indirect=True, ids=str)
def test_positions_are_inside_the_file(bad):
    for problem in compile_catalog(bad).problems:
        if problem.line and problem.file in bad.files:
            lines = bad.files[problem.file].decode("utf-8", "replace").split("\n")
            assert problem.line <= len(lines)
            assert problem.column <= len(lines[problem.line - 1]) + 1


def test_no_expected_output_holds_a_secret_of_the_examples():
    for code in ("bad-base-url", "literal-secret"):
        said = (HERE / "bad" / code / "expected.txt").read_text()
        assert "hunter2" not in said
        assert "sk-abcdef" not in said
