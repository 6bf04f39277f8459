"""The canonical conversation → a request for Bedrock's Converse API. Losses: docs/wires.md.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

import re
from collections.abc import Collection
from typing import Any, Final

import msgspec

from engine.model import Model
from engine.wires.anthropic_messages.generations import is_up_to_4_5
from engine.wires.bedrock_converse.decode_blocks import NAME
from engine.wires.bedrock_converse.encode_blocks import BlockWriter
from engine.wires.bedrock_converse.families import Family, Path, family_of
from engine.wires.bedrock_converse.reasoning import write_reasoning
from engine.wires.bedrock_converse.tools import write_tools
from engine.wires.codec import EncodedRequest
from engine.wires.conversation import Conversation
from engine.wires.losses import Losses

MORE: Final = "additionalModelRequestFields"

_CARRIED: Final = frozenset(
    {
        *("tools", "tool_choice", "parallel_tool_calls", "output", "max_output_tokens", "temperature", "top_p"),
        *("stop", "reasoning", "cache", "service_tier", "metadata"),
    }
)
_TIERS: Final = frozenset({"priority", "default", "flex", "reserved"})
_METADATA_KEY: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{1,256}", re.ASCII)
_METADATA_VALUE: Final = re.compile(r"[a-zA-Z0-9\s:_@$#=/+,.-]{0,256}", re.ASCII)
_MAX_METADATA: Final = 16


def encode_request(conversation: Conversation, model: Model) -> EncodedRequest:
    """The request; raises InvalidRequest for what may not be dropped, or for any loss where `model.strict`."""
    losses = Losses(conversation, NAME, strict=model.strict)
    if conversation.n is not None and conversation.n > 1:
        raise losses.refusal(conversation.name_of("n"), "its API gives one answer")
    family = family_of(model)
    late = family.is_claude and not is_up_to_4_5(model)
    writer = BlockWriter(losses, family, reads_late_instructions=late)
    system, messages = writer.messages(conversation)
    if conversation.cache is not None:
        if family.caches and messages:
            messages[-1]["content"].append(writer.cache_point(conversation.cache))
        else:
            losses.drop_option("cache")
    fields: dict[str, Any] = {"messages": messages}
    if system:
        fields["system"] = system
    # What the model's file says here is joined by what the client asks.
    more: dict[str, Any] = dict(model.defaults.get(MORE) or {})
    write_tools(fields, more, conversation, family, writer, losses)
    taken = write_reasoning(fields, more, conversation, model, family, losses)
    _write_inference(fields, conversation, taken, losses)
    _write_more(more, conversation, family, taken, losses)
    if family.is_claude and conversation.stop:
        fields["additionalModelResponseFieldPaths"] = ["/stop_sequence"]
    _write_output(fields, conversation, losses)
    _write_service(fields, conversation, losses)
    losses.keep(conversation.extra)
    losses.drop_all_but(_CARRIED | family.options.keys())
    if more:
        fields[MORE] = more
    return EncodedRequest(fields, losses.found)


def put(fields: dict[str, Any], path: Path, value: Any) -> None:
    """Set what stands at `path`; the objects on the way are made, or copied."""
    for name in path[:-1]:
        fields[name] = fields = dict(fields.get(name) or {})
    fields[path[-1]] = value


def _write_inference(
    fields: dict[str, Any], conversation: Conversation, taken: Collection[str], losses: Losses
) -> None:
    """What all models share; `taken` are the options that thinking leaves no room for."""
    config: dict[str, Any] = {}
    for option, name in (("max_output_tokens", "maxTokens"), ("temperature", "temperature"), ("top_p", "topP")):
        value = getattr(conversation, option)
        if value is None:
            continue
        if option in taken:
            losses.drop_option(option)
            continue
        if option == "temperature" and value > 1:
            losses.drop_option(option)
            value = 1
        config[name] = value
    if conversation.stop:
        config["stopSequences"] = conversation.stop
    if config:
        fields["inferenceConfig"] = config


def _write_more(
    more: dict[str, Any], conversation: Conversation, family: Family, taken: Collection[str], losses: Losses
) -> None:
    """What only this maker's models take."""
    for option, path in family.options.items():
        value = getattr(conversation, option)
        if value is None:
            continue
        if option in taken:
            losses.drop_option(option)
        else:
            put(more, path, value)


def _write_output(fields: dict[str, Any], conversation: Conversation, losses: Losses) -> None:
    output = conversation.output
    if output is None or output.kind == "text":
        return
    if output.kind == "json":
        losses.drop_option("output")  # the prompt has to say it
        return
    losses.keep(output.extra, conversation.name_of("output"))
    schema = {"schema": bytes(output.schema or b"{}").decode(), "name": output.name, "description": output.description}
    known = {name: value for name, value in schema.items() if value}
    form = {"type": "json_schema", "structure": {"jsonSchema": known}}
    fields["outputConfig"] = {**fields.get("outputConfig", {}), "textFormat": form}


def _write_service(fields: dict[str, Any], conversation: Conversation, losses: Losses) -> None:
    if conversation.service_tier in _TIERS:
        fields["serviceTier"] = {"type": conversation.service_tier}
    elif conversation.service_tier not in (None, "auto"):
        losses.drop_option("service_tier")
    if conversation.metadata is not None:
        kept = _metadata(conversation, losses)
        if kept:
            fields["requestMetadata"] = kept


def _metadata(conversation: Conversation, losses: Losses) -> dict[str, str]:
    """What of the client's metadata Bedrock writes to its invocation logs."""
    given = msgspec.json.decode(conversation.metadata or b"{}")
    if not isinstance(given, dict):
        losses.drop_option("metadata")
        return {}
    kept: dict[str, str] = {}
    for name, value in given.items():
        fits = isinstance(value, str) and _METADATA_KEY.fullmatch(name) and _METADATA_VALUE.fullmatch(value)
        if fits and len(kept) < _MAX_METADATA:
            kept[name] = value
        else:
            losses.drop(f"{conversation.name_of('metadata')}.{name}")
    return kept
