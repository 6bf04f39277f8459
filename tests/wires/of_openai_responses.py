"""How the tests read, judge and normalise OpenAI's responses, without our codec."""

import json
from collections.abc import Iterator
from typing import Any

import openai.types.responses
import pydantic
from openai.lib.streaming.responses._responses import ResponseStreamState
from wires.seen import Seen, events_of, json_or_text, seen

_EVENT: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(openai.types.responses.ResponseStreamEvent)
_WORDS = {"max_output_tokens": "length", "content_filter": "filter"}

# The deltas of what the model thought, and what says which part of it.
_THOUGHTS = {
    "response.reasoning_summary_text.delta": "summary_index",
    "response.reasoning_text.delta": "content_index",
}

_ENDS = ("response.completed", "response.incomplete", "response.failed")


def _texts(parts: list[dict[str, Any]]) -> Iterator[str]:
    for part in parts:
        if part["type"] == "output_text":
            yield part["text"]


def _thought(item: dict[str, Any]) -> str:
    wholes = ([part["text"] for part in item.get(name) or [] if part["text"]] for name in ("summary", "content"))
    return "".join("\n\n".join(texts) for texts in wholes)


def read_response(body: dict[str, Any]) -> Seen:
    items = body["output"]
    text = "".join(text for item in items if item["type"] == "message" for text in _texts(item["content"]))
    reasoning = "".join(_thought(item) for item in items if item["type"] == "reasoning")
    calls = [(item["name"], json_or_text(item["arguments"])) for item in items if item["type"] == "function_call"]
    why = (body.get("incomplete_details") or {}).get("reason")
    finish = _WORDS.get(why or "", "length" if body["status"] in ("failed", "incomplete") else "stop")
    usage = body.get("usage")
    return seen(text, reasoning, calls, finish, (usage["input_tokens"], usage["output_tokens"]) if usage else None)


def has_ended(data: bytes) -> bool:
    """Whether it is no response in the background that still waits, or runs: such a one holds nothing yet."""
    return json.loads(data).get("status") not in ("queued", "in_progress")


def read_answer(data: bytes) -> Seen:
    return read_response(json.loads(data))


def read_stream(data: bytes) -> Seen:
    """By the deltas, as far as they go; the last event has the rest."""
    pieces: dict[str, str] = {"text": "", "reasoning": ""}
    calls: dict[int, list[str]] = {}
    places: dict[tuple[int, str], int] = {}
    last: dict[str, Any] = {}
    for event in events_of(data):
        kind = event["type"]
        index = event.get("output_index", -1)
        if kind == "response.output_text.delta":
            pieces["text"] += event["delta"]
        elif kind in _THOUGHTS and event["delta"]:
            part = event[_THOUGHTS[kind]]
            pieces["reasoning"] += "\n\n" if places.get((index, kind), part) != part else ""
            places[index, kind] = part
            pieces["reasoning"] += event["delta"]
        elif kind == "response.output_item.added" and event["item"]["type"] == "function_call":
            calls[index] = [event["item"]["name"], ""]
        elif kind == "response.function_call_arguments.delta":
            calls[index][1] += event["delta"]
        elif kind in _ENDS:
            last = event["response"]
    whole = read_response(last)
    told = [(name, json_or_text(arguments)) for name, arguments in calls.values()]
    assert (pieces["text"], pieces["reasoning"], told) == (whole.text, whole.reasoning, whole.calls)
    return whole


def judge_answer(data: bytes) -> None:
    openai.types.responses.Response.model_validate_json(data)


def judge_stream(data: bytes) -> None:
    """Every event is one, they are counted, each part and item is opened and closed, and all add up to the last."""
    found = [json.loads(line[5:]) for line in data.splitlines() if line.startswith(b"data:")]
    events = [_EVENT.validate_python(event) for event in found]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] in _ENDS
    output = found[-1]["response"]["output"]
    assert [event["item"] for event in found if event["type"] == "response.output_item.done"] == output
    for opened, closed in (("output_item.added", "output_item.done"), ("content_part.added", "content_part.done")):
        assert kinds.count(f"response.{opened}") == kinds.count(f"response.{closed}")
    assert accumulated(data) == output


def accumulated(data: bytes) -> Any:
    """The output that the official client puts together from a stream's events."""
    state: Any = ResponseStreamState(input_tools=[], text_format=openai.Omit())
    for event in events_of(data):
        state.handle_event(_EVENT.validate_python(event))
    return [state._completed_output[at].to_dict(mode="json") for at in sorted(state._completed_output)]


def normal_request(request: dict[str, Any]) -> dict[str, Any]:
    """A request without what says nothing: null, `[]`, `""` and `false` where they are the default; `include` in order."""
    request = {name: value for name, value in _given(request).items() if value not in ([], "") and value is not False}
    if "include" in request:
        request["include"] = sorted(request["include"])
    if isinstance(request.get("input"), list):
        request["input"] = [_item(item) for item in request["input"]]
    for name in ("reasoning", "text"):
        if name in request:
            request[name] = _given(request[name])
    request["tools"] = [_given(tool) for tool in request.get("tools", [])]
    return request


def _given(value: dict[str, Any]) -> dict[str, Any]:
    return {name: member for name, member in value.items() if member is not None}


def _item(item: dict[str, Any]) -> dict[str, Any]:
    item = {
        name: "" if value == [] and name in ("content", "output") else value for name, value in _given(item).items()
    }
    if isinstance(item.get("content"), list):
        item["content"] = [{name: at for name, at in part.items() if at not in (None, [])} for part in item["content"]]
    return item
