"""Lessons about teams, keys and what they may call."""

from engine.catalog.lessons.lesson import Lesson

BOT = "models/openai/bot.yaml"
TINY = "models/local/tiny.yaml"
TEAM = "teams/team-app/team.yaml"
OURS = "teams/team-app/models/local/ours.yaml"
TUNED = "teams/team-app/models/openai/tuned.yaml"
OTHER = "teams/team-web/team.yaml"
KEY = "keys/app.yaml"

_TEAM = "description: The app\n"
_HASH = 'key_sha256: "1111111111111111111111111111111111111111111111111111111111111111"\n'
_PRICED = 'pricing: {input_mtok: "0.1", output_mtok: "0.4"}\n'
_LOCAL_FOR_WEB = "api: vllm\nbase_url: http://127.0.0.1:8000/v1\naccess: {teams: [team-web, platform]}\n"
_LOCAL_FOR_BOTH = "api: vllm\nbase_url: http://127.0.0.1:8000/v1\naccess: {teams: [team-web, team-app]}\n"
_WEB_KEY = 'models: [small]\nkey_sha256: "2222222222222222222222222222222222222222222222222222222222222222"\n'
_WEB = {OTHER: "description: The web site\n", "teams/team-web/keys/web.yaml": _WEB_KEY}

LESSONS = {
    "owner-mismatch": Lesson(
        "The directory says whose a file is, so that one line in CODEOWNERS guards it. An owner written inside could "
        "say otherwise, and the cost would be put to another team's account.",
        {TEAM: _TEAM, OURS: f"type: custom\nowner: team-web\n{_PRICED}"},
        {TEAM: _TEAM, OURS: f"type: custom\n{_PRICED}"},
    ),
    "provider-not-allowed": Lesson(
        "A provider is an account that somebody pays for. Which teams may use it is for the platform to say, in the "
        "provider's access; a team's own directory must not be a way around it.",
        {
            "providers/local.yaml": _LOCAL_FOR_WEB,
            TEAM: _TEAM,
            **_WEB,
            OURS: f"type: custom\n{_PRICED}",
            "keys/platform.yaml": 'owner: platform\nmodels: ["@local/*"]\n' + _HASH.replace("1", "3"),
            "teams/platform/team.yaml": "description: Platform\n",
        },
        {"providers/local.yaml": _LOCAL_FOR_BOTH, TEAM: _TEAM, **_WEB, OURS: f"type: custom\n{_PRICED}"},
    ),
    "team-widens-access": Lesson(
        "A team may share its model with those that have access to its provider anyway. To let in others would give "
        "away what the platform has not given.",
        {
            "providers/local.yaml": (
                "api: vllm\nbase_url: http://127.0.0.1:8000/v1\naccess: {teams: [team-*], deny_teams: [team-web]}\n"
            ),
            TEAM: _TEAM,
            OTHER: "description: The web site\n",
            OURS: f"type: custom\naccess: {{teams: [team-app, team-web]}}\n{_PRICED}",
        },
        {
            "providers/local.yaml": _LOCAL_FOR_BOTH,
            TEAM: _TEAM,
            OTHER: "description: The web site\n",
            OURS: f"type: custom\naccess: {{teams: [team-app, team-web]}}\n{_PRICED}",
        },
    ),
    "team-underpriced": Lesson(
        "Budgets count by the prices in the catalog. A team that could write its own price below what the provider "
        "asks, or none at all, could spend more than its budget allows.",
        {
            TEAM: _TEAM,
            TUNED: (
                "type: fine-tuned\nbase_model: gpt-4.1-nano\nupstream_model: ft:gpt-4.1-nano:acme::2\n"
                'pricing: {input_mtok: "0.02", output_mtok: "0.4"}\n'
            ),
        },
        {
            TEAM: _TEAM,
            TUNED: (
                "type: fine-tuned\nbase_model: gpt-4.1-nano\nupstream_model: ft:gpt-4.1-nano:acme::2\npricing: inherit\n"
            ),
        },
    ),
    "unknown-team": Lesson(
        "A team's allow-list limits its keys. Where the catalog has teams, a key with a misspelt owner would belong to "
        "nobody, and be limited by nothing.",
        {TEAM: _TEAM, KEY: f'owner: team-ap\nmodels: ["@openai/*", small]\n{_HASH}'},
        {TEAM: _TEAM, KEY: f'owner: team-app\nmodels: ["@openai/*", small]\n{_HASH}'},
    ),
    "unknown-owner": Lesson(
        "Whoever is called at night when a model fails is found by its owner. Where the catalog has teams, an owner "
        "that is none of them is most likely misspelt.",
        {TEAM: _TEAM, TINY: f"type: custom\naliases: [small]\nowner: team-ap\n{_PRICED}"},
        {TEAM: _TEAM, TINY: f"type: custom\naliases: [small]\nowner: team-app\n{_PRICED}"},
    ),
    "duplicate-secret": Lesson(
        "A secret must say who calls. With one hash in two keys the cost of a call would be put to either of them.",
        {"keys/copy.yaml": f"owner: team-app\nmodels: [small]\n{_HASH}"},
        {"keys/copy.yaml": f"owner: team-app\nmodels: [small]\n{_HASH.replace('1', '4')}"},
    ),
    "matches-nothing": Lesson(
        "A pattern that names nothing is most likely misspelt: the key can call less than was meant, or the budget "
        "limits nothing.",
        {KEY: f'owner: team-app\nmodels: ["@opnai/*", small]\n{_HASH}'},
        {KEY: f'owner: team-app\nmodels: ["@openai/*", small]\n{_HASH}'},
    ),
}
