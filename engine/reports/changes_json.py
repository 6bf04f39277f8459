"""A comparison for programs. docs/diff.md describes every field; a test holds the two together."""

import json
from typing import Any

import msgspec

from engine.problem import Problem
from engine.reports.changes import Comparison, Side
from engine.reports.neutral import neutral_json

FORMAT = 1


def json_of(comparison: Comparison, *, color: bool = False) -> str:  # noqa: ARG001 - one signature for all formats
    """One JSON object. Lists are sorted, money is decimal strings, and a missing value is null."""
    diffs = comparison.diffs
    document = {
        "format": FORMAT,
        "before": _side(comparison.before),
        "after": _side(comparison.after),
        "compiles": diffs is not None,
        "changed": comparison.changed,
        "broken": comparison.broken,
        "findings": [_problem(problem) for problem in comparison.findings],
        "diff": None if diffs is None else _plain(diffs[""]),
        "environments": {name: _plain(diff) for name, diff in (diffs or {}).items() if name},
    }
    return neutral_json(json.dumps(document, indent=2)) + "\n"


def _side(side: Side) -> dict[str, Any]:
    return {
        "name": side.name,
        "revision": side.revision,
        "problems": [_problem(problem) for problem in side.problems],
        "left_out": side.left_out,
    }


def _problem(problem: Problem) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("code", "severity", "file", "line", "column", "message", "hint")}


def _plain(value: Any) -> Any:
    """Every field of every struct, also those with default values."""
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return {name: _plain(item) for name, item in value.items()} if isinstance(value, dict) else value
