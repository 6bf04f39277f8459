"""The canonical order of keys: that of the properties in the schema of the document's kind.

Free mappings (labels, headers, accept, parameters, variants) keep the order in which they are written: it is the
author's, and sorting would tear apart what was put side by side. Keys that the schema does not know come last.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from engine.authoring.nodes import Commented, Node, Scalar
from engine.authoring.nodes import Mapping as MappingNode

Schema = Mapping[str, Any]
_ALTERNATIVES = ("allOf", "anyOf", "oneOf")
_CONDITIONAL = ("if", "then", "else")


def order(document: Commented, schema: Schema) -> None:
    """Sort a document's keys in place."""
    _order(document.root, (schema,), schema)


def _order(node: Node, asked: tuple[Schema, ...], root: Schema) -> None:
    if isinstance(node, Scalar):
        return
    shapes = [shape for each in asked for shape in _shapes(each, root)]
    if isinstance(node, MappingNode):
        properties: dict[str, list[Schema]] = {}
        for shape in shapes:
            for name, inner in shape.get("properties", {}).items():
                properties.setdefault(name, []).append(inner)
        others = tuple(shape["additionalProperties"] for shape in shapes if "additionalProperties" in shape)
        rank = {name: index for index, name in enumerate(properties)}
        node.entries.sort(key=lambda entry: rank.get(entry.key or "", len(rank)))
        for entry in node.entries:
            _order(entry.value, tuple(properties.get(entry.key or "", others)), root)
        return
    items = tuple(shape["items"] for shape in shapes if "items" in shape)
    for entry in node.entries:
        _order(entry.value, items, root)


def _shapes(schema: Any, root: Schema, seen: frozenset[str] = frozenset()) -> Iterator[Schema]:
    """The schema and all that it refers to about the same value."""
    if not isinstance(schema, Mapping):  # true or false
        return
    yield schema
    reference = schema.get("$ref", "")
    if reference.startswith("#/$defs/") and reference not in seen:
        yield from _shapes(root["$defs"][reference.removeprefix("#/$defs/")], root, seen | {reference})
    for word in _ALTERNATIVES:
        for alternative in schema.get(word, ()):
            yield from _shapes(alternative, root, seen)
    for word in _CONDITIONAL:
        yield from _shapes(schema.get(word), root, seen)
