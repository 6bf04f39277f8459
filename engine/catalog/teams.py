"""Teams: their documents as structs."""

from engine.catalog import parts
from engine.catalog.document import Document
from engine.model import Team


def build_team(name: str, document: Document, blob: str) -> Team:
    """A team from a document that passed its schema."""
    value = document.value
    return Team(
        name=name,
        file=document.file,
        blob=blob,
        description=value.get("description", ""),
        contacts=tuple(value.get("contacts", ())),
        models=tuple(value.get("models", ("*",))),
        deny_models=tuple(value.get("deny_models", ())),
        labels=value.get("labels", {}),
        rate_limit=parts.rate_limit(value),
    )
