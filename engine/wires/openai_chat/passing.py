"""The wire `openai-chat`, passed through: OpenAI's Chat Completions and the many servers that speak it.

A client's bytes go on as they came, but for the model's name, what the model's file declares, and the asking for usage.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from engine.errors import InvalidRequest
from engine.model import Model
from engine.wires.body import Body, read_value
from engine.wires.splice import Path, Splice, above, read_count, require_messages

# What the gateway itself answers for; a model's `defaults` and `overrides` may not set these.
RESERVED: Final = frozenset({"model", "messages", "stream", "stream_options"})

MAX_CHOICES: Final = 128  # of `n`, as OpenAI has it

# The old and the new name of one parameter.
OUTPUT_LIMITS: Final = ("max_tokens", "max_completion_tokens")

PARAMETERS: Final[Mapping[str, Path]] = {"max_output_tokens": ("max_completion_tokens",), "stop_sequences": ("stop",)}

_OBJECT: msgspec.json.Decoder[dict[str, msgspec.Raw] | None] = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)
_NULL: Final = b"null"
_TRUE: Final = msgspec.Raw(b"true")
_ASK_FOR_USAGE: Final = msgspec.Raw(b'{"include_usage":true}')

_encode = msgspec.json.encode


class Prepared:
    """What one model does to a request, encoded once per snapshot. `check` is what the API itself wants."""

    __slots__ = ("_asks_for_usage", "_check", "_splice")

    def __init__(self, splice: Splice, model: Model, check: Callable[[Mapping[str, msgspec.Raw]], None]) -> None:
        self._splice = splice
        self._check = check
        self._asks_for_usage = model.supports.stream_usage is not False

    def encode(self, body: Body) -> tuple[bytes, bool]:
        """The bytes for the upstream, and whether the client itself asked for a stream's usage.

        Parameters keep the client's order and bytes. A parameter that is null counts as not given.

        Raises:
            InvalidRequest: 400, naming the parameter that the model forbids, or that the API would not take.
        """
        fields = body.fields.copy()
        self._check(fields)
        self._splice.apply(fields)
        client_asked = body.stream and self._ask_for_usage(fields)
        return _encode(fields), client_asked

    def _ask_for_usage(self, fields: dict[str, msgspec.Raw]) -> bool:
        options = None
        if "stream_options" in fields:
            options = read_value(fields, "stream_options", _OBJECT, "an object")
        client_asked = options is not None and _include_usage(options)
        if self._asks_for_usage:
            # Written anew even where the client asked: a name that stands twice in there must not cost us the usage.
            fields["stream_options"] = (
                msgspec.Raw(_encode({**options, "include_usage": _TRUE})) if options else _ASK_FOR_USAGE
            )
        return client_asked


def prepare(model: Model) -> Prepared:
    """What `model` does to a request, for use at load time.

    Raises:
        ValueError: its defaults or overrides set one of `RESERVED`.
    """
    splice = Splice(model, reserved=RESERVED, parameters=PARAMETERS, output_limits=OUTPUT_LIMITS)
    return Prepared(splice, model, check)


def check(fields: Mapping[str, msgspec.Raw]) -> None:
    """What costs money or trouble when it is wrong; all else the upstream judges.

    Raises:
        InvalidRequest: 400, naming the parameter.
    """
    require_messages(fields)
    check_counts(fields, OUTPUT_LIMITS)


def check_counts(fields: Mapping[str, msgspec.Raw], output_limits: tuple[str, ...], least: int = 1) -> None:
    """Refuse limits below `least`, and more answers than OpenAI gives."""
    for name in output_limits:
        if name in fields:
            read_count(fields, name, least)
    if "n" in fields:
        choices = read_count(fields, "n")
        if choices is not None and choices > MAX_CHOICES:
            raise above("n", MAX_CHOICES)


def _include_usage(options: dict[str, msgspec.Raw]) -> bool:
    value = bytes(options.get("include_usage", _NULL))
    if value in (b"false", _NULL):
        return False
    if value == b"true":
        return True
    raise InvalidRequest(
        "stream_options.include_usage must be true or false.", code="invalid_type", param="stream_options.include_usage"
    )
