"""The wire `bedrock-invoke`: Claude by Bedrock's InvokeModel, whose bodies are those of Anthropic's Messages API.

What Converse has no place for (Anthropic's own tools, search results, new fields) reaches Claude this way. Streams are
AWS's event streams, in which each event of Anthropic's stands as base64.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html
"""

import base64
import binascii
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from engine.errors import InvalidRequest, UpstreamRefused
from engine.model import Model
from engine.wires import anthropic_messages
from engine.wires.anthropic_messages import decode_answer, fault_in, read_usage
from engine.wires.anthropic_messages.usage import bad_answer
from engine.wires.bedrock_converse.resource import resource
from engine.wires.blocks import Block, File, Image, ToolResult
from engine.wires.codec import EncodedRequest
from engine.wires.conversation import Conversation
from engine.wires.decoding_messages import MessageDecoder
from engine.wires.events import Event
from engine.wires.losses import Losses

__all__ = [
    "decode_answer",
    "encode_request",
    "fault_in",
    "headers",
    "name",
    "path",
    "read_usage",
    "reserved",
    "stream_decoder",
    "stream_type",
]

name: Final = "bedrock-invoke"
reserved: Final = anthropic_messages.reserved | {"anthropic_version"}
stream_type: Final = "application/vnd.amazon.eventstream"

_VERSION: Final = "bedrock-2023-05-31"
_IN_THE_PATH: Final = ("model", "stream")
_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


def path(model: Model, *, stream: bool) -> str:
    """The path under the origin of Bedrock's runtime."""
    return resource(model, "invoke-with-response-stream" if stream else "invoke")


def headers(model: Model) -> Mapping[str, str]:  # noqa: ARG001 - the protocol's
    """Headers beside content type and authentication."""
    return _HEADERS


def encode_request(conversation: Conversation, model: Model) -> EncodedRequest:
    """Anthropic's request; the model and whether to stream are said by the path.

    Raises:
        InvalidRequest: what may not be dropped, or any loss where `model.strict`; Bedrock fetches nothing by URL.
    """
    losses = Losses(conversation, name)
    for turn in conversation.turns:
        _check(turn.blocks, losses)
    request = anthropic_messages.encode_request(conversation, model)
    fields = {field: value for field, value in request.fields.items() if field not in _IN_THE_PATH}
    return EncodedRequest({"anthropic_version": _VERSION, **fields}, request.losses)


def _check(blocks: Iterable[Block], losses: Losses) -> None:
    for block in blocks:
        if isinstance(block, ToolResult):
            _check(block.content, losses)
        elif isinstance(block, Image | File) and block.source.file_id is not None:
            raise losses.refusal(block.path, "Bedrock keeps no files: send the data")
        elif isinstance(block, Image | File) and block.source.url is not None:
            raise losses.refusal(block.path, "Bedrock reads no URLs: send the data")


class _Chunk(msgspec.Struct):
    bytes: str = ""


_CHUNK: Final = msgspec.json.Decoder(_Chunk)


class StreamDecoder(MessageDecoder):
    """Decodes one stream: what Anthropic's decoder makes of the events in it."""

    __slots__ = ("_inner",)

    def __init__(self) -> None:
        super().__init__()
        self._inner = anthropic_messages.stream_decoder()

    def _read(self, event: str, data: bytes, events: list[Event]) -> None:
        if event != "chunk":
            return
        try:
            json = base64.b64decode(_CHUNK.decode(data).bytes, validate=True)
        except binascii.Error:
            raise InvalidRequest("It is not base64.") from None
        inner = self._inner
        events += inner.feed(b"data: %s\n\n" % json.replace(b"\n", b" ").replace(b"\r", b" "))
        self.usage, self.error, self.done = inner.usage, inner.error, inner.done

    def _unreadable(self) -> UpstreamRefused:
        return bad_answer()


stream_decoder: Final = StreamDecoder
