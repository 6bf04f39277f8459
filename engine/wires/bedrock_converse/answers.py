"""Whole answers of Converse → canonical answers.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.errors import InvalidRequest
from engine.wires.answer import Answer, Choice, Finish, FinishReason
from engine.wires.bedrock_converse.decode_blocks import content
from engine.wires.bedrock_converse.usage import UNREADABLE, bad_answer, read_usage
from engine.wires.reading import Reader

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULL: Final = msgspec.Raw(b"null")

REASONS: Final[Mapping[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "malformed_model_output": "error",
    "malformed_tool_use": "error",
}


def decode_answer(data: bytes) -> Answer:
    """A whole answer of status 200. It names neither itself nor, but for a prompt router's, its model.

    Raises:
        UpstreamRefused: upstream_bad_body: it is none of Converse.
    """
    try:
        body = Reader(_MEMBERS.decode(data))
        message = body.needed_object("output").needed_object("message")
        blocks = tuple(content(message))
        finish = finish_of(body.text("stopReason"), body.raw("additionalModelResponseFields") or _NULL)
    except (*UNREADABLE, InvalidRequest):
        raise bad_answer() from None
    usage = read_usage(data)
    return Answer(
        id="",
        model=(usage.response_model if usage is not None else None) or "",
        choices=(Choice(blocks=blocks, finish=finish),),
        usage=usage,
        service_tier=usage.service_tier if usage is not None else None,
    )


def finish_of(word: str | None, more: msgspec.Raw) -> Finish:
    """Why an answer ended; a word that is not known is a stop. `more` holds the model's own fields."""
    fields = msgspec.json.decode(more)
    stop_sequence = fields.get("stop_sequence") if isinstance(fields, dict) else None
    return Finish(
        reason=REASONS.get(word or "", "stop"),
        raw=word or "",
        stop_sequence=stop_sequence if isinstance(stop_sequence, str) else None,
    )
