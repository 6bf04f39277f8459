"""How much to think, in the words of each maker; what thinking leaves no room for.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/claude-messages-extended-thinking.html,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_OutputConfig.html,
https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html
"""

from typing import Any, Final

from engine.model import Model
from engine.wires.anthropic_messages.encode_request import LEAST_BUDGET
from engine.wires.anthropic_messages.generations import is_up_to_4_5
from engine.wires.bedrock_converse.families import Family, can_think
from engine.wires.conversation import Conversation, ReasoningOptions
from engine.wires.effort import budget_of, effort_of, is_off
from engine.wires.losses import Losses

_NOTHING: Final[frozenset[str]] = frozenset()
_BY_CLAUDE: Final = frozenset({"temperature", "top_k"})
_BY_NOVA_AT_HIGH: Final = frozenset({"temperature", "top_p", "top_k", "max_output_tokens"})
_CLAUDES_WORDS: Final = {"minimal": "low"}


def write_reasoning(
    fields: dict[str, Any],
    more: dict[str, Any],
    conversation: Conversation,
    model: Model,
    family: Family,
    losses: Losses,
) -> frozenset[str]:
    """Write it to `fields`, or to `more`, the model's own; returns the options that it leaves no room for."""
    options = conversation.reasoning
    if options is None:
        return _NOTHING
    if family.is_claude:
        return _claude(fields, more, conversation, model, options, losses)
    if not family.effort or (is_off(options) and not family.is_nova_2):
        losses.drop_option("reasoning")
        return _NOTHING
    if family.is_nova_2:
        return _nova(more, options, family)
    if options.mode != "adaptive" or options.effort is not None:
        more[family.effort] = family.efforts.get(_word(options), "medium")
    return _NOTHING


def _claude(
    fields: dict[str, Any],
    more: dict[str, Any],
    conversation: Conversation,
    model: Model,
    options: ReasoningOptions,
    losses: Losses,
) -> frozenset[str]:
    choice = conversation.tool_choice
    is_forced = choice is not None and choice.mode in ("required", "named")
    if is_off(options):
        if can_think(model):
            more["thinking"] = {"type": "disabled"}
        return _NOTHING
    if is_forced or not can_think(model):
        losses.drop_option("reasoning")  # a tool that must be called leaves no room to think
        return _NOTHING
    if is_up_to_4_5(model):
        budget = _budget(conversation, options)
        if budget < LEAST_BUDGET:
            losses.drop_option("reasoning")
            return _NOTHING
        more["thinking"] = {"type": "enabled", "budget_tokens": budget}
    else:
        more["thinking"] = {"type": "adaptive", **({"display": "summarized"} if options.summary is not None else {})}
        if options.effort is not None or options.budget_tokens is not None:
            word = _word(options)
            fields["outputConfig"] = {"effort": _CLAUDES_WORDS.get(word, word)}
    return _BY_CLAUDE if conversation.temperature != 1 else _BY_CLAUDE - {"temperature"}


def _budget(conversation: Conversation, options: ReasoningOptions) -> int:
    """The budget is part of the output: half of that is left for the answer, where the client named a limit."""
    budget = options.budget_tokens or budget_of(options.effort or "medium")
    most = conversation.max_output_tokens
    return budget if most is None or budget * 2 <= most else most // 2


def _nova(more: dict[str, Any], options: ReasoningOptions, family: Family) -> frozenset[str]:
    if is_off(options):
        more["reasoningConfig"] = {"type": "disabled"}
        return _NOTHING
    word = family.efforts.get(_word(options), "medium")
    more["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": word}
    return _BY_NOVA_AT_HIGH if word == "high" else _NOTHING


def _word(options: ReasoningOptions) -> str:
    """The client's word, or the one that comes nearest to its number."""
    if options.effort is not None:
        return options.effort
    return "medium" if options.budget_tokens is None else effort_of(options.budget_tokens)
