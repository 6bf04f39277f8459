"""What `catalog explain` shows is true: the bad files have the code, the good ones have not."""

import pytest

from engine.catalog.codes import CODES, FOUND_ELSEWHERE
from engine.catalog.compile import compile_catalog
from engine.catalog.lessons import LESSONS, as_text
from engine.problem import has_errors

# No text shows them: sizes and bytes, a file that is missing.
WITHOUT_EXAMPLE = {"file-too-large", "not-utf8", "byte-order-mark", "too-many-values", "value-too-long", "lock-missing"}
SHOWN = sorted(set(LESSONS) - WITHOUT_EXAMPLE - FOUND_ELSEWHERE)


def overlaid(minimal, files):
    return minimal | {path: text.encode() for path, text in files.items()}


def test_every_code_has_a_lesson():
    assert set(LESSONS) == set(CODES)
    assert all(lesson.why for lesson in LESSONS.values())


def test_texts_name_the_files():
    assert as_text({"a.yaml": "b: 1\n", "c.yaml": "d: 2\n"}) == "# a.yaml\nb: 1\n\n# c.yaml\nd: 2\n"


@pytest.mark.parametrize("code", SHOWN)
def test_the_bad_files_have_the_code(tree, minimal, code):
    assert LESSONS[code].bad, "no text shows it?"
    outcome = compile_catalog(tree(overlaid(minimal, LESSONS[code].bad)))
    assert code in {problem.code for problem in outcome.problems}


@pytest.mark.parametrize("code", sorted(LESSONS))
def test_the_good_files_are_right(tree, minimal, code):
    outcome = compile_catalog(tree(overlaid(minimal, LESSONS[code].good)))
    assert code not in {problem.code for problem in outcome.problems}
    assert not has_errors(outcome.problems), outcome.problems
