"""The canonical form of one file: what `catalog fmt` writes, and what new files are written in."""

import re
from typing import Any

import msgspec

from engine.authoring.commented import parse
from engine.authoring.nodes import Commented, Entry, Mapping, Node, Scalar, Sequence
from engine.authoring.order import order
from engine.authoring.writing import write
from engine.catalog.reading import read_yaml
from engine.catalog.schema import KINDS, is_valid, schema_of
from engine.problem import Problem

_MODELINE = re.compile(rb"^#\s*yaml-language-server:\s*\$schema=\S*?([a-z]+)\.schema\.json", re.MULTILINE)


class Formatted(msgspec.Struct, frozen=True):
    """The canonical text of a file; None where the file does not read, and `problems` says why."""

    text: str | None
    problems: tuple[Problem, ...] = ()


class MeaningChanged(Exception):
    """The canonical text does not say what the file says. A fault of ours; nothing was written."""


def format_text(data: bytes, file: str, kind: str) -> Formatted:
    """Put one file into canonical form. `file` is its name in problems, `kind` whose schema gives the order of keys.

    Raises:
        MeaningChanged: the strict reader would not read the same value from the result.
    """
    reading = read_yaml(data, file)
    if reading.document is None:
        return Formatted(None, reading.problems)
    document = parse(reading.document.text)
    order(document, schema_of(kind))
    text = write(document)
    again = read_yaml(text.encode(), file).document
    if again is None or not same(again.value, reading.document.value):
        raise MeaningChanged(file)
    return Formatted(text)


def kind_of_text(data: bytes) -> str | None:
    """The kind of a document without a path: by the line that editors read, else by the one schema that it satisfies."""
    named = _MODELINE.search(data)
    if named is not None and (kind := named[1].decode()) in KINDS:
        return kind
    document = read_yaml(data, "").document
    kinds = [kind for kind in KINDS if document is not None and is_valid(kind, document.value)]
    return kinds[0] if len(kinds) == 1 else None


def render(kind: str, value: dict[str, Any], *, top: tuple[str, ...] = (), blocks: tuple[str, ...] = ()) -> str:
    """A new document in canonical form; `top` are comments.

    Lists and mappings of plain values stand on one line, but for those of the keys in `blocks`.
    """
    entries = [Entry(key, _node(inner, flow=key not in blocks)) for key, inner in value.items()]
    document = Commented(Mapping(entries), list(top))
    order(document, schema_of(kind))
    return write(document)


def _node(value: Any, *, flow: bool = True) -> Node:
    if not isinstance(value, dict | list):
        return Scalar(value)
    parts = value.values() if isinstance(value, dict) else value
    flow = flow and not any(isinstance(part, dict | list) for part in parts)
    if isinstance(value, dict):
        return Mapping([Entry(str(key), _node(part)) for key, part in value.items()], flow)
    return Sequence([Entry(None, _node(part)) for part in value], flow)


def same(one: Any, other: Any) -> bool:
    """Whether two documents' values are equal, types included: 1, 1.0 and true are three values."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)
