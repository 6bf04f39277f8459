"""The wire `openai-responses`, passed through.

A client's bytes go on as they came, but for the model's name and what the model's file declares. Usage comes unasked.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.errors import InvalidRequest
from engine.model import Model
from engine.wires.splice import Path, Splice, read_count
from engine.wires.unasked import Prepared

# What the gateway itself answers for; a model's `defaults` and `overrides` may not set these.
RESERVED: Final = frozenset({"model", "input", "stream"})

PARAMETERS: Final[Mapping[str, Path]] = {
    "max_tokens": ("max_output_tokens",),
    "max_completion_tokens": ("max_output_tokens",),
    "reasoning_effort": ("reasoning", "effort"),
    "verbosity": ("text", "verbosity"),
}

# Instead of an input, what the provider keeps.
_KEPT_INPUT: Final = ("prompt", "previous_response_id", "conversation")
_OUTPUT_LIMITS: Final = ("max_output_tokens",)


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
    if "input" not in fields and not any(name in fields for name in _KEPT_INPUT):
        raise InvalidRequest(
            'The body has no input: add "input": "…".', code="missing_required_parameter", param="input"
        )
    if "input" in fields and bytes(fields["input"])[:1] not in (b'"', b"[", b"n"):
        raise InvalidRequest("input must be a string or an array.", code="invalid_type", param="input")
    if "max_output_tokens" in fields:
        read_count(fields, "max_output_tokens")
