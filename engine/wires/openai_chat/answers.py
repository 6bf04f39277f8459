"""Whole chat completions ↔ canonical answers.

Sources: https://platform.openai.com/docs/api-reference/chat/object; what vendors add is named where it is read.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from engine.errors import InvalidRequest
from engine.wires.answer import Answer, Choice, Finish, FinishReason
from engine.wires.blocks import Audio, Block, Citation, Image, Reasoning, Refusal, Source, Text, ToolCall, source_of_url
from engine.wires.codec import Asked, EncodedAnswer
from engine.wires.losses import block_name
from engine.wires.openai_chat.decode_messages import content, reasoning_of, tool_call
from engine.wires.openai_chat.encode_messages import reasoning_detail as write_reasoning_detail
from engine.wires.openai_chat.usage import UNREADABLE, bad_answer, read_envelope, usage_in, usage_json
from engine.wires.reading import Reader

NAME: Final = "openai-chat"

_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])

# Their words → ours; a word that is not here is a stop.
REASONS: Final[dict[str, FinishReason]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "model_length": "length",  # Mistral
    "error": "error",  # Mistral, OpenRouter
    "insufficient_system_resource": "error",  # DeepSeek
    "sensitive": "content_filter",  # Z.ai
    "network_error": "error",  # Z.ai
}

# Ours → OpenAI's, which has no more; what did not end by itself is `length`.
WORDS: Final[dict[FinishReason, str]] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "pause": "length",
    "error": "length",
}

_TIERS: Final = {
    **{tier: tier for tier in ("auto", "default", "flex", "scale", "priority", "fast")},
    "standard": "default",
}


def decode_answer(data: bytes) -> Answer:
    """A whole answer of status 200.

    Raises:
        UpstreamRefused: upstream_bad_body: it is no chat completion.
    """
    envelope = read_envelope(data)
    try:
        body = Reader(_MEMBERS.decode(data))
        choices = tuple(_choice(choice) for choice, _ in body.objects("choices"))
        created = body.number("created")
        answer_id, model = body.text("id") or "", body.text("model") or ""
    except (*UNREADABLE, InvalidRequest):
        raise bad_answer() from None
    usage = usage_in(envelope) if envelope is not None else None
    tier = usage.service_tier if usage is not None else None
    return Answer(id=answer_id, model=model, created=int(created or 0), choices=choices, usage=usage, service_tier=tier)


def encode_answer(answer: Answer, asked: Asked) -> EncodedAnswer:
    """A whole answer for a client."""
    losses: list[str] = []
    is_legacy = asked.conversation.names.get("tools") == "functions"
    body: dict[str, Any] = {
        "id": answer.id or asked.id,
        "object": "chat.completion",
        "created": answer.created or asked.created,
        "model": answer.model or asked.conversation.model,
        "choices": [_choice_json(choice, at, losses, is_legacy=is_legacy) for at, choice in enumerate(answer.choices)],
    }
    if answer.usage is not None and answer.usage.meters:
        body["usage"] = usage_json(answer.usage)
    if (tier := tier_of(answer.service_tier)) is not None:
        body["service_tier"] = tier
    return EncodedAnswer(msgspec.json.encode(body), tuple(losses))


def tier_of(tier: str | None) -> str | None:
    """OpenAI's word for a service tier, None where it has none."""
    return _TIERS.get(tier or "")


def finish_of(word: str | None, stop: str | None = None) -> Finish:
    """Why an answer ended. `stop` is vLLM's `stop_reason`: the text that stopped it."""
    return Finish(reason=REASONS.get(word or "", "stop"), raw=word or "", stop_sequence=stop)


def citation_of(annotation: Reader, raw: msgspec.Raw) -> Citation | None:
    """One of `annotations`; None where it is of a kind that is not known."""
    if annotation.text("type") != "url_citation":
        return None
    cited = annotation.needed_object("url_citation")
    return Citation(
        url=cited.text("url"),
        title=cited.text("title"),
        quote=cited.text("content"),  # OpenRouter's
        start=cited.integer("start_index"),
        end=cited.integer("end_index"),
        wire=NAME,
        raw=raw,
    )


def known_citation(annotation: Reader, raw: msgspec.Raw) -> Citation | None:
    """As `citation_of`; None as well where it is not as documented, which must not cost the answer."""
    try:
        return citation_of(annotation, raw)
    except InvalidRequest:
        return None


def annotation_json(citation: Citation, offset: int, length: int) -> dict[str, Any] | None:
    """A citation as an annotation of a text that begins at `offset` of the content; None where it has no URL."""
    if citation.url is None:
        return None
    start = offset + (citation.start or 0)
    end = offset + (citation.end if citation.end is not None else length)
    cited = {"url": citation.url, "title": citation.title or "", "start_index": start, "end_index": end}
    return {"type": "url_citation", "url_citation": cited}


def image_json(image: Image) -> dict[str, Any]:
    """A picture that the model made, as OpenRouter has it: https://openrouter.ai/docs/features/multimodal/image-generation."""
    return {"type": "image_url", "image_url": {"url": image.source.data_url}}


def image_of(picture: Reader) -> Image | None:
    """One of `images`; None where it is not as OpenRouter has it."""
    try:
        url = picture.needed_object("image_url").needed_text("url")
    except InvalidRequest:
        return None
    return Image(source=source_of_url(url))


def audio_json(audio: Audio) -> dict[str, Any]:
    """Sound that the model made."""
    data = (audio.source.data if audio.source else None) or ""
    return {"id": audio.id, "data": data, "expires_at": audio.expires_at or 0, "transcript": audio.transcript}


def call_json(call: ToolCall) -> dict[str, Any]:
    """A tool call; one without arguments has an empty object."""
    kind, key = ("custom", "input") if call.is_custom else ("function", "arguments")
    arguments = call.arguments or ("" if call.is_custom else "{}")
    written = {"id": call.id, "type": kind, kind: {"name": call.name, key: arguments}}
    return written if call.signature is None else {**written, **extra_content(call.signature)}


def extra_content(signature: str) -> dict[str, Any]:
    """A call's signature as Google's OpenAI-compatible API has it: https://ai.google.dev/gemini-api/docs/thought-signatures."""
    return {"extra_content": {"google": {"thought_signature": signature}}}


def audio_of(audio: Reader) -> Audio | None:
    """`audio` of a message; None where it is empty, as some servers have it."""
    audio_id, data = audio.text("id") or "", audio.text("data")
    if not (audio_id or data):
        return None
    return Audio(
        id=audio_id,
        source=Source(data=data) if data else None,
        transcript=audio.text("transcript") or "",
        expires_at=audio.integer("expires_at"),
    )


def _choice(choice: Reader) -> Choice:
    message = choice.object("message") or Reader({})
    blocks = [*reasoning_of(message), *content(message)]
    if message.starts_with("annotations", "["):
        _annotate(blocks, message.objects("annotations"))
    if refusal := message.text("refusal"):
        blocks.append(Refusal(text=refusal))
    blocks += [image for picture, _ in message.objects("images") if (image := image_of(picture)) is not None]
    if (audio := message.object("audio")) is not None and (sound := audio_of(audio)) is not None:
        blocks.append(sound)
    calls = [call for call, _ in message.objects("tool_calls") if call.has("function") or call.has("custom")]
    blocks += [tool_call(call, at) for at, call in enumerate(calls)]  # others are a server's own tools
    if (call := message.object("function_call")) is not None and (name := call.text("name")):
        blocks.append(ToolCall(id=f"call_{name}", name=name, arguments=call.text("arguments") or ""))
    stop = choice.text("stop_reason") if choice.starts_with("stop_reason", '"') else None
    logprobs = choice.raw("logprobs")
    return Choice(
        blocks=tuple(_without_place(block) for block in blocks),
        finish=finish_of(choice.text("finish_reason"), stop),
        logprobs=logprobs if _has_logprobs(logprobs) else None,
    )


def _without_place(block: Block) -> Block:
    return msgspec.structs.replace(block, path="", extra={})


def _has_logprobs(raw: msgspec.Raw | None) -> bool:
    if raw is None or bytes(memoryview(raw)[:1]) != b"{":
        return False
    return any(bytes(value) != b"null" for value in _MEMBERS.decode(raw).values())


def _annotate(blocks: list[Block], annotations: Iterable[tuple[Reader, msgspec.Raw]]) -> None:
    cited = tuple(citation for one, raw in annotations if (citation := known_citation(one, raw)) is not None)
    at = next((at for at, block in enumerate(blocks) if isinstance(block, Text)), None)
    if cited and at is not None:
        blocks[at] = msgspec.structs.replace(blocks[at], citations=cited)


def _choice_json(choice: Choice, index: int, losses: list[str], *, is_legacy: bool) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None, "refusal": None}
    texts: list[str] = []
    annotations: list[dict[str, Any]] = []
    calls: list[ToolCall] = []
    thoughts: list[Reasoning] = []
    for at, block in enumerate(choice.blocks):
        where = f"answer.content[{at}]"
        if isinstance(block, Text):
            _add_text(block, texts, annotations, losses, where)
        elif isinstance(block, ToolCall):
            calls.append(block)
        elif isinstance(block, Reasoning):
            thoughts.append(block)
        elif isinstance(block, Refusal):
            message["refusal"] = (message["refusal"] or "") + block.text
        elif isinstance(block, Image) and block.source.file_id is None:
            message.setdefault("images", []).append(image_json(block))
        elif isinstance(block, Audio):
            message["audio"] = audio_json(block)
        else:
            losses.append(f"{where}.{block_name(block)}")
    if texts:
        message["content"] = "".join(texts)
    if annotations:
        message["annotations"] = annotations
    _add_reasoning(message, thoughts)
    if calls and is_legacy:
        message["function_call"] = {"name": calls[0].name, "arguments": calls[0].arguments or "{}"}
    elif calls:
        message["tool_calls"] = [call_json(call) for call in calls]
    word = WORDS[choice.finish.reason]
    if word == "tool_calls" and is_legacy:
        word = "function_call"
    return {"index": index, "message": message, "logprobs": choice.logprobs, "finish_reason": word}


def _add_text(block: Text, texts: list[str], annotations: list[dict[str, Any]], losses: list[str], where: str) -> None:
    offset = sum(map(len, texts))
    texts.append(block.text)
    written = [annotation_json(citation, offset, len(block.text)) for citation in block.citations]
    annotations += [annotation for annotation in written if annotation is not None]
    if None in written:
        losses.append(f"{where}.citations")


def _add_reasoning(message: dict[str, Any], thoughts: list[Reasoning]) -> None:
    """As DeepSeek has it, which most clients read; what must come back unchanged also as OpenRouter has it."""
    if text := "".join(thought.text for thought in thoughts):
        message["reasoning_content"] = text
    if any(thought.signature or thought.encrypted for thought in thoughts):
        message["reasoning_details"] = [write_reasoning_detail(thought, at) for at, thought in enumerate(thoughts)]
