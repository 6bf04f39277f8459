"""Cohere's answers, read in the plainest way; and streams as its documentation has them, for none were recorded.

Source: https://docs.cohere.com/docs/streaming, https://docs.cohere.com/docs/tool-use-streaming,
https://docs.cohere.com/docs/rag-streaming
"""

import json
from typing import Any

from wires.seen import Seen, events_of, json_or_text, seen

RECORDED = (("cohere-v2",), "/v2/chat")

_WORDS = {"MAX_TOKENS": "length", "ERROR": "length", "TIMEOUT": "length"}


def read_answer(data: bytes) -> Seen:
    body = json.loads(data)
    message = body["message"]
    content = message.get("content") or []
    text = "".join(item.get("text", "") for item in content)
    reasoning = message.get("tool_plan", "") + "".join(item.get("thinking", "") for item in content)
    functions = [call["function"] for call in message.get("tool_calls") or []]
    calls = [(function["name"], json_or_text(function["arguments"])) for function in functions]
    return seen(text, reasoning, calls, _WORDS.get(body["finish_reason"], "stop"), _usage(body))


def read_stream(data: bytes) -> Seen:
    text = reasoning = finish = ""
    usage = None
    calls: list[list[str]] = []
    for event in events_of(data):
        message = (event.get("delta") or {}).get("message") or {}
        if event["type"].startswith("content-") and event["type"] != "content-end":
            text += message["content"].get("text") or ""
            reasoning += message["content"].get("thinking") or ""
        elif event["type"] == "tool-plan-delta":
            reasoning += message["tool_plan"]
        elif event["type"] == "tool-call-start":
            function = message["tool_calls"]["function"]
            calls.append([function["name"], function["arguments"]])
        elif event["type"] == "tool-call-delta":
            calls[-1][1] += message["tool_calls"]["function"]["arguments"]
        elif event["type"] == "message-end":
            finish, usage = _WORDS.get(event["delta"]["finish_reason"], "stop"), _usage(event["delta"])
    return seen(text, reasoning, [(name, json_or_text(arguments)) for name, arguments in calls], finish, usage)


def _usage(body: dict[str, Any]) -> tuple[int, int] | None:
    billed = (body.get("usage") or {}).get("billed_units")
    return (int(billed["input_tokens"]), int(billed["output_tokens"])) if billed else None


# --- streams ----------------------------------------------------------------------------------------------------------


def event(kind: str, **fields: Any) -> bytes:
    """One event as Cohere frames it."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields}, ensure_ascii=False)}\n\n".encode()


def message(**fields: Any) -> dict[str, Any]:
    return {"delta": {"message": fields}}


START = event(
    "message-start", id="c14c80c3", **message(role="assistant", content=[], tool_plan="", tool_calls=[], citations=[])
)


def text(*pieces: str, index: int = 0) -> bytes:
    started = event("content-start", index=index, **message(content={"type": "text", "text": ""}))
    deltas = [event("content-delta", index=index, **message(content={"text": piece})) for piece in pieces]
    return b"".join((started, *deltas))


def thought(*pieces: str, index: int = 0) -> bytes:
    started = event("content-start", index=index, **message(content={"type": "thinking", "thinking": ""}))
    deltas = [event("content-delta", index=index, **message(content={"thinking": piece})) for piece in pieces]
    return b"".join((started, *deltas)) + event("content-end", index=index)


def call(index: int, name: str, *pieces: str) -> bytes:
    function = {"name": name, "arguments": ""}
    started = event(
        "tool-call-start",
        index=index,
        **message(tool_calls={"id": f"{name}_{index}", "type": "function", "function": function}),
    )
    deltas = [
        event("tool-call-delta", index=index, **message(tool_calls={"function": {"arguments": piece}}))
        for piece in pieces
    ]
    return b"".join((started, *deltas)) + event("tool-call-end", index=index)


def cited(index: int, start: int, end: int, said: str, **more: Any) -> bytes:
    source = {"type": "document", "id": "doc:0", "document": {"id": "doc:0", "url": "https://a", "title": "A"}}
    found = {"start": start, "end": end, "text": said, "sources": [source], "type": "TEXT_CONTENT", **more}
    return event("citation-start", index=index, **message(citations=found)) + event("citation-end", index=index)


def end(word: str, input_tokens: float = 57, output_tokens: float = 9) -> bytes:
    billed = {"input_tokens": input_tokens, "output_tokens": output_tokens}
    usage = {"billed_units": billed, "tokens": {"input_tokens": 1200.0, "output_tokens": 12.0}}
    return event("message-end", delta={"finish_reason": word, "usage": usage})


STREAMS: dict[str, bytes] = {
    "text": START + text("Emp", "eror ", "penguins é 😀") + event("content-end", index=0) + end("COMPLETE"),
    "cut short": START + text("Once") + event("content-end", index=0) + end("MAX_TOKENS"),
    "calls": START
    + event("tool-plan-delta", **message(tool_plan="I will "))
    + event("tool-plan-delta", **message(tool_plan="look."))
    + call(0, "get_weather", "{\n", '    "city": "Par', 'is"}')
    + call(1, "get_time", '{"city"', ': "Paris"}')
    + end("TOOL_CALL"),
    "thinking": START
    + thought("Hm, ", "well.")
    + text("So.", index=1)
    + event("content-end", index=1)
    + end("COMPLETE"),
    "thinking before calls": START + thought("Hm.") + call(0, "get_weather", '{"city":"Paris"}') + end("TOOL_CALL"),
    "citations": START
    + text("The tallest are ", "Emperor penguins.")
    + cited(0, 16, 33, "Emperor penguins.")
    + event("content-end", index=0)
    + end("COMPLETE", 57.0, 12.0),
    "citations behind their text": START
    + text("Sunny.")
    + event("content-end", index=0)
    + cited(0, 0, 5, "Sunny", content_index=0)
    + end("COMPLETE"),
    "stopped by a text": START + text("The capital is") + event("content-end", index=0) + end("STOP_SEQUENCE"),
}
