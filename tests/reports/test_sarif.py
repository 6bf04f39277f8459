"""SARIF: valid by the published schema, and with what code scanning needs."""

import json
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import pytest
from harness.node import node_modules

from engine.problem import Severity
from engine.reports import render

SCHEMA = "@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"


@pytest.fixture(scope="module")
def validator():
    schema = json.loads((node_modules() / SCHEMA).read_text(encoding="utf-8-sig"))
    assert schema["properties"]["version"]["enum"] == ["2.1.0"]
    return jsonschema.validators.validator_for(schema)(schema, format_checker=jsonschema.FormatChecker())


def test_it_is_valid_by_the_published_schema(validator, hostile, report, problem):
    for given in (hostile, report(), report(problem(), problem("unpriced", Severity.WARNING, line=0, column=0))):
        document = json.loads(render(given, "sarif"))
        assert [error.message for error in validator.iter_errors(document)] == []
    broken = json.loads(render(report(problem()), "sarif"))
    broken["runs"][0]["results"][0]["level"] = "fatal"
    assert not validator.is_valid(broken)


def test_results_name_rule_place_and_message(report, problem):
    given = report(problem(hint="mend it"), problem("unpriced", Severity.WARNING, file="", line=0, column=0))
    run = json.loads(render(given, "sarif"))["runs"][0]
    first, second = run["results"]
    rules = run["tool"]["driver"]["rules"]
    assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == ["unknown-key", "unpriced"]
    assert (first["ruleId"], first["level"], first["message"]) == (
        "unknown-key",
        "error",
        {"text": "a message\nmend it"},
    )
    assert first["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "sub/catalog/models/openai/bot.yaml", "uriBaseId": "%SRCROOT%"},
                "region": {"startLine": 3, "startColumn": 5},
            }
        }
    ]
    assert second["level"] == "warning"
    assert second["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "sub/catalog/catalog.yaml"
    assert all(rule["shortDescription"]["text"] for rule in rules)


def test_a_path_is_a_relative_reference(report, problem):
    for name in ("a b.yaml", "100%.yaml", "x#y?z.yaml", "ü.yaml", "a:b.yaml"):
        run = json.loads(render(report(problem(file=name), root="", repository_path=""), "sarif"))["runs"][0]
        uri = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert unquote(uri) == name
        assert uri.isascii()
        assert not set(uri) & set(" #?:")


def test_a_finding_stays_the_same_when_lines_move(report, problem):
    def prints(*problems):
        run = json.loads(render(report(*problems), "sarif"))["runs"][0]
        return [result["partialFingerprints"]["catalogFinding/v1"] for result in run["results"]]

    assert prints(problem(line=3)) == prints(problem(line=30, column=1))
    assert prints(problem()) != prints(problem(file="models/openai/other.yaml"))


def test_no_text_makes_a_link(hostile):
    assert "](" not in render(hostile, "sarif")


def test_the_schema_is_not_ours_to_ship():
    assert not list((Path(__file__).parents[2] / "schemas").glob("sarif*"))
