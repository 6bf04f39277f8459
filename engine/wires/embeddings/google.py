"""Google's answers with embeddings: of one content, of several, or as predictions; read alike wherever they come from.

Sources: https://ai.google.dev/api/embeddings,
https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/text-embeddings-api
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from engine.errors import UpstreamError
from engine.wires.call_answers import Answers
from engine.wires.codec import NO_HEADERS
from engine.wires.embeddings.vectors import vector_of
from engine.wires.embeddings.vocabulary import EmbeddingsAnswer
from engine.wires.usage import MAX_COUNT, Paths, Usage

METERS: Final[Paths] = {"input_tokens": (("promptTokenCount",),)}


class _Statistics(msgspec.Struct):
    token_count: float | None = None


class _Embedding(msgspec.Struct):
    values: msgspec.Raw
    statistics: _Statistics | None = None


class _Prediction(msgspec.Struct):
    embeddings: _Embedding


class _Answer(msgspec.Struct):
    embedding: _Embedding | None = None
    embeddings: list[_Embedding] | None = None
    predictions: list[_Prediction] | None = None

    @property
    def found(self) -> list[_Embedding]:
        """The embeddings, in whatever form."""
        if self.embedding is not None:
            return [self.embedding]
        return self.embeddings or [one.embeddings for one in self.predictions or ()]


_ANSWER: Final = msgspec.json.Decoder(_Answer)
_ANSWERS: Final = Answers(("embeddings", "embedding", "predictions"), "usageMetadata", METERS)


def decode_answer(answer: bytes) -> EmbeddingsAnswer:
    """An answer of status 200; raises UpstreamRefused where it is none."""
    vectors = tuple(vector_of(one.values) for one in _ANSWERS.read(answer, _ANSWER).found)
    return EmbeddingsAnswer(vectors=vectors, usage=read_usage(answer))


def read_usage(answer: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Usage | None:  # noqa: ARG001
    """The usage of an answer, of all texts or of each, added up; None where it reports none: Gemini's first does not."""
    return _ANSWERS.usage(answer) or _added_up(answer)


def fault_in(answer: bytes) -> UpstreamError | None:
    """What is wrong with an answer of status 200."""
    return _ANSWERS.fault_in(answer)


def _added_up(answer: bytes) -> Usage | None:
    try:
        found = _ANSWERS.read(answer, _ANSWER).found
    except UpstreamError:
        return None
    counts = [one.statistics.token_count for one in found if one.statistics is not None]
    known = [count for count in counts if count is not None]
    if not known or len(known) < len(found):
        return None
    raw = msgspec.json.encode({"token_count": known})
    if any(count < 0 or count > MAX_COUNT or not count.is_integer() for count in known):
        return Usage({}, raw, suspect=("input_tokens is no count",))
    return Usage({"input_tokens": int(sum(known))}, raw)
