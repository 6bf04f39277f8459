"""Reading other people's JSON and TOML: numbers stay the text that they are, and keys that stand twice are seen."""

import json
import tomllib
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

MAX_DEPTH = 64
_LONGEST_NUMBER = 128


class SourceError(Exception):
    """A source that cannot be read, or not without guessing; the text is one line, `hint` says how to mend it."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Twice(msgspec.Struct, frozen=True):
    """A key that stands twice in one mapping, with the value that does not count."""

    key: str
    value: Any


class Json(msgspec.Struct, frozen=True):
    """A JSON document. Numbers are Decimal, exactly as written; `twice` lists (mapping, what stands in it twice)."""

    value: Any
    twice: dict[int, list[Twice]]


def read_json(data: bytes, name: str) -> Json:
    """Read JSON.

    Raises:
        SourceError: it is not JSON, or too deep.
    """
    twice: dict[int, list[Twice]] = {}

    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        again = []
        for key, value in pairs:
            if key in made:
                again.append(Twice(key, made[key]))
            made[key] = value
        if again:
            twice[id(made)] = again
        return made

    try:
        value = json.loads(
            data.decode("utf-8-sig"),
            object_pairs_hook=mapping, parse_float=number, parse_int=number, parse_constant=str,
        )  # fmt: skip
    except UnicodeDecodeError as error:
        raise SourceError(f"{name} is not UTF-8 text: byte {error.start}.") from None
    except json.JSONDecodeError as error:
        raise SourceError(f"{name}:{error.lineno}:{error.colno} is not JSON: {error.msg}.") from None
    except RecursionError:
        raise SourceError(f"{name} is nested too deep.") from None
    _check_depth(value, name)
    return Json(value, twice)


def read_toml(data: bytes, name: str) -> dict[str, Any]:
    """Read TOML; fractions are Decimal, as written.

    Raises:
        SourceError: it is not TOML.
    """
    try:
        value = tomllib.loads(data.decode(), parse_float=number)
    except UnicodeDecodeError as error:
        raise SourceError(f"{name} is not UTF-8 text: byte {error.start}.") from None
    except ValueError as error:  # TOMLDecodeError, and integers of more digits than Python converts
        raise SourceError(f"{name} is not TOML: {error}.") from None
    except RecursionError:
        raise SourceError(f"{name} is nested too deep.") from None
    _check_depth(value, name)
    return value


def number(text: str) -> Decimal | str:
    """A number as it is written. What is too long to be a price stays text, and is refused where one is asked for."""
    if len(text) > _LONGEST_NUMBER:
        return text
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _check_depth(value: Any, name: str) -> None:
    waiting = [(value, 1)]
    while waiting:
        at, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise SourceError(f"{name} is nested too deep.")
        if isinstance(at, dict | list):
            waiting += [(inner, depth + 1) for inner in (at.values() if isinstance(at, dict) else at)]
