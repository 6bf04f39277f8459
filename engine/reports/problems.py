"""Problems and what they amount to, as text and as JSON."""

import json
import posixpath
from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec

from engine.problem import Problem, Severity
from engine.reports.neutral import neutral

_RED, _YELLOW, _BOLD, _DIM, _RESET = "\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[2m", "\x1b[0m"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `catalog validate` has to say. `root` is the catalog's directory as people write it, "" where unknown."""

    problems: tuple[Problem, ...]
    models: int
    providers: int
    keys: int
    root: str = ""

    @property
    def errors(self) -> int:
        """How many problems keep the catalog from being published."""
        return sum(problem.severity is Severity.ERROR for problem in self.problems)

    @property
    def warnings(self) -> int:
        """How many problems do not."""
        return len(self.problems) - self.errors


def text_of(report: Report, *, color: bool = False) -> str:
    """`file:line:column: CODE message`, an indented hint below it, and one last line that counts."""
    lines = [line for problem in report.problems for line in _lines(problem, report.root, color=color)]
    counted = (
        _count(report.models, "model"),
        _count(report.providers, "provider"),
        _count(report.keys, "key"),
        _count(report.errors, "error"),
        _count(report.warnings, "warning"),
    )
    return "\n".join((*lines, ", ".join(counted))) + "\n"


def json_of(report: Report, *, color: bool = False) -> str:  # noqa: ARG001 - one signature for all formats
    """One JSON object: `problems` as they are, with positions from 1 (0: the whole file), and the counts."""
    document = {
        "catalog": report.root,
        "ok": not report.errors,
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
        "errors": report.errors,
        "warnings": report.warnings,
    }
    # Everything but ASCII as escapes: no terminal obeys it, and names that are not UTF-8 do no harm.
    return json.dumps(document, indent=2) + "\n"


FORMATS: Mapping[str, Callable[..., str]] = MappingProxyType({"text": text_of, "json": json_of})


def render(report: Report, name: str, *, color: bool = False) -> str:
    """The report in the format with this name."""
    return FORMATS[name](report, color=color)


def _lines(problem: Problem, root: str, *, color: bool) -> list[str]:
    path = neutral(posixpath.normpath(posixpath.join(root, problem.file)))
    place = f"{path}:{problem.line or 1}:{problem.column or 1}:"
    warning = problem.severity is Severity.WARNING
    code = problem.code
    if color:
        place = f"{_BOLD}{place}{_RESET}"
        code = f"{_YELLOW if warning else _RED}{code}{_RESET}"
    lines = [f"{place} {code} {'warning: ' if warning else ''}{neutral(problem.message)}"]
    if problem.hint:
        hint = f"    {neutral(problem.hint)}"
        lines.append(f"{_DIM}{hint}{_RESET}" if color else hint)
    return lines


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
