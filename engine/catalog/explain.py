"""Why a document was refused: one clear message for every mistake, at the key or value that is meant.

`jsonschema` finds the mistakes. The schemas are written so that each gives one error: no anyOf, and an `errorMessage`
beside every pattern (the keyword that editors read as well).
"""

import functools
import itertools
import re
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators

from engine.catalog.document import Document, pointer
from engine.catalog.schema import schema_of
from engine.catalog.suggest import did_you_mean
from engine.catalog.vendors import UNLISTED
from engine.problem import Problem

_MOST_ERRORS = 50

_TYPE_WORDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "object": "a mapping",
    "array": "a list",
}

_OTHER_NAMES = {"bedrock": "aws", "gemini": "google", "vertex": "google-vertex", "azure-openai": "azure", "x-ai": "xai"}


def explain(kind: str, document: Document) -> list[Problem]:
    """Every mistake in a refused document; at least one problem."""
    errors = list(itertools.islice(_validator(kind).iter_errors(document.value), _MOST_ERRORS))
    mistyped = {tuple(error.absolute_path) for error in errors if error.validator == "type"}
    found: dict[tuple[str, str, str], Problem] = {}
    for error in errors:
        # A value of the wrong type breaks other rules as well; that is one mistake.
        if error.validator != "type" and tuple(error.absolute_path) in mistyped:
            continue
        for problem in _problems(kind, document, error):
            found.setdefault((problem.code, problem.pointer, problem.message), problem)
    return list(found.values()) or [document.problem("bad-value", f"this is not the document of a {kind}")]


def _problems(kind: str, document: Document, error: Any) -> Iterator[Problem]:
    at = pointer(*error.absolute_path)
    if "propertyNames" in error.absolute_schema_path:
        where = f"{at}{pointer(str(error.instance))}"
        yield document.problem("bad-value", _said(error), where, at="key", hint=_near(error))
    elif error.validator == "additionalProperties":
        yield from _unknown_keys(document, at, error)
    elif error.validator == "required":
        for name in error.validator_value:
            if name not in error.instance:
                yield document.problem("missing-key", f'"{name}" is missing', at, hint=_example(kind, name))
    elif error.validator == "type":
        yield _wrong_type(document, at, error)
    elif error.validator == "enum":
        yield _not_one_of(document, at, error)
    else:
        yield document.problem("bad-value", _said(error), at, hint=_near(error))


def _unknown_keys(document: Document, at: str, error: Any) -> Iterator[Problem]:
    known = error.schema["properties"]
    for name in error.instance:
        if name in known:
            continue
        where = at + pointer(name)
        hint = did_you_mean(name, known) or (f"known keys: {', '.join(known)}" if len(known) <= 20 else "")
        yield document.problem("unknown-key", f'"{name[:80]}" is not a key here', where, at="key", hint=hint)


def _wrong_type(document: Document, at: str, error: Any) -> Problem:
    types = error.validator_value
    wanted = " or ".join(_TYPE_WORDS[name] for name in ([types] if isinstance(types, str) else types))
    what = f'"{error.absolute_path[-1]}"' if error.absolute_path else "the file"
    if error.absolute_path and isinstance(error.absolute_path[-1], int):
        what = f"item {error.absolute_path[-1] + 1}"
    value = error.instance
    if value is None:
        return document.problem("wrong-type", f"{what} is empty, and must be {wanted}", at)
    hint = _mend(document, at, error)
    return document.problem("wrong-type", f"{what} must be {wanted}, not {_word_of(value)}", at, hint=hint)


def _mend(document: Document, at: str, error: Any) -> str:
    """How to write a value so that it has the right type, where that is plain."""
    wanted, value = error.validator_value, error.instance
    if wanted == "string" and isinstance(value, (int, float)):
        written, pattern = document.source_text(at), error.schema.get("pattern")
        if pattern and _compiled(pattern).search(written) is None:
            return _said(error)
        return f'quote it: "{written}"'
    if isinstance(value, str):
        if wanted == "boolean":
            return "write true or false, without quotes"
        if wanted == "integer" and value.isdecimal():
            return "remove the quotes"
        if wanted == "array":
            return f'write ["{value}"]' if len(value) <= 80 else ""
    return ""


def _not_one_of(document: Document, at: str, error: Any) -> Problem:
    allowed = [str(value) for value in error.validator_value]
    if error.absolute_path[-1] == "api" and (row := UNLISTED.get(str(error.instance))) is not None:
        return document.problem("not-supported", f'the api "{error.instance}" is not supported', at, hint=row.why)
    other = _OTHER_NAMES.get(str(error.instance))
    hint = f'did you mean "{other}"?' if other in allowed else did_you_mean(str(error.instance), allowed)
    return document.problem("bad-value", f"this must be one of: {', '.join(allowed)}", at, hint=hint)


def _said(error: Any) -> str:
    written = error.schema.get("errorMessage") if isinstance(error.schema, dict) else None
    return str(written or _PLAIN.get(str(error.validator), "this value is not allowed")).format(error.validator_value)


def _near(error: Any) -> str:
    """What was meant, where a list or a pattern spells out the words that are allowed."""
    if error.validator == "enum":
        words = [str(value) for value in error.validator_value]
    else:
        words = _WORDS.findall(error.validator_value) if error.validator == "pattern" else []
    return did_you_mean(error.instance, words) if words and isinstance(error.instance, str) else ""


_WORDS = re.compile(r"(?<=[(|])[a-z_]{3,}(?=[)|\\])")
_PLAIN = {
    "minLength": "this must not be empty",
    "maxLength": "this is longer than {} characters",
    "minItems": "this list must not be empty",
    "maxItems": "this list has more than {} items",
    "uniqueItems": "this list has one item twice",
    "minProperties": "this mapping must not be empty",
    "maxProperties": "this mapping has more than {} keys",
    "minimum": "this must be at least {}",
    "maximum": "this must be at most {}",
}


def _example(kind: str, name: str) -> str:
    examples = schema_of(kind)["properties"].get(name, {}).get("examples")
    return f"for example {name}: {examples[0]}" if examples and not isinstance(examples[0], (dict, list)) else ""


def _word_of(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number" if isinstance(value, int) else f"the number {value}"
    if isinstance(value, str):
        return "text"
    return "a list" if isinstance(value, list) else "a mapping"


def _pattern(_: Any, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    """Patterns as JSON Schema means them: Python's `$` also matches before a line break at the end."""
    if isinstance(instance, str) and _compiled(pattern).search(instance) is None:
        yield ValidationError(f"does not match {pattern}")


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern.removesuffix("$") + r"\Z" if pattern.endswith("$") else pattern)


@functools.cache
def _validator(kind: str) -> Any:
    checker = validators.extend(Draft202012Validator, {"pattern": _pattern})  # type: ignore[no-untyped-call]
    return checker(schema_of(kind))
