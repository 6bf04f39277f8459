"""What a client asks to be ranked and what it gets, whatever the API."""

import msgspec

from engine.wires.blocks import Extra
from engine.wires.usage import Usage


class RerankQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Which of `documents` answer `query` best.

    `raw_documents` are the same as the client's JSON, by which an answer gives them back where `wants_documents`.
    `top_n` is how many are wanted, `max_tokens_per_document` where longer ones are cut. `extra` are fields without a
    place here.
    """

    api: str
    model: str
    query: str
    documents: tuple[str, ...]
    raw_documents: tuple[msgspec.Raw, ...]
    top_n: int | None = None
    wants_documents: bool = False
    max_tokens_per_document: int | None = None
    extra: Extra = {}


class Ranked(msgspec.Struct, frozen=True):
    """One document by its place in the question, and how well it answers; `score` is the upstream's JSON number."""

    index: int
    score: msgspec.Raw


class RerankAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The best first. `id` and `model` are "" where the upstream does not say."""

    ranking: tuple[Ranked, ...]
    id: str = ""
    model: str = ""
    usage: Usage | None = None
