"""The wire `anthropic-messages`, passed through.

A client's bytes go on as they came, but for the model's name and what the model's file declares. Usage comes unasked.

Source: https://platform.claude.com/docs/en/api/messages
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.model import Model
from engine.wires.splice import Path, Splice, read_count, require_messages
from engine.wires.unasked import Prepared

# What the gateway itself answers for; a model's `defaults` and `overrides` may not set these.
RESERVED: Final = frozenset({"model", "messages", "stream"})

PARAMETERS: Final[Mapping[str, Path]] = {
    "max_completion_tokens": ("max_tokens",),
    "max_output_tokens": ("max_tokens",),
    "stop": ("stop_sequences",),
    "user": ("metadata", "user_id"),
    "reasoning_effort": ("output_config", "effort"),
}

_OUTPUT_LIMITS: Final = ("max_tokens",)


def prepare(model: Model) -> Prepared:
    """What `model` does to a request, for use at load time.

    Raises:
        ValueError: its defaults or overrides set one of `RESERVED`.
    """
    splice = Splice(model, reserved=RESERVED, parameters=PARAMETERS, output_limits=_OUTPUT_LIMITS)
    return Prepared(splice, check)


def check(fields: Mapping[str, msgspec.Raw]) -> None:
    """What costs money or trouble when it is wrong; all else the upstream judges.

    Raises:
        InvalidRequest: 400, naming the parameter.
    """
    require_messages(fields)
    if "max_tokens" in fields:
        read_count(fields, "max_tokens", least=0)  # 0 only fills the prompt cache
