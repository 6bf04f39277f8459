"""What the makers of Bedrock's models differ in, as data: Converse has one form for what all of them share.

What only some of them take goes into `additionalModelRequestFields`, where each has its own names. A model of which
nothing is known here gets none of it: Bedrock refuses a name that a model does not know.

Sources: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html and the pages named beside each row.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from engine.model import Model

Path = tuple[str, ...]


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """One maker's models.

    `pattern` is searched for in a model's names. `options` says where an option of a conversation stands; `effort` is the
    field that says how much to think, `efforts` are the maker's words for ours.
    """

    pattern: str = ""
    options: Mapping[str, Path] = {}
    effort: str = ""
    efforts: Mapping[str, str] = {}
    is_claude: bool = False
    is_nova_2: bool = False
    caches: bool = False
    caches_tools: bool = False


_LOW_TO_HIGH: Final = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
_LOW_OR_HIGH: Final = {"minimal": "low", "low": "low", "medium": "high", "high": "high", "xhigh": "high", "max": "high"}

_FAMILIES: Final = (
    # https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
    Family(pattern=r"claude", options={"top_k": ("top_k",)}, is_claude=True, caches=True, caches_tools=True),
    # https://docs.aws.amazon.com/nova/latest/nova2-userguide/extended-thinking.html
    Family(
        pattern=r"nova-2-",
        options={"top_k": ("inferenceConfig", "topK")},
        effort="reasoningConfig",
        efforts=_LOW_TO_HIGH,
        is_nova_2=True,
        caches=True,
    ),
    # https://docs.aws.amazon.com/nova/latest/userguide/using-converse-api.html
    Family(pattern=r"\bnova-", options={"top_k": ("inferenceConfig", "topK")}, caches=True),
    # https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html
    Family(pattern=r"gpt-oss", effort="reasoning_effort", efforts=_LOW_TO_HIGH),
    # No page of AWS's; as recorded, and as pydantic-ai found it.
    Family(pattern=r"\bqwen3-\d+b", effort="reasoning_config", efforts=_LOW_OR_HIGH),
    # https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-cohere-command-r-plus.html
    Family(
        pattern=r"command-r",
        options={
            "top_k": ("k",),
            "seed": ("seed",),
            "frequency_penalty": ("frequency_penalty",),
            "presence_penalty": ("presence_penalty",),
        },
    ),
)
_OTHERS: Final = Family()

# Claude before 3.7, which cannot think.
_CANNOT_THINK: Final = re.compile(r"claude-(?:v?[12](?![0-9])|instant|3-(?!7))")


def family_of(model: Model) -> Family:
    """The maker's models that `model` is one of, by its own name or that of its base model."""
    names = _names(model)
    return next((one for one in _FAMILIES if any(re.search(one.pattern, name) is not None for name in names)), _OTHERS)


def can_think(model: Model) -> bool:
    """Whether a model of Claude's takes `thinking` at all."""
    return not any(_CANNOT_THINK.search(name) is not None for name in _names(model))


def _names(model: Model) -> tuple[str, str]:
    return model.upstream_model, model.base_model.resolved if model.base_model is not None else ""
