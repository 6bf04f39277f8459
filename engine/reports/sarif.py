"""Findings as SARIF 2.1.0, for code scanning services and editors.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html, and what GitHub reads of it:
https://docs.github.com/en/code-security/reference/code-scanning/sarif-files/sarif-support-for-code-scanning
"""

import hashlib
import json
from typing import Any
from urllib.parse import quote

import engine
from engine.catalog.codes import CODES
from engine.problem import Problem, Severity
from engine.reports.neutral import neutral
from engine.reports.report import Report

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def sarif_of(report: Report, *, color: bool = False) -> str:  # noqa: ARG001 - one signature for all formats
    """One log with one run; `rules` are the codes that occur, `results` the findings in reading order."""
    codes = sorted({problem.code for problem in report.problems})
    order = {code: index for index, code in enumerate(codes)}
    severities = {problem.code: problem.severity for problem in report.problems}
    document = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "catalog",
                        "version": engine.__version__,
                        "rules": [_rule(code, severities[code]) for code in codes],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "invocations": [{"executionSuccessful": True, "exitCode": 0 if report.ok else 1}],
                "results": [_result(problem, report, order[problem.code]) for problem in report.problems],
            }
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _rule(code: str, severity: Severity) -> dict[str, Any]:
    meaning = CODES[code][1] if code in CODES else code.replace("-", " ")
    return {
        "id": code,
        "shortDescription": {"text": _text(f"{meaning[:1].upper()}{meaning[1:]}.")},
        "help": {"text": f"Run `catalog explain {code}`."},
        "defaultConfiguration": {"level": severity.value},
    }


def _result(problem: Problem, report: Report, index: int) -> dict[str, Any]:
    region = {"startLine": problem.line or 1, "startColumn": problem.column or 1}
    uri = quote(report.path_in_repository(problem.file).encode("utf-8", "replace"))
    return {
        "ruleId": problem.code,
        "ruleIndex": index,
        "level": problem.severity.value,
        "message": {"text": _text("\n".join(part for part in (problem.message, problem.hint) if part))},
        "locations": [
            {"physicalLocation": {"artifactLocation": {"uri": uri, "uriBaseId": "%SRCROOT%"}, "region": region}}
        ],
        # A finding stays the same one when lines move above it.
        "partialFingerprints": {"catalogFinding/v1": _fingerprint(problem)},
    }


def _text(text: str) -> str:
    # "](" would make a link of what stands before it (section 3.11.6).
    return "\n".join(neutral(line) for line in text.split("\n")).replace("](", "] (")


def _fingerprint(problem: Problem) -> str:
    parts = (problem.code, problem.file, problem.pointer, problem.message)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
