"""JUnit XML: a test case a file, well-formed whatever the catalog holds."""

from xml.etree import ElementTree as ET

from engine.problem import Severity
from engine.reports import render


def suite(report):
    root = ET.fromstring(render(report, "junit"))
    assert root.tag == "testsuites"
    [only] = root
    return only


def test_a_case_a_file(report, problem):
    found = suite(report(problem(hint="mend it"), problem(line=9), problem("unpriced", Severity.WARNING)))
    assert {name: found.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "0",
    }
    good, bad, other = found
    assert [case.get("name") for case in found] == ["catalog.yaml", "models/openai/bot.yaml", "providers/openai.yaml"]
    assert bad.get("file") == "sub/catalog/models/openai/bot.yaml", "from the top of the repository, as forges link it"
    assert len(good) == len(other) == 0
    failure, output = bad
    assert (failure.tag, failure.get("type"), failure.get("message")) == (
        "failure",
        "unknown-key",
        "unknown-key: a message (and 1 more)",
    )
    assert failure.text == (
        "catalog/models/openai/bot.yaml:3:5: unknown-key a message\n    mend it\n"
        "catalog/models/openai/bot.yaml:9:5: unknown-key a message"
    )
    assert (output.tag, output.text) == (
        "system-out",
        "catalog/models/openai/bot.yaml:3:5: unpriced warning: a message",
    )


def test_warnings_fail_a_strict_run(report, problem):
    warning = problem("unpriced", Severity.WARNING)
    assert suite(report(warning)).get("failures") == "0"
    assert suite(report(warning, strict=True)).get("failures") == "1"


def test_the_whole_catalog_has_a_case_of_its_own(report, problem):
    assert [case.get("name") for case in suite(report(problem(file=""), files=()))] == ["(the whole catalog)"]


def test_hostile_text_is_well_formed(hostile):
    found = suite(hostile)
    assert found.get("tests") == "5"
    assert sorted(element.tag for case in found for element in case) == ["failure", "failure", "system-out"]
