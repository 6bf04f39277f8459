"""Findings as JUnit XML, for the test pages of CI services: a test case a file, and a failure where it has errors."""

from collections import defaultdict
from xml.etree import ElementTree as ET

from engine.problem import Problem
from engine.reports.neutral import neutral
from engine.reports.report import Report, fails
from engine.reports.text import lines_of

_WHOLE = "(the whole catalog)"


def junit_of(report: Report, *, color: bool = False) -> str:  # noqa: ARG001 - one signature for all formats
    """One suite. Warnings are output of their file's test case, and failures where the run is strict."""
    by_file: dict[str, list[Problem]] = defaultdict(list)
    for problem in report.problems:
        by_file[problem.file].append(problem)
    files = sorted({*report.files, *by_file})
    failed = sum(any(fails(problem, report) for problem in by_file[file]) for file in files)
    counts = {"tests": str(len(files)), "failures": str(failed), "errors": "0", "skipped": "0"}
    suites = ET.Element("testsuites", {"name": "catalog", **counts})
    suite = ET.SubElement(suites, "testsuite", {"name": "catalog validate", **counts, "time": "0"})
    for file in files:
        _case(suite, file, by_file[file], report)
    ET.indent(suites)
    # Everything but ASCII as character references: the file is the same in every encoding.
    written: bytes = ET.tostring(suites, encoding="us-ascii")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{written.decode()}\n'


def _case(suite: ET.Element, file: str, problems: list[Problem], report: Report) -> None:
    name = neutral(file) or _WHOLE
    place = neutral(report.path_in_repository(file))
    case = ET.SubElement(suite, "testcase", {"classname": "catalog", "name": name, "file": place, "time": "0"})
    failures = [problem for problem in problems if fails(problem, report)]
    others = [problem for problem in problems if not fails(problem, report)]
    if failures:
        first = failures[0]
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        attributes = {"type": first.code, "message": f"{first.code}: {neutral(first.message)}{more}"}
        ET.SubElement(case, "failure", attributes).text = _written(failures, report)
    if others:
        ET.SubElement(case, "system-out").text = _written(others, report)


def _written(problems: list[Problem], report: Report) -> str:
    return "\n".join(line for problem in problems for line in lines_of(problem, report.path(problem.file)))
