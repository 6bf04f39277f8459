"""What a model's file declares, where a request goes to another wire: by common names, so that every wire has its own.

`defaults: {temperature: 0.2, stop: [END]}` says the same for every wire. A name that is not common is the wire's own and
stands at the top level of its body.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.errors import InvalidRequest
from engine.model import Model
from engine.wires.conversation import Conversation, ReasoningOptions

# Common name → the option of a conversation.
COMMON: Final[Mapping[str, str]] = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "max_output_tokens": "max_output_tokens",
    "stop": "stop",
    "stop_sequences": "stop",
    "reasoning_effort": "reasoning",
    **{
        name: name
        for name in (
            *("temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty", "n", "logprobs"),
            *("top_logprobs", "logit_bias", "metadata", "user", "store", "service_tier", "parallel_tool_calls"),
            "verbosity",
        )
    },
}

_TYPES: Final = {field.name: field.type for field in msgspec.structs.fields(Conversation)}
_RAW: Final = ("logit_bias", "metadata")


class Declared:
    """What one model's file does to a conversation. Made once per snapshot."""

    __slots__ = ("_defaults", "_forbid", "_overrides")

    def __init__(self, model: Model) -> None:
        """Raises ValueError where a value is not of the option's type."""
        self._defaults = _options(model, "defaults", model.defaults)
        self._overrides = _options(model, "overrides", model.overrides)
        self._forbid = model.forbid

    def apply(self, conversation: Conversation, given: Mapping[str, msgspec.Raw]) -> Conversation:
        """The conversation with the declared options; `given` are the client's fields.

        Raises:
            InvalidRequest: 400: the client gave what the model forbids, named as the client did.
        """
        if self._forbid:
            self._check(conversation, given)
        missing = {name: value for name, value in self._defaults.items() if getattr(conversation, name) in (None, ())}
        changes = {**missing, **self._overrides}
        return msgspec.structs.replace(conversation, **changes) if changes else conversation

    def _check(self, conversation: Conversation, given: Mapping[str, msgspec.Raw]) -> None:
        for name in self._forbid:
            option = COMMON.get(name, "")
            is_option = option and getattr(conversation, option) not in (None, ())
            if is_option or bytes(given.get(name, b"null")) != b"null":
                named = conversation.name_of(option) if is_option else name
                raise InvalidRequest(
                    f"This model does not take {named}: leave it out.", code="unsupported_parameter", param=named
                )


def own_names(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values whose names are the wire's own."""
    return {name: value for name, value in values.items() if name not in COMMON}


def _options(model: Model, field: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        COMMON[name]: _option(COMMON[name], value, f"{model.file}: {field}: {name}")
        for name, value in values.items()
        if name in COMMON
    }


def _option(option: str, value: Any, where: str) -> Any:
    if option in _RAW:
        return msgspec.Raw(msgspec.json.encode(value))
    try:
        if option == "reasoning":
            return ReasoningOptions(effort=msgspec.convert(value, str))
        if option == "stop" and isinstance(value, str):
            return (value,)
        return msgspec.convert(value, _TYPES[option])
    except msgspec.ValidationError as error:
        raise ValueError(f"{where} is of a wrong type: {error}") from None
