"""What Gemini's text has from elsewhere → citations of its text blocks.

Sources: https://ai.google.dev/api/generate-content#GroundingMetadata, https://ai.google.dev/api/generate-content#citationmetadata
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from engine.wires.blocks import Citation
from engine.wires.gemini.chunk import ABSENT, Candidate
from engine.wires.gemini.parts import NAME


class _Segment(msgspec.Struct, rename="camel"):
    start_index: int | None = None
    end_index: int | None = None
    text: str | None = None


class _Support(msgspec.Struct, rename="camel"):
    segment: _Segment | None = None
    grounding_chunk_indices: list[int] | None = None


class _Place(msgspec.Struct):
    uri: str | None = None
    title: str | None = None
    text: str | None = None


class _Found(msgspec.Struct, rename="camel"):
    web: _Place | None = None
    retrieved_context: _Place | None = None
    maps: _Place | None = None
    image: dict[str, Any] | None = None


class _Grounding(msgspec.Struct, rename="camel"):
    grounding_chunks: list[msgspec.Raw] | None = None
    grounding_supports: list[_Support] | None = None


class _Recited(msgspec.Struct, rename="camel"):
    start_index: int | None = None
    end_index: int | None = None
    uri: str | None = None
    title: str | None = None


class _Recitations(msgspec.Struct, rename="camel"):
    citation_sources: list[_Recited] | None = None  # AI Studio
    citations: list[_Recited] | None = None  # Vertex


_GROUNDING: Final = msgspec.json.Decoder(_Grounding)
_FOUND: Final = msgspec.json.Decoder(_Found)
_RECITATIONS: Final = msgspec.json.Decoder(_Recitations)


class Cited:
    """What one candidate says of its sources. In a stream it comes with the last chunks, for all of the text before."""

    __slots__ = ("_grounding", "_recitations")

    def __init__(self) -> None:
        self._grounding = self._recitations = ABSENT

    def add(self, candidate: Candidate) -> None:
        """Take what this chunk says; the last that names sources holds."""
        if b'"groundingChunks"' in bytes(candidate.grounding_metadata):
            self._grounding = candidate.grounding_metadata
        if len(candidate.citation_metadata) > 4:
            self._recitations = candidate.citation_metadata

    def of(self, texts: Sequence[str]) -> Iterator[tuple[int, Citation]]:
        """The citations of the text blocks, each with the number of its block among them.

        Raises:
            msgspec.ValidationError: it is not as documented.
        """
        if texts and (len(self._grounding) or len(self._recitations)):
            place = _Placing(texts)
            if len(self._grounding):
                yield from _grounded(_GROUNDING.decode(self._grounding), place)
            if len(self._recitations):
                yield from _recited(_RECITATIONS.decode(self._recitations), place)


class _Placing:
    """Finds a segment, which Google counts in bytes of UTF-8, among the characters of the texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = texts
        self._joined = "".join(texts)
        self._bytes = self._joined.encode()

    def place(self, segment: _Segment | None) -> tuple[int, int | None, int | None]:
        """Block, start and end; the last block and no place where it is not to be found."""
        span = self._span(segment) if segment is not None else None
        if span is not None:
            start, end = span
            for at, text in enumerate(self._texts):
                if start < len(text):
                    return at, start, min(end, len(text))
                start, end = start - len(text), end - len(text)
        return len(self._texts) - 1, None, None

    def _span(self, segment: _Segment) -> tuple[int, int] | None:
        start, end, text = segment.start_index or 0, segment.end_index or 0, segment.text
        if 0 <= start < end <= len(self._bytes):
            first = len(self._bytes[:start].decode("utf-8", "ignore"))
            last = first + len(self._bytes[start:end].decode("utf-8", "ignore"))
            if not text or self._joined[first:last] == text:
                return first, last
        # Where texts come apart the count is of one of them; now and then it is a little off.
        at = self._joined.find(text) if text else -1
        return None if at < 0 or not text else (at, at + len(text))


def _grounded(grounding: _Grounding, placing: _Placing) -> Iterator[tuple[int, Citation]]:
    found = [(_FOUND.decode(raw), raw) for raw in grounding.grounding_chunks or ()]
    supports = grounding.grounding_supports or [_Support(grounding_chunk_indices=list(range(len(found))))]
    for support in supports:
        block, start, end = placing.place(support.segment)
        for index in support.grounding_chunk_indices or ():
            if 0 <= index < len(found):
                source, raw = found[index]
                yield block, _citation(source, raw, start, end)


def _citation(found: _Found, raw: msgspec.Raw, start: int | None, end: int | None) -> Citation:
    source = found.web or found.retrieved_context or found.maps or _Place()
    url = source.uri
    if found.image is not None:
        uri, title = found.image.get("sourceUri"), found.image.get("title")
        url = uri if isinstance(uri, str) else None
        source = _Place(title=title if isinstance(title, str) else None)
    return Citation(url=url, title=source.title, quote=source.text, start=start, end=end, wire=NAME, raw=raw)


def _recited(recitations: _Recitations, placing: _Placing) -> Iterator[tuple[int, Citation]]:
    for recited in (*(recitations.citation_sources or ()), *(recitations.citations or ())):
        block, start, end = placing.place(_Segment(recited.start_index, recited.end_index))
        raw = msgspec.Raw(msgspec.json.encode(recited))
        yield block, Citation(url=recited.uri, title=recited.title, start=start, end=end, wire=NAME, raw=raw)
