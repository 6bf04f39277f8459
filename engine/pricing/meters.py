"""The counted things that have a price, and how they contain each other.

The vocabulary is that of genai-prices (https://github.com/pydantic/genai-prices, its units registry); a test holds the
two equal. A meter has a *usage key* under which it is counted (`cache_read_tokens`), a *price key* under which it is
priced (`cache_read_mtok`) and the number of counted things that one price pays for. Its dimensions say what it is: a
meter contains all meters that have its dimensions and more, and counts are inclusive, so `input_tokens` holds the
`cache_read_tokens`, which hold the `cache_audio_read_tokens`.
"""

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Meter(msgspec.Struct, frozen=True):
    """One counted thing. `per` is how many of it the price key's rate, in USD, pays for."""

    usage_key: str
    price_key: str
    per: int
    dimensions: frozenset[tuple[str, str]]


# The dimension that each word of the table below belongs to.
_DIMENSION_OF = {
    **dict.fromkeys(("input", "output"), "direction"),
    **dict.fromkeys(("text", "audio", "image", "video"), "modality"),
    **dict.fromkeys(("cache_read", "cache_write", "tool", "reasoning", "citation"), "token_type"),
    **dict.fromkeys(("5m", "1h"), "cache_ttl"),
    **dict.fromkeys(("web_search", "social_search", "storage_search", "code_execution"), "tool_type"),
    "annotated": "page_type",
}

# Usage key and dimensions of what is counted in tokens; the rate pays for a million.
_TOKENS = {
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_tokens": "input cache_read",
    "cache_write_tokens": "input cache_write",
    "cache_write_5m_tokens": "input cache_write 5m",
    "cache_write_1h_tokens": "input cache_write 1h",
    "input_text_tokens": "input text",
    "output_text_tokens": "output text",
    "cache_text_read_tokens": "input text cache_read",
    "cache_text_write_tokens": "input text cache_write",
    "cache_text_write_5m_tokens": "input text cache_write 5m",
    "cache_text_write_1h_tokens": "input text cache_write 1h",
    "input_audio_tokens": "input audio",
    "output_audio_tokens": "output audio",
    "cache_audio_read_tokens": "input audio cache_read",
    "cache_audio_write_tokens": "input audio cache_write",
    "cache_audio_write_5m_tokens": "input audio cache_write 5m",
    "cache_audio_write_1h_tokens": "input audio cache_write 1h",
    "input_image_tokens": "input image",
    "output_image_tokens": "output image",
    "cache_image_read_tokens": "input image cache_read",
    "cache_image_write_tokens": "input image cache_write",
    "cache_image_write_5m_tokens": "input image cache_write 5m",
    "cache_image_write_1h_tokens": "input image cache_write 1h",
    "input_video_tokens": "input video",
    "output_video_tokens": "output video",
    "cache_video_read_tokens": "input video cache_read",
    "cache_video_write_tokens": "input video cache_write",
    "cache_video_write_5m_tokens": "input video cache_write 5m",
    "cache_video_write_1h_tokens": "input video cache_write 1h",
    "input_tool_tokens": "input tool",
    "input_text_tool_tokens": "input text tool",
    "input_audio_tool_tokens": "input audio tool",
    "input_image_tool_tokens": "input image tool",
    "input_video_tool_tokens": "input video tool",
    "output_reasoning_tokens": "output reasoning",
    "output_text_reasoning_tokens": "output text reasoning",
    "output_audio_reasoning_tokens": "output audio reasoning",
    "output_image_reasoning_tokens": "output image reasoning",
    "output_video_reasoning_tokens": "output video reasoning",
    "output_citation_tokens": "output citation",
    "output_text_citation_tokens": "output text citation",
    "output_audio_citation_tokens": "output audio citation",
    "output_image_citation_tokens": "output image citation",
    "output_video_citation_tokens": "output video citation",
}

# Usage key, price key, how many the rate pays for, family and dimensions of everything else.
_OTHERS = (
    ("input_characters", "input_mchars", 1_000_000, "characters", "input"),
    ("input_text_messages", "input_text_messages_kcount", 1_000, "messages", "input text"),
    ("audio_seconds", "audio_hours", 3_600, "durations", "audio"),
    ("input_audio_seconds", "input_audio_hours", 3_600, "durations", "input audio"),
    ("output_audio_seconds", "output_audio_hours", 3_600, "durations", "output audio"),
    ("input_pixels", "input_gpixels", 1_000_000_000, "pixels", "input"),
    ("input_document_pages", "input_document_kpages", 1_000, "document_pages", "input"),
    ("input_annotated_document_pages", "input_annotated_document_kpages", 1_000, "document_pages", "input annotated"),
    ("rerank_searches", "rerank_searches_kcount", 1_000, "rerank", ""),
    ("web_searches", "web_searches_kcount", 1_000, "tool_calls", "web_search"),
    ("social_searches", "social_searches_kcount", 1_000, "tool_calls", "social_search"),
    ("storage_searches", "storage_searches_kcount", 1_000, "tool_calls", "storage_search"),
    ("code_executions", "code_executions_kcount", 1_000, "tool_calls", "code_execution"),
    ("requests", "requests_kcount", 1_000, "requests", ""),
)


def _dimensions(family: str, words: str) -> frozenset[tuple[str, str]]:
    return frozenset([("family", family), *((_DIMENSION_OF[word], word) for word in words.split())])


METERS: tuple[Meter, ...] = (
    *(
        Meter(usage_key, usage_key.removesuffix("_tokens") + "_mtok", 1_000_000, _dimensions("tokens", words))
        for usage_key, words in _TOKENS.items()
    ),
    *(
        Meter(usage_key, price_key, per, _dimensions(family, words))
        for usage_key, price_key, per, family, words in _OTHERS
    ),
)
BY_USAGE_KEY: Mapping[str, Meter] = MappingProxyType({meter.usage_key: meter for meter in METERS})
BY_PRICE_KEY: Mapping[str, Meter] = MappingProxyType({meter.price_key: meter for meter in METERS})
_BY_DIMENSIONS = {meter.dimensions: meter for meter in METERS}


def contains(outer: Meter, inner: Meter) -> bool:
    """Whether everything that `inner` counts is also counted by `outer`, and they are not the same."""
    return outer.dimensions < inner.dimensions


def overlap(one: Meter, other: Meter) -> Meter | None:
    """The meter of what both count, where neither contains the other: cached tokens and audio tokens → cached audio.

    None where nothing can be counted by both, or where one contains the other.
    """
    both = one.dimensions | other.dimensions
    if both in (one.dimensions, other.dimensions) or len(dict(both)) != len(both):
        return None
    return _BY_DIMENSIONS.get(both)


def price_context(service_tier: str | None) -> dict[str, str]:
    """What a variant's `when` is compared with, from the service tier that a response reports ("" or None: none).

    Genai-prices speaks of `service_tier: flex` but of `processing: batch`, since batch is a way of submitting requests;
    providers report both in one field, so both keys hold what it says, in lower case.
    """
    if not service_tier:
        return {}
    tier = service_tier.lower()
    return {"processing": tier, "service_tier": tier}
