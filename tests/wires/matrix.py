"""What the tests of all wires share: recordings, readers that owe our codecs nothing, and the official packages' types.

A new wire adds a line to each of these tables; the tests are parametrised over the engine's own tables, and fail for a
wire that is not here.
"""

import base64
import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import anthropic.types.beta
import msgspec
import openai.types.chat
import pydantic
import pytest
from harness.recordings import WIRE_FOLDER
from wires import of_bedrock_converse, of_cohere_v2, of_gemini, of_openai_responses
from wires.seen import Seen, events_of, json_or_text, seen

from engine.catalog.vendors import VENDORS
from engine.errors import InvalidRequest
from engine.model import Dialect, Model, Pricing
from engine.wires.body import parse_object
from engine.wires.codec import Asked
from engine.wires.conversation import Conversation
from engine.wires.table import CLIENT_APIS, PROVIDER_WIRES

# Wires of one text, which hold no conversation: they have tests of their own.
PROSE = frozenset({"openai-completions"})

WIRES = sorted(PROVIDER_WIRES.keys() - PROSE)
APIS = sorted(CLIENT_APIS.keys() - PROSE)
BOTH = sorted({*WIRES} & {*APIS})
CROSSED = [(wire, api) for wire in WIRES for api in APIS]

# Wire → its files of recordings, and how the paths of its exchanges end.
RECORDED: Mapping[str, tuple[tuple[str, ...], str | tuple[str, ...]]] = {
    "anthropic-messages": (("anthropic-messages",), "/messages"),
    "bedrock-converse": of_bedrock_converse.RECORDED,
    "bedrock-invoke": (("bedrock-invoke",), "claude-opus-4-8/invoke"),
    "cohere-v2": of_cohere_v2.RECORDED,
    "gemini": of_gemini.RECORDED,
    "openai-chat": (("openai-chat", "openai-compatible"), "/chat/completions"),
    "openai-responses": (("openai-responses",), "/responses"),
}


# Wire → streams that its documentation shows, by name.
STREAMS: Mapping[str, Mapping[str, bytes]] = {"cohere-v2": of_cohere_v2.STREAMS}

# Wires whose streams are no lines of text.
BINARY: frozenset[str] = frozenset({"bedrock-converse", "bedrock-invoke"})


class Recording(NamedTuple):
    """One exchange with a provider."""

    id: str
    wire: str
    host: str
    request: str
    response: bytes
    status: int
    is_stream: bool


def recordings(wire: str) -> list[Recording]:
    """All recorded exchanges of a wire; skips where they are not beside this checkout."""
    if not WIRE_FOLDER.is_dir():
        pytest.skip(f"the recorded exchanges are not beside this checkout: no {WIRE_FOLDER}")
    return _read(wire)


def answers(wire: str) -> list[Recording]:
    """Those answered as a whole."""
    whole = [one for one in recordings(wire) if one.status == 200 and not one.is_stream]
    return [one for one in whole if wire != "openai-responses" or of_openai_responses.has_ended(one.response)]


def streams(wire: str) -> list[Recording]:
    """Those answered as a stream; where none were recorded, as the documentation has them."""
    written = [Recording(name, wire, "", "{}", data, 200, True) for name, data in STREAMS.get(wire, {}).items()]
    return [*(one for one in recordings(wire) if one.status == 200 and one.is_stream), *written]


@functools.cache
def _read(wire: str) -> list[Recording]:
    files, ending = RECORDED[wire]
    rows = (json.loads(line) for name in files for line in _lines(WIRE_FOLDER / f"{name}.jsonl"))
    return [_recording(wire, row) for row in rows if row["path"].endswith(ending)]


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def _recording(wire: str, row: dict[str, Any]) -> Recording:
    response = row["response"]
    data = response["text"].encode() if "text" in response else base64.b64decode(response["base64"])
    is_stream = "event-stream" in str(row["response_headers"]) or "eventstream" in str(row["response_headers"])
    return Recording(row["id"], wire, row["host"], row["request"]["text"], data, row["status"], is_stream)


def make_model(**fields: Any) -> Model:
    """A model, with the given fields beside what every model has."""
    names = {"name": "@acme/bot", "provider": "acme", "slug": "bot", "upstream_model": "upstream-bot"}
    known = {"type": "custom", "api": "acme", "wire": "openai-chat", "pricing": Pricing("free")}
    vendor = VENDORS.get(fields.get("api", ""))
    dialect = vendor.dialect if vendor is not None else Dialect()
    return Model(**{**names, **known, "file": "models/acme/bot.yaml", "blob": "0" * 40, "dialect": dialect, **fields})


def conversation_of(wire: str, request: str | dict[str, Any]) -> Conversation:
    """A request in a client's API, decoded."""
    text = request if isinstance(request, str) else json.dumps(request)
    return CLIENT_APIS[wire].decode_request(parse_object(text.encode()))


def send(
    wire: str, conversation: Conversation, model: Model | None = None
) -> tuple[dict[str, Any], tuple[str, ...]] | InvalidRequest:
    """As `encoded`, or the refusal."""
    try:
        return encoded(wire, conversation, model)
    except InvalidRequest as refused:
        return refused


def asked(conversation: Conversation | None = None) -> Asked:
    """What the gateway knows of a request."""
    blank = Conversation(wire="", model="@acme/bot", turns=(), wants_usage=True)
    return Asked(conversation=conversation or blank, id="req-1", created=1_700_000_000)


# --- OpenAI's chat completions ----------------------------------------------------------------------------------------

_CHAT_WORDS = {"function_call": "tools", "tool_calls": "tools", "content_filter": "filter", "length": "length"}


def _chat_usage(body: dict[str, Any]) -> tuple[int, int] | None:
    usage = body.get("usage") or (body.get("x_groq") or {}).get("usage")
    return (usage["prompt_tokens"], usage["completion_tokens"]) if usage else None


def _chat_text(content: Any) -> str:
    return content or "" if not isinstance(content, list) else "".join(part.get("text", "") for part in content)


def _chat_reasoning(message: dict[str, Any]) -> str:
    if details := message.get("reasoning_details"):
        return "".join(detail.get("text") or detail.get("summary") or "" for detail in details)
    parts = message.get("content") if isinstance(message.get("content"), list) else []
    thinking = "".join(piece["text"] for part in parts for piece in part.get("thinking", []))
    return message.get("reasoning_content") or message.get("reasoning") or thinking


def read_chat_answer(data: bytes) -> Seen:
    body = json.loads(data)
    choice = body["choices"][0]
    message = choice["message"]
    functions = [call["function"] for call in message.get("tool_calls") or []]
    calls = [(function["name"], json_or_text(function.get("arguments") or "")) for function in functions]
    finish = _CHAT_WORDS.get(choice["finish_reason"], "stop")
    return seen(_chat_text(message.get("content")), _chat_reasoning(message), calls, finish, _chat_usage(body))


def read_chat_stream(data: bytes) -> Seen:
    text, reasoning, finish, usage = "", "", "", None
    calls: dict[int, list[str]] = {}
    for chunk in events_of(data):
        usage = _chat_usage(chunk) or usage
        for choice in chunk["choices"]:
            delta = choice.get("delta") or {}
            text += _chat_text(delta.get("content"))
            reasoning += _chat_reasoning(delta)
            for call in delta.get("tool_calls") or []:
                call_so_far = calls.setdefault(call["index"], ["", ""])
                call_so_far[0] += call["function"].get("name") or ""
                call_so_far[1] += call["function"].get("arguments") or ""
            if choice.get("finish_reason"):
                finish = _CHAT_WORDS.get(choice["finish_reason"], "stop")
    return seen(text, reasoning, [(name, json_or_text(args)) for name, args in calls.values()], finish, usage)


def judge_chat_answer(data: bytes) -> None:
    openai.types.chat.ChatCompletion.model_validate_json(data)


def judge_chat_stream(data: bytes) -> None:
    assert data.endswith(b"data: [DONE]\n\n")
    for chunk in events_of(data):
        openai.types.chat.ChatCompletionChunk.model_validate(chunk)


# --- Anthropic's messages ---------------------------------------------------------------------------------------------

_ANTHROPIC_WORDS = {
    "tool_use": "tools",
    "refusal": "filter",
    "max_tokens": "length",
    "pause_turn": "length",
    "model_context_window_exceeded": "length",
}
_ANTHROPIC_EVENT: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(anthropic.types.beta.BetaRawMessageStreamEvent)


def _anthropic_usage(usage: dict[str, Any]) -> tuple[int, int]:
    parts = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    beside = [one for one in usage.get("iterations") or [] if one["type"] == "compaction"]  # the totals leave them out
    counted = [usage, *beside]
    return sum(one.get(part) or 0 for one in counted for part in parts), sum(one["output_tokens"] for one in counted)


def read_anthropic_answer(data: bytes) -> Seen:
    body = json.loads(data)
    return _seen_message(body["content"], body["stop_reason"], body["usage"])


def _seen_message(content: list[dict[str, Any]], stop_reason: str, usage: dict[str, Any]) -> Seen:
    text = "".join(block["text"] for block in content if block["type"] == "text")
    reasoning = "".join(block["thinking"] for block in content if block["type"] == "thinking")
    calls = [(block["name"], block["input"]) for block in content if block["type"] == "tool_use"]
    return seen(text, reasoning, calls, _ANTHROPIC_WORDS.get(stop_reason, "stop"), _anthropic_usage(usage))


def read_anthropic_stream(data: bytes) -> Seen:
    content: list[dict[str, Any]] = []
    open_block: dict[str, Any] | None = None
    usage: dict[str, Any] = {}
    stop_reason = ""
    for event in events_of(data):
        kind = event["type"]
        if kind == "message_start":
            usage |= event["message"]["usage"]
        elif kind == "content_block_start":
            assert open_block is None, "one block at a time"
            assert event["index"] == len(content)
            open_block = {**event["content_block"], "json": ""}
            content.append(open_block)
        elif kind == "content_block_delta":
            assert open_block is not None
            delta = event["delta"]
            assert event["index"] == len(content) - 1
            for name in ("text", "thinking"):
                if name in delta:
                    open_block[name] += delta[name]
            open_block["json"] += delta.get("partial_json", "")
        elif kind == "content_block_stop":
            assert open_block is not None
            if open_block["type"] == "tool_use":
                open_block["input"] = json_or_text(open_block["json"])
            open_block = None
        elif kind == "message_delta":
            usage |= event["usage"]
            stop_reason = event["delta"]["stop_reason"]
    return _seen_message(content, stop_reason, usage)


def judge_anthropic_answer(data: bytes) -> None:
    anthropic.types.beta.BetaMessage.model_validate_json(data)


def judge_anthropic_stream(data: bytes) -> None:
    kinds = [_ANTHROPIC_EVENT.validate_python(event).type for event in events_of(data)]
    assert (kinds[0], kinds[-2:]) == ("message_start", ["message_delta", "message_stop"])


# --- tables -----------------------------------------------------------------------------------------------------------


class Reader(NamedTuple):
    """How to read a wire without our codec."""

    answer: Callable[[bytes], Seen]
    stream: Callable[[bytes], Seen]


class Judge(NamedTuple):
    """The official package's types of a client's API: they raise where an answer is not one."""

    answer: Callable[[bytes], None]
    stream: Callable[[bytes], None]


READERS: Mapping[str, Reader] = {
    "anthropic-messages": Reader(read_anthropic_answer, read_anthropic_stream),
    "bedrock-converse": Reader(of_bedrock_converse.read_answer, of_bedrock_converse.read_stream),
    "bedrock-invoke": Reader(read_anthropic_answer, read_anthropic_stream),
    "cohere-v2": Reader(of_cohere_v2.read_answer, of_cohere_v2.read_stream),
    "gemini": Reader(of_gemini.read_gemini_answer, of_gemini.read_gemini_stream),
    "openai-chat": Reader(read_chat_answer, read_chat_stream),
    "openai-responses": Reader(of_openai_responses.read_answer, of_openai_responses.read_stream),
}
JUDGES: Mapping[str, Judge] = {
    "anthropic-messages": Judge(judge_anthropic_answer, judge_anthropic_stream),
    "openai-chat": Judge(judge_chat_answer, judge_chat_stream),
    "openai-responses": Judge(of_openai_responses.judge_answer, of_openai_responses.judge_stream),
}


# --- what is the same though it is written otherwise ------------------------------------------------------------------

_OPAQUE = {"parameters", "schema", "input_schema", "input", "arguments"}


def normal(value: Any, name: str = "") -> Any:
    """A request without what says nothing: null, and `false` and `[]` where they are the default."""
    if name in _OPAQUE:
        return value
    if isinstance(value, dict):
        members = {key: normal(member, key) for key, member in value.items() if member is not None}
        silent = {"stream": False, "is_error": False, "tools": [], "tool_calls": [], "content": ""}
        return {key: member for key, member in members.items() if not (key in silent and member == silent[key])}
    if isinstance(value, list):
        return (
            _text_alone([normal(item) for item in value]) if name in ("content", "system") else list(map(normal, value))
        )
    return value


def _text_alone(parts: list[Any]) -> Any:
    """One plain text part is the text; no part is no text."""
    if not parts:
        return ""
    only = parts[0]
    is_plain = len(parts) == 1 and isinstance(only, dict) and only.keys() == {"type", "text"}
    return only["text"] if is_plain else parts


def normal_chat(request: dict[str, Any]) -> dict[str, Any]:
    request = normal(request)
    request.pop("stream_options", None)  # usage is always asked for
    if isinstance(request.get("stop"), str):
        request["stop"] = [request["stop"]]
    if request.get("tool_choice") == "any":
        request["tool_choice"] = "required"  # the same, as Mistral has it
    for typed in (*request.get("tools", []), request.get("tool_choice")):
        if isinstance(typed, dict) and "function" in typed:
            typed.setdefault("type", "function")
    for message in request["messages"]:
        for call in message.get("tool_calls", []):
            call.pop("index", None)  # of streams
        for part in message["content"] if isinstance(message.get("content"), list) else []:
            if part.get("type") == "thinking":
                part["thinking"] = [{"type": "text", "text": "".join(piece["text"] for piece in part["thinking"])}]
    return request


def normal_anthropic(request: dict[str, Any]) -> dict[str, Any]:
    request = normal(request)
    merged: list[dict[str, Any]] = []
    for message in request["messages"]:
        content = message.get("content", "")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if merged and merged[-1]["role"] == message["role"]:  # as Anthropic itself does
            merged[-1]["content"] += blocks
        else:
            merged.append({**message, "content": blocks})
    request["messages"] = merged
    for tool in request.get("tools", []):
        if tool.get("type") == "custom":  # as where nothing is said
            del tool["type"]
    return request


NORMAL: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "anthropic-messages": normal_anthropic,
    "openai-chat": normal_chat,
    "openai-responses": of_openai_responses.normal_request,
}


def encoded(
    wire: str, conversation: Conversation, model: Model | None = None
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A request for a provider as JSON, and its losses."""
    request = PROVIDER_WIRES[wire].encode_request(conversation, model or make_model())
    return json.loads(msgspec.json.encode(request.fields)), request.losses
