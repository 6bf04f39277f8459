"""Lessons about prices, budgets and reference.lock."""

from engine.catalog.lessons.lesson import Lesson

BOT = "models/openai/bot.yaml"
TINY = "models/local/tiny.yaml"
_TUNED = "type: fine-tuned\nbase_model: gpt-4.1-nano\nupstream_model: ft:gpt-4.1-nano:acme::1\n"
_CUSTOM = "type: custom\naliases: [small]\n"
_PRICED = 'pricing: {input_mtok: "0.1", output_mtok: "0.4"}\n'
_BUDGET = 'limit_usd: "100.00"\nperiod: month\napplies_to: {owners: [team-app]}\n'
_LOCK = "reference.lock"
_RATES = '    input_mtok: "0.1"\n    output_mtok: "0.4"\n'


def _followed_by(rate: str) -> str:
    """The small model, with a second window."""
    later = f'  - from: 2100-01-01T00:00:00Z\n    input_mtok: "{rate}"\n    output_mtok: "0.4"\n'
    return f"{_CUSTOM}pricing:\n  -{_RATES[3:]}{later}"


LESSONS = {
    "unpriced": Lesson(
        "Without a price the cost of a call is unknown and stays null: never zero. Sums then are lower than what is "
        "spent. Where that is meant, say why.",
        {TINY: _CUSTOM},
        {TINY: f"{_CUSTOM}{_PRICED}"},
    ),
    "unpriced-under-budget": Lesson(
        "A budget in USD cannot count what has no price: the team would spend without limit, and nobody would see it.",
        {TINY: _CUSTOM, "budgets/app.yaml": _BUDGET},
        {TINY: f"{_CUSTOM}{_PRICED}", "budgets/app.yaml": _BUDGET},
    ),
    "zero-price": Lesson(
        "A zero is mostly a price that was not known yet. `free` says that it is meant, and holds for every meter.",
        {TINY: f'{_CUSTOM}pricing: {{input_mtok: "0", output_mtok: "0"}}\n'},
        {TINY: f"{_CUSTOM}pricing: free\n"},
    ),
    "priced-as-base": Lesson(
        "Providers mostly ask more for a fine-tuned model than for its base model. Copied list prices also stay as "
        "they are when the list price changes; `inherit` follows reference.lock.",
        {BOT: f'{_TUNED}pricing: {{input_mtok: "0.1", output_mtok: "0.4"}}\n'},
        {BOT: f"{_TUNED}pricing: inherit\n"},
    ),
    "price-far-from-list": Lesson(
        "Price lists speak of tokens, thousands and millions, of dollars and cents. A rate that is ten times away from "
        "that of the base model is most likely in another unit: rates here are in USD per million tokens.",
        {BOT: f'{_TUNED}pricing: {{input_mtok: "0.0000002", output_mtok: "0.0000008"}}\n'},
        {BOT: f'{_TUNED}pricing: {{input_mtok: "0.20", output_mtok: "0.80"}}\n'},
    ),
    "duplicate-window": Lesson(
        "A request is priced by one window, one variant and one tier. Where two hold at once, nothing says which.",
        {
            TINY: f"{_CUSTOM}pricing:\n"
            '  - {from: 2026-10-01T00:00:00Z, input_mtok: "0.1", output_mtok: "0.4"}\n'
            '  - {from: 2026-10-01T02:00:00+02:00, input_mtok: "0.2", output_mtok: "0.8"}\n'
        },
        {
            TINY: f"{_CUSTOM}pricing:\n"
            '  - {input_mtok: "0.1", output_mtok: "0.4"}\n'
            '  - {from: 2026-10-01T00:00:00Z, input_mtok: "0.2", output_mtok: "0.8"}\n'
        },
    ),
    "nothing-to-inherit": Lesson(
        "`inherit` promises a price. Where the model behind it has none, the cost would be unknown without a word.",
        {TINY: f"{_CUSTOM}pricing: inherit\n"},
        {TINY: f"{_CUSTOM}base_model: openai:gpt-4.1-nano\npricing: inherit\n"},
    ),
    "pricing-cycle": Lesson(
        "A price that is taken from a model that takes its price from here is no price.",
        {
            TINY: f'{_CUSTOM}pricing: "@local/sheet"\n',
            "models/local/sheet.yaml": 'type: custom\npricing: "@local/tiny"\n',
        },
        {TINY: f'{_CUSTOM}pricing: "@local/sheet"\n', "models/local/sheet.yaml": f"type: custom\n{_PRICED}"},
    ),
    "context-window-above-base": Lesson(
        "Fine-tuning does not lengthen the context. With a limit above the real one, requests that are too long go to "
        "the provider, which refuses them, perhaps after it has counted the tokens.",
        {BOT: f"{_TUNED}pricing: inherit\nlimits: {{context_window: 2000000}}\n"},
        {BOT: f"{_TUNED}pricing: inherit\nlimits: {{context_window: 1000000}}\n"},
    ),
    "lock-missing": Lesson(
        "A commit must always give the same prices, so the list prices that a catalog uses are committed with it, in "
        "reference.lock. `catalog reference update` writes it.",
    ),
    "lock-invalid": Lesson(
        "reference.lock is generated. An edit by hand, or a merge gone wrong, does not fit its digest. Run `catalog "
        "reference update`; to have another price, write it in the model's file.",
        {_LOCK: "{}\n"},
    ),
    "lock-stale": Lesson(
        "The catalog uses a model of the reference data that is not in reference.lock. Run `catalog reference update` "
        "and commit the file with the change that needs it, so that reviewers see the price.",
        {BOT: _TUNED.replace("base_model: gpt-4.1-nano", "base_model: gpt-4.1-mini") + "pricing: inherit\n"},
        {BOT: f"{_TUNED}pricing: inherit\n"},
    ),
    "catalog-shrinks": Lesson(
        "A directory that was not mounted, or a merge gone wrong, looks like a catalog with most of its models gone. "
        "A revision that means it says so in catalog.yaml, and removes the line afterwards.",
        {},
        {"catalog.yaml": "format: 1\nallow_shrink: the EU region moves to a catalog of its own\n"},
    ),
    "price-jump": Lesson(
        "A rate that changes by more than ten times from one commit to the next is most likely in another unit. Where "
        "it is meant, accept the warning with the reason.",
        {TINY: _followed_by("40")},
        {TINY: _followed_by("0.30")},
    ),
    "past-window-edited": Lesson(
        "Costs on record were computed with the old rates, and stay. Whoever changes a window after its time has begun "
        "says why, so that an invoice can be understood a year later; a new price gets a window of its own.",
        {TINY: _CUSTOM + 'pricing: {input_mtok: "0.2", output_mtok: "0.4"}\n'},
        {
            TINY: f"{_CUSTOM}pricing:\n  correction: the provider's invoice had 0.2 from the first day on\n"
            '  input_mtok: "0.2"\n  output_mtok: "0.4"\n'
        },
    ),
    "price-not-begun": Lesson(
        "Before its first window a model has no price, and the cost of its calls is unknown. A window without `from` "
        "holds before all others. Depends on today, so it never keeps a catalog from being served.",
        {"models/local/new.yaml": f"type: custom\npricing:\n  - from: 2100-01-01T00:00:00Z\n{_RATES}"},
        {"models/local/new.yaml": f"type: custom\npricing:\n  - from: 2026-10-01T00:00:00Z\n{_RATES}"},
    ),
}
