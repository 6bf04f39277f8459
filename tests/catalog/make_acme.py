"""Writes good/acme: the catalog of a company with 40 teams, 300 model files and three environments.

`python tests/catalog/make_acme.py` writes it anew, `catalog reference update tests/catalog/good/acme` its lock. A test
holds the files equal to what is written here.
"""

import hashlib
import shutil
from pathlib import Path

TARGET = Path(__file__).parent / "good" / "acme"

AREAS = ("support", "sales", "search", "legal", "finance", "risk", "claims", "fraud", "hiring", "travel")
PLACES = ("de", "fr", "jp", "us")
TEAMS = tuple(f"{area}-{place}" for area in AREAS for place in PLACES)
LANGUAGES = {"de": "German", "fr": "French", "jp": "Japanese", "us": "English"}


def files() -> dict[str, str]:
    """All files but the lock, by their paths."""
    made = {"README.md": "# Acme\n\nMade by tests/catalog/make_acme.py: the models of a company that does not exist.\n"}
    made |= platform() | providers() | platform_models() | shared_routes() | budgets() | environments()
    for team in TEAMS:
        made |= {f"teams/{team}/{path}": text for path, text in team_files(team).items()}
    return made


def platform() -> dict[str, str]:
    return {
        "catalog.yaml": "format: 1\ndescription: The models of Acme\nowner: platform\nlabels: {company: acme}\n",
        "teams/platform/team.yaml": (
            'description: Runs the gateway and the shared models\ncontacts: [platform@acme.example, "#llm-platform"]\n'
        ),
        "keys/monitoring.yaml": key("monitoring", 'owner: platform\nmodels: ["*"]\nrate_limit: {concurrent: 2}\n'),
    }


def key(name: str, text: str) -> str:
    return f'{text}key_sha256: "{sha256(name)}"\n'


def sha256(name: str) -> str:
    return hashlib.sha256(f"acme {name}".encode()).hexdigest()


def providers() -> dict[str, str]:
    texts = {
        "openai": """\
description: Production account, with the discount of the framework contract
api: openai
base_models: [gpt-4.1, gpt-4.1-mini, gpt-4.1-nano, "gpt-4o*", text-embedding-3-small]
price_factor: "0.88"
headers: {OpenAI-Organization: org-acme, OpenAI-Project: proj_production}
rate_limit: {requests_per_minute: 30000, tokens_per_minute: 40000000}
retry: {attempts: 2, backoff: "250ms"}
""",
        "azure-eu": """\
description: Azure in Sweden, for what must stay in the EU
api: azure
base_url: https://acme-eu.openai.azure.com/openai
region: swedencentral
api_version: 2025-04-01-preview
base_models: [gpt-4.1, gpt-4.1-mini]
labels: {residency: eu}
timeouts: {connect: 5s, first_byte: 90s}
""",
        "anthropic": """\
description: Claude from its maker
api: anthropic
base_models: [claude-sonnet-4-5, claude-haiku-4-5]
access: {deny_teams: ["*-de", "*-fr"]}
""",
        "bedrock-us": """\
description: Claude on Bedrock, by inference profiles of the US
api: aws
region: us-east-1
credential: aws-ml
labels: {residency: us}
""",
        "vertex-eu": """\
description: Gemini and Claude on Vertex
api: google-vertex
project: acme-ml
region: europe-west4
base_models: [gemini-2.5-flash]
labels: {residency: eu}
""",
        "groq": 'description: For what must be quick\napi: groq\nbase_models: ["qwen/qwen3-32b"]\n',
        "vllm-eu": """\
description: Our own machines in Frankfurt; the certificate is of our own authority
api: vllm
base_url: https://llm.acme.internal:8443/v1
credential: none
labels: {residency: eu}
rate_limit: {concurrent: 64}
""",
        "lab": """\
description: The lab's llama.cpp, which does not know stream_options
api: llama-cpp
base_url: http://10.20.0.7:8080/v1
supports: {stream_usage: false, tools: false}
access: {teams: [platform, "search-*", "fraud-*"]}
timeouts: {connect: 1s, first_byte: 2m}
""",
    }
    return {f"providers/{name}.yaml": f"{text}owner: platform\n" for name, text in texts.items()}


def platform_models() -> dict[str, str]:
    texts = {
        "openai/chat": """\
description: What most should call
type: base
base_model: gpt-4.1-mini
aliases: [chat, default-chat]
pricing: inherit
limits: {max_output_tokens: 8192, over_limit: clamp}
forbid: [logit_bias, logprobs]
overrides: {service_tier: default}
""",
        "openai/embed": """\
description: The embedding of all search indexes; changing it means building them anew
type: base
base_model: text-embedding-3-small
aliases: [embed]
pricing: inherit
endpoints: [embeddings]
""",
        "openai/policy-v1": """\
description: Answers about company policy, the first one
type: fine-tuned
base_model: gpt-4.1-nano
upstream_model: ft:gpt-4.1-nano-2025-04-14:acme:policy:Ab12Cd34
pricing:
  - from: 2025-06-01T00:00:00Z
    input_mtok: "0.20"
    cache_read_mtok: "0.05"
    output_mtok: "0.80"
  - from: 2026-01-01T00:00:00Z
    correction: the contract of 2026 has the lower price from its first day
    input_mtok: "0.18"
    cache_read_mtok: "0.045"
    output_mtok: "0.72"
lifecycle:
  status: deprecated
  deprecated_at: 2026-09-01T00:00:00Z
  sunset: 2027-03-01T00:00:00Z
  replacement: "@openai/policy-v2"
  when_retired: redirect
""",
        "openai/policy-trial": """\
description: Answers about company policy, an experiment; its price was copied
type: fine-tuned
base_model: gpt-4.1-nano
upstream_model: ft:gpt-4.1-nano-2025-04-14:acme:policy-trial:Ij90Kl12
pricing: {input_mtok: "0.1", output_mtok: "0.4", cache_read_mtok: "0.025"}
""",
        "openai/policy-v2": """\
description: Answers about company policy
type: fine-tuned
base_model: gpt-4.1-mini
upstream_model: ft:gpt-4.1-mini-2025-04-14:acme:policy:Ef56Gh78
aliases: [policy]
headers: {OpenAI-Project: proj_policy}
pricing:
  input_mtok: "0.80"
  cache_read_mtok: "0.20"
  output_mtok: "3.20"
  variants:
    batch: {when: {processing: batch}, input_mtok: "0.40", output_mtok: "1.60"}
checks: [{prompt: How many days of holiday do I have?, expect: days, max_cost_usd: "0.01", timeout: 30s}]
strict: true
""",
        "bedrock-us/claude": """\
description: Claude by the inference profile of the US
type: custom
base_model: us.anthropic.claude-sonnet-4-5-20250929-v1:0
upstream_model: arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/acme-claude
aliases: [claude-us]
pricing: inherit
limits: {context_window: 200000, max_output_tokens: 32000}
""",
        "vertex-eu/claude": """\
description: Claude on Vertex
type: custom
base_model: claude-sonnet-4-5
upstream_model: claude-sonnet-4-5@20250929
aliases: [claude-eu]
pricing: inherit
""",
        "vertex-eu/long-reader": """\
description: Reads contracts as a whole; dearer above 200,000 tokens
type: custom
base_model: gemini-2.5-flash
upstream_model: gemini-2.5-flash
pricing:
  - input_mtok: "0.35"
    cache_read_mtok: "0.035"
    cache_write_1h_mtok: "0.70"
    input_audio_mtok: "1.10"
    output_mtok: "2.75"
    tiers:
      - {above_input_tokens: 200000, input_mtok: "0.60", cache_read_mtok: "0.06", output_mtok: "4.00"}
    variants:
      batch:
        when: {processing: batch}
        input_mtok: "0.18"
        output_mtok: "1.40"
        tiers: [{above_input_tokens: 200000, input_mtok: "0.30", output_mtok: "2.00"}]
defaults: {temperature: 0}
limits: {context_window: 2000000}
""",
        "vllm-eu/reranker": """\
description: Sorts search results
type: custom
upstream_model: bge-reranker-v2-m3
aliases: [rerank]
pricing: {rerank_searches_kcount: "0.50"}
endpoints: [rerank]
""",
        "vllm-eu/sheet": """\
description: What an hour of our machines comes to, per token; others take their price from here
type: custom
upstream_model: acme-base-70b
pricing: {input_mtok: "0.12", output_mtok: "0.36"}
limits: {context_window: 65536, max_input_tokens: 60000}
""",
        "vllm-eu/ocr": """\
description: Reads scanned pages, by the request
type: custom
upstream_model: acme-ocr-3
pricing: {requests_kcount: "1.50", input_mtok: "0", output_mtok: "0"}
accept: {zero-price: tokens are in the price of the request}
supports: {vision: true, tools: false}
record_content: none
""",
        "lab/trial": """\
description: This month's candidate
type: custom
upstream_model: trial
pricing: {input_mtok: "0.05", output_mtok: "0.15"}
access: {teams: [platform]}
on_disconnect: cancel
""",
        "lab/hourly": """\
description: A machine that is paid by the hour
type: custom
upstream_model: hourly
pricing: free
access: {teams: [platform]}
""",
        "groq/quick": """\
description: For what must be quick
type: custom
base_model: qwen/qwen3-32b
upstream_model: qwen/qwen3-32b
aliases: [quick]
pricing: inherit
limits: {context_window: 131072, max_output_tokens: 4096, over_limit: clamp}
""",
    }
    for language in sorted({*LANGUAGES.values(), "Dutch", "Italian", "Polish", "Spanish"}):
        name = language.lower()
        for domain in ("contracts", "mail", "tickets", "reviews", "notes", "orders", "minutes"):
            texts[f"vllm-eu/{domain}-{name}"] = (
                f"description: Reads {domain} in {language}\ntype: custom\nupstream_model: acme-{domain}-{name}-13b\n"
                'pricing: "@vllm-eu/sheet"\nlabels: {language: ' + name + "}\n"
            )
    texts["openai/gpt-4.1"] = 'type: base\npricing: inherit\naccess: {deny_teams: ["hiring-*"]}\n'
    for size in ("small", "medium", "large", "huge", "mini", "tiny", "old", "new", "strict", "mild", "final"):
        texts[f"vllm-eu/judge-{size}"] = (
            f"description: Judges the answers of others\ntype: custom\nupstream_model: acme-judge-{size}\n"
            'pricing: "@vllm-eu/sheet"\ndefaults: {temperature: 0, seed: 7}\n'
        )
    return {f"models/{name}.yaml": f"{text}owner: platform\n" for name, text in texts.items()}


def shared_routes() -> dict[str, str]:
    return {
        "routes/chat-eu.yaml": """\
description: Azure, and OpenAI where that fails
strategy: fallback
targets: [{model: "@azure-eu/gpt-4.1-mini"}, {model: "@openai/gpt-4.1-mini"}]
fallback_on: [timeout, rate_limit, overloaded, connect, 503]
aliases: [chat-eu]
owner: platform
timeouts: {first_byte: 20s}
""",
        "routes/policy.yaml": """\
description: A canary, one call in twenty goes to the new one
strategy: weighted
targets: [{model: "@openai/policy-v1", weight: 95}, {model: "@openai/policy-v2", weight: 5}]
sticky: {by: user, for: 1h}
owner: platform
""",
        "routes/by-tier.yaml": """\
description: The best model for those who pay for it
strategy: conditional
targets:
  - {model: claude-us, when: {metadata.tier: [gold, platinum], endpoint: chat}}
  - {model: quick, when: {stream: true}}
  - model: "@route/chat-eu"
owner: platform
""",
    }


def team_files(team: str) -> dict[str, str]:
    area, place = team.split("-")
    made = {
        "team.yaml": (
            f"description: {area.capitalize()}, {LANGUAGES[place]}\ncontacts: [{team}@acme.example]\n"
            f'models: ["@*/{team}-*", "@route/{team}*", "@vllm-eu/*", chat, embed, rerank, policy, "@route/*"]\n'
            f"labels: {{cost-center: c-{1000 + TEAMS.index(team)}}}\n"
        ),
        f"keys/{team}-app.yaml": key(
            f"{team}-app", f'description: The application\nmodels: ["@*/{team}-*", "@route/{team}*", chat, embed]\n'
        ),
        f"keys/{team}-batch.yaml": (
            f'models: ["@*/{team}-*"]\nlabels: {{kind: batch}}\nrate_limit: {{requests_per_minute: 600}}\nsecrets:\n'
            f'  - {{sha256: "{sha256(f"{team}-batch-old")}", expires: 2027-01-01T00:00:00Z}}\n'
            f'  - sha256: "{sha256(f"{team}-batch")}"\n'
        ),
        f"models/openai/{team}-bot.yaml": f"""\
description: {area.capitalize()} in {LANGUAGES[place]}, fine-tuned
type: fine-tuned
base_model: gpt-4.1-mini
upstream_model: ft:gpt-4.1-mini-2025-04-14:acme:{team}:{sha256(team)[:8]}
aliases: [{team}-bot]
pricing:
  input_mtok: "0.80"
  cache_read_mtok: "0.20"
  output_mtok: "3.20"
""",
        f"models/openai/{team}-bot-next.yaml": f"""\
description: Its successor, on trial
type: fine-tuned
base_model: gpt-4.1-mini
upstream_model: ft:gpt-4.1-mini-2025-04-14:acme:{team}-next:{sha256(f"{team} next")[:8]}
pricing: inherit
""",
        f"models/azure-eu/{team}-bot.yaml": f"""\
description: The same on Azure
type: custom
base_model: gpt-4.1-mini
upstream_model: {team}-deployment
pricing: inherit
access: {{teams: [{team}, platform]}}
""",
        f"models/vllm-eu/{team}-lora.yaml": f"""\
description: An adapter on our own machines
type: custom
upstream_model: acme-base-70b/{team}
pricing: "@vllm-eu/sheet"
supports: {{tools: true, json_schema: true}}
""",
        f"models/vertex-eu/{team}-reader.yaml": f"""\
description: Reads long documents
type: custom
base_model: gemini-2.5-flash
upstream_model: gemini-2.5-flash
pricing: inherit
defaults: {{user: {team}}}
""",
        f"routes/{team}.yaml": f"""\
description: Azure first, then OpenAI; one call in twenty to the successor
strategy: fallback
targets: [{{model: "@azure-eu/{team}-bot"}}, {{model: "@route/{team}-canary"}}]
""",
        f"routes/{team}-canary.yaml": f"""\
strategy: weighted
targets: [{{model: "@openai/{team}-bot", weight: 95}}, {{model: "@openai/{team}-bot-next", weight: 5}}]
sticky: {{by: metadata.session, for: 30m}}
""",
    }
    if area in ("search", "fraud"):
        made[f"models/lab/{team}-trial.yaml"] = (
            "description: A trial in the lab\ntype: custom\nupstream_model: trial\n"
            'pricing: {input_mtok: "0.05", output_mtok: "0.15"}\n'
        )
    if place == "us":
        made[f"models/bedrock-us/{team}-claude.yaml"] = (
            "description: Claude on Bedrock\ntype: custom\nbase_model: us.anthropic.claude-sonnet-4-5-20250929-v1:0\n"
            "upstream_model: us.anthropic.claude-sonnet-4-5-20250929-v1:0\npricing: inherit\n"
        )
    return made


def budgets() -> dict[str, str]:
    made = {
        "company": 'description: All of Acme\nlimit_usd: "250000.00"\nperiod: month\non_exceeded: warn\nalerts_at: [50, 80, 100, 120]\n',
        "per-key": 'description: What no single key should spend in a day\nlimit_usd: "2000.00"\nperiod: day\nper: key\n',
        "lab": 'description: The lab\'s machine is small\nlimit_requests: 100000\nperiod: day\napplies_to: {models: ["@lab/*"]}\n',
        "eu-tokens": "limit_tokens: 5000000000\nperiod: week\napplies_to: {labels: {residency: eu}}\nper: owner\non_exceeded: warn\n",
    }
    for area in AREAS:
        made[area] = (
            f'description: {area.capitalize()} in all countries\nlimit_usd: "40000.00"\nperiod: month\n'
            f'applies_to: {{owners: ["{area}-*"]}}\nalerts_at: [80, 100]\n'
        )
        for place in PLACES:
            made[f"{area}-{place}"] = (
                f'description: Of these, {LANGUAGES[place]}\nlimit_usd: "12000.00"\nperiod: month\n'
                f"applies_to: {{owners: [{area}-{place}]}}\n"
            )
        made[f"{area}-batch"] = (
            f'description: Of these, what runs at night\nlimit_usd: "5000.00"\nperiod: month\n'
            f'applies_to: {{owners: ["{area}-*"], labels: {{kind: batch}}}}\n'
        )
    return {f"budgets/{name}.yaml": f"{text}owner: platform\n" for name, text in made.items()}


def environments() -> dict[str, str]:
    openai = providers()["providers/openai.yaml"]
    return {
        "environments/dev/providers/openai.yaml": openai.replace("proj_production", "proj_development"),
        "environments/dev/budgets/company.yaml": 'limit_usd: "500.00"\nperiod: month\nowner: platform\n',
        "environments/dev/budgets/per-key.yaml": "remove: true\n",
        "environments/dev/keys/tests.yaml": key("tests", 'owner: platform\nmodels: ["@lab/*", chat]\n'),
        "environments/stage/providers/openai.yaml": openai.replace("proj_production", "proj_stage"),
        "environments/stage/routes/policy.yaml": (
            'strategy: weighted\ntargets: [{model: "@openai/policy-v2", weight: 1}]\nowner: platform\n'
        ),
        "environments/prod/models/lab/trial.yaml": "remove: true\n",
        "environments/prod/keys/monitoring.yaml": key(
            "monitoring-prod", 'owner: platform\nmodels: ["*"]\nrate_limit: {concurrent: 2}\n'
        ),
    }


def main() -> None:
    """Write the tree; the lock stays."""
    for path in TARGET.glob("*"):
        if path.is_dir():
            shutil.rmtree(path)
    for path, text in files().items():
        target = TARGET / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


if __name__ == "__main__":
    main()
