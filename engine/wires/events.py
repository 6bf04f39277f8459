"""What an upstream answers, as it comes: one canonical vocabulary of events.

`choice` counts the answers from 0; `block` counts the blocks of one answer from 0, in the order in which they begin.
A text, reasoning or refusal block begins with its first delta, a tool call with `ToolCallStarted`; anything else comes
whole. Blocks may overlap (see `in_order`), and an upstream need not say where one ends. The order of one stream is
`Started`, blocks, `Finished` for each choice; `UsageReported` may come at any time, and the last one holds.
"""

import msgspec

from engine.wires.answer import Finish
from engine.wires.blocks import Block, Citation
from engine.wires.usage import Usage


class Event(msgspec.Struct, frozen=True):
    """What all events are."""


class Started(Event, frozen=True):
    """The answer begins; `created` in seconds since the Unix epoch, 0 where the upstream does not say."""

    id: str
    model: str
    created: int = 0
    service_tier: str | None = None


class BlockEvent(Event, frozen=True):
    """Something happens to one block."""

    choice: int
    block: int


class TextDelta(BlockEvent, frozen=True):
    """More text. `logprobs` are the entries of OpenAI's `content` list for it, as a JSON array."""

    text: str
    logprobs: msgspec.Raw | None = None


class ReasoningDelta(BlockEvent, frozen=True):
    """More of what the model thinks."""

    text: str
    is_summary: bool = False


class SignatureDelta(BlockEvent, frozen=True):
    """The signature of a reasoning block, or more of it; `maker` as in `blocks.Reasoning`."""

    signature: str
    maker: str = ""


class RefusalDelta(BlockEvent, frozen=True):
    """More of a refusal."""

    text: str


class ToolCallStarted(BlockEvent, frozen=True):
    """The model begins to call a tool."""

    id: str
    name: str
    is_custom: bool = False
    signature: str | None = None


class ToolArgumentsDelta(BlockEvent, frozen=True):
    """More of a call's arguments, as JSON text."""

    text: str


class Cited(BlockEvent, frozen=True):
    """Something that the text block says has a source."""

    citation: Citation


class WholeBlock(BlockEvent, frozen=True):
    """A block that comes at once: encrypted reasoning, pictures, sound, the provider's own tools."""

    content: Block


class BlockEnded(BlockEvent, frozen=True):
    """Nothing more comes for this block."""


class Finished(Event, frozen=True):
    """One answer has ended."""

    choice: int
    finish: Finish


class UsageReported(Event, frozen=True):
    """What the upstream counted so far: cumulative, never to be added up."""

    usage: Usage
