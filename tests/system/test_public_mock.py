"""Providers that no test can call, as a public mock of them (npm `@copilotkit/aimock`) answers: whole, streamed, tools.

What the mock sends was written by others after the providers' own documentation; counts are those of its script.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from anthropic import Anthropic
from harness.catalogs import CatalogDir
from harness.inprocess import InProcess
from harness.node import node_modules
from openai import OpenAI

from engine.ledger.record import Attempt
from engine.operator.settings import CredentialSettings

TEXT = "Hello, Ada, and welcome to the island — 你好."
ARGUMENTS = {"city": "Zürich", "days": 2}
SAYS = {"prompt_tokens": 12, "completion_tokens": 6, "total_tokens": 18}
CALLS = {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29}
SCRIPT = {
    "fixtures": [
        {"match": {"userMessage": "greet"}, "response": {"content": TEXT, "usage": SAYS}},
        {
            "match": {"userMessage": "weather"},
            "response": {"toolCalls": [{"name": "get_weather", "arguments": json.dumps(ARGUMENTS)}], "usage": CALLS},
        },
        {"match": {"inputText": "vector"}, "response": {"embedding": [0.25, -0.5, 1.0]}},
    ]
}
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}}
PRICED = 'pricing: {input_mtok: "1", output_mtok: "2"}\n'
PROVIDERS = {
    "claude": ("api: anthropic\n", "/v1", "claude-sonnet-4-5", "anthropic-messages"),
    "gemini": ("api: google\n", "/v1beta", "gemini-2.5-flash", "gemini"),
    "vertex": ("api: google-vertex\nproject: acme\nregion: us-east5\n", "/v1", "gemini-2.5-flash", "gemini"),
    "bedrock": ("api: aws\nregion: us-east-1\n", "", "amazon.nova-lite-v1:0", "bedrock-converse"),
    "cohere": ("api: cohere\n", "/v2", "command-a-03-2025", "cohere-v2"),
    "openai": ("api: openai\nwires: [openai-responses]\n", "/v1", "gpt-4.1-nano", "openai-responses"),
}
# Of Gemini the mock knows `:embedContent` alone, and we ask for a batch.
VECTORS = {"cohere": "embed-v4.0", "openai": "text-embedding-3-small"}


class Rig(NamedTuple):
    worker: InProcess
    openai: OpenAI
    anthropic: Anthropic

    def record(self, headers: Any) -> Attempt:
        return [one for one in self.worker.records() if one.request_id == headers["x-request-id"]][-1]


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The mock's origin."""
    script = tmp_path_factory.mktemp("mock") / "script.json"
    script.write_text(json.dumps(SCRIPT), encoding="utf-8")
    command = ["node", str(node_modules() / "@copilotkit/aimock/dist/cli.js"), "-p", "0", "-f", str(script), "--strict"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if found := re.search(r"http://127\.0\.0\.1:[0-9]+", line):
                break
        else:
            pytest.fail(f"the mock did not start: {said}")
        yield found[0]
        process.kill()


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, mock: str) -> Iterator[Rig]:
    place: Path = tmp_path_factory.mktemp("mocked")
    secret = place / "secret"
    secret.write_text("sk-tests-of-the-mock-0001")
    secret.chmod(0o600)
    catalog = CatalogDir(place / "catalog", mock)
    for name, (text, path, upstream, _) in PROVIDERS.items():
        catalog.write(f"providers/{name}.yaml", f"{text}base_url: {mock}{path}\ncredential: tests\n")
        catalog.write(
            f"models/{name}/model.yaml", f"type: custom\nbase_model: {upstream}\nupstream_model: {upstream}\n{PRICED}"
        )
    for name, upstream in VECTORS.items():
        catalog.write(
            f"models/{name}/vectors.yaml", f"type: custom\nbase_model: {upstream}\nupstream_model: {upstream}\n{PRICED}"
        )
    lock = (sys.executable, "-m", "engine", "reference", "update", str(catalog.root))
    subprocess.run(lock, check=True, capture_output=True, timeout=60)
    credentials = {"tests": CredentialSettings(f"file:{secret}", mock)}
    with (
        InProcess(catalog.root, place / "state", origin=mock, credentials=credentials) as worker,
        OpenAI(base_url=f"{worker.url}/v1", api_key=catalog.key, max_retries=0, timeout=20) as openai,
        Anthropic(base_url=worker.url, api_key=catalog.key, max_retries=0, timeout=20) as anthropic,
    ):
        yield Rig(worker, openai, anthropic)


def _by_chat(rig: Rig, model: str, asked: str, *, stream: bool) -> tuple[str, Any, Any]:
    function = {"name": "get_weather", "parameters": SCHEMA}
    request: Any = {
        "model": model,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": asked}],
        "tools": [{"type": "function", "function": function}],
    }
    create = rig.openai.chat.completions
    if stream:
        with create.with_streaming_response.create(**request, stream=True) as reply:
            chunks = [chunk.choices[0].delta for chunk in reply.parse() if chunk.choices]
        calls = [call.function for delta in chunks for call in delta.tool_calls or ()]
        arguments = "".join(call.arguments or "" for call in calls)
        return "".join(delta.content or "" for delta in chunks), arguments, reply.headers
    reply = create.with_raw_response.create(**request)
    message = reply.parse().choices[0].message
    calls = message.tool_calls or []
    return message.content or "", "".join(call.function.arguments for call in calls), reply.headers


def _by_responses(rig: Rig, model: str, asked: str, *, stream: bool) -> tuple[str, Any, Any]:
    request: Any = {
        "model": model,
        "instructions": "Be brief.",
        "input": asked,
        "tools": [{"type": "function", "name": "get_weather", "parameters": SCHEMA, "strict": False}],
    }
    create = rig.openai.responses
    if stream:
        with create.with_streaming_response.create(**request, stream=True) as reply:
            answer = list(reply.parse())[-1].response
    else:
        reply = create.with_raw_response.create(**request)
        answer = reply.parse()
    calls = [item.arguments for item in answer.output if item.type == "function_call"]
    return answer.output_text, "".join(calls), reply.headers


def _by_messages(rig: Rig, model: str, asked: str, *, stream: bool) -> tuple[str, Any, Any]:
    request: Any = {
        "model": model,
        "max_tokens": 100,
        "system": "Be brief.",
        "messages": [{"role": "user", "content": asked}],
        "tools": [{"name": "get_weather", "input_schema": SCHEMA}],
    }
    if stream:
        with rig.anthropic.messages.with_streaming_response.create(**request, stream=True) as reply:
            deltas = [event.delta for event in reply.parse() if event.type == "content_block_delta"]
        text = "".join(delta.text for delta in deltas if delta.type == "text_delta")
        return text, "".join(d.partial_json for d in deltas if d.type == "input_json_delta"), reply.headers
    reply = rig.anthropic.messages.with_raw_response.create(**request)
    blocks = reply.parse().content
    calls = [json.dumps(block.input) for block in blocks if block.type == "tool_use"]
    return "".join(block.text for block in blocks if block.type == "text"), "".join(calls), reply.headers


ASKERS = {"chat": _by_chat, "responses": _by_responses, "messages": _by_messages}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("api", ASKERS)
@pytest.mark.parametrize("provider", PROVIDERS)
def test_text_and_tool_calls_arrive_and_are_counted(rig: Rig, provider: str, api: str, *, stream: bool) -> None:
    wire = PROVIDERS[provider][3]
    text, arguments, headers = ASKERS[api](rig, f"@{provider}/model", "greet", stream=stream)
    assert (text, arguments) == (TEXT, "")
    record = rig.record(headers)
    assert (record.state, record.wire, record.stream) == ("settled", wire, stream)
    assert (record.meters["input_tokens"], record.meters["output_tokens"]) == (12, 6)
    assert (record.cost_pico_usd, record.cost_source) == (24 * 10**6, "reported")

    _, arguments, headers = ASKERS[api](rig, f"@{provider}/model", "weather", stream=stream)
    assert json.loads(arguments) == ARGUMENTS
    assert rig.record(headers).cost_pico_usd == 38 * 10**6


@pytest.mark.parametrize("provider", VECTORS)
def test_vectors_arrive(rig: Rig, provider: str) -> None:
    reply = rig.openai.embeddings.with_raw_response.create(model=f"@{provider}/vectors", input=["vector one"])
    assert reply.parse().data[0].embedding == pytest.approx([0.25, -0.5, 1.0])
    assert rig.record(reply.headers).state == "settled"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_clients_own_helpers_put_streams_together(rig: Rig, provider: str) -> None:
    model, messages = f"@{provider}/model", [{"role": "user", "content": "weather"}]
    tool: Any = {"name": "get_weather", "parameters": SCHEMA}
    ask: Any = {"model": model, "messages": messages, "tools": [{"type": "function", "function": tool}]}
    with rig.openai.chat.completions.stream(**ask, stream_options={"include_usage": True}) as chat:
        completion = chat.get_final_completion()
    (call,) = completion.choices[0].message.tool_calls or ()
    assert json.loads(call.function.arguments) == ARGUMENTS
    assert (completion.choices[0].finish_reason, completion.usage.completion_tokens) == ("tool_calls", 9)

    ask = {"model": model, "input": "weather", "tools": [{"type": "function", **tool, "strict": False}]}
    with rig.openai.responses.stream(**ask) as responses:
        response = responses.get_final_response()
    (item,) = (item for item in response.output if item.type == "function_call")
    assert (json.loads(item.arguments), response.usage.output_tokens) == (ARGUMENTS, 9)

    ask = {"model": model, "max_tokens": 100, "messages": messages}
    ask["tools"] = [{"name": "get_weather", "input_schema": SCHEMA}]
    with rig.anthropic.messages.stream(**ask) as stream:
        message = stream.get_final_message()
    (block,) = (block for block in message.content if block.type == "tool_use")
    assert (block.input, message.stop_reason, message.usage.output_tokens) == (ARGUMENTS, "tool_use", 9)
    # The answer goes back with the tool's result, and the model says what it says.
    result = {"type": "tool_result", "tool_use_id": block.id, "content": "greet"}
    back = [*messages, {"role": "assistant", "content": message.content}, {"role": "user", "content": [result]}]
    again = rig.anthropic.messages.create(**(ask | {"messages": [*back, {"role": "user", "content": "greet"}]}))
    assert "".join(block.text for block in again.content if block.type == "text") == TEXT
