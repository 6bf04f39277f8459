"""How much to think → Gemini's `thinkingConfig`, which differs by generation.

Source: https://ai.google.dev/gemini-api/docs/thinking
"""

from typing import Any, Final

from engine.model import Model
from engine.wires.conversation import Conversation, ReasoningOptions
from engine.wires.effort import budget_of, effort_of, is_off
from engine.wires.gemini.generations import budget_range, can_stop_thinking, generation, has_medium, has_minimal, thinks
from engine.wires.losses import Losses

_AS_THE_MODEL_LIKES: Final = -1
_LEVELS: Final = {
    "minimal": "MINIMAL",
    "low": "LOW",
    "medium": "MEDIUM",
    "high": "HIGH",
    "xhigh": "HIGH",
    "max": "HIGH",
}
_SHOWS_NOTHING: Final = ("omitted", "none")


def thinking_config(conversation: Conversation, model: Model, losses: Losses) -> dict[str, Any]:
    """`thinkingConfig`, {} for none. A model that cannot do without thinks as little as it can; that is named."""
    options = conversation.reasoning
    if options is None:
        return {}
    if not thinks(model):
        if not is_off(options):
            losses.drop_option("reasoning")
        return {}
    if is_off(options):
        if not can_stop_thinking(model):
            losses.drop_option("reasoning")
        return _least(model)
    config = _level(options, model) if generation(model) == "level" else _budget(options, model)
    return {**config, "includeThoughts": True} if _shows_thoughts(options) else config


def _least(model: Model) -> dict[str, Any]:
    if generation(model) == "level":
        return {"thinkingLevel": "MINIMAL" if has_minimal(model) else "LOW"}
    return {"thinkingBudget": 0 if can_stop_thinking(model) else budget_range(model)[0]}


def _level(options: ReasoningOptions, model: Model) -> dict[str, Any]:
    effort = options.effort
    if effort is None and options.budget_tokens is not None:
        effort = effort_of(options.budget_tokens)
    if effort is None:
        return {}
    level = _LEVELS.get(effort, "MEDIUM")
    if level == "MINIMAL" and not has_minimal(model):
        level = "LOW"
    elif level == "MEDIUM" and not has_medium(model):
        level = "HIGH"
    return {"thinkingLevel": level}


def _budget(options: ReasoningOptions, model: Model) -> dict[str, Any]:
    tokens = options.budget_tokens
    if tokens is None and options.effort is not None:
        tokens = budget_of(options.effort)
    if tokens is None:
        return {"thinkingBudget": _AS_THE_MODEL_LIKES}
    least, most = budget_range(model)
    return {"thinkingBudget": min(max(tokens, least), most)}


def _shows_thoughts(options: ReasoningOptions) -> bool:
    """Whether the client reads what the model thought: Anthropic's do where they ask it to think at all."""
    if options.summary is not None:
        return options.summary not in _SHOWS_NOTHING
    return options.mode in ("on", "adaptive")
