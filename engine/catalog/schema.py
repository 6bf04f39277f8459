"""Whether a document has the shape of its kind. jsonschema-rs decides; `explain` says why not."""

import functools
from typing import Any

import jsonschema_rs
import msgspec

from engine.catalog.document import Document
from engine.problem import Problem
from engine.shipped import shipped

KINDS = ("catalog", "provider", "model", "route", "key", "budget", "team")


@functools.cache
def schema_of(kind: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of one kind of document, as it ships."""
    return msgspec.json.decode((shipped("schemas") / f"{kind}.schema.json").read_bytes(), type=dict[str, Any])


@functools.cache
def _validator(kind: str) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(schema_of(kind))


def is_valid(kind: str, value: Any) -> bool:
    """The verdict."""
    return _validator(kind).is_valid(value)


def check(kind: str, document: Document) -> list[Problem]:
    """What is wrong with a document's shape; empty where nothing is."""
    if is_valid(kind, document.value):
        return []
    from engine.catalog.explain import explain  # the explaining library takes 60 ms to import

    return explain(kind, document)
