"""The wire `gemini`: Google's API to generate content, of AI Studio and of Vertex. This is its face.

Sources: https://ai.google.dev/api/generate-content,
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from engine.model import Model
from engine.wires.codec import no_headers as headers
from engine.wires.gemini.answers import decode_answer, fault_in
from engine.wires.gemini.decode_stream import StreamDecoder as stream_decoder  # noqa: N813 - the protocol's names
from engine.wires.gemini.encode_request import encode_request
from engine.wires.gemini.parts import NAME
from engine.wires.gemini.usage import read_usage

__all__ = [
    "decode_answer",
    "encode_request",
    "fault_in",
    "headers",
    "name",
    "parameters",
    "path",
    "read_usage",
    "reserved",
    "stream_decoder",
    "verb",
]

name: Final = NAME
reserved: Final = frozenset(
    {"model", "contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "stream"}
)

# A model's file says these by their own names; they are members of `generationConfig`.
parameters: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        member: ("generationConfig", member)
        for member in (
            *("responseModalities", "mediaResolution", "speechConfig", "imageConfig", "thinkingConfig"),
            *("audioTimestamp", "enableEnhancedCivicAnswers", "routingConfig", "modelConfig"),
        )
    }
)

_UNSAFE: Final = re.compile(rb"[^A-Za-z0-9._~@/-]")


def verb(*, stream: bool) -> str:
    """What is done to the model: the end of the path, with the query that makes a stream one of events."""
    return "streamGenerateContent?alt=sse" if stream else "generateContent"


def path(model: Model, *, stream: bool) -> str:
    """The path under the base URL of AI Studio; a name with a collection (`tunedModels/…`) stands as it is."""
    resource = _UNSAFE.sub(lambda found: b"%%%02X" % found[0][0], model.upstream_model.encode()).decode()
    collection = "" if "/" in resource else "models/"
    return f"/{collection}{resource}:{verb(stream=stream)}"
