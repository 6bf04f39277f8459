"""Gemini's answers, read in the plainest way: an answer is a stream of one."""

import json
from typing import Any

from wires.seen import Seen, events_of, seen

RECORDED = (("gemini", "vertex-gemini"), (":generateContent", ":streamGenerateContent"))

_FILTERED = {"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"}
_BROKEN = {"MAX_TOKENS", "UNEXPECTED_TOOL_CALL", "MALFORMED_FUNCTION_CALL", "OTHER"}


def read_gemini_answer(data: bytes) -> Seen:
    return _read([json.loads(data)])


def read_gemini_stream(data: bytes) -> Seen:
    return _read(list(events_of(data)))


def _read(chunks: list[dict[str, Any]]) -> Seen:
    counts = chunks[-1].get("usageMetadata", {})
    usage = None
    if "promptTokenCount" in counts:
        usage = (
            counts["promptTokenCount"] + counts.get("toolUsePromptTokenCount", 0),
            counts.get("candidatesTokenCount", 0) + counts.get("thoughtsTokenCount", 0),
        )
    if "blockReason" in chunks[0].get("promptFeedback", {}):
        return seen("", "", [], "filter", usage)
    candidates = [candidate for chunk in chunks for candidate in chunk["candidates"]]
    parts = [part for candidate in candidates for part in candidate.get("content", {}).get("parts", [])]
    text = "".join(part.get("text", "") for part in parts if not part.get("thought"))
    reasoning = "".join(part.get("text", "") for part in parts if part.get("thought"))
    calls = [(part["functionCall"]["name"], part["functionCall"].get("args", {})) for part in parts if _calls(part)]
    word = candidates[-1]["finishReason"]
    finish = "filter" if word in _FILTERED else "length" if word in _BROKEN else "stop"
    return seen(text, reasoning, calls, finish, usage)


def _calls(part: dict[str, Any]) -> bool:
    return "functionCall" in part
