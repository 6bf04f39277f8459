"""The quick way to read YAML: the value alone, and None for whatever is not plainly right."""

from typing import Any

import msgspec
import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs do not export it

from engine.catalog.scalars import NumberRefused, resolve_plain

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
    get_event = parser.get_event
    top: list[Any] = []
    lines: dict[str, int] = {}
    holders: list[Any] = [top]  # the mappings and lists that are open, innermost last
    keys: list[str | None] = [None]  # for each the key whose value comes next; always None for lists
    holder: Any = top
    count = documents = 0
    while (event := get_event()) is not None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            text = event.value
            if careful and (event.anchor is not None or event.tag is not None or len(text) > MAX_SCALAR):
                return None
            value = text if event.style else resolve_plain(text)
            if keys[-1] is None and type(holder) is dict:
                if type(value) is not str or value in holder or (value == "<<" and not event.style):
                    return None
                if len(holders) == 2:
                    lines[value] = event.start_mark.line + 1
                keys[-1] = value
                holder[value] = None  # so that the same key is seen again
                continue
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            if event.anchor is not None or event.tag is not None or len(holders) > MAX_DEPTH:
                return None
            value = {} if kind is yaml.MappingStartEvent else []
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            holders.pop()
            keys.pop()
            holder = holders[-1]
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
            key = keys[-1]
            if key is None:
                return None  # a mapping or list as a key
            holder[key] = value
            keys[-1] = None
        else:
            holder.append(value)
        if kind is not yaml.ScalarEvent:
            holders.append(value)
            keys.append(None)
            holder = value
    return Plain(top[0] if top else None, lines)
