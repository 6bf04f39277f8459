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
    "not-supported": (ERROR, "an API that has none of the calls that are served"),
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
    "duplicate-window": (ERROR, "two price windows, tiers or variants hold at the same time"),
    "conflicting-keys": (ERROR, "two keys that may not stand together"),
    "name-collision": (ERROR, "one name means two models"),
    "duplicate-secret": (ERROR, "two keys, or two secrets of a key, have one hash"),
    "lock-missing": (ERROR, "reference.lock is not there and the catalog needs it"),
    "lock-invalid": (ERROR, "reference.lock cannot be used"),
    "lock-stale": (ERROR, "reference.lock does not have what the catalog uses"),
    "owner-mismatch": (ERROR, "a file below a team's directory names another owner"),
    "provider-not-allowed": (ERROR, "a team's model at a provider to which the team has no access"),
    "team-widens-access": (ERROR, "a team lets in a team that has no access to the provider"),
    "team-underpriced": (ERROR, "a team's model costs less than the list price, or nothing"),
    "unknown-team": (ERROR, "a key belongs to a team that is not declared, where teams are"),
    "route-cycle": (ERROR, "routes lead back to themselves"),
    "replacement-cycle": (ERROR, "replacements lead back to themselves"),
    "retired-replacement": (ERROR, "the replacement of a model or route is itself retired"),
    "missing-replacement": (ERROR, "a redirect without a replacement"),
    "unpriced-under-budget": (ERROR, "a model without a price, whose calls a budget in USD counts"),
    "unknown-owner": (WARNING, "an owner that is no declared team, where teams are"),
    "zero-price": (WARNING, "an explicit zero that is not free"),
    "priced-as-base": (WARNING, "a fine-tuned model with the list price of its base model written out"),
    "price-far-from-list": (WARNING, "a rate more than ten times away from the base model's list price"),
    "context-window-above-base": (WARNING, "a longer context than the base model has"),
    "possible-secret": (WARNING, "a long random word where secrets are often put"),
    "literal-variable": (WARNING, "a ${variable}, which is never expanded"),
    "confusable-name": (WARNING, "two names that are easily taken for one another"),
    "mixed-scripts": (WARNING, "a word that mixes alphabets"),
    "unpriced": (WARNING, "a model has no price, so its cost is unknown"),
    "matches-nothing": (WARNING, "a pattern matches nothing"),
    "unused-accept": (WARNING, "accept names a warning that does not occur"),
}

# What depends on today, or on the revision before: found by `dated` and `compared`, never by the compiler.
_DATED = {
    "sunset-passed": (WARNING, "the sunset of a model or route has passed, and it is not retired"),
    "key-expired": (WARNING, "a key, or all of its secrets, has expired"),
    "price-not-begun": (WARNING, "a model whose first price window is still to begin"),
}
_COMPARED = {
    "catalog-shrinks": (ERROR, "a revision removes more than 30 % of the models, or all"),
    "price-jump": (WARNING, "a rate changed by more than ten times since the revision before"),
    "past-window-edited": (ERROR, "a price window was changed after its time had begun, without correction"),
}
FOUND_ELSEWHERE = frozenset((*_DATED, *_COMPARED))

CODES: Mapping[str, tuple[Severity, str]] = MappingProxyType(
    {**_READING, **_LAYOUT, **_SCHEMA, **_RULES, **_DATED, **_COMPARED}
)
