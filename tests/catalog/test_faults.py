"""Hostile and unlucky files, one test for each fault that loading a catalog must survive, by its number.

C01-C26 are text: `files` laid over good/minimal, and the codes that come of it. C27 is test_c27; C28 and C29, C37 to
C39 are files of the system: here as a catalog sees them, in tests/sources in all their kinds, and C36 to C38 in
tests/control as a running gateway takes them.
"""

import os
import re
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.catalog.compile import compile_catalog
from engine.catalog.plain import MAX_SCALAR, MAX_VALUES
from engine.problem import has_errors
from engine.sources.directory import DirectorySource
from engine.sources.findings import Caps

ROOT = Path(__file__).parents[2]
TINY = "models/local/tiny.yaml"
OPENAI = "providers/openai.yaml"
HEAD = "type: custom\naliases: [small]\n"
PRICED = 'pricing: {input_mtok: "0.1", output_mtok: "0.4"}\n'
BOT = "type: fine-tuned\nbase_model: gpt-4.1-nano\nupstream_model: ft:gpt-4.1-nano:acme::1\n"


def model(text):
    return {TINY: f"{HEAD}{PRICED}{text}"}


def priced(amount):
    return {TINY: f"{HEAD}pricing: {{input_mtok: {amount}}}\n"}


def bomb(levels):
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def chain(length):
    links = {f"models/local/m{n}.yaml": f'type: custom\nbase_model: "@local/m{n + 1}"\n{PRICED}' for n in range(length)}
    return {**links, f"models/local/m{length}.yaml": f"type: custom\n{PRICED}"}


def circle(length):
    return {
        f"models/local/m{n}.yaml": f'type: custom\nbase_model: "@local/m{(n + 1) % length}"\n{PRICED}'
        for n in range(length)
    }


TEXT = {
    "C01 alias bomb": ({TINY: bomb(9)}, {"alias"}),
    "C02 alias to itself": (model("labels: &x {a: *x}\n"), {"alias"}),
    "C03 30,000 brackets": ({TINY: "[" * 30_000}, {"too-deep"}),
    "C03 200,000 brackets": ({TINY: "[" * 200_000}, {"too-deep"}),
    "C03 mappings": ({TINY: '{"a":' * 30_000}, {"too-deep"}),
    "C04 over 256 KiB": ({TINY: "#" * (256 * 1024 + 1)}, {"file-too-large"}),
    "C06 long scalar": (model(f"description: {'x' * (MAX_SCALAR + 1)}\n"), {"value-too-long"}),
    "C06 many keys": ({TINY: "".join(f"k{n}: 1\n" for n in range(MAX_VALUES))}, {"too-many-values"}),
    "C07 key twice": (model("owner: a\nowner: b\n"), {"duplicate-key"}),
    "C08 merge key": (model("<<: {owner: a}\n"), {"merge-key"}),
    "C09 python object": (model('description: !!python/object/apply:os.system ["touch /tmp/x"]\n'), {"tag"}),
    "C09 binary": (model("description: !!binary aGVsbG8=\n"), {"tag"}),
    "C09 timestamp": (model("description: !!timestamp 2026-01-01\n"), {"tag"}),
    "C09 custom": (model("description: !mine x\n"), {"tag"}),
    "C10 two documents": (model("---\ntype: custom\n"), {"multiple-documents"}),
    "C11 a boolean of YAML 1.1": (model("strict: yes\n"), {"wrong-type"}),
    "C11 a country called no": (model("labels: {country: no, answer: on, third: Yes}\n"), set()),
    "C11 a provider called no": (
        {"providers/no.yaml": "api: vllm\nbase_url: http://127.0.0.1:8000/v1\n", "models/no/y.yaml": f"type: custom\n{PRICED}"},
        set(),
    ),
    "C12 an exponent as money": (priced("2.5e-8"), {"wrong-type"}),
    "C12 an exponent in quotes": (priced('"1e3"'), {"bad-value"}),
    "C13 octal": (model("labels: {a: 017}\n"), {"wrong-type"}),
    "C13 sexagesimal is text": (model("labels: {a: 12:30:45, b: 3:15}\n"), set()),
    "C13 underscore": (model("limits: {context_window: 1_000}\n"), {"wrong-type"}),
    "C14 a version as a number": ({OPENAI: "api: openai\nbase_models: [gpt-4.1-nano]\napi_version: 4.10\n"}, {"wrong-type"}),
    "C15 a date is text": (model("labels: {since: 2026-10-01}\n"), set()),
    "C15 a date in a window": ({TINY: f'{HEAD}pricing: [{{from: 2026-10-01, input_mtok: "1"}}]\n'}, {"bad-value"}),
    "C16 infinite": (model("defaults: {temperature: .inf}\n"), {"bad-number"}),
    "C16 no number": (model("defaults: {temperature: .nan}\n"), {"bad-number"}),
    "C16 overflow": (model("defaults: {temperature: 1e400}\n"), {"bad-number"}),
    "C16 minus zero": (model("limits: {context_window: -0}\n"), {"bad-value"}),
    "C16 infinite price": (priced(".inf"), {"bad-number"}),
    "C17 price as a float": (priced("0.20"), {"wrong-type"}),
    "C17 13 decimals": (priced('"0.1234567890123"'), {"bad-value"}),
    "C17 12 decimals are exact": (priced('"0.123456789012"'), set()),
    "C18 price per token": (
        {"models/openai/bot.yaml": f'{BOT}pricing: {{input_mtok: "0.0000001", output_mtok: "0.0000004"}}\n'},
        {"price-far-from-list"},
    ),
    "C19 negative price": (priced('"-1"'), {"bad-value"}),
    "C19 zero price": (priced('"0"'), {"zero-price"}),
    "C19 no price": ({TINY: HEAD}, {"unpriced"}),
    "C20 UTF-16": ({TINY: f"{HEAD}{PRICED}".encode("utf-16")}, {"not-utf8"}),
    "C20 Latin-1": ({TINY: f"{HEAD}{PRICED}description: caf\xe9\n".encode("latin-1")}, {"not-utf8"}),
    "C20 byte order mark": ({TINY: b"\xef\xbb\xbf" + f"{HEAD}{PRICED}".encode()}, {"byte-order-mark"}),
    "C21 U+2028": (model("owner: a\u2028strict: true\n"), {"forbidden-character"}),
    "C21 U+2029": (model("owner: a\u2029strict: true\n"), {"forbidden-character"}),
    "C21 U+0085": (model("owner: a\u0085strict: true\n"), {"forbidden-character"}),
    "C21 right to left": (model("description: a\u202eb\n"), {"forbidden-character"}),
    "C21 isolate": (model("description: a\u2066b\n"), {"forbidden-character"}),
    "C22 lone surrogate": (model('description: "\\ud800"\n'), {"yaml-syntax"}),
    "C23 @ without quotes": (model("owner: a\n") | {"models/local/x.yaml": "type: custom\npricing: @local/tiny\n"}, {"quote-it"}),
    "C24 names that differ in case": (
        {"models/openai/GPT-4.yaml": f"{BOT}pricing: inherit\n", "models/openai/gpt-4.yaml": f"{BOT}pricing: inherit\n"},
        {"case-collision", "bad-name"},
    ),
    "C25 Cyrillic in a name": ({"models/openai/g\u0440t-4.yaml": f"{BOT}pricing: inherit\n"}, {"bad-name"}),
    "C25 ligature in a name": ({"models/openai/\ufb01le.yaml": f"{BOT}pricing: inherit\n"}, {"bad-name"}),
    "C25 Kelvin in a name": ({"models/openai/\u212a.yaml": f"{BOT}pricing: inherit\n"}, {"bad-name"}),
    "C25 Cyrillic in a display name": (model("description: \u0440aypal assistant\n"), {"mixed-scripts"}),
    "C26 a circle of one": (circle(1), {"base-model-cycle"}),
    "C26 a circle of three": (circle(3), {"base-model-cycle"}),
    "C26 a chain of 10,000": (chain(10_000), {"chain-too-long"}),
}  # fmt: skip


@pytest.mark.parametrize("fault", TEXT)
def test_text(fault, tree, minimal):
    files, codes = TEXT[fault]
    made = tree(minimal | files)
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    outcome = compile_catalog(made)
    spent = time.process_time() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * (1 if sys.platform == "darwin" else 1024)
    assert {problem.code for problem in outcome.problems} == codes, outcome.problems
    assert (outcome.catalog is None) == has_errors(outcome.problems)
    if len(files) < 10:
        assert spent < 1
        assert grown < 16 * 2**20
    else:
        assert spent < 20


def test_c03_deep_nesting_does_not_kill_the_process(tmp_path):
    """60 KB that crash the C composer of PyYAML, through the command, as CI runs it."""
    (tmp_path / "catalog.yaml").write_text("format: 1\n")
    (tmp_path / "models/local").mkdir(parents=True)
    (tmp_path / TINY).write_text("[" * 60_000)
    command = [sys.executable, "-m", "engine", "validate", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (done.returncode, "too-deep" in done.stdout) == (1, True)


def test_c04_a_sparse_file_of_10_gb_is_not_read(root):
    with (root / TINY).open("wb") as file:
        file.truncate(10 * 2**30)
    assert codes_of(root)[TINY] == "file-too-large"


def test_c05_too_many_files_are_counted_and_none_is_read(root):
    for number in range(400):
        (root / f"models/local/m{number}.yaml").write_text("type: custom\n")
    found = DirectorySource(root, settle=0.02, caps=Caps(files=300)).read()
    assert (found.files, [problem.code for problem in found.problems]) == ({}, ["catalog-too-large"])
    assert "40" in found.problems[0].message
    assert Caps().files <= 50_000
    assert Caps().total_bytes <= 2**30


def test_c07_both_lines_are_named(tree, minimal):
    (problem,) = compile_catalog(tree(minimal | model("owner: a\nowner: b\n"))).problems
    assert (problem.line, problem.column) == (5, 1)
    assert "line 4" in problem.message


def test_c11_and_c13_odd_words_stay_what_was_written(tree, minimal):
    labels = "labels: {country: no, at: 12:30:45, since: 2026-10-01}\n"
    catalog = compile_catalog(tree(minimal | model(labels))).catalog
    assert catalog.models["@local/tiny"].labels == {"country": "no", "at": "12:30:45", "since": "2026-10-01"}


@pytest.mark.parametrize(
    ("fault", "words"),
    [("C14", 'quote it: "4.10"'), ("C17", 'quote it: "0.20"'), ("C23", 'begins with "@" must be quoted')],
)
def test_what_must_be_quoted_is_said_to_be(fault, words, tree, minimal):
    name = next(name for name in TEXT if name.startswith(fault))
    (problem,) = compile_catalog(tree(minimal | TEXT[name][0])).problems
    assert words in f"{problem.message} {problem.hint}"


def test_c17_twelve_decimals_are_kept_exactly(tree, minimal):
    catalog = compile_catalog(tree(minimal | priced('"0.123456789012"'))).catalog
    assert catalog.models["@local/tiny"].pricing.windows[0].rates["input_mtok"] == "0.123456789012"


def test_c18_needs_accept_with_a_reason(tree, minimal):
    (path, text), = TEXT["C18 price per token"][0].items()  # fmt: skip
    assert compile_catalog(tree(minimal | {path: f"{text}accept: {{price-far-from-list: a gift}}\n"})).problems == ()
    (problem,) = compile_catalog(tree(minimal | {path: f"{text}accept: {{price-far-from-list: ''}}\n"})).problems
    assert problem.code == "bad-value"


def test_c19_a_missing_price_is_an_error_under_a_budget(tree, minimal):
    budget = {"budgets/app.yaml": 'limit_usd: "5.00"\nperiod: day\n'}
    outcome = compile_catalog(tree(minimal | {TINY: HEAD} | budget))
    assert {problem.code for problem in outcome.problems} == {"unpriced-under-budget"}
    free = compile_catalog(tree(minimal | {TINY: f"{HEAD}pricing: free\n"} | budget))
    assert free.problems == ()


def test_c20_the_offset_is_named(tree, minimal):
    (problem,) = compile_catalog(tree(minimal | TEXT["C20 Latin-1"][0])).problems
    assert f"byte {len(HEAD + PRICED) + len('description: caf')}" in problem.message


def test_c24_both_files_are_named(tree, minimal):
    problems = compile_catalog(tree(minimal | TEXT["C24 names that differ in case"][0])).problems
    (collision,) = [problem for problem in problems if problem.code == "case-collision"]
    assert "models/openai/GPT-4.yaml" in f"{collision.file} {collision.message}"
    assert "models/openai/gpt-4.yaml" in f"{collision.file} {collision.message}"


def test_c26_a_circle_is_shown_as_a_path(tree, minimal):
    (problem,) = compile_catalog(tree(minimal | circle(3))).problems
    assert "@local/m0 → @local/m1 → @local/m2 → @local/m0" in f"{problem.message} {problem.hint}"


def test_c27_all_that_dangles_is_told_at_once(tree, minimal):
    files = {
        "models/nowhere/a.yaml": f"type: custom\n{PRICED}",
        "models/openai/bot.yaml": BOT.replace("gpt-4.1-nano\nup", "gpt-5.9-nano\nup") + "pricing: inherit\n",
        "models/local/b.yaml": f'type: custom\nbase_model: "@local/none"\n{PRICED}',
        "routes/r.yaml": 'strategy: fallback\ntargets: [{model: "@local/gone"}]\n',
    }
    outcome = compile_catalog(tree(minimal | files))
    assert outcome.catalog is None
    assert {(problem.file, problem.code) for problem in outcome.problems if has_errors([problem])} == {
        ("models/nowhere/a.yaml", "unknown-provider"),
        ("models/openai/bot.yaml", "lock-stale"),
        ("models/local/b.yaml", "unknown-model"),
        ("routes/r.yaml", "unknown-model"),
    }


@pytest.fixture
def root(tmp_path, minimal):
    for path, data in minimal.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    return tmp_path


def codes_of(root):
    """What a catalog in a directory has to say, by file."""
    outcome = compile_catalog(DirectorySource(root, settle=0.02).read())
    assert outcome.catalog is None
    return {problem.file: problem.code for problem in outcome.problems}


def test_c28_a_link_out_of_the_directory_is_not_opened(root):
    (root / "models/local/x.yaml").symlink_to("/etc/passwd")
    outcome = compile_catalog(DirectorySource(root, settle=0.02).read())
    assert [(problem.file, problem.code) for problem in outcome.problems] == [
        ("models/local/x.yaml", "outside-catalog")
    ]
    assert "root:" not in str(outcome.problems)


def test_c29_a_fifo_cannot_hang_the_reader(root):
    os.mkfifo(root / "models/local/x.yaml")
    assert codes_of(root) == {"models/local/x.yaml": "not-a-file"}


def test_c29_a_directory_with_a_files_name_is_no_file(root):
    (root / "models/local/x.yaml").mkdir()
    (root / "models/local/x.yaml/y.yaml").write_text("type: custom\n")
    assert codes_of(root) == {"models/local/x.yaml/y.yaml": "unknown-file"}


def test_c36_an_empty_directory_is_no_catalog(tmp_path):
    assert codes_of(tmp_path) == {"catalog.yaml": "missing-file"}


def test_c39_content_decides_whatever_the_clock_says(root):
    file = root / TINY
    before = DirectorySource(root, settle=0.02).read().revision
    for mtime in (0, 4_000_000_000_000_000_000):
        os.utime(file, ns=(mtime, mtime))
        assert DirectorySource(root, settle=0.02).read().revision == before
    os.utime(file, ns=(0, 0))
    file.write_text(f"{HEAD}pricing: free\n")
    os.utime(file, ns=(0, 0))
    assert DirectorySource(root, settle=0.02).read().revision != before


def test_every_fault_has_its_test():
    written = Path(__file__).read_text() + (ROOT / "tests/control/test_read_errors.py").read_text()
    named = {int(number) for number in re.findall(r"(?:def test_c|\"C)(\d\d)", written)}
    assert named == {*range(1, 30), 36, 37, 38, 39}
