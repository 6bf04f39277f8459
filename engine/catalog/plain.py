"""The quick way to read YAML: the value alone, and None for whatever is not plainly right."""

from typing import Any

import msgspec
import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs do not export it

from engine.catalog.scalars import MAY_BE_NO_TEXT, NumberRefused, resolve_plain

MAX_DEPTH = 32
MAX_VALUES = 20_000
MAX_SCALAR = 64 * 1024


class Plain(msgspec.Struct, frozen=True):
    """A value, and the lines (from 1) of its keys where it is a mapping."""

    value: Any
    lines: dict[str, int]


def read_plain(text: str) -> Plain | None:
    """Read a text of allowed characters; None where anything at all is wrong with it."""
    # An escape may stand for a character that is not allowed: rare enough to leave to the thorough reader.
    if "\\" in text:
        return None
    parser = CParser(text)
    try:
        # Without these characters nothing has an anchor or tag, and a short text has no long value.
        return _build(parser, careful="&" in text or "!" in text or len(text) > MAX_SCALAR)
    except (yaml.YAMLError, NumberRefused):
        return None
    finally:
        parser.dispose()


def _build(parser: Any, *, careful: bool) -> Plain | None:
    # Names of this function are looked up sooner than those of a module, and half a million events come by.
    get_event, scalar = parser.get_event, yaml.ScalarEvent
    mapping, sequence = yaml.MappingStartEvent, yaml.SequenceStartEvent
    mapping_end, sequence_end = yaml.MappingEndEvent, yaml.SequenceEndEvent
    top: list[Any] = []
    lines: dict[str, int] = {}
    holder: Any = top  # the mapping or list that is open
    key: str | None = None  # the key whose value comes next, if it is a mapping
    outer: list[tuple[Any, str | None]] = []  # the same of those around it, innermost last
    count = documents = 0
    while (event := get_event()) is not None:
        kind = type(event)
        if kind is scalar:
            text = event.value
            if careful and (event.anchor is not None or event.tag is not None or len(text) > MAX_SCALAR):
                return None
            value = text if event.style or text[:1] not in MAY_BE_NO_TEXT else resolve_plain(text)
            if key is None and type(holder) is dict:
                if type(value) is not str or value in holder or (value == "<<" and not event.style):
                    return None
                if len(outer) == 1:
                    lines[value] = event.start_mark.line + 1
                key = value
                holder[value] = None  # so that the same key is seen again
                continue
        elif kind is mapping or kind is sequence:
            if event.anchor is not None or event.tag is not None or len(outer) >= MAX_DEPTH:
                return None
            value = {} if kind is mapping else []
        elif kind is mapping_end or kind is sequence_end:
            holder, key = outer.pop()
            continue
        elif kind is yaml.DocumentStartEvent:
            documents += 1
            if documents > 1 or event.version or event.tags:
                return None
            continue
        elif kind is yaml.AliasEvent:
            return None
        else:
            continue
        count += 1
        if count > MAX_VALUES:
            return None
        if type(holder) is dict:
            if key is None:
                return None  # a mapping or list as a key
            holder[key] = value
            key = None
        else:
            holder.append(value)
        if kind is not scalar:
            outer.append((holder, key))
            holder, key = value, None
    return Plain(top[0] if top else None, lines)
