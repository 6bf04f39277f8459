"""Whole messages ↔ canonical answers.

Source: https://platform.claude.com/docs/en/api/messages
"""

from typing import Any, Final

import msgspec

from engine.errors import InvalidRequest
from engine.wires.answer import Answer, Choice, Finish, FinishReason
from engine.wires.anthropic_messages.decode_blocks import NAME, content
from engine.wires.anthropic_messages.encode_blocks import call_json
from engine.wires.anthropic_messages.usage import UNREADABLE, bad_answer, read_usage, usage_json
from engine.wires.blocks import (
    Block,
    Citation,
    Opaque,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    ToolCall,
)
from engine.wires.codec import Asked, EncodedAnswer
from engine.wires.losses import block_name
from engine.wires.makers import marked
from engine.wires.reading import Reader
from engine.wires.usage import Usage

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

REASONS: Final[dict[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
    "pause_turn": "pause",
    "compaction": "pause",
}

# Ours → Anthropic's; what did not end by itself is `max_tokens`.
_WORDS: Final[dict[FinishReason, str]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "pause": "pause_turn",
    "error": "max_tokens",
}
_TIERS: Final = {"default": "standard", "standard": "standard", "priority": "priority", "batch": "batch"}


def decode_answer(data: bytes) -> Answer:
    """A whole answer of status 200.

    Raises:
        UpstreamRefused: upstream_bad_body: it is no message.
    """
    try:
        body = Reader(_MEMBERS.decode(data))
        if not body.has("content"):
            raise bad_answer()
        blocks = tuple(msgspec.structs.replace(block, path="", extra={}) for block in content(body))
        finish = finish_of(body.text("stop_reason"), body.text("stop_sequence"))
        answer_id, model = body.text("id") or "", body.text("model") or ""
    except (*UNREADABLE, InvalidRequest):
        raise bad_answer() from None
    usage = read_usage(data)
    return Answer(
        id=answer_id,
        model=model,
        choices=(Choice(blocks=blocks, finish=finish),),
        usage=usage,
        service_tier=usage.service_tier if usage is not None else None,
    )


def encode_answer(answer: Answer, asked: Asked) -> EncodedAnswer:
    """A whole answer for a client; of several, the first."""
    losses: list[str] = [f"answer.choices[{at}]" for at in range(1, len(answer.choices))]
    choice = answer.choices[0] if answer.choices else Choice(blocks=(), finish=Finish(reason="error"))
    if choice.logprobs is not None:
        losses.append("answer.logprobs")
    written = []
    for at, block in enumerate(choice.blocks):
        json = block_json(block)
        if json is None:
            losses.append(f"answer.content[{at}].{block_name(block)}")
        else:
            written.append(json)
    has_calls = any(isinstance(block, ToolCall) for block in choice.blocks)
    body = {
        **head(answer.id or asked.id, answer.model or asked.conversation.model),
        "content": written,
        **ending(choice.finish, has_calls=has_calls),
        "usage": full_usage(answer.usage, answer.service_tier),
    }
    return EncodedAnswer(msgspec.json.encode(body), tuple(losses))


def head(answer_id: str, model: str) -> dict[str, Any]:
    """What every message begins with."""
    return {"id": answer_id, "type": "message", "role": "assistant", "model": model}


def finish_of(word: str | None, stop_sequence: str | None) -> Finish:
    """Why a message ended; a word that is not known is a stop."""
    return Finish(reason=REASONS.get(word or "", "stop"), raw=word or "", stop_sequence=stop_sequence)


def ending(finish: Finish, *, has_calls: bool) -> dict[str, Any]:
    """`stop_reason` and `stop_sequence`. Others say `stop` of an answer with tool calls; who reads this may not."""
    word = _WORDS[finish.reason]
    if finish.reason == "stop" and has_calls:
        word = "tool_use"
    elif finish.reason == "stop" and finish.stop_sequence is not None:
        word = "stop_sequence"
    return {"stop_reason": word, "stop_sequence": finish.stop_sequence if word == "stop_sequence" else None}


def full_usage(usage: Usage | None, service_tier: str | None) -> dict[str, Any]:
    """Usage with the service tier, where Anthropic has a word for it."""
    tier = _TIERS.get(service_tier or "")
    return usage_json(usage) if tier is None else {**usage_json(usage), "service_tier": tier}


def block_json(block: Block) -> Any:
    """A block of an answer; None where there is no place for it."""
    if isinstance(block, Text):
        written = {"type": "text", "text": block.text}
        cited = [citation_json(citation, block.text) for citation in block.citations]
        return {**written, "citations": cited} if cited else written
    if isinstance(block, Refusal):
        return {"type": "text", "text": block.text}
    if isinstance(block, ToolCall):
        return call_json(block)
    if isinstance(block, Reasoning):
        return reasoning_json(block)
    if isinstance(block, Opaque | ServerToolCall | ServerToolResult) and block.wire == NAME:
        return block.raw
    return None


def reasoning_json(block: Reasoning) -> dict[str, Any]:
    """What the model thought; another maker's signature is marked, so that it can come back."""
    if block.encrypted is not None:
        return {"type": "redacted_thinking", "data": marked(block.encrypted, block.maker, NAME)}
    signature = marked(block.signature, block.maker, NAME) if block.signature is not None else ""
    return {"type": "thinking", "thinking": block.text, "signature": signature}


def citation_json(citation: Citation, text: str) -> Any:
    """A citation; one of another API becomes a search result's."""
    if citation.wire == NAME:
        return citation.raw
    return {
        "type": "web_search_result_location",
        "url": citation.url or "",
        "title": citation.title,
        "cited_text": citation.quote or text[citation.start : citation.end],
        "encrypted_index": "",
    }
