"""Example catalogs with their expected outcome beside them, checked to the letter.

Each code has a folder of its name in bad/, which shows it, and one in good/, which has what was meant instead. Both hold
only what differs from good/minimal (removed.txt: what is taken away from it). good/ also has whole catalogs.
"""

from pathlib import Path

import msgspec
import pytest

from engine.catalog.codes import CODES, FOUND_ELSEWHERE
from engine.catalog.compile import compile_catalog
from engine.problem import Severity
from engine.reports import Report, render

HERE = Path(__file__).parent
WHOLE = {"minimal", "everything", "acme"}  # acme has a test of its own
GOOD = sorted(WHOLE - {"acme"})
BAD = sorted(path.name for path in (HERE / "bad").iterdir())
MENDED = sorted(path.name for path in (HERE / "good").iterdir() if path.name not in WHOLE)


def test_every_code_has_a_bad_and_a_good_example():
    assert BAD == MENDED == sorted(CODES)


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


def found_in(example, code, findings):
    """The findings that an example's expected.txt is about."""
    if code in FOUND_ELSEWHERE:
        return findings(example)
    return tuple(problem for problem in findings(example) if problem.code not in FOUND_ELSEWHERE)


def said_of(problems):
    said, _, _ = render(Report(problems=problems, models=0, providers=0, keys=0), "text").rstrip("\n").rpartition("\n")
    return f"{said}\n" if said else ""


@pytest.mark.parametrize(("example", "code"), [(f"bad/{code}", code) for code in BAD], indirect=["example"], ids=BAD)
def test_bad_example_says_exactly_what_is_expected(example, code, findings):
    problems = found_in(example, code, findings)
    assert said_of(problems) == (HERE / "bad" / code / "expected.txt").read_text()
    assert code in {problem.code for problem in problems}


@pytest.mark.parametrize(
    ("example", "code"), [(f"good/{code}", code) for code in MENDED], indirect=["example"], ids=MENDED
)
def test_good_example_says_exactly_what_is_expected(example, code, findings):
    problems = found_in(example, code, findings)
    assert said_of(problems) == (HERE / "good" / code / "expected.txt").read_text()
    assert code not in {problem.code for problem in problems}
    assert not [problem for problem in problems if problem.severity is Severity.ERROR]


@pytest.mark.parametrize(("bad", "code"), [(name, name) for name in BAD], indirect=["bad"])
def test_only_errors_keep_a_catalog_from_being_published(bad, code):
    outcome = compile_catalog(bad)
    severities = {problem.severity for problem in outcome.problems}
    assert (outcome.catalog is None) == (Severity.ERROR in severities)
    assert (outcome.catalog is None) == (CODES[code][0] is Severity.ERROR and code not in FOUND_ELSEWHERE)
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
