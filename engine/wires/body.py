"""A request body as JSON, read no deeper than it must be.

The top level is decoded to `msgspec.Raw`: the values stay as the client's bytes, so what is not ours to change goes on
unchanged. Raw values are checked by msgspec for grammar, escapes and surrogates; bad UTF-8, depth, numbers beyond the
range of a double and a name that stands twice pass it, and are refused here, before anybody decodes deeper.
"""

import math
import re
from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from engine.errors import InvalidRequest

MAX_DEPTH: Final = 64
MAX_MEMBERS: Final = 1_000  # of the top level: no API has more than some fifty

T = TypeVar("T")

_TOP_LEVEL = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT = msgspec.json.Decoder(str)
_NAME = re.compile(rb'[ \t\r\n,]*("(?:[^"\\]++|\\.)*+")[ \t\r\n]*:[ \t\r\n]*', re.DOTALL)

# Numbers that may be beyond the range of a double: very long ones, and those with an exponent.
_WIDE_NUMBER = re.compile(rb"(?<![0-9.])(?:[0-9.]{309,}+(?:[eE][+-]?[0-9]+)?|[0-9.]++[eE]\+?[0-9]+)")
_NOT_DIGITS = bytes(set(range(256)) - set(b"0123456789"))
_BRACKETS = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"{}[]"))


class Body(msgspec.Struct, frozen=True):
    """One request body: its top level in the client's order, each value as the client's bytes."""

    fields: dict[str, msgspec.Raw]
    model: str
    stream: bool


def parse_body(data: bytes) -> Body:
    """The body of a request that names a model.

    Raises:
        InvalidRequest: 400, saying what is wrong; `param` names the parameter where it is one.
    """
    fields = parse_object(data)
    return Body(fields, _model(fields), _stream(fields))


def parse_object(data: bytes) -> dict[str, msgspec.Raw]:
    """The top level of the JSON object in `data`.

    Raises:
        InvalidRequest: 400: not UTF-8, not JSON, not an object, nested deeper than `MAX_DEPTH`, a name that stands
            twice at the top level, or a number that is out of range.
    """
    if not data.isascii():
        _check_utf8(data)
    try:
        fields = _TOP_LEVEL.decode(data)
    except RecursionError:
        raise _too_deep() from None
    except msgspec.ValidationError:
        raise InvalidRequest("The body is JSON, but not an object: send {…}.", code="invalid_json") from None
    except msgspec.DecodeError as error:
        raise _not_json(data, str(error)) from None
    if len(fields) > MAX_MEMBERS:
        raise InvalidRequest(f"The body has more than {MAX_MEMBERS} parameters.")
    outside = _outside_strings(data)
    if outside.count(b"{") + outside.count(b"[") > MAX_DEPTH:
        _check_depth(outside)
    _check_numbers(outside)
    if not _is_compact(data, fields):
        _check_names_are_unique(data, fields)
    return fields


def read_value(fields: Mapping[str, msgspec.Raw], name: str, decoder: msgspec.json.Decoder[T], expected: str) -> T:
    """The value of the parameter `name`, which is present.

    Raises:
        InvalidRequest: 400 invalid_type: it is not `expected`, a phrase such as "a string".
    """
    try:
        return decoder.decode(fields[name])
    except msgspec.DecodeError:
        raise InvalidRequest(f"{name} must be {expected}.", code="invalid_type", param=name) from None


def _model(fields: dict[str, msgspec.Raw]) -> str:
    if "model" not in fields:
        raise InvalidRequest(
            'The body names no model: add "model": "@provider/slug".', code="missing_required_parameter", param="model"
        )
    model = read_value(fields, "model", _TEXT, "a string")
    if not model:
        raise InvalidRequest('model is empty: name one as "@provider/slug".', code="invalid_value", param="model")
    return model


def _stream(fields: dict[str, msgspec.Raw]) -> bool:
    value = bytes(fields.get("stream", b"false"))
    if value == b"true":
        return True
    if value in (b"false", b"null"):
        return False
    raise InvalidRequest("stream must be true or false.", code="invalid_type", param="stream")


def _check_utf8(data: bytes) -> None:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"The body is not UTF-8 (byte {error.start}).", code="invalid_json") from None


def _outside_strings(data: bytes) -> bytes:
    """`data`, which is valid JSON, without its strings."""
    if b"\\" in data:
        # Escapes stand only in strings. Taken in pairs from the left, as JSON reads them, `\\` cannot hide a `\"`.
        data = data.replace(rb"\\", b"").replace(rb"\"", b"")
    return b"".join(data.split(b'"')[::2])


def _check_depth(outside: bytes) -> None:
    """Takes away the innermost brackets, layer by layer."""
    brackets = outside.translate(_BRACKETS, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        inner = brackets.replace(b"[]", b"")
        if not inner:
            return
        brackets = inner
    raise _too_deep()


def _check_numbers(outside: bytes) -> None:
    # Outside strings an `e` is that of true, of false, or of an exponent: most bodies are done after counting.
    exponents = outside.count(b"e") - outside.count(b"true") - outside.count(b"false") + outside.count(b"E")
    if not exponents and len(outside.translate(None, _NOT_DIGITS)) < 309:
        return
    for number in _WIDE_NUMBER.findall(outside):
        if math.isinf(float(number)):
            raise InvalidRequest("The body holds a number that is out of range.", code="invalid_json")


def _is_compact(data: bytes, fields: dict[str, msgspec.Raw]) -> bool:
    """Whether the members that were kept fill the body to the byte: then none was lost, and no name stands twice.

    A quick yes for what most clients send. Escapes and non-ASCII letters in names only make it a no.
    """
    punctuation = 2 + 4 * len(fields) - 1  # {} and for each member two quotes, a colon and all but once a comma
    return len(data) == punctuation + sum(map(len, fields)) + sum(map(len, fields.values()))


def _check_names_are_unique(data: bytes, fields: dict[str, msgspec.Raw]) -> None:
    """Walks along the members of valid JSON; of a name that stands twice, `fields` holds the last value."""
    seen: set[str] = set()
    position = data.index(b"{") + 1
    while (member := _NAME.match(data, position)) is not None:
        name = _TEXT.decode(member[1])
        value = bytes(fields[name])
        if name in seen or not data.startswith(value, member.end()):
            raise InvalidRequest(
                f"{name[:64]} stands twice in the body: send it once.", code="duplicate_parameter", param=name[:64]
            )
        seen.add(name)
        position = member.end() + len(value)


def _not_json(data: bytes, reason: str) -> InvalidRequest:
    if not data.strip():
        return InvalidRequest("The body is empty: send a JSON object.", code="invalid_json")
    reason = reason.removeprefix("JSON is malformed: ")
    if reason == "Input data was truncated":
        reason = "it ends too early"
    return InvalidRequest(f"The body is not JSON: {reason}.", code="invalid_json")


def _too_deep() -> InvalidRequest:
    return InvalidRequest(f"The body is nested deeper than {MAX_DEPTH} levels.", code="invalid_json")
