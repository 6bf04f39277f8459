"""The shape of an answer of Gemini's, whole or as one chunk of a stream, as far as it is read. Null is as good as absent.

Source: https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse
"""

from typing import Final

import msgspec

ABSENT: Final = msgspec.Raw(b"")


class FunctionCall(msgspec.Struct, gc=False):
    """A call of one of the client's functions; it comes whole."""

    name: str
    id: str | None = None
    args: msgspec.Raw = ABSENT


class Blob(msgspec.Struct, gc=False, rename="camel"):
    """Bytes, in base64."""

    mime_type: str | None = None
    data: str | None = None


class FileData(msgspec.Struct, gc=False, rename="camel"):
    """A file by its URI."""

    mime_type: str | None = None
    file_uri: str | None = None


class Part(msgspec.Struct, rename="camel"):
    """One part; which of its members is there says what it is. `thought` marks a summary of what the model thought."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Blob | None = None
    file_data: FileData | None = None


class Content(msgspec.Struct):
    """The parts of a candidate. Each is kept raw, for those that have no canonical form."""

    parts: list[msgspec.Raw] | None = None


class Candidate(msgspec.Struct, rename="camel"):
    """One of the answers."""

    index: int | None = None
    content: Content | None = None
    finish_reason: str | None = None
    grounding_metadata: msgspec.Raw = ABSENT
    citation_metadata: msgspec.Raw = ABSENT
    logprobs_result: msgspec.Raw = ABSENT


class PromptFeedback(msgspec.Struct, rename="camel"):
    """What was wrong with the prompt: then there are no candidates."""

    block_reason: str | None = None


class Chunk(msgspec.Struct, rename="camel"):
    """All of it."""

    candidates: list[Candidate] | None = None
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: msgspec.Raw = ABSENT
    model_version: str | None = None
    response_id: str | None = None
    create_time: str | None = None
    error: msgspec.Raw = ABSENT

    @property
    def blocked(self) -> str | None:
        """Why the prompt was blocked, None where it was not."""
        feedback = self.prompt_feedback
        return feedback.block_reason if feedback is not None and not self.candidates else None


ANSWER: Final = msgspec.json.Decoder(Chunk)
PART: Final = msgspec.json.Decoder(Part)
