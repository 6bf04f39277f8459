"""The wire `openai-chat`, passed through: OpenAI's Chat Completions and the many servers that speak it.

A client's bytes go on as they came, but for the model's name, what the model's file declares, and the asking for usage.

Source: https://platform.openai.com/docs/api-reference/chat
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.errors import InvalidRequest
from engine.model import Limits, Model
from engine.wires.body import Body, read_value
from engine.wires.openai_chat_answer import fault_in, read_usage
from engine.wires.openai_chat_stream import StreamReader
from engine.wires.usage import Usage

__all__ = [
    "RESERVED",
    "Prepared",
    "StreamReader",
    "Usage",
    "endpoint",
    "fault_in",
    "prepare",
    "read_usage",
    "stream_reader",
]

endpoint: Final = "/chat/completions"
stream_reader = StreamReader

# What the gateway itself answers for; a model's `defaults` and `overrides` may not set these.
RESERVED: Final = frozenset({"model", "messages", "stream", "stream_options"})

MAX_CHOICES: Final = 128  # of `n`, as OpenAI has it

# The old and the new name of one parameter: who gave either is not silent about it.
_OUTPUT_LIMITS: Final = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}

_COUNT: msgspec.json.Decoder[int | None] = msgspec.json.Decoder(int | None)
_OBJECT: msgspec.json.Decoder[dict[str, msgspec.Raw] | None] = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)
_NULL: Final = b"null"
_TRUE: Final = msgspec.Raw(b"true")
_ASK_FOR_USAGE: Final = msgspec.Raw(b'{"include_usage":true}')

_encode = msgspec.json.encode


class Prepared:
    """What one model does to a request, encoded once per snapshot."""

    __slots__ = ("_asks_for_usage", "_defaults", "_forbid", "_limits", "_model", "_overrides", "_plain")

    def __init__(self, model: Model) -> None:
        self._model = msgspec.Raw(_encode(model.upstream_model))
        self._defaults = _encode_values(model, "defaults", model.defaults)
        self._overrides = _encode_values(model, "overrides", model.overrides)
        self._forbid = model.forbid
        self._limits = model.limits
        self._asks_for_usage = model.supports.stream_usage is not False
        self._plain = not (self._defaults or self._overrides or self._forbid)

    def encode(self, body: Body) -> tuple[bytes, bool]:
        """The bytes for the upstream, and whether the client itself asked for a stream's usage.

        Parameters keep the client's order and bytes. A parameter that is null counts as not given.

        Raises:
            InvalidRequest: 400, naming the parameter that the model forbids, or that the API would not take.
        """
        fields = body.fields.copy()
        _check(fields)
        fields["model"] = self._model
        if not self._plain:
            self._apply(fields)
        self._limit_output(fields)
        client_asked = body.stream and self._ask_for_usage(fields)
        return _encode(fields), client_asked

    def _apply(self, fields: dict[str, msgspec.Raw]) -> None:
        for name in self._forbid:
            if _is_given(fields, name):
                raise InvalidRequest(
                    f"This model does not take {name}: leave it out.", code="unsupported_parameter", param=name
                )
        for name, value in self._defaults.items():
            if not _is_given(fields, name) and not _is_given(fields, _OUTPUT_LIMITS.get(name, name)):
                fields[name] = value
        for name, value in self._overrides.items():
            fields.pop(_OUTPUT_LIMITS.get(name, ""), None)
            fields[name] = value

    def _limit_output(self, fields: dict[str, msgspec.Raw]) -> None:
        for name in _OUTPUT_LIMITS:
            if name in fields and name not in self._overrides:
                _limit(fields, name, self._limits)

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
    return Prepared(model)


def _encode_values(model: Model, field: str, values: Mapping[str, Any]) -> dict[str, msgspec.Raw]:
    reserved = RESERVED & values.keys()
    if reserved:
        raise ValueError(f"{model.file}: {field} may not set {', '.join(sorted(reserved))}")
    return {name: msgspec.Raw(_encode(value)) for name, value in values.items()}


def _is_given(fields: dict[str, msgspec.Raw], name: str) -> bool:
    return name in fields and bytes(fields[name]) != _NULL


def _check(fields: dict[str, msgspec.Raw]) -> None:
    """What costs money or trouble when it is wrong; all else the upstream judges."""
    if "messages" not in fields:
        raise InvalidRequest(
            'The body has no messages: add "messages": [{"role": "user", "content": "…"}].',
            code="missing_required_parameter",
            param="messages",
        )
    if memoryview(fields["messages"])[0] != ord("["):
        raise InvalidRequest("messages must be an array.", code="invalid_type", param="messages")
    if "n" in fields:
        choices = _read_count(fields, "n")
        if choices is not None and choices > MAX_CHOICES:
            raise _above("n", MAX_CHOICES)


def _limit(fields: dict[str, msgspec.Raw], name: str, limits: Limits) -> None:
    count, most = _read_count(fields, name), limits.max_output_tokens
    if count is None or most is None or count <= most:
        return
    if limits.over_limit == "refuse":
        raise _above(name, most)
    fields[name] = msgspec.Raw(b"%d" % most)


def _read_count(fields: dict[str, msgspec.Raw], name: str) -> int | None:
    count = read_value(fields, name, _COUNT, "an integer")
    if count is not None and count < 1:
        raise InvalidRequest(f"{name} must be 1 or more.", code="integer_below_min_value", param=name)
    return count


def _include_usage(options: dict[str, msgspec.Raw]) -> bool:
    value = bytes(options.get("include_usage", _NULL))
    if value in (b"false", _NULL):
        return False
    if value == b"true":
        return True
    raise InvalidRequest(
        "stream_options.include_usage must be true or false.", code="invalid_type", param="stream_options.include_usage"
    )


def _above(name: str, most: int) -> InvalidRequest:
    return InvalidRequest(f"{name} may be at most {most} here.", code="integer_above_max_value", param=name)
