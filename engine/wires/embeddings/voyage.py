"""Voyage AI's embeddings, `voyage-embeddings`: OpenAI's shape with other names for length and purpose.

Source: https://docs.voyageai.com/reference/embeddings-api
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.errors import UpstreamError
from engine.model import Model
from engine.wires.call_answers import Answers
from engine.wires.calls import losses_of
from engine.wires.codec import NO_HEADERS, EncodedRequest
from engine.wires.embeddings import openai
from engine.wires.embeddings.vocabulary import (
    EmbeddingsAnswer,
    EmbeddingsQuestion,
    Purpose,
    drop_user_and_extra,
    purpose_word,
    texts_of,
)
from engine.wires.usage import Paths, Usage

__all__ = ["decode_answer", "encode_request", "fault_in", "headers", "name", "path", "read_usage", "reserved"]

name: Final = "voyage-embeddings"
reserved: Final = frozenset({"model", "input", "encoding_format", "output_dtype"})

METERS: Final[Paths] = {"input_tokens": (("total_tokens",),)}
_WORDS: Final[dict[Purpose, str]] = {"query": "query", "document": "document"}
_ANSWERS: Final = Answers("data", "usage", METERS)

headers = openai.headers
path = openai.path


def encode_request(question: EmbeddingsQuestion, model: Model) -> EncodedRequest:
    """The request: vectors come in the form that the client wants."""
    losses = losses_of(question.api, name, model)
    fields: dict[str, Any] = {"model": model.upstream_model, "input": texts_of(question, losses)}
    if (word := purpose_word(question, _WORDS, losses)) is not None:
        fields["input_type"] = word
    if question.dimensions is not None:
        fields["output_dimension"] = question.dimensions
    if question.encoding == "base64":
        fields["encoding_format"] = "base64"
    drop_user_and_extra(question, losses)
    return EncodedRequest(fields, losses.found)


def decode_answer(answer: bytes) -> EmbeddingsAnswer:
    """An answer of status 200; raises UpstreamRefused where it is none."""
    return msgspec.structs.replace(openai.decode_answer(answer), usage=read_usage(answer))


def read_usage(answer: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Usage | None:  # noqa: ARG001
    """The usage of an answer, or None where it reports none."""
    return _ANSWERS.usage(answer)


def fault_in(answer: bytes) -> UpstreamError | None:
    """What is wrong with an answer of status 200."""
    return _ANSWERS.fault_in(answer)
