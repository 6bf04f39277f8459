"""What the generations of Claude differ in, by the model's name; a name that says nothing is taken as a new model.

Sources: https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking,
https://platform.claude.com/docs/en/build-with-claude/extended-thinking
"""

import re
from typing import Final

from engine.model import Model

# Up to 4.5, whatever the cloud: claude-sonnet-4-5-20250929, anthropic.claude-3-7-sonnet-…, claude-opus-4@20250514.
_UP_TO_4_5: Final = re.compile(
    r"claude-(?:[23](?![0-9])|instant|(?:opus|sonnet|haiku)-4(?:[-.][0-5](?![0-9])|[-@]20[0-9]{6}|(?![-.]?[0-9])))"
)


def is_up_to_4_5(model: Model) -> bool:
    """Whether it thinks by a budget (later ones decide themselves) and reads instructions at the start alone."""
    names = (model.upstream_model, model.base_model.resolved if model.base_model is not None else "")
    return any(_UP_TO_4_5.search(name) is not None for name in names)
