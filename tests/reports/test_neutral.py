"""No format holds anything that a terminal or a CI service obeys."""

import json
import re
import unicodedata
from xml.etree import ElementTree as ET

import pytest
from hypothesis import HealthCheck, given, settings
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


ANY = st.text(st.characters(codec=None) | st.sampled_from(list(":#[]%,=\n\r\x1b@`<&")), max_size=30)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])  # both fixtures are functions without state
@given(message=ANY, hint=ANY, file=ANY)
def test_any_text_in_any_field_is_read_back_or_harmless(report, problem, message, hint, file):
    given = report(problem(message=message, hint=hint, file=file), files=(file,), repository_path="")
    for name in FORMATS:
        written = render(given, name)
        assert {character for character in written if unicodedata.category(character) in {"Cc", "Cs"}} <= {"\n"}
        obeying = [line for line in written.split("\n") if obeyed(line)]
        assert len(obeying) == (name == "github")
    assert json.loads(render(given, "json"))["problems"][0]["message"] == message
    assert json.loads(render(given, "sarif"))["runs"][0]["results"]
    [case] = ET.fromstring(render(given, "junit")).iter("testcase")
    assert case.get("name") in {neutral(file), "(the whole catalog)"}


def test_json_keeps_its_value(hostile):
    document = json.loads(render(hostile, "json"))
    assert [found["message"] for found in document["problems"]] == [found.message for found in hostile.problems]
    assert [found["file"] for found in document["problems"]] == [found.file for found in hostile.problems]


@given(st.text(st.characters(categories=["L", "N"], include_characters=" .,;@/-_"), max_size=60))
def test_plain_text_stays_as_it_is(text):
    assert neutral(text) == neutral_line(text) == text
