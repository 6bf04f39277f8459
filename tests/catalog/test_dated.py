"""What depends on today: warnings at their places, and none a moment before."""

import pytest

from engine.catalog.compile import compile_catalog
from engine.catalog.dated import dated_findings
from engine.catalog.values import nanoseconds
from engine.problem import Severity

CASES = {
    "sunset-passed": (
        "models/local/tiny.yaml",
        "type: custom\naliases: [small]\npricing: free\nlifecycle: {status: deprecated, sunset: 2026-10-01T00:00:00Z}\n",
        (4, 41),
    ),
    "key-expired": (
        "keys/app.yaml",
        'owner: team-app\nmodels: ["@openai/*", small]\nexpires: 2026-10-01T00:00:00Z\nsecrets:\n  - sha256: "{}"\n'.format("1" * 64),
        (3, 10),
    ),
    "price-not-begun": (
        "models/local/tiny.yaml",
        'type: custom\naliases: [small]\npricing:\n  from: 2026-10-01T00:00:00Z\n  input_mtok: "1"\n',
        (4, 3),
    ),
}  # fmt: skip
AT = nanoseconds("2026-10-01T00:00:00Z")


def compiled(tree, minimal, path, text):
    outcome = compile_catalog(tree(minimal | {path: text.encode()}))
    assert outcome.problems == ()
    return outcome.catalog


@pytest.mark.parametrize("code", CASES)
def test_a_warning_from_that_moment_on_or_until_it(tree, minimal, code):
    path, text, position = CASES[code]
    catalog = compiled(tree, minimal, path, text)
    early, late = dated_findings(catalog, AT - 1), dated_findings(catalog, AT)
    if code == "price-not-begun":
        early, late = late, early
    assert early == ()
    (problem,) = late
    assert (problem.code, problem.severity, problem.file) == (code, Severity.WARNING, path)
    assert (problem.line, problem.column) == position


def test_a_key_has_expired_when_all_its_secrets_have(tree, minimal):
    secrets = "".join(f'  - {{sha256: "{digit * 64}", expires: 2026-10-0{digit}T00:00:00Z}}\n' for digit in "12")
    catalog = compiled(tree, minimal, "keys/app.yaml", f'owner: a\nmodels: ["@openai/*", small]\nsecrets:\n{secrets}')
    assert dated_findings(catalog, AT) == ()
    (problem,) = dated_findings(catalog, nanoseconds("2026-10-02T00:00:00Z"))
    assert problem.pointer == "/secrets"
    assert "2026-10-02" in problem.message


def test_a_retired_model_may_be_past_its_sunset(tree, minimal):
    path, text, _ = CASES["sunset-passed"]
    assert dated_findings(compiled(tree, minimal, path, text.replace("deprecated", "retired")), AT) == ()


def test_accept_silences_and_is_not_said_to_silence_nothing(tree, minimal):
    path, text, _ = CASES["sunset-passed"]
    catalog = compiled(tree, minimal, path, text + "accept: {sunset-passed: the last customer leaves in May}\n")
    assert dated_findings(catalog, AT) == ()
