"""Everything that OpenAI's published types have, whether it was ever recorded or not, reaches every client.

Items are made of the official package's types; a few cases are written by hand where a type does not say enough.
"""

import inspect
import json
import random
import types
import typing
from collections.abc import Iterator
from typing import Any

import genai_prices.data
import pydantic
import pytest
from openai.types.responses.response_input_item import ResponseInputItem
from openai.types.responses.response_output_item import ResponseOutputItem
from openai.types.responses.tool import Tool as PublishedTool
from wires.matrix import APIS, JUDGES, WIRES, asked, conversation_of, encoded, send
from wires.of_openai_responses import judge_stream, normal_request, read_answer, read_stream

from engine.catalog.vendors import VENDORS
from engine.errors import InvalidRequest
from engine.wires import openai_responses
from engine.wires.table import CLIENT_APIS
from engine.wires.transcoder import Transcoder

SAID = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed"}
SO = {**SAID, "content": [{"type": "output_text", "text": "So.", "annotations": []}]}
USAGE = {
    "input_tokens": 9,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 4,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 13,
}

# Parts that say nothing of what they are: every member is optional by the type, one is wanted by the API.
ONE_IS_WANTED = {"input_file": "file_id", "input_image": "file_id", "image_generation_call": "result"}
NO_MESSAGE_OF_CHAT = "custom_tool_call"  # the types of the official package have no chunk for it


def variants(annotation: Any) -> Iterator[Any]:
    """The members of a union, and of the unions in it."""
    if typing.get_origin(annotation) is typing.Annotated:
        yield from variants(typing.get_args(annotation)[0])
    elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
        for one in typing.get_args(annotation):
            yield from variants(one)
    else:
        yield annotation


def made(annotation: Any, chance: random.Random, share: float) -> Any:
    """Some value of a published type, with about `share` of what may be left out."""
    options = [one for one in variants(annotation) if one is not type(None)]
    one = chance.choice(options)
    origin, parameters = typing.get_origin(one), typing.get_args(one)
    if origin is typing.Literal:
        return chance.choice(parameters)
    if origin is list:
        return [made(parameters[0], chance, share) for _ in range(chance.randint(0, 2))]
    if origin is dict:
        return {"some key": made(parameters[1], chance, share)}
    if inspect.isclass(one) and issubclass(one, pydantic.BaseModel):
        return _object(one, chance, share)
    plain = {str: "ein Wört", int: chance.randint(0, 9), float: 0.5, bool: chance.random() < 0.5}
    return plain.get(one, {"anything": 1})


def _object(model: type[pydantic.BaseModel], chance: random.Random, share: float) -> dict[str, Any]:
    written = {
        field.alias or name: made(field.annotation, chance, share)
        for name, field in model.model_fields.items()
        if field.is_required() or chance.random() < share
    }
    wanted = ONE_IS_WANTED.get(str(written.get("type")))
    return {wanted: "aGk=", **written} if wanted is not None else written


def all_of(union: Any) -> list[tuple[str, type[pydantic.BaseModel]]]:
    return [(one.__name__, one) for one in variants(union)]


def instances(model: type[pydantic.BaseModel]) -> list[dict[str, Any]]:
    chance = random.Random(model.__name__)
    found = [_object(model, chance, share) for share in (0, 0.3, 0.6, 1, 1, 1)]
    for item in found:
        if item.get("type") == "function_call":
            item["arguments"] = '{"a": 1}'
        if item.get("role") == "assistant" and "id" not in item:
            item["content"] = "So."  # the type allows parts of an input, which the API refuses
    return found


def response(*output: Any, **fields: Any) -> dict[str, Any]:
    body = {"id": "resp_1", "object": "response", "model": "gpt-5", "created_at": 7, "status": "completed"}
    return {**body, "output": list(output), "usage": USAGE, **fields}


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("name", "model"), all_of(ResponseOutputItem))
def test_every_item_of_an_answer_hurts_no_client(name: str, model: type[pydantic.BaseModel], api: str):
    for item in instances(model):
        body = json.dumps(response(item, SO)).encode()
        reply = CLIENT_APIS[api].encode_answer(openai_responses.decode_answer(body), asked())
        JUDGES[api].answer(reply.body)
        assert b"So." in reply.body
        if api == "openai-responses":
            assert read_answer(reply.body) == read_answer(body), name


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(("name", "model"), all_of(ResponseOutputItem))
def test_every_item_of_a_stream_hurts_no_client(name: str, model: type[pydantic.BaseModel], api: str):
    for item in instances(model):
        if item["type"] == NO_MESSAGE_OF_CHAT and api == "openai-chat":
            continue
        bare = {**item, **({"arguments": ""} if item["type"] == "function_call" else {})}
        stream = event("response.created", response=response(status="in_progress", usage=None))
        stream += event("response.output_item.added", output_index=0, item=bare)
        stream += event("response.output_item.done", output_index=0, item=item)
        stream += event("response.completed", response=response(item, SO))
        transcoder = Transcoder(openai_responses.stream_decoder(), CLIENT_APIS[api].stream_encoder(asked()))
        passed = transcoder.feed(stream) + transcoder.finish() + transcoder.tail
        assert transcoder.error is None, name
        JUDGES[api].stream(passed)
        assert b"So." in passed


def test_an_item_of_openais_own_keeps_its_status():
    """Not all of them may be in progress or incomplete, and one that failed has not completed."""
    failed = {"type": "apply_patch_call_output", "id": "o_1", "call_id": "c_1", "status": "failed"}
    passed = Transcoder(openai_responses.stream_decoder(), openai_responses.stream_encoder(asked()))
    created = event("response.created", response=response(status="in_progress", usage=None))
    done = event("response.output_item.done", output_index=0, item=failed)
    stream = passed.feed(created + done + event("response.completed", response=response(failed, SO))) + passed.tail
    judge_stream(stream)
    assert json.loads(stream.rsplit(b"data: ", 1)[1])["response"]["output"][0] == failed


def test_the_result_of_a_call_that_a_program_made_is_nothing_to_fail_by():
    """What is in it is for no client, so that it is not looked at."""
    odd = {"type": "function_call_output", "id": "o_1", "call_id": "c_1", "output": [{"type": "input_file"}]}
    answer = openai_responses.decode_answer(json.dumps(response(odd, SO)).encode())
    assert CLIENT_APIS["openai-chat"].encode_answer(answer, asked()).losses == ("answer.content[0].opaque",)


@pytest.mark.parametrize(
    ("summary", "content", "said"),
    [
        (["A", "B"], [], "A\n\nB"),
        ([], ["A", "B"], "A\n\nB"),
        (["A", "B"], ["C", "D"], "A\n\nBC\n\nD"),
        (["A", ""], ["", "C"], "AC"),
    ],
)
def test_parts_of_a_thought_are_paragraphs_whole_and_streamed(summary: list[str], content: list[str], said: str):
    thought = {
        "type": "reasoning",
        "id": "rs_1",
        "summary": [{"type": "summary_text", "text": text} for text in summary],
        "content": [{"type": "reasoning_text", "text": text} for text in content],
    }
    stream = b"".join(
        event(f"response.reasoning_{kind}.delta", output_index=0, item_id="rs_1", **{index: at}, delta=text)
        for kind, index, texts in (("summary_text", "summary_index", summary), ("text", "content_index", content))
        for at, text in enumerate(texts)
        if text
    )
    stream += event("response.output_item.done", output_index=0, item=thought)
    stream += event("response.completed", response=response(thought, SO))
    stream += event("response.output_text.delta", output_index=1, content_index=0, item_id="msg_1", delta="So.")
    whole = json.dumps(response(thought, SO)).encode()
    assert read_answer(whole).reasoning == read_stream(stream).reasoning == said
    answer = openai_responses.decode_answer(whole)
    assert read_answer(openai_responses.encode_answer(answer, asked()).body).reasoning == said
    transcoder = Transcoder(openai_responses.stream_decoder(), openai_responses.stream_encoder(asked()))
    passed = transcoder.feed(stream) + transcoder.finish() + transcoder.tail
    assert read_stream(passed).reasoning == said


def test_perplexitys_words_for_what_was_cached_and_searched():
    """https://docs.perplexity.ai/api-reference/responses-post"""
    usage = {
        "input_tokens": 30,
        "input_tokens_details": {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 20},
        "output_tokens": 4,
        "total_tokens": 34,
        "tool_calls_details": {"search_web": {"invocation": 2}, "fetch_url": {"invocation": 1}},
    }
    found = openai_responses.read_usage(json.dumps(response(SO, usage=usage)).encode())
    assert found is not None
    assert found.meters == {"input_tokens": 30, "cache_read_tokens": 20, "output_tokens": 4, "web_searches": 2}


def test_xais_tools_are_billed_by_the_call():
    """https://docs.x.ai/developers/pricing#tools-pricing; of those of a remote MCP server only the tokens are."""
    tools = {"web_search_calls": 2, "x_search_calls": 3, "code_interpreter_calls": 1, "file_search_calls": 0}
    usage = {**USAGE, "num_server_side_tools_used": 7, "server_side_tool_usage_details": {**tools, "mcp_calls": 1}}
    found = openai_responses.read_usage(json.dumps(response(SO, usage=usage)).encode())
    assert found is not None
    named = {name: found.meters[name] for name in found.meters if not name.endswith("_tokens")}
    assert named == {"web_searches": 2, "social_searches": 3, "code_executions": 1, "storage_searches": 0}


ORACLES = [
    (vendor.api, extractor)
    for vendor in VENDORS.values()
    if "openai-responses" in vendor.wires
    for provider in genai_prices.data.providers
    if provider.id == vendor.reference
    for extractor in provider.extractors or ()
    if extractor.api_flavor == "responses"
]


@pytest.mark.parametrize(("vendor", "extractor"), ORACLES)
def test_every_count_that_genai_prices_reads_of_a_vendor_is_read(vendor: str, extractor: Any):
    usage: dict[str, Any] = {}
    for at, mapping in enumerate(extractor.mappings):
        *outer, last = [mapping.path] if isinstance(mapping.path, str) else mapping.path
        place = usage
        for name in outer:
            place = place.setdefault(name, {})
        place[last] = 900 - at
    reference = VENDORS[vendor].reference
    theirs = genai_prices.extract_usage({"usage": usage}, provider_id=reference, api_flavor="responses").usage
    found = openai_responses.read_usage(json.dumps(response(SO, usage=usage)).encode())
    assert found is not None
    assert found.meters == {meter: count for meter, count in vars(theirs).items() if count is not None}


def test_events_and_annotations_of_other_forms_cost_no_answer():
    keepalive = event("keepalive", sequence_number=0)  # before anything is known of the answer
    new = event("response.hologram.delta", output_index="left", item_id=7, content_index={}, response=7)
    created = event("response.created", response=response(status="in_progress", usage=None))
    odd = {"type": "smell_citation", "url": {"nose": 1}, "start_index": 0.5}
    said = {**SAID, "content": [{"type": "output_text", "text": "So.", "annotations": [odd]}]}
    stream = keepalive + created + new + event("response.completed", response=response(said))
    for api in APIS:
        transcoder = Transcoder(openai_responses.stream_decoder(), CLIENT_APIS[api].stream_encoder(asked()))
        passed = transcoder.feed(stream) + transcoder.finish() + transcoder.tail
        assert transcoder.error is None
        if api != "openai-responses":  # whose clients get the annotation as it came
            JUDGES[api].stream(passed)
        assert b"So." in passed
        assert b"resp_1" in passed
    known = event("response.output_text.delta", output_index="left", content_index=0, delta="So.")
    decoder = openai_responses.stream_decoder()
    decoder.feed(known)
    assert decoder.error is not None


def test_a_failure_that_names_no_response():
    """As Perplexity has it."""
    failed = event(
        "response.failed", error={"message": "SECRET", "type": "invalid_request", "code": "rate_limit_error"}
    )
    decoder = openai_responses.stream_decoder()
    decoder.feed(failed)
    assert decoder.error is not None
    assert decoder.error.status == 429


# --- requests ---------------------------------------------------------------------------------------------------------


def _is_same(fields: dict[str, Any]) -> bool:
    sent, losses = encoded("openai-responses", conversation_of("openai-responses", fields))
    return losses == () and normal_request(sent) == normal_request({**fields, "model": "upstream-bot"})


def _crosses(fields: dict[str, Any]) -> None:
    conversation = conversation_of("openai-responses", fields)
    for wire in WIRES:
        outcome = send(wire, conversation)
        assert not isinstance(outcome, InvalidRequest) or outcome.param


@pytest.mark.parametrize(("name", "model"), all_of(ResponseInputItem))
def test_every_item_of_a_request_comes_back_or_crosses_or_is_refused_by_name(
    name: str, model: type[pydantic.BaseModel]
):
    for item in instances(model):
        fields = {"model": "m", "input": [{"role": "user", "content": "Hi."}, item]}
        assert _is_same(fields), (name, item)
        _crosses(fields)


@pytest.mark.parametrize(("name", "model"), all_of(PublishedTool))
def test_every_tool_comes_back_or_crosses_or_is_refused_by_name(name: str, model: type[pydantic.BaseModel]):
    for tool in instances(model):
        fields = {"model": "m", "input": "Hi.", "tools": [tool]}
        assert _is_same(fields), (name, tool)
        _crosses(fields)


@pytest.mark.parametrize("wire", [wire for wire in WIRES if wire != "openai-responses"])
def test_a_result_that_answers_no_call_is_refused_elsewhere(wire: str):
    result = {"type": "function_call_output", "name": "clock", "output": "Noon."}
    fields = {"model": "m", "input": [{"role": "user", "content": "Hi."}, result]}
    assert _is_same(fields)
    refused = send(wire, conversation_of("openai-responses", fields))
    assert isinstance(refused, InvalidRequest)
    assert refused.param == "input[1]"
