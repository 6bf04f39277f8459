"""Requests for completions ↔ canonical conversations: a prompt is the only words of a user.

Source: https://platform.openai.com/docs/api-reference/completions/create
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from engine.model import Model
from engine.wires.blocks import Block, Opaque, Text
from engine.wires.codec import EncodedRequest
from engine.wires.conversation import INSTRUCTING, Conversation, Turn
from engine.wires.losses import Losses
from engine.wires.openai_completions.passing import check
from engine.wires.reading import Options, Reader

NAME: Final = "openai-completions"

_PARAGRAPH: Final = "\n\n"
_TEXTS: Final = msgspec.json.Decoder(tuple[str, ...])

# Options that are carried under their own names.
_PLAIN: Final = (
    *("temperature", "top_p", "seed", "frequency_penalty", "presence_penalty", "n", "logit_bias", "user"),
    "stop",
)
_CARRIED: Final = frozenset({*_PLAIN, "max_output_tokens", "logprobs", "top_logprobs", "top_k"})

# What makes another task of it: text between two others, a prompt that is part of the answer.
_ESSENTIAL: Final = ("suffix", "echo")
_NOTHING: Final = (b"null", b"false", b'""')


def decode_request(fields: Mapping[str, msgspec.Raw]) -> Conversation:
    """What the client asks; raises InvalidRequest, naming the parameter."""
    check(fields)
    body = Options(fields)
    stream_options = body.object("stream_options") or Reader({})
    logprobs = body.named("logprobs", "logprobs", Reader.integer)
    conversation = Conversation(
        wire=NAME,
        model=body.needed_text("model"),
        stream=body.flag("stream") or False,
        wants_usage=stream_options.flag("include_usage") or False,
        turns=(Turn(role="user", blocks=(_prompt(body),), path="prompt"),),
        max_output_tokens=body.named("max_output_tokens", "max_tokens", Reader.integer),
        temperature=body.named("temperature", "temperature", Reader.number),
        top_p=body.named("top_p", "top_p", Reader.number),
        top_k=body.named("top_k", "top_k", Reader.integer),
        stop=body.named("stop", "stop", Reader.texts),
        seed=body.named("seed", "seed", Reader.integer),
        frequency_penalty=body.named("frequency_penalty", "frequency_penalty", Reader.number),
        presence_penalty=body.named("presence_penalty", "presence_penalty", Reader.number),
        n=body.named("n", "n", Reader.integer),
        logprobs=None if logprobs is None else True,
        top_logprobs=logprobs or None,
        logit_bias=body.named("logit_bias", "logit_bias", Reader.raw),
        user=body.named("user", "user", Reader.text),
        names={**body.names, "top_logprobs": "logprobs"},
    )
    extra = body.rest() | {f"stream_options.{name}": raw for name, raw in stream_options.rest().items()}
    essential = tuple(name for name in _ESSENTIAL if bytes(extra.get(name, b"null")) not in _NOTHING)
    return msgspec.structs.replace(conversation, extra=extra, essential=essential)


def encode_request(conversation: Conversation, model: Model) -> EncodedRequest:
    """The request; raises InvalidRequest for what may not be dropped, or for any loss where `model.strict`."""
    losses = Losses(conversation, NAME, strict=model.strict)
    _refuse_what_is_no_text(conversation, losses)
    fields: dict[str, Any] = {"model": model.upstream_model, "prompt": _prompt_of(conversation, losses)}
    for name in _PLAIN:
        if (value := getattr(conversation, name)) not in (None, ()):
            fields[name] = value
    if conversation.max_output_tokens is not None:
        fields["max_tokens"] = conversation.max_output_tokens
    if conversation.top_k is not None:
        if model.dialect.is_openai and not losses.is_same_wire:
            losses.drop_option("top_k")
        else:
            fields["top_k"] = conversation.top_k
    if conversation.logprobs or conversation.top_logprobs:
        fields["logprobs"] = conversation.top_logprobs or 0
    losses.drop_all_but(_CARRIED)
    stream_options: dict[str, Any] = {}
    if conversation.stream:
        fields["stream"] = True
        if model.supports.stream_usage is not False:
            stream_options["include_usage"] = True
    for name, value in losses.keep(conversation.extra).items():
        place, dot, member = name.partition(".")
        if dot and place == "stream_options":
            stream_options[member] = value
        else:
            fields[name] = value
    if stream_options:
        fields["stream_options"] = stream_options
    return EncodedRequest(fields, losses.found)


def _prompt(body: Options) -> Block:
    """One text; several, or numbers of tokens, are what no other API has."""
    if body.starts_with("prompt", '"'):
        return Text(text=body.needed_text("prompt"), path="prompt")
    raw = body.raw("prompt") or msgspec.Raw(b"[]")
    try:
        texts = _TEXTS.decode(raw)
    except msgspec.DecodeError:
        texts = ()
    return (
        Text(text=texts[0], path="prompt")
        if len(texts) == 1
        else Opaque(kind="prompt", wire=NAME, raw=raw, path="prompt")
    )


def _refuse_what_is_no_text(conversation: Conversation, losses: Losses) -> None:
    if conversation.tools:
        raise losses.refusal(conversation.name_of("tools"), "its API has no tools")
    if conversation.output is not None and conversation.output.kind != "text":
        raise losses.refusal(conversation.name_of("output"), "its API writes plain text alone")


def _prompt_of(conversation: Conversation, losses: Losses) -> Any:
    """The system's words and those of one user, as paragraphs: a model that completes text knows no other roles."""
    said: list[str] = []
    has_spoken = False
    for turn in conversation.turns:
        if turn.role not in INSTRUCTING and (turn.role != "user" or has_spoken):
            raise losses.refusal(turn.path or "messages", "its API completes one text and knows no dialogue")
        has_spoken = has_spoken or turn.role == "user"
        if turn.name is not None:
            losses.drop(f"{turn.path}.name")
        losses.keep(turn.extra, turn.path)
        own = next((block.raw for block in turn.blocks if isinstance(block, Opaque) and block.wire == NAME), None)
        if own is not None:
            return own
        said += _texts(turn.blocks, losses)
    return _PARAGRAPH.join(said)


def _texts(blocks: Iterable[Block], losses: Losses) -> Iterable[str]:
    for block in blocks:
        if not isinstance(block, Text):
            raise losses.refusal(block.path, "its API takes text alone")
        if block.cache is not None:
            losses.drop(f"{block.path}.{block.cache.field}")
        losses.keep(block.extra, block.path)
        yield block.text
