"""Compiling one revision after another gives what compiling each alone gives: byte for byte, problem for problem."""

import random
from pathlib import Path

import pytest

from engine.catalog.compile import Compiler, compile_catalog
from engine.catalog.snapshot import Encoder, encode

HERE = Path(__file__).parent

KEY = 'owner: team-app\nmodels: ["@local/*", "@openai/*"]\nkey_sha256: "{}"\n'
# Contents by path, right and wrong ones: every edit takes one of a path's, or removes the file.
EDITS = {
    "providers/openai.yaml": ["api: openai\nbase_models: [gpt-4.1-nano]\n", "api: openai\nprice_factor: '0.5'\nbase_models: [gpt-4.1-nano]\n", "api: ["],
    "providers/local.yaml": ["api: vllm\nbase_url: http://127.0.0.1:8000/v1\n", "api: vllm\nbase_url: http://127.0.0.1:9000/v1\naccess: {teams: [team-app]}\n"],
    "models/local/a.yaml": ['type: custom\nbase_model: "@local/b"\npricing: inherit\n', 'type: custom\npricing: "@local/c"\n', "type: custom\n", "type: nope\n"],
    "models/local/b.yaml": ["type: custom\nbase_model: openai:gpt-4.1-nano\npricing: inherit\n", 'type: custom\npricing: {input_mtok: "5"}\naliases: [a-b]\n', 'type: custom\nbase_model: "@local/a"\npricing: inherit\n'],
    "models/local/c.yaml": ['type: custom\npricing: "@openai/gpt-4.1-nano"\n', "type: custom\npricing: free\nlifecycle: {status: retired, replacement: small}\n", "type: custom\npricing: free\nlifecycle: {status: retired, replacement: smal}\n"],
    "models/openai/gpt-4.1-nano.yaml": ["type: base\npricing: inherit\n", 'type: base\npricing: {input_mtok: "900", output_mtok: "1"}\n', "type: custom\npricing: free\n"],
    "routes/main.yaml": ['strategy: fallback\ntargets: [{model: small}, {model: "@local/c"}]\n', 'strategy: fallback\ntargets: [{model: "@route/other"}]\n'],
    "routes/other.yaml": ['strategy: weighted\naliases: [a_b]\ntargets: [{model: "@route/main", weight: 1}]\n', 'strategy: weighted\ntargets: [{model: "@local/a", weight: 1}]\n'],
    "budgets/b.yaml": ['limit_usd: "5"\nperiod: day\n', 'limit_usd: "5"\nperiod: day\napplies_to: {models: ["@local/b"]}\naccept: {matches-nothing: later}\n'],
    "keys/other.yaml": [KEY.format("5" * 64), KEY.format("1" * 64), KEY.format("6" * 64).replace("@openai", "@opnai")],
    "teams/team-app/team.yaml": ["description: The app\n", 'models: ["@local/*", small]\n'],
    "teams/team-app/models/local/ours.yaml": ['type: custom\npricing: {input_mtok: "1"}\n', 'type: custom\nbase_model: "@local/b"\npricing: inherit\nowner: team-web\n'],
    "environments/prod/models/local/a.yaml": ["remove: true\n", "type: custom\npricing: free\n"],
    "environments/prod/providers/local.yaml": ["api: vllm\nbase_url: http://10.0.0.1/v1\n", "remove: true\n"],
}  # fmt: skip


def edited(files, base, dice):
    """A few edits; now and then of a catalog that is right, since most edits of a wrong one leave it so."""
    files = dict(base if dice.random() < 0.4 else files)
    for _ in range(dice.randint(1, 3)):
        path = dice.choice(list(EDITS))
        content = dice.choice([None, *EDITS[path]])
        if content is None:
            files.pop(path, None)
        else:
            files[path] = content.encode()
    return files


def outcomes(compiled):
    return {name: (outcome.problems, outcome.catalog and encode(outcome.catalog)) for name, outcome in compiled.items()}


@pytest.mark.parametrize("seed", range(12))
def test_a_warm_compiler_gives_what_a_cold_one_gives(tree, minimal, seed):
    dice = random.Random(seed)
    warm, encoder = Compiler(), Encoder()
    files, accepted = dict(minimal), 0
    for _ in range(25):
        files = edited(files, minimal, dice)
        now = tree(files)
        cold = compile_catalog(now)
        again = warm.compile(now)
        assert again == cold
        if cold.catalog is not None:
            accepted += 1
            assert encoder.encode(again.catalog) == encode(cold.catalog)
    assert accepted, "every revision was refused: the edits show nothing"


@pytest.mark.parametrize("seed", range(4))
def test_environments_share_work_and_give_what_each_alone_gives(tree, minimal, seed):
    dice = random.Random(f"environments {seed}")
    warm = Compiler()
    files = dict(minimal)
    for _ in range(10):
        files = edited(files, minimal, dice)
        now = tree(files)
        assert outcomes(warm.compile_all(now)) == outcomes(Compiler().compile_all(now))
        for name, outcome in warm.compile_all(now).items():
            assert outcome == compile_catalog(now, environment=name)


def test_what_is_unchanged_is_not_read_again(tree, minimal, monkeypatch):
    from engine.catalog import compilation

    read = []

    def reading(data, file, actual=compilation.read_yaml):
        read.append(file)
        return actual(data, file)

    monkeypatch.setattr(compilation, "read_yaml", reading)
    compiler = Compiler()
    before = compiler.compile(tree(minimal)).catalog
    assert len(read) == len([path for path in minimal if path != "reference.lock"])
    read.clear()
    path = "models/openai/bot.yaml"
    after = compiler.compile(tree(minimal | {path: minimal[path] + b"owner: team-app\n"})).catalog
    assert read == [path]
    assert after.models["@local/tiny"] is before.models["@local/tiny"]
    assert after.models["@openai/bot"].owner == "team-app"
