"""Findings as annotations of a pull request: GitHub's workflow commands, one a line on standard output.

GitHub's runner takes a line for a command where it begins with "::", and shows 10 errors and 10 warnings of a step; the
rest is printed as text for the log, and all of it stands in the step's summary (`summary_of`).
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
"""

from engine.problem import Problem, Severity
from engine.reports.markdown import code, plain
from engine.reports.neutral import neutral
from engine.reports.report import Report, totals
from engine.reports.text import lines_of

SHOWN_OF_EACH = 10
SUMMARY_BYTES = 512 * 1024  # GitHub refuses a step's summary that is over 1 MiB

_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def github_of(report: Report, *, color: bool = False) -> str:  # noqa: ARG001 - GitHub colours what it annotates
    """Workflow commands for the first findings of each severity, plain lines for the others, and the counts."""
    annotated, others = divided(report)
    lines = [_command(problem, report.path_in_repository(problem.file)) for problem in annotated]
    for problem in others:
        lines += lines_of(problem, report.path_in_repository(problem.file))
    return "\n".join((*lines, totals(report))) + "\n"


def divided(report: Report) -> tuple[list[Problem], list[Problem]]:
    """The problems that GitHub shows at their lines, and those beyond its limits."""
    annotated: list[Problem] = []
    others: list[Problem] = []
    shown = dict.fromkeys(Severity, 0)
    for problem in report.problems:
        shown[problem.severity] += 1
        (annotated if shown[problem.severity] <= SHOWN_OF_EACH else others).append(problem)
    return annotated, others


def summary_of(report: Report) -> str:
    """Markdown for the step's summary: the verdict, the counts and every finding, as far as GitHub takes them."""
    head = f"### Catalog: {'sound' if report.ok else 'refused'}\n\n{plain(totals(report))}\n"
    if not report.problems:
        return head
    _, others = divided(report)
    if others:
        head += f"\n{SHOWN_OF_EACH} errors and {SHOWN_OF_EACH} warnings are shown at their lines; here are all.\n"
    lines: list[str] = []
    room = SUMMARY_BYTES - len(head.encode()) - 100
    for problem in sorted(report.problems, key=lambda problem: problem.severity is not Severity.ERROR):
        line = _summary_line(problem, report)
        room -= len(line.encode()) + 1
        if room < 0:
            lines.append(f"- … and {len(report.problems) - len(lines)} more: run `catalog validate`.")
            break
        lines.append(line)
    return "\n".join((head, *lines)) + "\n"


def _command(problem: Problem, path: str) -> str:
    properties = {
        "file": path,
        "line": str(problem.line or 1),
        "col": str(problem.column or 1),
        "title": problem.code,
    }
    if not problem.line:
        del properties["col"]
    written = ",".join(f"{name}={neutral(value).translate(_PROPERTY)}" for name, value in properties.items())
    data = "\n".join(neutral(part) for part in (problem.message, problem.hint) if part)
    return f"::{problem.severity} {written}::{data.translate(_DATA)}"


def _summary_line(problem: Problem, report: Report) -> str:
    place = f"{report.path_in_repository(problem.file)}:{problem.line or 1}"
    hint = f" ({plain(problem.hint)})" if problem.hint else ""
    return f"- **{problem.severity}** {code(place)} {code(problem.code)} {plain(problem.message)}{hint}"
