"""What a client asks to be embedded and what it gets, whatever the API.

A vector keeps the form that the upstream gave it, so that a client who wants the same gets the very bytes.
"""

from typing import Final, Literal

import msgspec

from engine.wires.blocks import Extra
from engine.wires.losses import Losses
from engine.wires.usage import Usage

Encoding = Literal["float", "base64"]
Purpose = Literal[
    "query",
    "text_query",
    "document",
    "classification",
    "clustering",
    "similarity",
    "code_query",
    "question",
    "fact_check",
]

# What clients call the purpose of a text, by the words of any vendor that has some → ours.
PURPOSES: Final[dict[str, Purpose]] = {
    **dict.fromkeys(("query", "search_query", "retrieval_query", "generic_retrieval"), "query"),
    "text_retrieval": "text_query",  # of texts alone, as Nova has it; a query to all others
    **dict.fromkeys(("document", "search_document", "retrieval_document", "passage", "generic_index"), "document"),
    "classification": "classification",
    "clustering": "clustering",
    "semantic_similarity": "similarity",
    "similarity": "similarity",
    "code_retrieval_query": "code_query",
    "question_answering": "question",
    "fact_verification": "fact_check",
}


class EmbeddingsQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Texts to embed, or lists of token numbers: `texts`, or `tokens` as the client's JSON with `count` items.

    `dimensions` is how long vectors shall be, `encoding` how they shall be written: as numbers, or as the base64 of
    32-bit floats, little-endian. `extra` are fields without a place here.
    """

    api: str
    model: str
    texts: tuple[str, ...] = ()
    tokens: msgspec.Raw | None = None
    count: int
    dimensions: int | None = None
    encoding: Encoding = "float"
    purpose: Purpose | None = None
    user: str | None = None
    extra: Extra = {}


class Vector(msgspec.Struct, frozen=True):
    """One vector: the JSON array of its numbers, or base64."""

    numbers: msgspec.Raw | None = None
    base64: str | None = None


class EmbeddingsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The vectors, in the order of what was asked. `model` is "" where the upstream does not say."""

    vectors: tuple[Vector, ...]
    model: str = ""
    usage: Usage | None = None


def texts_of(question: EmbeddingsQuestion, losses: Losses) -> tuple[str, ...]:
    """The texts; raises InvalidRequest where they are token numbers: only who made the model knows what those say."""
    if question.tokens is not None:
        raise losses.refusal("input", "its API takes texts, not token numbers")
    return question.texts


def purpose_word(question: EmbeddingsQuestion, words: dict[Purpose, str], losses: Losses) -> str | None:
    """The wire's word for what the texts are for; a purpose that it has no word for is lost by name."""
    purpose: Purpose | None = question.purpose
    if purpose == "text_query" and purpose not in words:
        purpose = "query"
    word = words.get(purpose) if purpose is not None else None
    if word is None and question.purpose is not None:
        losses.drop("input_type")
    return word


def drop_user_and_extra(question: EmbeddingsQuestion, losses: Losses) -> None:
    """What only OpenAI's own API has a place for."""
    if question.user is not None:
        losses.drop("user")
    losses.keep(question.extra)
