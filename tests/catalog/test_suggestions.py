"""A name that is nearly right is asked back, wherever a catalog has names."""

import pytest

P = 'pricing: {input_mtok: "1", output_mtok: "1"}\n'
CUSTOM = f"type: custom\n{P}"
KEY = f'owner: team-app\nmodels: [small]\nkey_sha256: "{"2" * 64}"\n'
TEAM = {"teams/team-app/team.yaml": "description: x\n"}
BUDGET = "limit_tokens: 5\nperiod: day\n"
ROUTE = "strategy: fallback\ntargets: [{model: small}]\n"


def model(text):
    return {"models/local/x.yaml": text}


def route(text):
    return {"routes/main.yaml": ROUTE, "routes/r.yaml": text}


CASES = {
    "the provider of a directory": ({"models/opnai/x.yaml": CUSTOM}, "openai"),
    "an api": ({"providers/q.yaml": "api: opnai\n"}, "openai"),
    "an api by another name": ({"providers/q.yaml": "api: gemini\n"}, "google"),
    "a base model of the catalog": (model(f'type: custom\nbase_model: "@local/tiy"\n{P}'), "@local/tiny"),
    "a price sheet": (model('type: custom\npricing: "@local/tny"\n'), "@local/tiny"),
    "the target of a route": (route('strategy: fallback\ntargets: [{model: "@local/tny"}]\n'), "@local/tiny"),
    "an alias": (route("strategy: fallback\ntargets: [{model: smal}]\n"), "small"),
    "a route": (route('strategy: fallback\ntargets: [{model: "@route/mian"}]\n'), "@route/main"),
    "a replacement": (
        model(f'{CUSTOM}lifecycle: {{status: deprecated, replacement: "@local/tny"}}\n'),
        "@local/tiny",
    ),
    "a model of a key": ({"keys/k.yaml": KEY.replace("small", "smal")}, "small"),
    "a model of a team": (TEAM | {"teams/t/team.yaml": "models: [smal]\n"}, "small"),
    "a key of a budget": ({"budgets/b.yaml": f"{BUDGET}applies_to: {{keys: [ap]}}\n"}, "app"),
    "an owner of a budget": ({"budgets/b.yaml": f"{BUDGET}applies_to: {{owners: [team-ap]}}\n"}, "team-app"),
    "a model of a budget": ({"budgets/b.yaml": f"{BUDGET}applies_to: {{models: [smal]}}\n"}, "small"),
    "a team of access": (TEAM | model(f"{CUSTOM}access: {{teams: [team-ap]}}\n"), "team-app"),
    "an owner": (TEAM | model(f"{CUSTOM}owner: team-ap\n"), "team-app"),
    "the owner of a key": (TEAM | {"keys/k.yaml": KEY.replace("team-app", "team-ap")}, "team-app"),
    "a key of a file": (model(f"{CUSTOM}ownr: a\n"), "owner"),
    "a key inside": (model(f"{CUSTOM}supports: {{tols: true}}\n"), "tools"),
    "a meter": (model('type: custom\npricing: {imput_mtok: "1"}\n'), "input_mtok"),
    "a limit": (model(f"{CUSTOM}rate_limit: {{request_per_minute: 4}}\n"), "requests_per_minute"),
    "a word of a list": (model(f"type: custm\n{P}"), "custom"),
    "an endpoint": (model(f"{CUSTOM}endpoints: [chats]\n"), "chat"),
    "a wire": ({"providers/q.yaml": "api: openai\nwires: [openai-chatt]\n"}, "openai-chat"),
    "a failure": (route(f"{ROUTE}fallback_on: [time_out]\n"), "timeout"),
    "a condition": (
        route("strategy: conditional\ntargets: [{model: small, when: {endpont: chat}}]\n"),
        "endpoint",
    ),
    "a condition of a price": (
        model('type: custom\npricing: {input_mtok: "1", variants: {b: {when: {procesing: batch}, input_mtok: "1"}}}\n'),
        "processing",
    ),
    "who sticks": (route(f"{ROUTE}sticky: {{by: usr}}\n"), "user"),
    "what is counted by itself": ({"budgets/b.yaml": f"{BUDGET}per: onwer\n"}, "owner"),
    "a period": ({"budgets/b.yaml": "limit_tokens: 5\nperiod: mnth\n"}, "month"),
    "a code": (model("type: custom\naccept: {unprced: x}\n"), "unpriced"),
    "a directory": ({"modles/local/x.yaml": CUSTOM}, "models/local/x.yaml"),
    "a directory of an environment": (
        {"environments/dev/modles/local/x.yaml": CUSTOM},
        "environments/dev/models/local/x.yaml",
    ),
    "the file of a team": ({"teams/team-app/tem.yaml": "description: x\n"}, "teams/team-app/team.yaml"),
    "the root": ({"catlog.yaml": "format: 1\n"}, "catalog.yaml"),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_asked_back(name, findings, minimal):
    files, meant = CASES[name]
    hints = {problem.hint for problem in findings(minimal | {path: text.encode() for path, text in files.items()})}
    assert f'did you mean "{meant}"?' in hints
