"""How much to think, as a word and as a number of tokens: one rule for all wires, since no two publish the same."""

from typing import Final

from engine.wires.conversation import ReasoningOptions

# Word → tokens of thought. Anthropic's and Google's least is about a thousand.
BUDGETS: Final = {"minimal": 1_024, "low": 2_048, "medium": 8_192, "high": 16_384, "xhigh": 32_768, "max": 65_536}

# Up to so many tokens it is this word.
_WORDS: Final = ((2_048, "low"), (8_192, "medium"), (24_576, "high"))


def budget_of(effort: str) -> int:
    """Tokens of thought for a word; a word that is not known is taken as "medium"."""
    return BUDGETS.get(effort, BUDGETS["medium"])


def effort_of(budget_tokens: int) -> str:
    """The word that comes nearest to a number of tokens."""
    return next((word for most, word in _WORDS if budget_tokens <= most), "xhigh")


def is_off(options: ReasoningOptions) -> bool:
    """Whether the client wants no thinking at all."""
    return options.mode == "off" or options.effort == "none"
