"""Findings for programs."""

import json

from engine.reports.neutral import neutral_json
from engine.reports.report import Report


def json_of(report: Report, *, color: bool = False) -> str:  # noqa: ARG001 - one signature for all formats
    """One JSON object: `problems` as they are, with positions from 1 (0: the whole file), and the counts."""
    document = {
        "catalog": report.root,
        "ok": report.ok,
        "problems": [
            {
                "code": problem.code,
                "severity": problem.severity,
                "file": problem.file,
                "line": problem.line,
                "column": problem.column,
                "pointer": problem.pointer,
                "message": problem.message,
                "hint": problem.hint,
            }
            for problem in report.problems
        ],
        "models": report.models,
        "providers": report.providers,
        "keys": report.keys,
        "routes": report.routes,
        "budgets": report.budgets,
        "teams": report.teams,
        "environments": report.environments,
        "errors": report.errors,
        "warnings": report.warnings,
        "errors_elsewhere": report.elsewhere[0],
        "warnings_elsewhere": report.elsewhere[1],
    }
    # Everything but ASCII as escapes: no terminal obeys it, and names that are not UTF-8 do no harm.
    return neutral_json(json.dumps(document, indent=2)) + "\n"
