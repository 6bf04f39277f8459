"""Lessons about names: what refers to what, and what is taken for what."""

from engine.catalog.lessons.lesson import Lesson

BOT = "models/openai/bot.yaml"
TINY = "models/local/tiny.yaml"
_TUNED = "type: fine-tuned\nbase_model: {}\nupstream_model: ft:gpt-4.1-nano:acme::1\npricing: inherit\n"
_PRICED = 'pricing: {input_mtok: "0.1", output_mtok: "0.4"}\n'
_CUSTOM = f"type: custom\naliases: [small]\n{_PRICED}"


def _based(base: str) -> str:
    return f'type: custom\nbase_model: "{base}"\n{_PRICED}'


def _chain(length: int) -> dict[str, str]:
    links = {f"models/local/link-{n}.yaml": _based(f"@local/link-{n + 1}") for n in range(length)}
    return {**links, f"models/local/link-{length}.yaml": f"type: custom\n{_PRICED}"}


def _key(expires: str) -> str:
    return f'owner: team-app\nmodels: [small]\nexpires: {expires}\nkey_sha256: "{"1" * 64}"\n'


LESSONS = {
    "unknown-provider": Lesson(
        "The directory of a model names its provider, which says whose API it speaks and where it is. Without the "
        "provider's file a model leads nowhere.",
        {"models/opnai/new.yaml": f"type: custom\n{_PRICED}"},
        {"models/local/new.yaml": f"type: custom\n{_PRICED}"},
    ),
    "missing-base-model": Lesson(
        "The base model says which API a custom model is compatible with, what it can do and what it costs by the "
        "list. Where an api has reference models, every model names one.",
        {BOT: "type: fine-tuned\nupstream_model: ft:gpt-4.1-nano:acme::1\npricing: free\n"},
        {BOT: _TUNED.format("gpt-4.1-nano")},
    ),
    "unknown-model": Lesson(
        "A name that leads nowhere would be found out by the first caller, in production.",
        {"routes/main.yaml": 'strategy: fallback\ntargets: [{model: "@openai/bott"}, {model: small}]\n'},
        {"routes/main.yaml": 'strategy: fallback\ntargets: [{model: "@openai/bot"}, {model: small}]\n'},
    ),
    "base-model-cycle": Lesson(
        "A base model is what a model was made of. A circle of them has no beginning: no API, no price.",
        {
            TINY: f'type: custom\naliases: [small]\nbase_model: "@local/other"\n{_PRICED}',
            "models/local/other.yaml": _based("@local/tiny"),
        },
        {TINY: _CUSTOM, "models/local/other.yaml": _based("@local/tiny")},
    ),
    "chain-too-long": Lesson(
        "Nobody can tell by reading what a model is at the end of a long chain. At most eight are followed.",
        _chain(9),
        _chain(8),
    ),
    "route-cycle": Lesson(
        "A request that is sent round in a circle never reaches a model.",
        {
            "routes/one.yaml": 'strategy: fallback\ntargets: [{model: "@route/two"}]\n',
            "routes/two.yaml": 'strategy: fallback\ntargets: [{model: small}, {model: "@route/one"}]\n',
        },
        {
            "routes/one.yaml": 'strategy: fallback\ntargets: [{model: "@route/two"}]\n',
            "routes/two.yaml": 'strategy: fallback\ntargets: [{model: small}, {model: "@openai/bot"}]\n',
        },
    ),
    "name-collision": Lesson(
        "A name must mean one model, for callers and for those who read the bill. All models share one name space, "
        "those of teams too.",
        {BOT: _TUNED.format("gpt-4.1-nano") + "aliases: [small]\n"},
        {BOT: _TUNED.format("gpt-4.1-nano") + "aliases: [bot]\n"},
    ),
    "confusable-name": Lesson(
        "Two names that look alike will be taken for one another: by callers, by reviewers, and by those who read the "
        "bill.",
        {"models/openai/b0t.yaml": _TUNED.format("gpt-4.1-nano")},
        {"models/local/large.yaml": f"type: custom\n{_PRICED}"},
    ),
    "mixed-scripts": Lesson(
        "A Cyrillic \u0440 looks like a Latin p, but no search finds it. In a word of Latin letters it is a mistake, or "
        "meant to deceive.",
        {TINY: f"description: Small su\u0440port model\n{_CUSTOM}"},
        {TINY: f"description: Small support model\n{_CUSTOM}"},
    ),
    "missing-replacement": Lesson(
        "`when_retired: redirect` sends callers on to the replacement, so there must be one.",
        {TINY: f"{_CUSTOM}lifecycle: {{status: retired, when_retired: redirect}}\n"},
        {TINY: f'{_CUSTOM}lifecycle: {{status: retired, when_retired: redirect, replacement: "@openai/bot"}}\n'},
    ),
    "retired-replacement": Lesson(
        "Callers that are told to use another model must find one that is served.",
        {
            TINY: f'{_CUSTOM}lifecycle: {{status: deprecated, replacement: "@openai/bot"}}\n',
            BOT: _TUNED.format("gpt-4.1-nano") + "lifecycle: {status: retired}\n",
        },
        {TINY: f'{_CUSTOM}lifecycle: {{status: deprecated, replacement: "@openai/bot"}}\n'},
    ),
    "replacement-cycle": Lesson(
        "Models that replace each other send callers round in a circle.",
        {
            TINY: f'{_CUSTOM}lifecycle: {{status: deprecated, replacement: "@openai/bot"}}\n',
            BOT: _TUNED.format("gpt-4.1-nano") + "lifecycle: {status: deprecated, replacement: small}\n",
        },
        {TINY: f'{_CUSTOM}lifecycle: {{status: deprecated, replacement: "@openai/bot"}}\n'},
    ),
    "sunset-passed": Lesson(
        "After its sunset a model should be retired, or callers who were told so find it still there. Depends on "
        "today, so it never keeps a catalog from being served.",
        {
            TINY: f'{_CUSTOM}lifecycle: {{status: deprecated, sunset: 2026-10-01T00:00:00Z, replacement: "@openai/bot"}}\n'
        },
        {TINY: f'{_CUSTOM}lifecycle: {{status: retired, sunset: 2026-10-01T00:00:00Z, replacement: "@openai/bot"}}\n'},
    ),
    "key-expired": Lesson(
        "A key that has expired lets nobody in. Remove it, or give it a new secret with `catalog keys rotate`. Depends "
        "on today, so it never keeps a catalog from being served.",
        {"keys/app.yaml": _key("2026-10-01T00:00:00Z")},
        {"keys/app.yaml": _key("2100-01-01T00:00:00Z")},
    ),
}
