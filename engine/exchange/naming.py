"""Slugs for names that are none: deterministic, and different for different names."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from engine.catalog.layout import SLUG

_LONGEST = 64
_DIGEST = 8
_IS_SLUG = re.compile(SLUG, re.ASCII)
_RESERVED = frozenset(("route",))


def slugs(names: Iterable[str]) -> dict[str, str]:
    """A slug for every name. Where several names would get the same, all but one that is that slug get a digest."""
    plain = {name: _plain(name) for name in sorted(set(names))}
    counts = Counter(plain.values())
    return {
        name: slug if counts[slug] == 1 or name == slug else _with_digest(slug, name) for name, slug in plain.items()
    }


def _plain(name: str) -> str:
    if _IS_SLUG.fullmatch(name) and name not in _RESERVED:
        return name
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9._-]+", "-", ascii_only).lstrip("-._").rstrip("-")
    if not slug or slug in _RESERVED or len(slug) > _LONGEST:
        return _with_digest(slug, name)
    return slug


def _with_digest(slug: str, name: str) -> str:
    digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:_DIGEST]
    return f"{slug[: _LONGEST - _DIGEST - 1].rstrip('-') or 'model'}-{digest}"
