"""Whole responses ↔ canonical answers.

Source: https://platform.openai.com/docs/api-reference/responses/object
"""

from typing import Any, Final

import msgspec

from engine.errors import InvalidRequest
from engine.wires.answer import Answer, Choice, Finish, FinishReason
from engine.wires.blocks import Block, Opaque, Reasoning, ToolCall
from engine.wires.codec import Asked, EncodedAnswer
from engine.wires.openai_responses.decode_items import NAME, RESULTS, content, item_blocks, item_kind, made_image
from engine.wires.openai_responses.echo import ending, head, status_of
from engine.wires.openai_responses.encode_output import Ids, output_items
from engine.wires.openai_responses.usage import UNREADABLE, bad_answer, fault_of, read_envelope, usage_in
from engine.wires.reading import Reader

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

# Why a response is incomplete → ours; a word that is not known is a stop of its own.
_REASONS: Final[dict[str, FinishReason]] = {
    "max_output_tokens": "length",
    "max_messages": "length",
    "content_filter": "content_filter",
    "steered": "stop",
}
_UNDER_WAY: Final = ("queued", "in_progress")


def decode_answer(data: bytes) -> Answer:
    """A whole answer of status 200.

    Raises:
        UpstreamRefused: it failed; or upstream_bad_body: it is no response.
    """
    envelope = read_envelope(data)
    if envelope is None or not len(envelope.output):
        raise bad_answer()
    if (fault := fault_of(envelope)) is not None:
        raise fault
    try:
        body = Reader(_MEMBERS.decode(data))
        blocks: list[Block] = []
        logprobs: list[msgspec.Raw] = []
        for item, raw in body.objects("output"):
            blocks += output_blocks(item, raw, logprobs)
        finish = finish_of(body, has_calls=any(isinstance(block, ToolCall) for block in blocks))
        answer_id, model, created = body.text("id") or "", body.text("model") or "", body.number("created_at")
    except (*UNREADABLE, InvalidRequest):
        raise bad_answer() from None
    usage = usage_in(envelope)
    known = None if not logprobs else msgspec.Raw(msgspec.json.encode({"content": logprobs, "refusal": None}))
    return Answer(
        id=answer_id,
        model=model,
        created=int(created or 0),
        choices=(Choice(blocks=tuple(blocks), finish=finish, logprobs=known),),
        usage=usage,
        service_tier=tier_of(envelope.service_tier),
    )


def output_blocks(item: Reader, raw: msgspec.Raw, logprobs: list[msgspec.Raw]) -> list[Block]:
    """The blocks of an output item; the log probabilities of its texts are added to `logprobs`."""
    kind = item_kind(item)
    if kind == "message":
        for part, _ in Reader(_MEMBERS.decode(raw)).objects("content"):
            logprobs += [entry for _, entry in part.objects("logprobs")]
        found: tuple[Block, ...] = content(item)
    elif kind == "image_generation_call" and (image := made_image(item)) is not None:
        found = (image,)
    elif kind in RESULTS:
        found = (Opaque(kind=kind, wire=NAME, raw=raw),)  # of a program that the provider runs: nobody is to read it
    else:
        found = item_blocks(kind, item, raw)
    return [_bare(block) for block in found if not _is_blank(block)]


def _bare(block: Block) -> Block:
    """Without what belongs to a request; an id only means something beside what proves it."""
    if isinstance(block, Reasoning) and block.signature is None and block.encrypted is None:
        block = msgspec.structs.replace(block, id=None)
    return msgspec.structs.replace(block, path="", extra={})


def _is_blank(block: Block) -> bool:
    """Whether it is a thought of which only the provider's servers know more."""
    return isinstance(block, Reasoning) and not (block.text or block.signature or block.encrypted)


def finish_of(response: Reader, *, has_calls: bool) -> Finish:
    """Why a response ended."""
    status = response.text("status") or "completed"
    if status == "incomplete":
        why = (response.object("incomplete_details") or Reader({})).text("reason") or ""
        return Finish(reason=_REASONS.get(why, "length"), raw=why or status)
    if status in _UNDER_WAY:
        return Finish(reason="pause", raw=status)
    return Finish(reason="tool_calls" if has_calls else "stop", raw=status)


def tier_of(value: Any) -> str | None:
    """The service tier that a response was given; "auto" is what was asked for."""
    return value if isinstance(value, str) and value not in ("", "auto") else None


def encode_answer(answer: Answer, asked: Asked) -> EncodedAnswer:
    """A whole answer for a client; of several, the first."""
    losses: list[str] = [f"answer.choices[{at}]" for at in range(1, len(answer.choices))]
    choice = answer.choices[0] if answer.choices else Choice(blocks=(), finish=Finish(reason="error"))
    body = head(asked, answer.id, answer.model, answer.created)
    status, _ = status_of(choice.finish)
    items = output_items(choice.blocks, Ids(body["id"]), status, choice.logprobs, losses)
    body |= ending(choice.finish, items, answer.usage, answer.service_tier)
    return EncodedAnswer(msgspec.json.encode(body), tuple(losses))
