"""What depends on the revision before."""

import pytest

from engine.catalog.compared import compare_findings
from engine.catalog.compile import compile_catalog
from engine.catalog.values import nanoseconds

TINY = "models/local/tiny.yaml"
BOT = "models/openai/bot.yaml"
NOW = nanoseconds("2026-10-01T00:00:00Z")
HEAD = "type: custom\naliases: [small]\n"


@pytest.fixture
def compiled(tree, minimal):
    def compile_with(files=(), without=()):
        kept = {path: data for path, data in minimal.items() if path not in without}
        outcome = compile_catalog(tree(kept | {path: text.encode() for path, text in dict(files).items()}))
        assert outcome.catalog is not None, outcome.problems
        return outcome.catalog

    return compile_with


def priced(*windows):
    return {TINY: f"{HEAD}pricing:\n" + "".join(f"  - {{{window}}}\n" for window in windows)}


def found(before, after):
    return [(problem.code, problem.file, problem.pointer) for problem in compare_findings(before, after, NOW)]


def test_nothing_changed_nothing_said(compiled):
    assert found(compiled(), compiled()) == []


def test_most_models_gone(compiled):
    few = compiled(without=(BOT,), files={"keys/app.yaml": f'owner: a\nmodels: [small]\nkey_sha256: "{"1" * 64}"\n'})
    (problem,) = compare_findings(compiled(), few, NOW)
    assert (problem.code, problem.file) == ("catalog-shrinks", "catalog.yaml")
    assert "1 of 3" in problem.message
    meant = compiled(without=(BOT,), files={"catalog.yaml": "format: 1\nallow_shrink: the bot is not used\n"})
    assert found(compiled(), meant) == []


def test_a_few_models_gone_are_no_news(compiled):
    many = {f"models/local/m{n}.yaml": "type: custom\npricing: free\n" for n in range(4)}
    assert found(compiled(many), compiled(many, without=(BOT,))) == []


@pytest.mark.parametrize(
    ("rate", "far"), [("0.4", False), ("4", False), ("4.01", True), ("0.04", False), ("0.039", True), ("0", True)]
)
def test_a_rate_that_jumps(compiled, rate, far):
    before = compiled(priced('input_mtok: "0.4"'))
    after = compiled(priced('input_mtok: "0.4"', f'from: 2027-01-01T00:00:00Z, input_mtok: "{rate}"'))
    assert found(before, after) == ([("price-jump", TINY, "/pricing/1/input_mtok")] if far else [])


def test_a_jump_that_is_accepted(compiled):
    before, after = (
        priced('input_mtok: "0.4"'),
        priced('input_mtok: "0.4"', 'from: 2027-01-01T00:00:00Z, input_mtok: "40"'),
    )
    after[TINY] += "accept: {price-jump: a larger machine}\n"
    assert found(compiled(before), compiled(after)) == []


def test_a_jump_of_a_price_that_is_inherited(compiled):
    before = compiled({TINY: f"{HEAD}base_model: openai:gpt-4.1-nano\npricing: inherit\n"})
    sheet = {"models/local/sheet.yaml": 'type: custom\npricing: {input_mtok: "40"}\n'}
    after = compiled({TINY: f'{HEAD}base_model: openai:gpt-4.1-nano\npricing: "@local/sheet"\n', **sheet})
    assert found(before, after) == [("price-jump", TINY, "/pricing")]


OLD = 'from: 2026-01-01T00:00:00Z, input_mtok: "1"'
LATER = 'from: 2027-01-01T00:00:00Z, input_mtok: "2"'


@pytest.mark.parametrize(
    ("windows", "codes"),
    [
        ((OLD, LATER), []),
        ((OLD,), []),
        ((OLD, LATER.replace('"2"', '"3"')), []),
        ((OLD, 'from: 2026-05-01T00:00:00Z, input_mtok: "3"', LATER), []),
        ((OLD.replace('"1"', '"1.5"'), LATER), ["past-window-edited"]),
        ((OLD.replace('"1"', '"1.5"') + ', correction: "the invoice says so"', LATER), []),
        ((LATER,), ["past-window-edited"]),
        (('input_mtok: "1"', LATER), ["past-window-edited"]),
        (('input_mtok: "1", correction: "it always held"', LATER), []),
        ((OLD + ', variants: {batch: {when: {processing: batch}, input_mtok: "0.5"}}', LATER), ["past-window-edited"]),
    ],
)
def test_a_window_whose_time_has_begun(compiled, windows, codes):
    before = compiled(priced(OLD, LATER))
    assert [problem.code for problem in compare_findings(before, compiled(priced(*windows)), NOW)] == codes


def test_the_finding_is_at_the_window(compiled):
    after = compiled(priced(LATER, OLD.replace('"1"', '"1.5"')))
    (problem,) = compare_findings(compiled(priced(OLD, LATER)), after, NOW)
    assert (problem.pointer, problem.line) == ("/pricing/1", 5)
