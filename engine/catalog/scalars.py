"""Plain scalars by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema).

So `no`, `on`, `12:30:45`, `1_000` and `2026-10-01` are strings, `017` is seventeen and `1e3` is a number.
"""

import math
import re

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "True", "TRUE"))
_FALSE = frozenset(("false", "False", "FALSE"))
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_PREFIXED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)", re.ASCII)
_MAY_BE_WORD = frozenset("~nNtTfF")
_MAY_BE_NUMBER = frozenset("+-.0123456789")
# What a plain scalar begins with if it may be anything else than text.
MAY_BE_NO_TEXT = _MAY_BE_WORD | _MAY_BE_NUMBER | {""}

_LONGEST_NUMBER = 64
_INT64 = range(-(2**63), 2**63)


class NumberRefused(ValueError):
    """A number that JSON cannot carry: not finite, or an integer beyond 64 bits. The text says which."""


def resolve_plain(text: str) -> str | float | bool | None:
    """The value of an unquoted scalar.

    Raises:
        NumberRefused: it is a number, and not a finite one that fits into 64 bits.
    """
    first = text[:1]
    if first in _MAY_BE_NUMBER:
        return _number(text)
    if text in _NULL:
        return None
    if first in _MAY_BE_WORD:
        if text in _TRUE:
            return True
        if text in _FALSE:
            return False
    return text


def _number(text: str) -> str | float:
    if _INTEGER.fullmatch(text):
        return _checked_integer(text, 10)
    if _PREFIXED.fullmatch(text):
        return _checked_integer(text, 0)
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise NumberRefused("the number is too large")
        return value
    if _NOT_FINITE.fullmatch(text):
        raise NumberRefused("infinity and not-a-number are refused")
    return text


def _checked_integer(text: str, base: int) -> int:
    # The length first: converting a very long number takes quadratic time, and Python refuses it.
    if len(text) > _LONGEST_NUMBER or (value := int(text, base)) not in _INT64:
        raise NumberRefused("the integer does not fit into 64 bits")
    return value
