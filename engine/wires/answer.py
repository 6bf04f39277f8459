"""What an upstream answers, whole: one canonical answer."""

from typing import Literal

import msgspec

from engine.wires.blocks import Block
from engine.wires.usage import Usage

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "pause", "error"]


class Finish(msgspec.Struct, frozen=True, kw_only=True):
    """Why an answer ended. `raw` is the upstream's word; `stop_sequence` is the client's text that stopped it.

    "refusal" is the provider's own safety stop, "pause" wants the turn sent back to go on, "error" is the upstream
    giving up with an answer begun.
    """

    reason: FinishReason
    raw: str = ""
    stop_sequence: str | None = None


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One of the answers. `logprobs` are OpenAI's JSON object, None where there are none."""

    blocks: tuple[Block, ...]
    finish: Finish
    logprobs: msgspec.Raw | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer; `created` in seconds since the Unix epoch, 0 where the upstream does not say."""

    id: str
    model: str
    choices: tuple[Choice, ...]
    created: int = 0
    usage: Usage | None = None
    service_tier: str | None = None
