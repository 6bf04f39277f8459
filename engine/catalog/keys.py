"""Keys: their documents as structs, and hashes that lead to two of them."""

from collections.abc import Mapping

from engine.catalog import parts
from engine.catalog.document import Document, pointer
from engine.catalog.values import time_at
from engine.model import Key, KeySecret
from engine.problem import Problem


def build_key(name: str, document: Document, blob: str, team: str, problems: list[Problem]) -> Key | None:
    """A key from a document that passed its schema; None where a problem was reported."""
    value, before = document.value, len(problems)
    problems += parts.check_owner(document, team)
    if not team and "owner" not in value:
        hint = "for example owner: team-support"
        problems.append(document.problem("missing-key", '"owner" is missing', hint=hint))
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
        owner=team or value["owner"],
        models=tuple(value["models"]),
        secrets=secrets or (KeySecret(value["key_sha256"]),),
        file=document.file,
        blob=blob,
        description=value.get("description", ""),
        deny_models=tuple(value.get("deny_models", ())),
        expires=expires,
        disabled=value.get("disabled", False),
        labels=value.get("labels", {}),
        rate_limit=parts.rate_limit(value),
        team=team,
    )


def duplicate_secrets(keys: Mapping[str, Key], documents: Mapping[str, Document]) -> list[Problem]:
    """duplicate-secret: a hash must lead to one key."""
    problems: list[Problem] = []
    first: dict[str, tuple[str, str]] = {}
    for key in keys.values():
        document = documents[key.file]
        for index, secret in enumerate(key.secrets):
            at = pointer("secrets", index, "sha256") if "secrets" in document.value else "/key_sha256"
            if secret.sha256 in first:
                file, where = first[secret.sha256]
                message = f"this hash stands at {file}:{documents[file].position(where)[0]} as well"
                problems.append(document.problem("duplicate-secret", message, at, hint="make a secret for each key"))
            first.setdefault(secret.sha256, (key.file, at))
    return problems
