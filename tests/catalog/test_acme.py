"""A realistic company: 40 teams, 300 model files, three environments. The tree is checked in, to be read."""

import runpy
from pathlib import Path

import pytest

from engine.catalog.compile import Compiler, compile_catalog, merged
from engine.catalog.snapshot import Snapshot, encode
from engine.operator.loading import load_settings
from engine.operator.origins import split_url
from engine.problem import Severity
from engine.reports import Report, render

HERE = Path(__file__).parent
MADE = runpy.run_path(str(HERE / "make_acme.py"))
pytestmark = pytest.mark.parametrize("good", ["acme"], indirect=True)


@pytest.fixture
def compiled(good):
    return Compiler().compile_all(good)


def test_the_tree_is_what_the_script_writes(good):
    assert {path: text.encode() for path, text in MADE["files"]().items()} == {
        path: data for path, data in good.files.items() if path != "reference.lock"
    }


def test_it_has_exactly_the_warnings_that_are_expected(compiled):
    problems = merged(compiled)
    assert {problem.severity for problem in problems} == {Severity.WARNING}
    report = Report(problems=problems, models=0, providers=0, keys=0)
    said, _, _ = render(report, "text").rstrip("\n").rpartition("\n")
    assert said + "\n" == (HERE / "acme" / "expected.txt").read_text()


def test_its_size(good, compiled):
    base = compiled[""].catalog
    assert (
        len([path for path in good.files if "/models/" in f"/{path}" and not path.startswith("environments/")]) == 300
    )
    assert len(base.teams) == 41
    assert len(base.keys) == 81
    assert set(compiled) == {"", "dev", "stage", "prod"}


def test_each_environment_is_what_its_files_make_of_the_base(compiled):
    catalogs = {name: outcome.catalog for name, outcome in compiled.items()}
    assert catalogs["prod"].environment == "prod"
    assert {name: c.providers["openai"].headers["openai-project"] for name, c in catalogs.items()} == {
        "": "proj_production",
        "dev": "proj_development",
        "stage": "proj_stage",
        "prod": "proj_production",
    }
    assert "@lab/trial" in catalogs["dev"].models
    assert "@lab/trial" not in catalogs["prod"].models
    assert "per-key" not in catalogs["dev"].budgets
    assert "tests" in catalogs["dev"].keys.keys() - catalogs[""].keys.keys()
    assert [target.model for target in catalogs["stage"].routes["@route/policy"].targets] == ["@openai/policy-v2"]


def test_who_may_call_what(good):
    snapshot = Snapshot.decode(encode(compile_catalog(good).catalog))

    def may(key, name):
        return snapshot.may_call(snapshot.key(key), snapshot.resolve(name))

    assert may("support-de-app", "chat")
    assert may("support-de-app", "support-de-bot")
    assert may("support-de-app", "@route/support-de-canary")
    assert not may("support-de-app", "support-fr-bot")
    assert not may("support-de-batch", "chat")
    assert may("search-us-app", "@lab/search-us-trial")
    assert not may("search-us-app", "@lab/trial")
    assert may("monitoring", "@lab/trial")
    assert may("monitoring", "@azure-eu/support-de-bot")
    assert not may("monitoring", "@openai/support-de-bot")
    why = snapshot.permissions.why_not
    assert why(snapshot.key("support-de-app"), "@openai/support-fr-bot") == (
        'teams/support-de/keys/support-de-app.yaml: models does not name "@openai/support-fr-bot"'
    )
    assert why(snapshot.key("monitoring"), "@openai/support-de-bot") == (
        'teams/support-de/models/openai/support-de-bot.yaml: access: teams does not name "platform"'
    )


def test_prices_discounts_and_wires(compiled):
    models = compiled[""].catalog.models
    assert models["@openai/chat"].pricing.windows[-1].rates["input_mtok"] == "0.352"
    assert models["@azure-eu/support-de-bot"].pricing.windows[-1].rates["input_mtok"] == "0.4"
    window = models["@vertex-eu/long-reader"].pricing.windows[0]
    assert window.tiers[0].rates["input_mtok"] == "0.60"
    assert window.variants["batch"].tiers[0].rates["output_mtok"] == "2.00"
    assert models["@vllm-eu/ocr"].pricing.windows[0].rates["requests_kcount"] == "1.50"
    assert {
        name: models[name].wire for name in ("@vertex-eu/claude", "@vertex-eu/long-reader", "@bedrock-us/claude")
    } == {
        "@vertex-eu/claude": "anthropic-messages",
        "@vertex-eu/long-reader": "gemini",
        "@bedrock-us/claude": "bedrock-converse",
    }
    assert models["@lab/trial"].supports.stream_usage is False
    assert models["@openai/policy-v1"].lifecycle.replacement == "@openai/policy-v2"


# Each asks the compiled base for one thing that a company of this size has.
HAS = {
    "Azure with an api-version": lambda it: it.providers["azure-eu"].api_version == "2025-04-01-preview",
    "Claude on Bedrock, by an inference profile": lambda it: (
        ":application-inference-profile/" in it.models["@bedrock-us/claude"].upstream_model
        and it.providers["bedrock-us"].region == "us-east-1"
    ),
    "Claude on Vertex": lambda it: (
        it.models["@vertex-eu/claude"].base_model.written.startswith("claude-")
        and (it.providers["vertex-eu"].project, it.providers["vertex-eu"].region) == ("acme-ml", "europe-west4")
    ),
    "a fine-tune at OpenAI": lambda it: it.models["@openai/policy-v2"].upstream_model.startswith("ft:"),
    "headers of organisation and project": lambda it: (
        it.providers["openai"].headers == {"openai-organization": "org-acme", "openai-project": "proj_production"}
    ),
    "vLLM on a private host without a key": lambda it: (
        it.providers["vllm-eu"].base_url == "https://llm.acme.internal:8443/v1"
        and it.providers["vllm-eu"].credential == "none"
    ),
    "a server that rejects stream_options": lambda it: it.providers["lab"].supports.stream_usage is False,
    "an embedding model": lambda it: it.models["@openai/embed"].endpoints == ("embeddings",),
    "a reranker": lambda it: it.models["@vllm-eu/reranker"].endpoints == ("rerank",),
    "a negotiated discount": lambda it: (
        it.models["@openai/gpt-4.1-mini"].list_pricing.windows[-1].rates["input_mtok"] == "0.4"
        and it.models["@openai/gpt-4.1-mini"].pricing.windows[-1].rates["input_mtok"] == "0.352"
    ),
    "tiered, cached and batch prices": lambda it: (
        (window := it.models["@vertex-eu/long-reader"].pricing.windows[0]).tiers
        and {"cache_read_mtok", "cache_write_1h_mtok"} < window.rates.keys()
        and "batch" in window.variants
    ),
    "a price per request": lambda it: "requests_kcount" in it.models["@vllm-eu/ocr"].pricing.windows[0].rates,
    "a budget with budgets inside": lambda it: (
        (whole := it.budgets["claims"]).applies_to.owners == ("claims-*",)
        and it.budgets["claims-de"].applies_to.owners == ("claims-de",)
        and it.budgets["claims-de"].limit_pico_usd < whole.limit_pico_usd
    ),
    "a canary of 95 to 5": lambda it: [t.weight for t in it.routes["@route/policy"].targets] == [95, 5],
    "a fallback from Azure to OpenAI": lambda it: (
        [target.model for target in it.routes["@route/chat-eu"].targets]
        == ["@azure-eu/gpt-4.1-mini", "@openai/gpt-4.1-mini"]
    ),
    "a deprecated model with a replacement": lambda it: (
        (life := it.models["@openai/policy-v1"].lifecycle).status == "deprecated" and life.replacement
    ),
    "forbidden and capped parameters": lambda it: (
        it.models["@openai/chat"].forbid and it.models["@openai/chat"].limits.max_output_tokens
    ),
    "teams that may call some models only": lambda it: any(team.models for team in it.teams.values()),
    "aliases": lambda it: it.aliases["claude-us"] == "@bedrock-us/claude",
}


def test_it_has_what_such_a_company_has(compiled):
    assert [thing for thing, has in HAS.items() if not has(compiled[""].catalog)] == []


def test_the_operators_file_names_every_origin(compiled):
    settings = load_settings(environ={"HOME": "/home/acme"}, config=str(HERE / "acme" / "gateway.yaml"))
    catalog = compiled[settings.environment].catalog
    named = {*settings.origins, *(credential.origin for credential in settings.credentials.values())}
    for provider in catalog.providers.values():
        assert str(split_url(provider.base_url)[0]) in named
        assert provider.credential in {"none", *settings.credentials}
    assert settings.origins["https://llm.acme.internal:8443"].ca_file == "/etc/ssl/acme.pem"
