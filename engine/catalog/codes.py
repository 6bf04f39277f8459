"""Every code that a finding may carry, once: its severity and what it means.

A code is a contract: people write it into `accept` and into their scripts. It is never renamed or used twice.
"""

from collections.abc import Mapping
from types import MappingProxyType

from engine.problem import Severity

ERROR, WARNING = Severity.ERROR, Severity.WARNING

_READING = {
    "file-too-large": (ERROR, "a file is over the size cap"),
    "not-utf8": (ERROR, "a file is not UTF-8 text"),
    "byte-order-mark": (WARNING, "a file starts with a byte order mark"),
    "forbidden-character": (ERROR, "a control, line separator or text direction character"),
    "yaml-syntax": (ERROR, "a file is not YAML"),
    "quote-it": (ERROR, "a value must be quoted to mean what was meant"),
    "too-deep": (ERROR, "values are nested too deep"),
    "too-many-values": (ERROR, "a file has too many values"),
    "value-too-long": (ERROR, "a key or value is too long"),
    "alias": (ERROR, "a YAML anchor or alias"),
    "tag": (ERROR, "an explicit YAML tag"),
    "directive": (ERROR, "a YAML directive"),
    "multiple-documents": (ERROR, "more than one document in a file"),
    "merge-key": (ERROR, "a YAML merge key"),
    "duplicate-key": (ERROR, "a key is written twice in one mapping"),
    "bad-key": (ERROR, "a key is not a string"),
    "bad-number": (ERROR, "a number is not finite, or too large to be kept exactly"),
}
_LAYOUT = {
    "missing-file": (ERROR, "catalog.yaml is not there"),
    "unknown-file": (ERROR, "a file that the layout has no place for"),
    "wrong-extension": (ERROR, "a YAML file is not called .yaml"),
    "bad-name": (ERROR, "a path whose names are not slugs, or a reserved name"),
    "case-collision": (ERROR, "two paths that differ in upper and lower case only"),
}
_SCHEMA = {
    "unknown-key": (ERROR, "a key that this kind of file does not have"),
    "not-supported": (ERROR, "a part of the language that this version does not know yet"),
    "missing-key": (ERROR, "a required key is not there"),
    "wrong-type": (ERROR, "a value of the wrong type"),
    "bad-value": (ERROR, "a value that is not one of those allowed"),
}
_RULES = {
    "bad-base-url": (ERROR, "a base_url that is not a plain http or https URL"),
    "bad-header": (ERROR, "a header that may not be set from the catalog"),
    "literal-secret": (ERROR, "what looks like a secret stands in the catalog"),
    "unknown-provider": (ERROR, "a model's directory names a provider that has no file"),
    "missing-base-model": (ERROR, "a model needs a base_model and has none"),
    "unknown-model": (ERROR, "a reference to a model that is not there"),
    "base-model-cycle": (ERROR, "base models lead back to themselves"),
    "chain-too-long": (ERROR, "a chain of base models or price sheets is too long"),
    "pricing-cycle": (ERROR, "price sheets lead back to themselves"),
    "nothing-to-inherit": (ERROR, "pricing is inherited from something that has no price"),
    "duplicate-window": (ERROR, "two price windows start at the same time"),
    "conflicting-keys": (ERROR, "two keys that may not stand together"),
    "name-collision": (ERROR, "one name means two models"),
    "duplicate-secret": (ERROR, "two keys, or two secrets of a key, have one hash"),
    "lock-missing": (ERROR, "reference.lock is not there and the catalog needs it"),
    "lock-invalid": (ERROR, "reference.lock cannot be used"),
    "lock-stale": (ERROR, "reference.lock does not have what the catalog uses"),
    "unpriced": (WARNING, "a model has no price, so its cost is unknown"),
    "matches-nothing": (WARNING, "a key's pattern matches no model"),
    "unused-accept": (WARNING, "accept names a warning that does not occur"),
}

CODES: Mapping[str, tuple[Severity, str]] = MappingProxyType({**_READING, **_LAYOUT, **_SCHEMA, **_RULES})
