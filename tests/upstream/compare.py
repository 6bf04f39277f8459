"""Runs the gateway's client and every candidate through the contract, and writes the verdicts into docs/upstream.md.

`python tests/upstream/compare.py` (about two minutes). The candidates' libraries must be installed; one that is not is left out.
"""

# ruff: noqa: T201 - a script's progress

import ast
import importlib.util
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from collections import Counter
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
CONTRACT = HERE / "test_contract.py"
PAGE = HERE.parents[1] / "docs" / "upstream.md"
BEGIN, END = "<!-- contract: written by tests/upstream/compare.py -->", "<!-- end of contract -->"


def lines_of_contract() -> dict[str, str]:
    tree = ast.parse(CONTRACT.read_text())
    tests = [node for node in tree.body if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("test_")]
    return {test.name: (ast.get_docstring(test) or test.name).splitlines()[0] for test in tests}


def verdicts(candidate: str) -> tuple[Counter[str], Counter[str]]:
    """How many cases there were of each test, and how many of them failed."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--tb=no", "--timeout=30", f"--junitxml={report}", str(CONTRACT)],
            env={**os.environ, "UPSTREAM_CANDIDATE": candidate},
            check=False,
            stdout=subprocess.DEVNULL,
        )
        cases, failed = Counter(), Counter()
        for case in ET.parse(report).iter("testcase"):
            name = case.get("name", "").partition("[")[0]
            cases[name] += 1
            failed[name] += case.find("failure") is not None or case.find("error") is not None
        return cases, failed


def cell(cases: int, failed: int) -> str:
    if not failed:
        return "yes"
    return "**no**" if failed == cases else f"**no** ({failed} of {cases})"


def main() -> None:
    candidates = {"": f"ours, httptools {version('httptools')}"}
    for path in sorted((HERE / "candidates").glob("with_*.py")):
        name = path.stem.removeprefix("with_")
        if importlib.util.find_spec(name):
            candidates[name] = f"{name} {version(name)}"
        else:
            print(f"{name} is not installed: left out", file=sys.stderr)
    results = {}
    for name, title in candidates.items():
        print(title, file=sys.stderr)
        results[name] = verdicts(name)
    rows = [f"| {' | '.join(['the contract', *candidates.values()])} |", "|---" * (len(candidates) + 1) + "|"]
    for test, line in lines_of_contract().items():
        cells = [cell(cases[test], failed[test]) for cases, failed in results.values()]
        rows.append(f"| {' | '.join([line, *cells])} |")
    totals = [f"{failed.total()} of {cases.total()}" for cases, failed in results.values()]
    rows.append(f"| {' | '.join(['*cases that failed*', *totals])} |")
    page = PAGE.read_text()
    before, rest = page.split(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n{chr(10).join(rows)}\n{END}{rest.split(END)[1]}")


if __name__ == "__main__":
    main()
