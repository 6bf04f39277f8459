"""Whole completions ↔ canonical answers.

Source: https://platform.openai.com/docs/api-reference/completions/object
"""

from itertools import zip_longest
from typing import Any, Final

import msgspec

from engine.errors import InvalidRequest
from engine.wires.answer import Answer, Choice
from engine.wires.blocks import Refusal, Text
from engine.wires.codec import Asked, EncodedAnswer
from engine.wires.losses import block_name
from engine.wires.openai_chat.answers import WORDS, finish_of
from engine.wires.openai_chat.usage import UNREADABLE, bad_answer, read_envelope, usage_in, usage_json
from engine.wires.openai_family import logprob_entries
from engine.wires.reading import Reader

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Logprobs(msgspec.Struct):
    """Log probabilities as completions have them: one list for each thing that is said of a token."""

    tokens: list[str] | None = None
    token_logprobs: list[float | None] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None
    content: msgspec.Raw = msgspec.Raw(b"")  # as chat completions have them, which some servers send here too


_LOGPROBS: Final = msgspec.json.Decoder(Logprobs | None)
_CONTENT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def decode_answer(data: bytes) -> Answer:
    """A whole answer of status 200.

    Raises:
        UpstreamRefused: upstream_bad_body: it is no completion.
    """
    envelope = read_envelope(data)
    try:
        body = Reader(_MEMBERS.decode(data))
        choices = tuple(_choice(choice) for choice, _ in body.objects("choices"))
        created = body.number("created")
        answer_id, model = body.text("id") or "", body.text("model") or ""
    except (*UNREADABLE, InvalidRequest):
        raise bad_answer() from None
    usage = usage_in(envelope) if envelope is not None else None
    return Answer(id=answer_id, model=model, created=int(created or 0), choices=choices, usage=usage)


def encode_answer(answer: Answer, asked: Asked) -> EncodedAnswer:
    """A whole answer for a client."""
    losses: list[str] = []
    body: dict[str, Any] = {
        "id": answer.id or asked.id,
        "object": "text_completion",
        "created": answer.created or asked.created,
        "model": answer.model or asked.conversation.model,
        "choices": [_choice_json(choice, at, losses) for at, choice in enumerate(answer.choices)],
    }
    if answer.usage is not None and answer.usage.meters:
        body["usage"] = usage_json(answer.usage)
    return EncodedAnswer(msgspec.json.encode(body), tuple(losses))


def entries_of(raw: msgspec.Raw | None) -> list[dict[str, Any]]:
    """The entries that chat completions have, from a completion's lists."""
    found = _LOGPROBS.decode(raw) if raw is not None and len(raw) else None
    if found is None:
        return []
    if len(found.content) > len(b"null"):
        return logprob_entries(found.content)
    lists = zip_longest(found.tokens or (), found.token_logprobs or (), found.top_logprobs or ())
    return [
        _entry(token, logprob) | {"top_logprobs": [_entry(other, one) for other, one in (top or {}).items()]}
        for token, logprob, top in lists
        if token is not None
    ]


def logprobs_json(raw: msgspec.Raw, offset: int) -> dict[str, Any]:
    """A completion's lists, from the entries of chat completions, for a text that begins at `offset` of the answer."""
    tokens: list[str] = []
    found: dict[str, list[Any]] = {"text_offset": [], "token_logprobs": [], "tokens": tokens, "top_logprobs": []}
    for entry in logprob_entries(raw):
        found["text_offset"].append(offset)
        found["token_logprobs"].append(entry["logprob"])
        found["top_logprobs"].append({top["token"]: top["logprob"] for top in entry["top_logprobs"]})
        tokens.append(entry["token"])
        offset += len(entry["token"])
    return found


def _entry(token: str, logprob: float | None) -> dict[str, Any]:
    return {"token": token, "logprob": logprob or 0.0, "bytes": list(token.encode("utf-8", "replace"))}


def _choice(choice: Reader) -> Choice:
    text = choice.text("text") or ""
    stop = choice.text("stop_reason") if choice.starts_with("stop_reason", '"') else None
    entries = entries_of(choice.raw("logprobs"))
    logprobs = msgspec.Raw(msgspec.json.encode({"content": entries, "refusal": None})) if entries else None
    return Choice(
        blocks=(Text(text=text),) if text else (),
        finish=finish_of(choice.text("finish_reason"), stop),
        logprobs=logprobs,
    )


def _choice_json(choice: Choice, index: int, losses: list[str]) -> dict[str, Any]:
    texts = []
    for at, block in enumerate(choice.blocks):
        if isinstance(block, Text | Refusal):
            texts.append(block.text)
        else:
            losses.append(f"answer.content[{at}].{block_name(block)}")
        if isinstance(block, Text) and block.citations:
            losses.append(f"answer.content[{at}].citations")
    logprobs = None
    if choice.logprobs is not None and (content := _CONTENT.decode(choice.logprobs).get("content")) is not None:
        logprobs = logprobs_json(content, 0)
    word = WORDS[choice.finish.reason]
    finish_reason = "stop" if word == "tool_calls" else word
    return {"index": index, "text": "".join(texts), "logprobs": logprobs, "finish_reason": finish_reason}
