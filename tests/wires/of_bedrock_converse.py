"""Converse's answers, read in the plainest way, streams cut by botocore; and what AWS's description says of requests."""

import base64
import functools
import json
import re
import struct
import zlib
from typing import Any

import botocore.eventstream
import botocore.loaders
import botocore.model
import botocore.validate
from wires.seen import Seen, json_or_text, seen

RECORDED = (("bedrock-converse",), ("/converse", "/converse-stream"))

_WORDS = {
    "tool_use": "tools",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "malformed_model_output": "length",
    "malformed_tool_use": "length",
    "guardrail_intervened": "filter",
    "content_filtered": "filter",
}
_ABOUT = ("usage", "metrics", "trace", "serviceTier", "performanceConfig")
_CACHED = ("cacheReadInputTokens", "cacheWriteInputTokens")


def read_answer(data: bytes) -> Seen:
    body = json.loads(data)
    return _seen(body["output"]["message"]["content"], body["stopReason"], body["usage"])


def read_stream(data: bytes) -> Seen:
    content: dict[int, dict[str, Any]] = {}
    stop_reason, usage = "", {}
    for name, body in events_of(data):
        if name == "contentBlockStart":
            content[body["contentBlockIndex"]] = _begun(body["start"])
        elif name == "contentBlockDelta":
            _add(content.setdefault(body["contentBlockIndex"], {}), body["delta"])
        elif name == "messageStop":
            stop_reason = body["stopReason"]
        elif name == "metadata":
            usage = body["usage"]
    for block in content.values():
        if "toolUse" in block:
            block["toolUse"]["input"] = json_or_text(block["toolUse"]["input"])
    return _seen(list(content.values()), stop_reason, usage)


def events_of(data: bytes) -> list[tuple[str, Any]]:
    """The events of a stream; botocore checks the checksums."""
    buffer = botocore.eventstream.EventStreamBuffer()
    buffer.add_data(data)
    return [(one.headers[":event-type"], json.loads(one.payload)) for one in buffer]


def _begun(start: dict[str, Any]) -> dict[str, Any]:
    """Only calls are gathered here: results of Bedrock's own tools, and pictures, are not among what is seen."""
    return {"toolUse": {**start["toolUse"], "input": ""}} if "toolUse" in start else {}


def _add(block: dict[str, Any], delta: dict[str, Any]) -> None:
    if "text" in delta:
        block["text"] = block.get("text", "") + delta["text"]
    elif "toolUse" in delta:
        block["toolUse"]["input"] += delta["toolUse"]["input"]
    elif "reasoningContent" in delta:
        thought = block.setdefault("reasoningContent", {}).setdefault("reasoningText", {"text": ""})
        thought["text"] += delta["reasoningContent"].get("text", "")


def _seen(content: list[dict[str, Any]], stop_reason: str, usage: dict[str, int]) -> Seen:
    text = "".join(block.get("text", "") for block in content)
    thoughts = [block["reasoningContent"].get("reasoningText", {}) for block in content if "reasoningContent" in block]
    calls = [block["toolUse"] for block in content if "toolUse" in block]
    own = [(call["name"], call["input"]) for call in calls if call.get("type") != "server_tool_use"]
    counted = (usage["inputTokens"] + sum(usage.get(part, 0) for part in _CACHED), usage["outputTokens"])
    reasoning = "".join(thought.get("text", "") for thought in thoughts)
    return seen(text, reasoning, own, _WORDS.get(stop_reason, "stop"), counted)


# --- streams made of what was recorded whole --------------------------------------------------------------------------


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """One message of an event stream, as Smithy has it."""
    block = b"".join(
        bytes([len(name.encode())]) + name.encode() + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + block + payload
    return body + struct.pack(">I", zlib.crc32(body))


def event(name: str, body: Any) -> bytes:
    """One event, with the padding that Bedrock adds."""
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return message(headers, json.dumps({**body, "p": "abcdefg"}).encode())


def exception(name: str, text: str = "SECRET") -> bytes:
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return message(headers, json.dumps({"message": text}).encode())


def stream_of(answer: bytes) -> bytes:
    """A whole answer as the stream that says the same."""
    body = json.loads(answer)
    written = [event("messageStart", {"role": "assistant"})]
    for index, block in enumerate(body["output"]["message"]["content"]):
        at = {"contentBlockIndex": index}
        start, deltas = _pieces(block)
        if start:
            written.append(event("contentBlockStart", {**at, "start": start}))
        written += [event("contentBlockDelta", {**at, "delta": delta}) for delta in deltas]
        written.append(event("contentBlockStop", at))
    stop = {name: body[name] for name in ("stopReason", "additionalModelResponseFields") if name in body}
    about = {name: body[name] for name in _ABOUT if name in body}
    return b"".join([*written, event("messageStop", stop), event("metadata", about)])


def _pieces(block: dict[str, Any]) -> tuple[dict[str, Any] | None, list[dict[str, Any]]]:
    kind, value = next(iter(block.items()))
    if kind == "text":
        return None, [{"text": piece} for piece in _halves(value)]
    if kind == "toolUse":
        start = {name: value[name] for name in ("toolUseId", "name", "type") if name in value}
        return {kind: start}, [{kind: {"input": piece}} for piece in _halves(json.dumps(value["input"]))]
    if kind == "toolResult":
        start = {name: value[name] for name in ("toolUseId", "status", "type") if name in value}
        return {kind: start}, [{kind: value["content"]}]
    if kind == "reasoningContent" and "redactedContent" in value:
        return None, [{kind: {"redactedContent": value["redactedContent"]}}]
    if kind == "reasoningContent":
        text = [{kind: {"text": piece}} for piece in _halves(value["reasoningText"]["text"])]
        signature = value["reasoningText"].get("signature")
        return None, [*text, *([{kind: {"signature": signature}}] if signature else [])]
    if kind == "citationsContent":
        cited = [{"citation": citation} for citation in value["citations"]]
        return None, [{"text": part["text"]} for part in value["content"]] + cited
    if kind == "image":
        return {kind: {"format": value["format"]}}, [{kind: {"source": value["source"]}}]
    return {kind: value}, []


def _halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [text[:middle], text[middle:]]


# --- what AWS's own description of the API says of a request ----------------------------------------------------------


@functools.cache
def _operation(name: str) -> botocore.model.OperationModel:
    described = botocore.loaders.Loader().load_service_model("bedrock-runtime", "service-2")
    return botocore.model.ServiceModel(described).operation_model(name)


def judge_request(fields: dict[str, Any], *, stream: bool = False, model_id: str = "amazon.nova-lite-v1:0") -> None:
    """A body as the Converse API takes it: botocore's validator, and beside it what that one does not look at."""
    shape = _operation("ConverseStream" if stream else "Converse").input_shape
    params = {**fields, "modelId": model_id}
    report = botocore.validate.ParamValidator().validate(params, shape)
    assert not report.has_errors(), report.generate_report()
    _check(params, shape, "")


def _check(value: Any, shape: Any, path: str) -> None:
    """Enumerations, patterns, lengths, and that a union has one member."""
    if shape.type_name == "structure" and not shape.is_document_type:
        assert len(value) == 1 or not getattr(shape, "is_tagged_union", False), path
        for name, member in value.items():
            _check(member, shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        assert len(value) >= shape.metadata.get("min", 0), path
        for at, member in enumerate(value):
            _check(member, shape.member, f"{path}[{at}]")
    elif shape.type_name == "map":
        for name, member in value.items():
            _check(name, shape.key, f"{path} {name}")
            _check(member, shape.value, f"{path}.{name}")
    elif shape.type_name == "blob":
        assert base64.b64decode(value, validate=True), path
    elif shape.type_name == "string":
        assert value in shape.enum or not shape.enum, (path, value)
        least, most = shape.metadata.get("min", 0), shape.metadata.get("max", len(value))
        assert least <= len(value) <= most, (path, value)
        pattern = shape.metadata.get("pattern")
        assert pattern is None or re.fullmatch(pattern, value), (path, value)


def judge_answer(body: dict[str, Any]) -> None:
    """A body as the Converse API gives it."""
    shape = _operation("Converse").output_shape
    report = botocore.validate.ParamValidator().validate(body, shape)
    assert not report.has_errors(), report.generate_report()
