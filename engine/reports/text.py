"""Findings for people: a line each, as compilers write them, so that editors and terminals link to the place."""

from engine.problem import Problem, Severity
from engine.reports.neutral import neutral, neutral_line
from engine.reports.report import Report, totals

_RED, _YELLOW, _BOLD, _DIM, _RESET = "\x1b[31m", "\x1b[33m", "\x1b[1m", "\x1b[2m", "\x1b[0m"


def text_of(report: Report, *, color: bool = False) -> str:
    """`file:line:column: CODE message`, an indented hint below it, and one last line that counts."""
    lines = [line for problem in report.problems for line in lines_of(problem, report.path(problem.file), color=color)]
    return "\n".join((*lines, totals(report))) + "\n"


def lines_of(problem: Problem, path: str, *, color: bool = False) -> list[str]:
    """The line or two of one problem. They hold nothing that a terminal or a CI service obeys."""
    place = f"{neutral_line(path)}:{problem.line or 1}:{problem.column or 1}:"
    warning = problem.severity is Severity.WARNING
    code = problem.code
    if color:
        place = f"{_BOLD}{place}{_RESET}"
        code = f"{_YELLOW if warning else _RED}{code}{_RESET}"
    lines = [f"{place} {code} {'warning: ' if warning else ''}{neutral(problem.message)}"]
    if problem.hint:
        hint = f"    {neutral_line(problem.hint)}"
        lines.append(f"{_DIM}{hint}{_RESET}" if color else hint)
    return lines
