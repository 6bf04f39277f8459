"""The compiler as a whole: pure, patient, without cascades, and quick where a catalog is hostile or large."""

import time
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.compile import Compiler, asked_of_reference, compile_catalog, merged
from engine.catalog.prices import times
from engine.catalog.vendors import REFERENCE_APIS, VENDORS
from engine.model import PriceTier, PriceVariant, PriceWindow, Pricing
from engine.pricing.reference import load
from engine.problem import Problem

BOT = "models/openai/bot.yaml"


@pytest.fixture(scope="module")
def reference():
    return load()


def codes(outcome):
    return [problem.code for problem in outcome.problems]


def test_the_same_files_in_another_order_compile_alike(tree, minimal):
    shuffled = dict(reversed(minimal.items()))
    assert compile_catalog(tree(minimal)).catalog.models == compile_catalog(tree(shuffled)).catalog.models
    broken = minimal | {BOT: b"type: nope\nx: 1\n", "keys/app.yaml": b"owner: A\n"}
    assert compile_catalog(tree(broken)) == compile_catalog(tree(dict(reversed(broken.items()))))


def test_problems_of_all_files_are_told_at_once_and_sorted(tree, minimal):
    outcome = compile_catalog(
        tree(minimal | {BOT: b"type: x\n", "keys/app.yaml": b"a: b\n", "models/local/tiny.yaml": b"["})
    )
    assert {problem.file for problem in outcome.problems} == {BOT, "keys/app.yaml", "models/local/tiny.yaml"}
    assert list(outcome.problems) == sorted(outcome.problems, key=lambda problem: problem.sort_key)


def test_what_the_source_could_not_read_is_a_problem_and_blames_nobody_else(tree, minimal):
    import msgspec

    files = {path: data for path, data in minimal.items() if path != "providers/openai.yaml"}
    unread = Problem(code="unreadable-file", file="providers/openai.yaml", message="permission denied")
    outcome = compile_catalog(msgspec.structs.replace(tree(files), problems=(unread,)))
    assert outcome.problems == (unread,)
    assert outcome.catalog is None


@pytest.mark.parametrize(
    "broken",
    [
        {"providers/openai.yaml": b"api: ["},
        {"providers/openai.yaml": b"api: nope\n"},
        {"providers/openai.yaml": b"api: openai\nprice_factor: '0'\n"},
        {"models/local/tiny.yaml": b"type: nope\n", BOT: b'type: custom\nbase_model: "@local/tiny"\npricing: inherit\n'},
        {"models/local/tiny.yaml": b"type: nope\n", BOT: b'type: custom\nbase_model: gpt-4.1-nano\npricing: "@local/tiny"\n'},
        {"models/local/tiny.yaml": b"type: nope\n", "models/local/b.yaml": b"type: custom\naliases: ['@local/tiny']\npricing: free\n"},
    ],
)  # fmt: skip
def test_a_broken_document_is_one_problem_and_not_one_for_all_that_refer_to_it(tree, minimal, broken):
    (problem,) = [
        problem for problem in compile_catalog(tree(minimal | broken)).problems if problem.code != "name-collision"
    ]
    assert problem.file == next(iter(broken))


def test_warnings_about_the_whole_wait_until_the_whole_is_known(tree, minimal):
    files = minimal | {"models/local/tiny.yaml": b"type: nope\n"}
    assert codes(compile_catalog(tree(files))) == ["bad-value"]  # and not that "small" matches nothing


def test_accept_silences_its_warning_in_its_file_only(tree, minimal):
    files = minimal | {
        "models/local/a.yaml": b"type: custom\naccept: {unpriced: known}\n",
        "models/local/b.yaml": b"type: custom\n",
    }
    (problem,) = compile_catalog(tree(files)).problems
    assert (problem.code, problem.file) == ("unpriced", "models/local/b.yaml")


def test_accept_does_not_silence_an_error(tree, minimal):
    files = minimal | {"models/local/a.yaml": b'type: custom\nbase_model: "@x/y"\naccept: {unknown-model: no}\n'}
    assert "unknown-model" in codes(compile_catalog(tree(files)))


def test_hints_change_words_but_no_code_and_no_place(tree, minimal, reference):
    files = minimal | {
        BOT: b"type: custom\nbase_model: gpt-4.1-nanno\npricing: inherit\n",
        "models/openai/b.yaml": b"type: custom\nbase_model: gpt-4o\npricing: inherit\n",
    }
    plain, hinted = compile_catalog(tree(files)), compile_catalog(tree(files), hints=reference)

    def where(outcome):
        return [(p.code, p.file, p.line, p.column, p.pointer) for p in outcome.problems]

    assert where(plain) == where(hinted)
    by_file = {problem.file: problem for problem in hinted.problems}
    assert 'did you mean "gpt-4.1-nano"?' in by_file[BOT].hint
    assert "reference update" in by_file["models/openai/b.yaml"].hint


def test_what_is_asked_of_the_reference_data(tree, minimal):
    files = minimal | {
        "models/local/a.yaml": b'type: custom\nbase_model: "groq:qwen/qwen3-32b"\npricing: inherit\n',
        "models/local/b.yaml": b"type: custom\nbase_model: anthropic:claude-sonnet-4-5\n",
        "models/local/c.yaml": b'type: custom\nbase_model: "@local/a"\n',
        "providers/grok.yaml": b'api: xai\nbase_models: ["grok-*"]\n',
        "models/openai/gpt-4o.yaml": b"type: base\n",
        "models/openai/broken.yaml": b"type: bas\n",
    }
    assert asked_of_reference(tree(files)) == [
        ("anthropic", "claude-sonnet-4-5"),
        ("groq", "qwen/qwen3-32b"),
        ("openai", "gpt-4.1-nano"),
        ("openai", "gpt-4o"),
        ("x-ai", "grok-*"),
    ]


def test_a_long_chain_of_base_models_takes_linear_time(tree, minimal):
    links = {
        f"models/local/m{n}.yaml": f'type: custom\nbase_model: "@local/m{n + 1}"\npricing: inherit\n'.encode()
        for n in range(3_000)
    }
    links["models/local/m3000.yaml"] = b"type: custom\npricing: free\n"
    started = time.perf_counter()
    assert codes(compile_catalog(tree(minimal | links))) == ["chain-too-long"]
    assert time.perf_counter() - started < 10


def test_many_wrong_names_do_not_take_quadratic_time(tree, minimal):
    files = {
        f"models/local/model-number-{n}.yaml": f'type: custom\nbase_model: "@local/model-nmber-{n}"\npricing: free\n'.encode()
        for n in range(2_000)
    }
    started = time.perf_counter()
    assert len(compile_catalog(tree(minimal | files)).problems) == 2_000
    assert time.perf_counter() - started < 10


def test_the_vendor_table_names_apis_of_the_reference_data(reference):
    assert set(reference.apis) == REFERENCE_APIS
    assert {vendor.reference for vendor in VENDORS.values()} - {""} <= REFERENCE_APIS


RATE = st.decimals(0, 10_000, places=6).map(lambda rate: format(rate, "f"))
FACTOR = st.decimals("0.000001", 100, places=6).map(lambda factor: Fraction(str(factor)))


@given(RATE, RATE, RATE, FACTOR)
def test_a_price_factor_multiplies_every_rate_exactly(base, tier, variant, factor):
    window = PriceWindow(
        {"input_mtok": base},
        None,
        (PriceTier(1, {"input_mtok": tier}),),
        {"v": PriceVariant({"processing": "batch"}, {"input_mtok": variant}, (PriceTier(2, {"input_mtok": tier}),))},
    )
    (scaled,) = times(Pricing("inherit", (window,), "openai:x"), factor).windows
    found = [scaled, scaled.tiers[0], scaled.variants["v"], scaled.variants["v"].tiers[0]]
    for part, rate in zip(found, (base, tier, variant, tier), strict=True):
        assert Fraction(part.rates["input_mtok"]) == Fraction(rate) * factor


@pytest.mark.parametrize("edge", ['base_model: "{}"\npricing: inherit', 'pricing: "{}"'])
@pytest.mark.parametrize("size", [1, 2, 8, 9, 10, 25])
def test_a_circle_of_any_size_is_one_problem_with_its_whole_path(tree, minimal, edge, size):
    names = [f"@local/c{n:02}" for n in range(size)]
    files = {
        f"models/local/c{n:02}.yaml": f"type: custom\n{edge.format(names[(n + 1) % size])}\n".encode()
        for n in range(size)
    }
    files["models/local/leads-into-it.yaml"] = f"type: custom\n{edge.format(names[-1])}\n".encode()
    (problem,) = compile_catalog(tree(minimal | files)).problems
    assert problem.code == ("base-model-cycle" if "base" in edge else "pricing-cycle")
    assert problem.file == "models/local/c00.yaml"
    assert " → ".join((*names, names[0])) in problem.message


@pytest.mark.parametrize("edge", ['base_model: "{}"\npricing: inherit', 'pricing: "{}"'])
@pytest.mark.parametrize("end", ["@openai/gpt-4.1-nano", "@local/tiny", "@openai/bot"])
@pytest.mark.parametrize("size", [1, 7, 8, 9, 10, 20])
def test_a_chain_compiles_whole_or_is_a_problem(tree, minimal, edge, end, size):
    names = [*(f"@local/c{n:02}" for n in range(size)), end]
    files = {f"models/local/c{n:02}.yaml": f"type: custom\n{edge.format(names[n + 1])}\n".encode() for n in range(size)}
    outcome = compile_catalog(tree(minimal | files))
    if size <= 8:
        assert outcome.problems == ()
        assert outcome.catalog.models[names[0]].pricing.windows == outcome.catalog.models[end].pricing.windows
    else:
        (problem,) = outcome.problems
        assert problem.code == "chain-too-long"
        assert problem.file == f"models/local/c{size - 9:02}.yaml"


@pytest.mark.parametrize(
    ("files", "problems", "file"),
    [
        ({"environments/dev/stray.yaml": b"a: 1\n"}, (), "environments/dev/stray.yaml"),
        ({"environments/Dev/keys/a.yaml": b"a: 1\n"}, (), "environments/Dev/keys/a.yaml"),
        ({}, (Problem(code="unreadable-file", file="environments/dev/keys/a.yaml", message="x"),), "environments/dev/keys/a.yaml"),
    ],
    ids=["without a place", "a name that is none", "unreadable"],
)  # fmt: skip
def test_an_environment_with_nothing_but_mistakes_is_looked_at(tree, minimal, files, problems, file):
    made = msgspec.structs.replace(tree(minimal | files), problems=problems)
    assert file in {problem.file for problem in merged(Compiler().compile_all(made))}
