"""What `catalog explain` shows is true: the bad files have the code, the good ones have not."""

import pytest

from engine.catalog.codes import CODES, FOUND_ELSEWHERE
from engine.catalog.lessons import LESSONS, as_text
from engine.problem import Severity

# No text shows them: sizes and bytes, files that are missing.
WITHOUT_EXAMPLE = {
    "file-too-large", "not-utf8", "byte-order-mark", "too-many-values", "value-too-long", "lock-missing", "catalog-shrinks",
}  # fmt: skip
SHOWN = sorted(set(LESSONS) - WITHOUT_EXAMPLE)


def overlaid(minimal, files):
    return minimal | {path: text.encode() for path, text in files.items()}


def test_every_code_has_a_lesson():
    assert set(LESSONS) == set(CODES)
    assert all(lesson.why for lesson in LESSONS.values())


def test_texts_name_the_files():
    assert as_text({"a.yaml": "b: 1\n", "c.yaml": "d: 2\n"}) == "# a.yaml\nb: 1\n\n# c.yaml\nd: 2\n"


@pytest.mark.parametrize("code", SHOWN)
def test_the_bad_files_have_the_code(minimal, findings, code):
    assert LESSONS[code].bad, "no text shows it?"
    assert code in {problem.code for problem in findings(overlaid(minimal, LESSONS[code].bad))}


@pytest.mark.parametrize("code", sorted(LESSONS))
def test_the_good_files_are_right(minimal, findings, code):
    problems = [
        problem
        for problem in findings(overlaid(minimal, LESSONS[code].good))
        if problem.code == code or (problem.severity is Severity.ERROR and problem.code not in FOUND_ELSEWHERE)
    ]
    assert problems == []
