"""Rules about secrets: Git keeps what was committed for ever, so none may stand in a catalog."""

import math
import re
from collections import Counter
from collections.abc import Iterator

from engine.catalog.document import Document, escape, file_problem
from engine.problem import Problem

# Secrets of well-known makers, by their prefix; ours too.
SECRET = re.compile(
    r"(?<![A-Za-z0-9])(?:sk-[A-Za-z0-9_-]{16,}|cat_[0-9A-Za-z]{40}|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}"
    r"|pplx-[A-Za-z0-9]{20,}|gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}"
    r"|A(?:KIA|SIA)[0-9A-Z]{16}|AIza[0-9A-Za-z_-]{35}|ya29\.[0-9A-Za-z_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}"
    r"|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*|hf_[A-Za-z0-9]{30,}|npm_[A-Za-z0-9]{36}"
    r"|r8_[A-Za-z0-9]{30,}|nvapi-[A-Za-z0-9_-]{30,}|-----BEGIN [A-Z ]*PRIVATE KEY-----)",
    re.ASCII,
)
SECRET_HINT = "remove it and replace it at its maker, since Git keeps it; bind secrets in the operator's file"  # noqa: S105

_LONG_WORD = re.compile(r"[A-Za-z0-9+/_=-]{24,}", re.ASCII)
_VARIABLE = re.compile(r"\$\{[^}]{0,100}\}|\$[A-Z][A-Z0-9_]{2,}", re.ASCII)
_FREE_TEXT = ("/headers", "/description", "/defaults", "/overrides", "/labels", "/base_url", "/contacts", "/checks")
_HEX = frozenset("0123456789abcdef")


def literal_secret(document: Document) -> Iterator[Problem]:
    """literal-secret: a token of a known maker, anywhere in a file, in a key, a value or a comment."""
    match = SECRET.search(document.text)
    if match is None:
        return
    found = False
    for at, text in _texts(document):
        if SECRET.search(text):
            found = True
            yield document.problem("literal-secret", "this holds a secret", at, hint=SECRET_HINT)
    if not found:
        line = document.text.count("\n", 0, match.start()) + 1
        yield file_problem("literal-secret", document.file, "this comment holds a secret", hint=SECRET_HINT, line=line)


def possible_secret(document: Document) -> Iterator[Problem]:
    """possible-secret: a long random word where secrets are often put."""
    if _LONG_WORD.search(document.text) is None:
        return
    for at, text in _texts(document):
        if at.startswith(_FREE_TEXT) and not SECRET.search(text) and any(map(_is_random, _LONG_WORD.findall(text))):
            hint = (
                "if it is one, replace it at its maker and bind it in the operator's file; if not, accept this warning"
            )
            yield document.problem("possible-secret", "this looks like a secret", at, hint=hint)


def literal_variable(document: Document) -> Iterator[Problem]:
    """literal-variable: ${…} stays as it is written, since nothing in a catalog is expanded."""
    if "$" not in document.text:
        return
    for at, text in _texts(document):
        if (match := _VARIABLE.search(text)) and not at.startswith(("/description", "/checks")):
            hint = "write the value; secrets are bound in the operator's file"
            message = f"{match[0]} stays as it is: nothing in a catalog is expanded"
            yield document.problem("literal-variable", message, at, hint=hint)


def _texts(document: Document) -> Iterator[tuple[str, str]]:
    """Every text of a document, keys too, with the pointer of the value that it is or belongs to."""
    waiting = [("", document.value)]
    while waiting:
        at, value = waiting.pop()
        if isinstance(value, str):
            yield at, value
        elif isinstance(value, dict):
            for key, inner in value.items():
                yield f"{at}/{escape(key)}", key
                waiting.append((f"{at}/{escape(key)}", inner))
        elif isinstance(value, list):
            waiting += [(f"{at}/{index}", inner) for index, inner in enumerate(value)]


def _is_random(word: str) -> bool:
    """Whether its characters are as mixed as those of a generated secret; not of a name, a path or a UUID."""
    length = len(word)
    counts = Counter(word).values()
    entropy = -sum(count / length * math.log2(count / length) for count in counts)
    if set(word.lower()) <= _HEX:
        return length >= 32 and entropy > 3.0 and not word.isdecimal()
    has = (any(c.islower() for c in word), any(c.isupper() for c in word), any(c.isdigit() for c in word))
    return all(has) and word.count("/") + word.count("-") + word.count("_") <= 3 and entropy > 3.8
