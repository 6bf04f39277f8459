"""No format holds anything that a terminal or a CI service obeys."""

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.reports import FORMATS, render
from engine.reports.neutral import neutral, neutral_line

INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def obeyed(line):
    """Whether GitHub's runner takes a line of output for a command (its ActionCommand.cs: both forms)."""
    return line.lstrip().startswith("::") or re.search(r"##\w*\[", line) is not None


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_holds_what_is_obeyed(hostile, name):
    written = render(hostile, name)
    active = {character for character in written if unicodedata.category(character) in INVISIBLE} - {"\n"}
    assert active == set()
    for line in written.split("\n"):
        assert not re.search(r"##\w*\[", line)
        assert name == "github" or not obeyed(line), line


@given(st.text(st.characters(codec=None), max_size=60) | st.from_regex(r"\s*(::|##\w*\[)[^\n]*", fullmatch=True))
def test_neutral_text_is_one_line_that_nobody_obeys(text):
    line = neutral_line(text)
    assert line.splitlines() in ([line], [])
    assert not obeyed(line)
    assert line.encode().decode() == line  # no lone surrogate is left
    assert neutral(line) == line


def test_json_keeps_its_value(hostile):
    document = json.loads(render(hostile, "json"))
    assert [found["message"] for found in document["problems"]] == [found.message for found in hostile.problems]
    assert [found["file"] for found in document["problems"]] == [found.file for found in hostile.problems]


@given(st.text(st.characters(categories=["L", "N"], include_characters=" .,;@/-_"), max_size=60))
def test_plain_text_stays_as_it_is(text):
    assert neutral(text) == neutral_line(text) == text
