"""LiteLLM's config.yaml: accounts, models, routes; and no secret anywhere."""

import pytest
import yaml

from engine.exchange.documents import SourceError
from engine.exchange.litellm_config import read_litellm_config
from engine.exchange.report import to_json, to_text

CONFIG = """
model_list:
  - model_name: gpt-4o
    litellm_params:
      model: azure/chat-prod
      api_base: https://acme.openai.azure.com
      api_version: 2025-04-01-preview
      api_key: os.environ/AZURE_API_KEY
      rpm: 600
      input_cost_per_token: 2.5e-06
      output_cost_per_token: 0.00001
    model_info: {base_model: azure/gpt-4o, mode: chat, id: x1, supports_vision: true}
  - model_name: gpt-4o
    litellm_params: {model: openai/gpt-4o, api_key: sk-abcdefghijklmnopqrstuvwxyz, rpm: 200}
  - model_name: Local/Llama
    litellm_params:
      model: hosted_vllm/meta-llama/Llama-3
      api_base: http://10.0.0.5:8000/v1
      temperature: 0.2
      timeout: 30
      extra_headers: {X-Team: ml, X-Auth-Token: hunter2}
    model_info: {input_cost_per_token: 0, output_cost_per_token: 0}
  - model_name: cheap
    litellm_params: {model: groq/llama-3.1-8b-instant, api_key: os.environ/GROQ_API_KEY, input_cost_per_token: 0.05}
  - model_name: "openai/*"
    litellm_params: {model: "openai/*", api_key: 987654}
  - model_name: mystery
    litellm_params: {model: some-model}
router_settings:
  routing_strategy: simple-shuffle
  num_retries: 2
  fallbacks: [{gpt-4o: [cheap]}, {nowhere: [cheap]}]
  model_group_alias: {gpt-4: gpt-4o}
  redis_password: hunter2
general_settings: {master_key: 987654, database_url: "postgres://u:hunter2@h/d"}
litellm_settings: {drop_params: true}
environment_variables: {FOO: hunter2}
"""


@pytest.fixture
def of(imported, is_whole):
    """The documents and the losses of a config, where the reference data knows every name."""

    def of(text):
        source = read_litellm_config(text.encode(), "config.yaml")
        is_whole(source.accounts)
        result = imported(source, find_base=lambda _, name: name)
        documents = {path.removesuffix(".yaml"): yaml.safe_load(data) for path, data in result.files.items()}
        return documents, {(loss.entry, loss.field): loss.reason.value for loss in result.report.losses}, result

    return of


def test_deployments_are_models_and_their_accounts_providers(of, compiled):
    documents, lost, _ = of(CONFIG)
    assert documents["providers/azure"] == {
        "api": "azure",
        "base_url": "https://acme.openai.azure.com",
        "api_version": "2025-04-01-preview",
        "credential": "azure",
    }
    assert documents["providers/hosted-vllm"] == {
        "api": "vllm",
        "base_url": "http://10.0.0.5:8000/v1",
        "credential": "none",
    }
    assert documents["models/azure/gpt-4o-1"] == {
        "type": "custom",
        "base_model": "gpt-4o",
        "upstream_model": "chat-prod",
        "pricing": {"input_mtok": "2.5", "output_mtok": "10"},
        "endpoints": ["chat"],
        "supports": {"vision": True},
        "rate_limit": {"requests_per_minute": 600},
        "retry": {"attempts": 3},
    }
    assert documents["models/openai/gpt-4o-2"]["pricing"] == "inherit"
    assert documents["models/hosted-vllm/local-llama"] == {
        "type": "custom",
        "upstream_model": "meta-llama/Llama-3",
        "pricing": "free",
        "defaults": {"temperature": 0.2},
        "headers": {"X-Team": "ml"},
        "timeouts": {"total": "30s"},
        "retry": {"attempts": 3},
    }
    assert "pricing" not in documents["models/groq/cheap"]
    assert lost["model_list/3", "/litellm_params/input_cost_per_token"] == "implausible"
    assert lost["model_list/2", "/model_name"] == "bad-value"
    assert lost["model_list/4", "/model_name"] == "not-a-model"
    assert lost["model_list/5", "/litellm_params/model"] == "no-provider"


def test_groups_and_fallbacks_are_routes(of):
    documents, lost, _ = of(CONFIG)
    assert documents["routes/gpt-4o-pool"] == {
        "strategy": "weighted",
        "targets": [{"model": "@azure/gpt-4o-1", "weight": 600}, {"model": "@openai/gpt-4o-2", "weight": 200}],
    }
    fallback = documents["routes/gpt-4o"]
    assert (fallback["strategy"], fallback["aliases"]) == ("fallback", ["gpt-4o", "gpt-4"])
    assert fallback["targets"] == [{"model": "@route/gpt-4o-pool"}, {"model": "@groq/cheap"}]
    assert {"timeout", "rate_limit", "server_error", 400, 401} <= set(fallback["fallback_on"])
    assert documents["models/groq/cheap"]["aliases"] == ["cheap"]
    assert lost["router_settings", "/router_settings/fallbacks/1/nowhere/0"] == "condition"


def test_the_result_compiles(of, compiled):
    with_reference = {"models/azure/gpt-4o-1", "models/openai/gpt-4o-2", "models/groq/cheap"}
    documents, _, result = of(CONFIG)
    assert with_reference <= documents.keys()
    from engine.catalog.compile import asked_of_reference
    from engine.pricing.lock import build_lock, render
    from engine.pricing.reference import load
    from engine.tree import Tree, blob_id

    files = {"catalog.yaml": b"format: 1\n", **result.files}
    tree = Tree(revision="", files=files, blobs={path: blob_id(data) for path, data in files.items()})
    catalog = compiled(result.files | {"reference.lock": render(build_lock(asked_of_reference(tree), load()))})
    assert catalog.models["@azure/gpt-4o-1"].upstream_model == "chat-prod"


@pytest.mark.parametrize("secret", ["hunter2", "sk-abc", "987654", "postgres"])
def test_no_secret_is_written_or_shown(of, secret):
    _, _, result = of(CONFIG)
    assert not [path for path, data in result.files.items() if secret.encode() in data]
    assert secret.encode() not in to_json(result.report)
    assert secret not in to_text(result.report)


def test_a_strategy_that_no_route_has_is_lost_with_its_groups(of):
    documents, lost, _ = of(CONFIG.replace("simple-shuffle", "latency-based-routing"))
    assert not [path for path in documents if path.startswith("routes/")]
    assert lost["router_settings", "/router_settings/routing_strategy"] == "condition"
    assert lost["model_list/0", "/model_name"] == lost["model_list/1", "/model_name"] == "condition"


def test_numbers_keep_their_digits(of):
    config = """
model_list:
  - model_name: m
    litellm_params: {model: hosted_vllm/m, input_cost_per_token: 0.000000123456789012, output_cost_per_token: 1.0e-7}
"""
    documents, _, _ = of(config)
    assert documents["models/hosted-vllm/m"]["pricing"] == {"input_mtok": "0.123456789012", "output_mtok": "0.1"}


def test_without_a_base_model_that_is_known_nothing_is_guessed(imported, is_whole):
    source = read_litellm_config(CONFIG.encode(), "config.yaml")
    result = imported(source, find_base=lambda *_: None)
    is_whole(source.accounts)
    assert [path for path in result.files if path.startswith("models/")] == ["models/hosted-vllm/local-llama.yaml"]
    assert not [path for path in result.files if path.startswith("routes/")]
    lost = {(loss.entry, loss.field): loss.reason.value for loss in result.report.losses}
    assert {reason for (entry, _), reason in lost.items() if entry == "model_list/0"} == {"no-base-model", "secret"}
    assert lost["router_settings", "/router_settings/fallbacks/0/gpt-4o/0"] == "no-base-model"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: &x 1\nb: *x\n", "config.yaml:1:4"),
        ("model_list: 1\n", "no model_list"),
        ("a: 1\na: 2\n", "config.yaml:2:1"),
        ("\tx", "config.yaml:1:1"),
    ],
)
def test_what_is_no_config_is_one_message(text, said):
    with pytest.raises(SourceError, match=said):
        read_litellm_config(text.encode(), "config.yaml")


@pytest.mark.parametrize(
    ("setting", "field", "carried"),
    [("num_retries: 4", "num_retries", True), ("num_retries: 9", "num_retries", False), ("timeout: 0.5", "timeout", True),
     ("timeout: 1e9", "timeout", False), ("request_timeout: never", "request_timeout", False)],
)  # fmt: skip
def test_settings_for_all_are_carried_only_where_they_can_be_said(of, setting, field, carried):
    config = (
        f"model_list: [{{model_name: m, litellm_params: {{model: hosted_vllm/m}}}}]\nrouter_settings: {{{setting}}}\n"
    )
    documents, lost, _ = of(config)
    document = documents["models/hosted-vllm/m"]
    assert ("retry" in document or "timeouts" in document) is carried
    assert (("router_settings", f"/router_settings/{field}") in lost) is not carried


def test_a_pool_has_a_name_of_its_own(of):
    one, two = (f"{{model_name: a, litellm_params: {{model: hosted_vllm/{model}}}}}" for model in "xy")
    other = "{model_name: a-pool, litellm_params: {model: hosted_vllm/z}}"
    fallbacks = "router_settings: {fallbacks: [{a: [a-pool]}, {a-pool: [a]}]}"
    documents, _, _ = of(f"model_list: [{one}, {two}, {other}]\n{fallbacks}\n")
    routes = {path: [target["model"] for target in document["targets"]]
              for path, document in documents.items() if path.startswith("routes/")}  # fmt: skip
    assert routes == {
        "routes/a": ["@route/a-pool-pool", "@hosted-vllm/a-pool"],
        "routes/a-pool": ["@hosted-vllm/a-pool", "@route/a-pool-pool"],
        "routes/a-pool-pool": ["@hosted-vllm/a-1", "@hosted-vllm/a-2"],
    }


def test_a_group_whose_weights_cannot_be_said_has_no_fallback_route(of):
    items = ", ".join(
        f"{{model_name: {name}, litellm_params: {{model: hosted_vllm/m{index}, weight: {weight}}}}}"
        for index, (name, weight) in enumerate((("a", 1), ("a", 0.5), ("b", 1)))
    )
    documents, lost, _ = of(f"model_list: [{items}]\nrouter_settings: {{fallbacks: [{{b: [a]}}]}}\n")
    assert not [path for path in documents if path.startswith("routes/")]
    assert lost["router_settings", "/router_settings/fallbacks/0/b/0"] == "condition"
    assert documents["models/hosted-vllm/b"]["aliases"] == ["b"]
