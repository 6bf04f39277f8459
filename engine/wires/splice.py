"""What a model's file does to the fields of a request: its own name upstream, defaults, overrides, what it forbids.

The one helper for all wires, whether a body is passed through (its values are the client's bytes) or was encoded anew.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from engine.errors import InvalidRequest
from engine.model import Limits, Model
from engine.wires.body import read_value
from engine.wires.conversation import Conversation

Path = tuple[str, ...]

_NO_PARAMETERS: Final[Mapping[str, Path]] = MappingProxyType({})
_NULL: Final = b"null"
_COUNT: msgspec.json.Decoder[int | None] = msgspec.json.Decoder(int | None)
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Splice:
    """Made once per snapshot and model.

    `parameters` maps a parameter's common name to its path in the body; others stand at the top level under their own
    name. Of `output_limits`, top-level fields that mean the same, a request holds one: who gave any is not silent.
    """

    __slots__ = ("_defaults", "_forbid", "_limits", "_model", "_output_limits", "_overrides", "_plain")

    def __init__(
        self,
        model: Model,
        *,
        reserved: frozenset[str],
        parameters: Mapping[str, Path] = _NO_PARAMETERS,
        output_limits: tuple[str, ...] = (),
        names_model: bool = True,
    ) -> None:
        """Raises ValueError where the model's file sets a field of `reserved`."""
        self._model = msgspec.Raw(msgspec.json.encode(model.upstream_model)) if names_model else None
        self._defaults = _encode_values(model, "defaults", model.defaults, reserved, parameters)
        self._overrides = _encode_values(model, "overrides", model.overrides, reserved, parameters)
        self._forbid = [(name, parameters.get(name, (name,))) for name in model.forbid]
        self._limits = model.limits
        self._output_limits = output_limits
        self._plain = not (self._defaults or self._overrides or self._forbid)

    def apply(self, fields: dict[str, Any]) -> None:
        """Change `fields`; values are `Raw` or plain JSON values.

        Raises:
            InvalidRequest: 400: the client gave what the model forbids, or asks for more output than the model gives.
        """
        if self._model is not None:
            fields["model"] = self._model
        if not self._plain:
            self._declare(fields)
        for name in self._output_limits:
            if name in fields and (name,) not in self._overrides:
                _limit(fields, name, self._limits)

    def _declare(self, fields: dict[str, Any]) -> None:
        for name, path in self._forbid:
            if _is_given(fields, path):
                raise InvalidRequest(
                    f"This model does not take {name}: leave it out.", code="unsupported_parameter", param=name
                )
        for path, value in self._defaults.items():
            if not any(_is_given(fields, same) for same in self._same(path)):
                _put(fields, path, value)
        for path, value in self._overrides.items():
            for same in self._same(path):
                fields.pop(same[0], None) if len(same) == 1 else None
            _put(fields, path, value)

    def _same(self, path: Path) -> tuple[Path, ...]:
        """The paths that mean the same as `path`, itself included."""
        return tuple((name,) for name in self._output_limits) if path[0] in self._output_limits else (path,)


def limit_output(conversation: Conversation, limits: Limits) -> Conversation:
    """The conversation with no more output than the model gives.

    Raises:
        InvalidRequest: 400, naming the client's field: it asks for more, and the model refuses that.
    """
    asked, most = conversation.max_output_tokens, limits.max_output_tokens
    if asked is None or most is None or asked <= most:
        return conversation
    if limits.over_limit == "refuse":
        raise above(conversation.name_of("max_output_tokens"), most)
    return msgspec.structs.replace(conversation, max_output_tokens=most)


def read_count(fields: Mapping[str, Any], name: str, least: int = 1) -> int | None:
    """The count in the field `name`, which is present; None where it is null.

    Raises:
        InvalidRequest: 400: it is no integer, or below `least`.
    """
    count = read_value(fields, name, _COUNT, "an integer")
    if count is not None and count < least:
        raise InvalidRequest(f"{name} must be {least} or more.", code="integer_below_min_value", param=name)
    return count


def require_messages(fields: Mapping[str, msgspec.Raw]) -> None:
    """Refuse a request without `messages`, or where they are no array.

    Raises:
        InvalidRequest: 400.
    """
    if "messages" not in fields:
        raise InvalidRequest(
            'The body has no messages: add "messages": [{"role": "user", "content": "…"}].',
            code="missing_required_parameter",
            param="messages",
        )
    if memoryview(fields["messages"])[0] != ord("["):
        raise InvalidRequest("messages must be an array.", code="invalid_type", param="messages")


def above(name: str, most: int) -> InvalidRequest:
    """The error for a count that is too high."""
    return InvalidRequest(f"{name} may be at most {most} here.", code="integer_above_max_value", param=name)


def _encode_values(
    model: Model, field: str, values: Mapping[str, Any], reserved: frozenset[str], parameters: Mapping[str, Path]
) -> dict[Path, msgspec.Raw]:
    set_anyway = reserved & values.keys()
    if set_anyway:
        raise ValueError(f"{model.file}: {field} may not set {', '.join(sorted(set_anyway))}")
    return {parameters.get(name, (name,)): msgspec.Raw(msgspec.json.encode(value)) for name, value in values.items()}


def _is_given(fields: Mapping[str, Any], path: Path) -> bool:
    for name in path[:-1]:
        fields = _members(fields.get(name))
    value = fields.get(path[-1])
    return value is not None and not (isinstance(value, msgspec.Raw) and bytes(value) == _NULL)


def _put(fields: dict[str, Any], path: Path, value: msgspec.Raw) -> None:
    for name in path[:-1]:
        fields[name] = fields = _members(fields.get(name))
    fields[path[-1]] = value


def _members(value: Any) -> dict[str, Any]:
    """A copy of an object's members; none where it is no object: the upstream will say so."""
    if isinstance(value, dict):
        return value.copy()
    try:
        return _MEMBERS.decode(value) if isinstance(value, msgspec.Raw) else {}
    except msgspec.DecodeError:
        return {}


def _limit(fields: dict[str, Any], name: str, limits: Limits) -> None:
    value = fields[name]
    count = read_count(fields, name) if isinstance(value, msgspec.Raw) else value
    most = limits.max_output_tokens
    if count is None or most is None or count <= most:
        return
    if limits.over_limit == "refuse":
        raise above(name, most)
    fields[name] = msgspec.Raw(b"%d" % most)
