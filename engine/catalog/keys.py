"""Keys: their documents as structs, and what their patterns match."""

from engine.catalog.document import Document, pointer
from engine.catalog.patterns import matching_nothing
from engine.catalog.suggest import Suggestions
from engine.catalog.values import time_at
from engine.model import Key, KeySecret
from engine.problem import Problem


def build_key(name: str, document: Document, blob: str, problems: list[Problem]) -> Key | None:
    """A key from a document that passed its schema; None where a problem was reported."""
    value, before = document.value, len(problems)
    if "secrets" in value and "key_sha256" in value:
        message = '"key_sha256" is the short form of "secrets": only one of them may be there'
        problems.append(document.problem("conflicting-keys", message, "/key_sha256", at="key"))
    elif "secrets" not in value and "key_sha256" not in value:
        hint = "`catalog keys new` makes a secret and writes its hash"
        problems.append(document.problem("missing-key", '"secrets" is missing', hint=hint))
    secrets = tuple(
        KeySecret(secret["sha256"], time_at(document, f"/secrets/{index}/expires", secret.get("expires"), problems))
        for index, secret in enumerate(value.get("secrets", ()))
    )
    expires = time_at(document, "/expires", value.get("expires"), problems)
    if len(problems) > before:
        return None
    return Key(
        name=name,
        owner=value["owner"],
        models=tuple(value["models"]),
        secrets=secrets or (KeySecret(value["key_sha256"]),),
        file=document.file,
        blob=blob,
        description=value.get("description", ""),
        deny_models=tuple(value.get("deny_models", ())),
        expires=expires,
        disabled=value.get("disabled", False),
        labels=value.get("labels", {}),
    )


def duplicate_secrets(keys: dict[str, tuple[Key, Document]]) -> list[Problem]:
    """duplicate-secret: a hash must lead to one key."""
    problems: list[Problem] = []
    first: dict[str, str] = {}
    for key, document in keys.values():
        for index, secret in enumerate(key.secrets):
            at = pointer("secrets", index, "sha256") if "secrets" in document.value else "/key_sha256"
            place = f"{document.file}:{document.position(at)[0]}"
            if secret.sha256 in first:
                message = f"this hash stands at {first[secret.sha256]} as well"
                problems.append(document.problem("duplicate-secret", message, at, hint="make a secret for each key"))
            first.setdefault(secret.sha256, place)
    return problems


def patterns_matching_nothing(keys: dict[str, tuple[Key, Document]], names: frozenset[str]) -> list[Problem]:
    """matches-nothing: what a key may call, or may not, names no model and no alias."""
    problems: list[Problem] = []
    lines = "\n".join(sorted(names))
    suggestions = Suggestions(names)
    for key, document in keys.values():
        for field, patterns in (("models", key.models), ("deny_models", key.deny_models)):
            for pattern in matching_nothing(patterns, names, lines):
                at = pointer(field, patterns.index(pattern))
                hint = suggestions.did_you_mean(pattern)
                problems.append(
                    document.problem("matches-nothing", f'"{pattern}" matches no model and no alias', at, hint=hint)
                )
    return problems
