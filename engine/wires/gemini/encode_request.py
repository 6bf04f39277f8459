"""The canonical conversation → a request to generate content. Losses: docs/wires.md.

Sources: https://ai.google.dev/api/generate-content#request-body,
https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference
"""

import re
from typing import Any, Final

import msgspec

from engine.model import Model
from engine.wires.codec import EncodedRequest
from engine.wires.conversation import Conversation
from engine.wires.gemini.encode_contents import ContentWriter
from engine.wires.gemini.encode_tools import write_tools
from engine.wires.gemini.parts import NAME
from engine.wires.gemini.thinking import thinking_config
from engine.wires.losses import Losses

# Options that are members of `generationConfig`.
_CONFIG: Final = {
    "temperature": "temperature",
    "top_p": "topP",
    "top_k": "topK",
    "max_output_tokens": "maxOutputTokens",
    "n": "candidateCount",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
    "logprobs": "responseLogprobs",
    "top_logprobs": "logprobs",
}
_WRITTEN: Final = (
    *("tools", "tool_choice", "parallel_tool_calls", "output", "stop", "reasoning", "service_tier", "metadata"),
    "store",
)
_CARRIED: Final = frozenset({*_CONFIG, *_WRITTEN})
_TIERS: Final = {"default": "standard", "standard": "standard", "flex": "flex", "priority": "priority"}

# What Google takes as labels of a call, which its bill shows.
_LABEL_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL: Final = re.compile(r"[a-z0-9_-]{0,63}")

# What Google's own OpenAI-compatible API reads of `extra_body.google`.
_GOOGLES: Final = {
    "cached_content": ("cachedContent",),
    "safety_settings": ("safetySettings",),
    "thinking_config": ("generationConfig", "thinkingConfig"),
}
_MODALITIES: Final = {"text": "TEXT", "image": "IMAGE", "audio": "AUDIO"}
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def encode_request(conversation: Conversation, model: Model) -> EncodedRequest:
    """The request; raises InvalidRequest for what may not be dropped, or for any loss where `model.strict`."""
    losses = Losses(conversation, NAME, strict=model.strict)
    system, contents = ContentWriter(conversation, model, losses).contents()
    fields: dict[str, Any] = {"contents": contents}
    if system:
        fields["systemInstruction"] = {"parts": system}
    write_tools(fields, conversation, model, losses)
    if config := _generation_config(conversation, model, losses):
        fields["generationConfig"] = config
    _write_options(fields, conversation, model, losses)
    losses.drop_all_but(_CARRIED)
    extra = dict(conversation.extra)
    _write_googles_own(fields, extra, losses)
    _write_modalities(fields, extra)
    losses.keep(extra)
    return EncodedRequest(fields, losses.found)


def _generation_config(conversation: Conversation, model: Model, losses: Losses) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for name, value in conversation.given():
        if name in _CONFIG:
            config[_CONFIG[name]] = value
    if "logprobs" in config:
        config["responseLogprobs"] = True
    if conversation.stop:
        config["stopSequences"] = conversation.stop
    output = conversation.output
    if output is not None and output.kind != "text":
        config["responseMimeType"] = "application/json"
        if output.schema is not None:
            config["responseJsonSchema"] = output.schema
        losses.keep(output.extra, conversation.name_of("output"))
    if thinking := thinking_config(conversation, model, losses):
        config["thinkingConfig"] = thinking
    return config


def _write_options(fields: dict[str, Any], conversation: Conversation, model: Model, losses: Losses) -> None:
    is_vertex = model.api == "google-vertex"
    tier = conversation.service_tier
    if tier in _TIERS:
        fields["serviceTier"] = _TIERS[tier]
    elif tier not in (None, "auto"):
        losses.drop_option("service_tier")
    if conversation.store:
        if is_vertex:
            losses.drop_option("store")
        else:
            fields["store"] = True
    if conversation.metadata is not None and bytes(conversation.metadata) != b"{}":
        labels = _labels(conversation.metadata) if is_vertex else None
        if labels is None:
            losses.drop_option("metadata")
        else:
            fields["labels"] = labels


def _labels(metadata: msgspec.Raw) -> dict[str, str] | None:
    """Metadata as labels, None where one of them is not fit to be one."""
    try:
        labels = msgspec.json.decode(metadata, type=dict[str, str])
    except msgspec.MsgspecError:
        return None
    fits = all(_LABEL_NAME.fullmatch(name) and _LABEL.fullmatch(label) for name, label in labels.items())
    return labels if fits else None


def _write_googles_own(fields: dict[str, Any], extra: dict[str, msgspec.Raw], losses: Losses) -> None:
    """`extra_body: {"google": {…}}`: https://ai.google.dev/gemini-api/docs/openai#extra-body."""
    try:
        google = _MEMBERS.decode(_MEMBERS.decode(extra["extra_body"])["google"])
    except (KeyError, msgspec.MsgspecError):
        return
    del extra["extra_body"]
    for name, value in google.items():
        path = _GOOGLES.get(name)
        if path is None:
            losses.drop(f"extra_body.google.{name}")
            continue
        place = fields
        for member in path[:-1]:
            place = place.setdefault(member, {})
        place[path[-1]] = value


def _write_modalities(fields: dict[str, Any], extra: dict[str, msgspec.Raw]) -> None:
    """`modalities`: https://openrouter.ai/docs/features/multimodal/image-generation, and OpenAI's own for sound."""
    try:
        modalities = [_MODALITIES[modality] for modality in msgspec.json.decode(extra["modalities"], type=list[str])]
    except (KeyError, msgspec.MsgspecError):
        return
    del extra["modalities"]
    fields.setdefault("generationConfig", {})["responseModalities"] = modalities
