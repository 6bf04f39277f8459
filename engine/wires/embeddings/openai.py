"""OpenAI's embeddings, `openai-embeddings`: an API that clients speak, and a wire that most servers speak.

Source: https://platform.openai.com/docs/api-reference/embeddings
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from engine.errors import InvalidRequest, UpstreamError
from engine.model import Model
from engine.wires.call_answers import Answers
from engine.wires.calls import bad_answer, losses_of
from engine.wires.codec import NO_HEADERS, EncodedAnswer, EncodedRequest
from engine.wires.codec import no_headers as headers
from engine.wires.embeddings.vectors import vector_json, vector_of
from engine.wires.embeddings.vocabulary import PURPOSES, EmbeddingsAnswer, EmbeddingsQuestion, Encoding
from engine.wires.openai_errors import openai_error as error
from engine.wires.reading import Reader
from engine.wires.usage import Paths, Usage

__all__ = ["common", "decode_answer", "decode_request", "encode_answer", "encode_request", "error", "fault_in"]
__all__ += ["headers", "name", "passes", "path", "read_usage", "reserved"]

name: Final = "openai-embeddings"
reserved: Final = frozenset({"model", "input"})
common: Final = frozenset({"dimensions", "encoding_format", "input_type", "user"})

METERS: Final[Paths] = {"input_tokens": (("prompt_tokens",), ("total_tokens",))}

_TEXTS: Final = msgspec.json.Decoder(tuple[str, ...])
_TOKENS: Final = msgspec.json.Decoder(tuple[int, ...])
_QUOTE: Final = ord('"')
_LISTS: Final = msgspec.json.Decoder(tuple[tuple[int, ...], ...])


class _Item(msgspec.Struct):
    embedding: msgspec.Raw
    index: int | None = None


class _List(msgspec.Struct):
    data: list[_Item]
    model: str = ""


_ANSWERS: Final = Answers("data", "usage", METERS)
_LIST: Final = msgspec.json.Decoder(_List)


def path(model: Model, *, stream: bool = False) -> str:  # noqa: ARG001 - the protocol's
    """The path under a provider's base URL."""
    return "/embeddings"


def passes(fields: Mapping[str, msgspec.Raw], model: Model) -> bool:  # noqa: ARG001 - the protocol's
    """Always; raises InvalidRequest where there is no input. All else the upstream judges."""
    check(Reader(fields))
    return True


def check(body: Reader) -> None:
    """Raises InvalidRequest where there is nothing to embed."""
    if not body.has("input"):
        raise InvalidRequest(
            'The body has no input: add "input": "…" or "input": ["…"].',
            code="missing_required_parameter",
            param="input",
        )
    if not (body.starts_with("input", '"') or body.starts_with("input", "[")):
        raise body.wrong("input", "must be a string or an array")


def decode_request(fields: Mapping[str, msgspec.Raw]) -> EmbeddingsQuestion:
    """What the client asks; raises InvalidRequest, naming the parameter."""
    body = Reader(fields)
    check(body)
    texts, tokens, count = _input(body)
    encoding = body.text("encoding_format") or "float"
    if encoding not in ("float", "base64"):
        raise body.wrong("encoding_format", 'must be "float" or "base64"')
    word = body.text("input_type")
    if word is not None and word.lower() not in PURPOSES:
        raise body.wrong("input_type", f"must be one of {', '.join(PURPOSES)}")
    found = EmbeddingsQuestion(
        api=name,
        model=body.needed_text("model"),
        texts=texts,
        tokens=tokens,
        count=count,
        dimensions=body.integer("dimensions"),
        encoding="base64" if encoding == "base64" else "float",
        purpose=PURPOSES[word.lower()] if word is not None else None,
        user=body.text("user"),
    )
    body.flag("stream")
    return msgspec.structs.replace(found, extra=body.rest())


def encode_answer(
    answer: EmbeddingsAnswer,
    question: EmbeddingsQuestion,
    *,
    request_id: str,  # noqa: ARG001 - the protocol's; OpenAI's answer has no id
) -> EncodedAnswer:
    """The answer. Clients cannot do without a usage: what nobody reported is shown as 0."""
    if len(answer.vectors) != question.count:
        raise bad_answer(f"holds {len(answer.vectors)} embeddings for {question.count} inputs")
    encoding: Encoding = question.encoding
    items = b",".join(
        b'{"object":"embedding","index":%d,"embedding":%s}' % (at, vector_json(vector, encoding))
        for at, vector in enumerate(answer.vectors)
    )
    tokens = answer.usage.meters.get("input_tokens", 0) if answer.usage is not None else 0
    tail = msgspec.json.encode(
        {"model": answer.model or question.model, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}}
    )
    return EncodedAnswer(b'{"object":"list","data":[' + items + b"]," + tail[1:])


def encode_request(question: EmbeddingsQuestion, model: Model) -> EncodedRequest:
    """The request, for servers that speak OpenAI's API."""
    losses = losses_of(question.api, name, model)
    fields: dict[str, Any] = {"model": model.upstream_model, "input": question.tokens or question.texts}
    given = {"dimensions": question.dimensions, "input_type": question.purpose, "user": question.user}
    fields |= {option: value for option, value in given.items() if value is not None}
    fields |= {"encoding_format": question.encoding, **losses.keep(question.extra)}
    return EncodedRequest(fields, losses.found)


def decode_answer(answer: bytes) -> EmbeddingsAnswer:
    """An answer of status 200; raises UpstreamRefused where it is none. Some servers do not keep the order."""
    found = _ANSWERS.read(answer, _LIST)
    items = sorted(found.data, key=lambda item: item.index or 0)
    vectors = tuple(vector_of(item.embedding) for item in items)
    return EmbeddingsAnswer(vectors=vectors, model=found.model, usage=read_usage(answer))


def read_usage(answer: bytes, headers: Mapping[str, str] = NO_HEADERS) -> Usage | None:  # noqa: ARG001
    """The usage of an answer, or None where it reports none."""
    return _ANSWERS.usage(answer)


def fault_in(answer: bytes) -> UpstreamError | None:
    """What is wrong with an answer of status 200."""
    return _ANSWERS.fault_in(answer)


def _input(body: Reader) -> tuple[tuple[str, ...], msgspec.Raw | None, int]:
    """Texts, or the JSON of token numbers, and how many vectors they make."""
    raw = body.raw("input")
    assert raw is not None  # `check` has seen it
    try:
        if memoryview(raw)[0] == _QUOTE:
            return (msgspec.json.decode(raw, type=str),), None, 1
        first = bytes(memoryview(raw)[1:64]).lstrip()[:1]
        if first == b"[":
            return (), raw, len(_LISTS.decode(raw))
        if first.isdigit() or first == b"-":
            _TOKENS.decode(raw)
            return (), raw, 1
        texts = _TEXTS.decode(raw)
    except msgspec.DecodeError:
        raise body.wrong("input", "must be a string, an array of strings, or arrays of token numbers") from None
    if not texts:
        raise InvalidRequest("input is empty: send at least one text.", code="invalid_value", param="input")
    return texts, None, len(texts)
