"""Whole answers of Gemini's → canonical answers.

Source: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse
"""

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from engine.errors import UpstreamRefused
from engine.wires.answer import Answer, Choice, Finish, FinishReason
from engine.wires.blocks import Block, Citation, Reasoning, Text
from engine.wires.gemini.chunk import ANSWER, PART, Candidate, Chunk
from engine.wires.gemini.citations import Cited
from engine.wires.gemini.errors import UNREADABLE, bad_answer, error_object, error_of
from engine.wires.gemini.parts import NAME, call_id, other_block, signed, tool_call
from engine.wires.gemini.usage import usage_in

# Their words → ours; a word that is not here is a stop.
REASONS: Final[dict[str, FinishReason]] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    **dict.fromkeys(
        (
            *("SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR"),
            *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "ESCALATION"),
        ),
        "content_filter",
    ),
    **dict.fromkeys(
        (
            *("OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "NO_IMAGE"),
            *("MISSING_THOUGHT_SIGNATURE", "MALFORMED_RESPONSE", "IMAGE_OTHER", "PUP_LIMITED_DISABLED"),
        ),
        "error",
    ),
}


_LEAST_LOGPROB: Final = -9999.0  # what OpenAI has for a token that is as good as impossible


class _Token(msgspec.Struct, rename="camel"):
    token: str | None = None
    log_probability: float | Literal["-Infinity", "Infinity", "NaN"] | None = (
        None  # as proto JSON has what is no number
    )


class _TopTokens(msgspec.Struct):
    candidates: list[_Token] | None = None


class _Logprobs(msgspec.Struct, rename="camel"):
    chosen_candidates: list[_Token] | None = None
    top_candidates: list[_TopTokens] | None = None


_LOGPROBS: Final = msgspec.json.Decoder(_Logprobs)


def decode_answer(data: bytes) -> Answer:
    """A whole answer of status 200. One whose prompt was blocked has one choice, which is empty.

    Raises:
        UpstreamRefused: upstream_bad_body: it is none.
    """
    if (fault := fault_in(data)) is not None:
        raise fault
    try:
        chunk = ANSWER.decode(data)
        response_id = chunk.response_id or ""
        candidates = sorted(chunk.candidates or (), key=lambda each: each.index or 0)
        choices = tuple(_choice(candidate, response_id, at) for at, candidate in enumerate(candidates))
    except UNREADABLE:
        raise bad_answer() from None
    if chunk.blocked is not None:
        choices = (Choice(blocks=(), finish=blocked(chunk.blocked)),)
    usage = usage_in(chunk)
    return Answer(
        id=response_id,
        model=chunk.model_version or "",
        choices=choices,
        created=created(chunk),
        usage=usage,
        service_tier=usage.service_tier if usage is not None else None,
    )


def fault_in(answer: bytes) -> UpstreamRefused | None:
    """What is wrong with a whole answer of status 200: an error object, or no answer at all."""
    if (error := error_object(answer)) is not None:
        return error_of(error)
    try:
        chunk = ANSWER.decode(answer)
    except UNREADABLE:
        return bad_answer()
    return None if chunk.candidates or chunk.blocked is not None else bad_answer()


def finish_of(word: str | None, *, has_calls: bool) -> Finish:
    """Why an answer ended; Gemini has no word of its own for tool calls."""
    reason = REASONS.get(word or "", "stop")
    return Finish(reason="tool_calls" if has_calls and reason == "stop" else reason, raw=word or "")


def blocked(reason: str) -> Finish:
    """The end of an answer that did not begin, since the prompt was blocked."""
    return Finish(reason="content_filter", raw=reason)


def created(chunk: Chunk) -> int:
    """When, in seconds since the Unix epoch; only Vertex says it."""
    try:
        return int(datetime.fromisoformat(chunk.create_time or "").timestamp())
    except ValueError:
        return 0


def token_logprobs(candidate: Candidate) -> list[dict[str, Any]]:
    """The entries of OpenAI's `content` list."""
    if len(candidate.logprobs_result) <= 4:  # null
        return []
    found = _LOGPROBS.decode(candidate.logprobs_result)
    tops = found.top_candidates or []
    return [
        {
            **_token(token),
            "top_logprobs": [_token(top) for top in (tops[at].candidates or ())] if at < len(tops) else [],
        }
        for at, token in enumerate(found.chosen_candidates or ())
    ]


def _token(token: _Token) -> dict[str, Any]:
    text, logprob = token.token or "", token.log_probability or 0.0
    number = _LEAST_LOGPROB if isinstance(logprob, str) else logprob
    return {"token": text, "logprob": number, "bytes": list(text.encode())}


def _choice(candidate: Candidate, response_id: str, at: int) -> Choice:
    blocks: list[Block] = []
    calls = 0
    for raw in (candidate.content.parts if candidate.content is not None else None) or ():
        part = PART.decode(raw)
        signature = part.thought_signature
        if part.function_call is not None:
            id_of_call = call_id(part.function_call, response_id, at, calls)
            calls += 1
            if signature:
                blocks.append(signed(signature, id_of_call))
            blocks.append(tool_call(part.function_call, id_of_call, signature))
            continue
        if part.text is None:
            if (block := other_block(part, raw)) is not None:
                blocks.append(block)
        elif part.text:
            blocks.append(
                Reasoning(text=part.text, is_summary=True, maker=NAME) if part.thought else Text(text=part.text)
            )
        if signature and not _holds_it(blocks):
            blocks.append(signed(signature))
    _cite(blocks, candidate)
    logprobs = token_logprobs(candidate)
    return Choice(
        blocks=tuple(blocks),
        finish=finish_of(candidate.finish_reason, has_calls=calls > 0),
        logprobs=msgspec.Raw(msgspec.json.encode({"content": logprobs, "refusal": None})) if logprobs else None,
    )


def _holds_it(blocks: list[Block]) -> bool:
    """Whether the last block keeps its part whole, with the signature."""
    return bool(blocks) and hasattr(blocks[-1], "raw")


def _cite(blocks: list[Block], candidate: Candidate) -> None:
    cited = Cited()
    cited.add(candidate)
    places = [at for at, block in enumerate(blocks) if isinstance(block, Text)]
    found: dict[int, list[Citation]] = {}
    for number, citation in cited.of([block.text for block in blocks if isinstance(block, Text)]):
        found.setdefault(places[number], []).append(citation)
    for at, citations in found.items():
        blocks[at] = msgspec.structs.replace(blocks[at], citations=tuple(citations))
