"""Gemini's usage as meters. What it counts apart, we count within: thoughts are output, a tool's results are input.

Sources: https://ai.google.dev/api/generate-content#UsageMetadata (proto JSON: a count that is left out is 0),
https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentResponse#UsageMetadata
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from engine.wires.gemini.chunk import ANSWER, Candidate, Chunk
from engine.wires.gemini.errors import UNREADABLE
from engine.wires.gemini.generations import bills_each_query
from engine.wires.usage import MAX_COUNT, Usage

# A count → the meters that it is added to.
COUNTS: Final[Mapping[str, tuple[str, ...]]] = {
    "promptTokenCount": ("input_tokens",),  # with cached ones
    "toolUsePromptTokenCount": ("input_tokens", "input_tool_tokens"),
    "candidatesTokenCount": ("output_tokens",),
    "thoughtsTokenCount": ("output_tokens", "output_reasoning_tokens"),
    "cachedContentTokenCount": ("cache_read_tokens",),
}

# A list of counts by modality → the meters that each is added to; * is the modality.
DETAILS: Final[Mapping[str, tuple[str, ...]]] = {
    "promptTokensDetails": ("input_*_tokens",),
    "toolUsePromptTokensDetails": ("input_*_tokens", "input_*_tool_tokens"),
    "candidatesTokensDetails": ("output_*_tokens",),
    "cacheTokensDetails": ("cache_*_read_tokens",),
}

# Documents are priced as pictures: https://ai.google.dev/gemini-api/docs/document-processing
_MODALITIES: Final = {"TEXT": "text", "IMAGE": "image", "DOCUMENT": "image", "AUDIO": "audio", "VIDEO": "video"}
_BY_MODALITY: Final = {
    (field, modality): tuple(meter.replace("*", word) for meter in meters)
    for field, meters in DETAILS.items()
    for modality, word in _MODALITIES.items()
}

# Vertex says how a call was paid for; AI Studio says `serviceTier`.
_TIER_OF_TRAFFIC: Final = {
    "ON_DEMAND": "standard",
    "ON_DEMAND_PRIORITY": "priority",
    "ON_DEMAND_FLEX": "flex",
    "ON_DEMAND_OFFPEAK": "offpeak",
    "PROVISIONED_THROUGHPUT": "provisioned_throughput",
}
_MAX_WORD: Final = 64

_ANY: Final = msgspec.json.Decoder()


class _Searched(msgspec.Struct, rename="camel"):
    web_search_queries: list[str] | None = None
    image_search_queries: list[str] | None = None


_SEARCHED: Final = msgspec.json.Decoder(_Searched)


def usage_of(value: Any, model: str | None, raw: bytes, queries: Iterable[str] = ()) -> Usage:
    """The meters of a usage object, or of a stream's, put together, with the searches that were made."""
    if not isinstance(value, dict):
        return Usage({}, raw, None, _word(model), ("usage is not an object of counts",))
    meters: dict[str, int] = {"input_tokens": 0, "output_tokens": 0}
    suspect = [] if value.get("promptTokenCount") is not None else ["input_tokens is missing"]
    for field, found in value.items():
        if found is None:
            continue
        if (meters_of := COUNTS.get(field)) is not None:
            _add(meters, meters_of, found, field, suspect)
        elif field in DETAILS:
            _add_details(meters, found, field, suspect)
    if searches := _searches(queries, model):
        meters["web_searches"] = searches
    return Usage({} if suspect else meters, raw, _tier(value), _word(model), tuple(dict.fromkeys(suspect)))


def read_usage(answer: bytes) -> Usage | None:
    """The usage of a whole answer, or None where it reports none."""
    try:
        chunk = ANSWER.decode(answer)
    except UNREADABLE:
        return None
    return usage_in(chunk)


def usage_in(chunk: Chunk) -> Usage | None:
    """The usage of a whole answer."""
    raw = bytes(chunk.usage_metadata)
    if raw in (b"", b"null"):
        return None
    try:
        value = _ANY.decode(raw)
    except UNREADABLE:
        value = None
    if _counts_nothing(value):
        return None
    queries = [query for candidate in chunk.candidates or () for query in queries_of(candidate)]
    return usage_of(value, chunk.model_version, raw, queries)


def queries_of(candidate: Candidate) -> list[str]:
    """What was searched for. Empty queries are not billed."""
    if not len(candidate.grounding_metadata):
        return []
    try:
        found = _SEARCHED.decode(candidate.grounding_metadata)
    except UNREADABLE:
        return []
    return [query for query in (*(found.web_search_queries or ()), *(found.image_search_queries or ())) if query]


class UsageSoFar:
    """The usage of one stream. The last report holds: the first is an estimate, and those between count one step."""

    __slots__ = ("_model", "_queries", "_raw", "_value")

    def __init__(self) -> None:
        self._value: Any = {}
        self._raw = b""
        self._model: str | None = None
        self._queries: dict[str, None] = {}

    def add(self, chunk: Chunk) -> Usage | None:
        """The usage with one more chunk; None where that says nothing new, or nothing was counted yet."""
        before = len(self._queries)
        for candidate in chunk.candidates or ():
            self._queries.update(dict.fromkeys(queries_of(candidate)))
        self._model = chunk.model_version or self._model
        is_new = len(self._queries) > before
        if len(chunk.usage_metadata) > 4:  # null
            raw = bytes(chunk.usage_metadata)
            value = _ANY.decode(raw)
            if isinstance(value, dict) and value.get("promptTokenCount") is None:
                # A report holds on its own; but Vertex sends the type of traffic alone until the end, which is none.
                value = {**(self._value if isinstance(self._value, dict) else {}), **value}
                raw = msgspec.json.encode(value)
            self._value, self._raw = value, raw
            is_new = True
        if not is_new or _counts_nothing(self._value):
            return None
        return usage_of(self._value, self._model, self._raw, self._queries)


def _counts_nothing(value: Any) -> bool:
    """Whether a usage object is without any count, as that of a prompt which Vertex blocked: it has the traffic alone."""
    return isinstance(value, dict) and all(value.get(name) is None for name in COUNTS)


def _add_details(meters: dict[str, int], found: Any, field: str, suspect: list[str]) -> None:
    for detail in found if isinstance(found, list) else (None,):
        if not isinstance(detail, dict):
            suspect.append(f"{field} is no count")
            continue
        count = detail.get("tokenCount")
        modality = str(detail.get("modality") or "TEXT")
        _add(meters, _BY_MODALITY.get((field, modality), ()), 0 if count is None else count, field, suspect)


def _add(meters: dict[str, int], names: tuple[str, ...], count: Any, field: str, suspect: list[str]) -> None:
    if type(count) is not int or not 0 <= count <= MAX_COUNT:
        suspect.append(f"{field} is no count")
        return
    for name in names:
        meters[name] = meters.get(name, 0) + count


def _searches(queries: Iterable[str], model: str | None) -> int:
    unique = len(set(queries))
    return unique if bills_each_query(model or "") else min(unique, 1)


def _tier(usage: Mapping[str, Any]) -> str | None:
    tier, traffic = usage.get("serviceTier"), usage.get("trafficType")
    if not isinstance(tier, str) and isinstance(traffic, str):
        tier = _TIER_OF_TRAFFIC.get(traffic, traffic)
    if not isinstance(tier, str) or tier.lower().endswith("unspecified"):
        return None
    return _word(tier.lower())


def _word(value: str | None) -> str | None:
    return value[:_MAX_WORD] if value else None
