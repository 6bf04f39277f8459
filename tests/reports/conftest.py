"""Reports for the formats to write, made of what an attacker would put into a catalog."""

import pytest

from engine.problem import Problem, Severity
from engine.reports import Report

# Terminals, GitHub's runner (at the start of a line, and its older form anywhere), Azure's, XML, Markdown, HTML, bidi.
HOSTILE = (
    "\x1b[31mred\x1b[0m \x9b2J \x07\x08\x7f \r\n::error file=x::forged\n  ::stop-commands::token\n"
    "##[error]forged ##vso[task.setvariable variable=x]y ##teamcity[x] %0A::error::forged %25\n"
    "\u202egnp.exe\u202c \u2066x\u2069 \u200e\u061c \u2028::error::forged\u2029 \ud800 \ufffe\uffff\x00\x0b\x0c\x85\ufeff"
    " ]]> <script>alert(1)</script> &amp; <!-- x --> `code` ``` [x](https://evil.example) ![i](https://evil.example/i)"
    " @everyone #1 https://evil.example www.evil.example | ~~x~~ {0} \"quoted\" 'x'"
)


def make_problem(code="unknown-key", severity=Severity.ERROR, **fields):
    given = {"message": "a message", "file": "models/openai/bot.yaml", "line": 3, "column": 5, "pointer": "/x"}
    return Problem(code=code, severity=severity, **(given | fields))


def make_report(*problems, **fields):
    given = {"models": 2, "providers": 1, "keys": 0, "root": "catalog", "repository_path": "sub/catalog"}
    files = ("catalog.yaml", "models/openai/bot.yaml", "providers/openai.yaml")
    return Report(problems=tuple(problems), **({"files": files} | given | fields))


@pytest.fixture
def problem():
    return make_problem


@pytest.fixture
def report():
    return make_report


@pytest.fixture
def hostile():
    return make_report(
        make_problem(message=HOSTILE, hint=HOSTILE),
        make_problem("unpriced", Severity.WARNING, message=HOSTILE, hint=HOSTILE, file=f"models/{HOSTILE}.yaml"),
        make_problem(message="x", hint="::stop-commands::x", file="::stop-commands::x/y,z=1:2.yaml", line=0, column=0),
        root="::error::x",
        repository_path="",
    )
