"""What the generations of Gemini differ in, by the model's name; a name that says nothing is taken as a new model.

Sources: https://ai.google.dev/gemini-api/docs/thinking, https://ai.google.dev/gemini-api/docs/thought-signatures
"""

import re
from typing import Final, Literal

from engine.model import Model

Generation = Literal["before thinking", "budget", "level"]

_BEFORE_THINKING: Final = re.compile(r"gemini-(?:1(?![0-9])|2\.0|pro)|gemma-?[1-3](?![0-9])|learnlm")
_BUDGET: Final = re.compile(r"gemini-(?:live-)?2\.5")
_WITHOUT_THOUGHT: Final = re.compile(r"2\.5-flash-image|-tts")
_2_5_PRO: Final = re.compile(r"2\.5-pro")
_2_5_FLASH_LITE: Final = re.compile(r"2\.5-flash-lite")
_HAS_MINIMAL: Final = re.compile(r"gemini-3(?:\.[0-5])?-flash")
_WITHOUT_MEDIUM: Final = re.compile(r"gemini-3-pro")


def generation(model: Model) -> Generation:
    """How it is told to think: not at all (up to 2.0), by a budget (2.5), by a level (from 3 on)."""
    if _named(model, _BEFORE_THINKING):
        return "before thinking"
    return "budget" if _named(model, _BUDGET) else "level"


def thinks(model: Model) -> bool:
    """Whether it can be told how much to think."""
    return generation(model) != "before thinking" and not _named(model, _WITHOUT_THOUGHT)


def budget_range(model: Model) -> tuple[int, int]:
    """The least and the most tokens of thought of a 2.5 model. Pro cannot do without."""
    if _named(model, _2_5_PRO):
        return 128, 32_768
    return (512 if _named(model, _2_5_FLASH_LITE) else 1), 24_576


def can_stop_thinking(model: Model) -> bool:
    """Whether a budget of 0 is taken; `MINIMAL` is as near as later models come to it."""
    return has_minimal(model) if generation(model) == "level" else not _named(model, _2_5_PRO)


def has_minimal(model: Model) -> bool:
    """Whether it knows the level `MINIMAL`."""
    return _named(model, _HAS_MINIMAL)


def has_medium(model: Model) -> bool:
    """Whether it knows the level `MEDIUM`."""
    return not _named(model, _WITHOUT_MEDIUM)


def bills_each_query(model_version: str) -> bool:
    """Whether a search costs by the query (from Gemini 3 on) and not by the answer that used any.

    Source: https://ai.google.dev/gemini-api/docs/google-search#pricing
    """
    return not (_BEFORE_THINKING.search(model_version) or _BUDGET.search(model_version))


def _named(model: Model, pattern: re.Pattern[str]) -> bool:
    names = (model.upstream_model, model.base_model.resolved if model.base_model is not None else "")
    return any(pattern.search(name) is not None for name in names)
