"""How a value without parts is written: plain where every reader, of YAML 1.1 or 1.2, reads the same text.

Double-quoted is everything else: decimals, "@provider/slug", patterns with "*", `no` and `on`, dates, `12:30`. Times of
RFC 3339 are plain: readers of YAML 1.1 take them for the very moment that they name.
"""

import json
import re
from typing import Final

import yaml

from engine.authoring.nodes import Plain
from engine.catalog.scalars import NumberRefused, resolve_plain

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)
_RESERVED = frozenset(("y", "Y", "n", "N", "=", "<<"))
_STARTS: Final = frozenset("_/.($")
_IN_FLOW = re.compile(r"[\[\]{},:?]")
_IN_BLOCK = re.compile(r": | #|:$|\*|^\.\.\.")
_RESOLVERS: Final[dict[str | None, list[tuple[str, re.Pattern[str]]]]] = yaml.SafeLoader.yaml_implicit_resolvers


def scalar(value: Plain, *, flow: bool = False) -> str:
    """A value on one line; `flow`: between brackets or braces, where more characters mean something."""
    if isinstance(value, str):
        return value if _is_plain(value, flow=flow) else quoted(value)
    if isinstance(value, float):
        return _float(value)
    return json.dumps(value)


def quoted(text: str) -> str:
    """A text in double quotes; what is not to be seen is written as an escape."""
    return "".join(
        character if character.isprintable() else _escape(character)
        for character in json.dumps(text, ensure_ascii=False)
    )


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _is_plain(text: str, *, flow: bool) -> bool:
    if not text or not text.isprintable() or text != text.strip() or text in _RESERVED:
        return False
    if not (text[0].isalnum() or text[0] in _STARTS) or _IN_BLOCK.search(text):
        return False
    if flow and _IN_FLOW.search(text):
        return False
    try:
        if resolve_plain(text) is not text:
            return False
    except NumberRefused:
        return False
    if _TIME.fullmatch(text):
        return not flow
    candidates = (*_RESOLVERS.get(text[0], ()), *_RESOLVERS.get(None, ()))
    return not any(pattern.match(text) for _, pattern in candidates)


def _float(value: float) -> str:
    """A finite number that YAML 1.1 takes for a number as well: with a point, and a sign in its exponent."""
    digits, exponent, power = repr(value).partition("e")
    if not exponent:
        return digits
    point = "" if "." in digits else ".0"
    sign = "" if power[0] in "+-" else "+"
    return f"{digits}{point}e{sign}{power}"
