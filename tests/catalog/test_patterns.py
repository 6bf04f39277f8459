"""Patterns over names."""

import time

from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.patterns import Patterns, matching_nothing

NAMES = st.text("ab/*.", max_size=8)


@given(NAMES, st.text("ab/.", max_size=8))
def test_a_star_stands_for_any_run_of_characters(pattern, name):
    def matches(pattern, name):  # by the definition
        if not pattern:
            return not name
        if pattern[0] == "*":
            return any(matches(pattern[1:], name[skip:]) for skip in range(len(name) + 1))
        return bool(name) and pattern[0] == name[0] and matches(pattern[1:], name[1:])

    assert Patterns([pattern]).match_any([name]) == matches(pattern, name)
    assert (matching_nothing([pattern], frozenset([name]), name) == []) == matches(pattern, name)


def test_many_stars_do_not_take_exponential_time():
    started = time.perf_counter()
    assert not Patterns(["*" * 200 + "x", "*".join("a" * 3) + "*b"]).match_any(["a" * 200])
    assert time.perf_counter() - started < 5


def test_everything_but_the_star_stands_for_itself():
    assert Patterns(["@a/b.c"]).match_any(["@a/b.c"])
    assert not Patterns(["@a/b.c*"]).match_any(["@a/bxc"])
    assert not Patterns([]).match_any(["@a/b"])
