"""Rules about names that people take for one another."""

import functools
import unicodedata
from collections.abc import Callable, Iterable, Iterator

from engine.catalog.document import Document, pointer
from engine.catalog.whole import Whole
from engine.problem import Problem

_SKELETON = str.maketrans({"0": "o", "1": "l", "_": "-", ".": "-"})


def mixed_scripts(document: Document) -> Iterator[Problem]:
    """mixed-scripts: a word of a description that mixes Latin with letters that only look like Latin ones."""
    if document.text.isascii():
        return
    for key in ("description", "contacts"):
        written = document.value.get(key, ())
        for index, text in enumerate([written] if isinstance(written, str) else written):
            for word in text.split():
                scripts = {_script(character) for character in word if character.isalpha()}
                if "LATIN" in scripts and scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "FULLWIDTH"}:
                    message = f'the word "{word[:40]}" mixes alphabets: {" and ".join(sorted(scripts))}'
                    at = pointer(key) if isinstance(written, str) else pointer(key, index)
                    hint = "write it anew; a letter of another alphabet looks like the one that was meant"
                    yield document.problem("mixed-scripts", message, at, hint=hint)
                    return


def confusable_name(whole: Whole) -> Iterator[Problem]:
    """confusable-name: two names that differ only in 0 and o, 1 and l, or in -, _ and . between words."""
    drafts = whole.drafts
    files = {name: draft.document for name, draft in drafts.models.items()}
    files |= {name: draft.document for name, draft in drafts.routes.items()}
    called: dict[str, str] = {name: name for name in sorted(whole.names.full)} | dict(whole.names.aliases)
    yield from _alike(called.items(), lambda name: _place_of(files, called, name))
    for kind in ("provider", "key", "budget", "team"):
        documents = {place.name: whole.documents[place.file] for place in whole.places if place.kind == kind}
        yield from _alike(zip(documents, documents, strict=True), functools.partial(_whole_file, documents))


def _whole_file(documents: dict[str, Document], name: str) -> tuple[Document, str] | None:
    return documents[name], ""


def _alike(names: Iterable[tuple[str, str]], place: Callable[[str], tuple[Document, str] | None]) -> Iterator[Problem]:
    """Of names and what they mean, those that look like one before them and mean another thing."""
    seen: dict[str, tuple[str, str]] = {}
    for name, meaning in names:
        other, means = seen.setdefault(name.lower().translate(_SKELETON), (name, meaning))
        if means == meaning:
            continue
        found = place(name) or place(other)
        if found is not None:
            document, at = found
            one, two = (name, other) if place(name) else (other, name)
            message = f'"{one}" and "{two}" are easily taken for one another'
            yield document.problem("confusable-name", message, at, hint="rename one of the two")


def _place_of(files: dict[str, Document], called: dict[str, str], name: str) -> tuple[Document, str] | None:
    """Where a name is given: its file, or the alias in it; None for reference models that are only offered."""
    document = files.get(called[name])
    if document is None or called[name] == name:
        return None if document is None else (document, "")
    return document, pointer("aliases", document.value["aliases"].index(name))


def _script(character: str) -> str:
    return unicodedata.name(character, "").partition(" ")[0]
