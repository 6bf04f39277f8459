"""The wire `openai-completions`, passed through.

A client's bytes go on as they came, but for the model's name, what the model's file declares, and the asking for usage.

Source: https://platform.openai.com/docs/api-reference/completions/create
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.errors import InvalidRequest
from engine.model import Model
from engine.wires.openai_chat.passing import Prepared, check_counts
from engine.wires.splice import Path, Splice

# What the gateway itself answers for; a model's `defaults` and `overrides` may not set these.
RESERVED: Final = frozenset({"model", "prompt", "stream", "stream_options"})

PARAMETERS: Final[Mapping[str, Path]] = {
    "max_completion_tokens": ("max_tokens",),
    "max_output_tokens": ("max_tokens",),
    "stop_sequences": ("stop",),
}

_OUTPUT_LIMITS: Final = ("max_tokens",)


def prepare(model: Model) -> Prepared:
    """What `model` does to a request, for use at load time.

    Raises:
        ValueError: its defaults or overrides set one of `RESERVED`.
    """
    splice = Splice(model, reserved=RESERVED, parameters=PARAMETERS, output_limits=_OUTPUT_LIMITS)
    return Prepared(splice, model, check)


def check(fields: Mapping[str, msgspec.Raw]) -> None:
    """What costs money or trouble when it is wrong; all else the upstream judges.

    Raises:
        InvalidRequest: 400, naming the parameter.
    """
    if "prompt" not in fields:
        raise InvalidRequest(
            'The body has no prompt: add "prompt": "…".', code="missing_required_parameter", param="prompt"
        )
    if bytes(fields["prompt"])[:1] not in (b'"', b"["):
        raise InvalidRequest("prompt must be a string or an array.", code="invalid_type", param="prompt")
    check_counts(fields, _OUTPUT_LIMITS, least=0)  # 0 only reads the prompt
