"""Official clients in front of Bedrock: signed requests leave, whole answers and binary streams come back in their API."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import botocore.session
import openai
import pytest
from harness.catalogs import CatalogDir
from harness.inprocess import InProcess
from harness.upstream import Received, ScriptedUpstream, raw_json
from wires.of_bedrock_converse import event, exception, stream_of

from engine.operator.settings import CredentialSettings

ACCESS = "AKIAIOSFODNN7EXAMPLE"
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/mi1dadi0g15f"
MODEL = f'type: custom\nbase_model: anthropic.claude-sonnet-4-5-20250929-v1:0\nupstream_model: "{ARN}"\npricing: free\n'
STREAM = "application/vnd.amazon.eventstream"

CALL = {"toolUse": {"toolUseId": "tooluse_1", "name": "weather", "input": {"city": "Orléans"}}}
THOUGHT = {"reasoningContent": {"reasoningText": {"text": "Hm.", "signature": "c2ln"}}}
ANSWER = json.dumps(
    {
        "output": {"message": {"role": "assistant", "content": [THOUGHT, {"text": "I look. 😀"}, CALL]}},
        "stopReason": "tool_use",
        "usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 17, "cacheReadInputTokens": 10},
        "metrics": {"latencyMs": 1},
    }
).encode()


@pytest.fixture(scope="module")
def upstream() -> Iterator[ScriptedUpstream]:
    with ScriptedUpstream() as running:
        yield running


@pytest.fixture(scope="module")
def keys() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
        patch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.delenv("AWS_SESSION_TOKEN", raising=False)
        patch.delenv("AWS_PROFILE", raising=False)
        yield


@pytest.fixture(scope="module")
def url(
    tmp_path_factory: pytest.TempPathFactory, upstream: ScriptedUpstream, keys: None
) -> Iterator[tuple[str, str, InProcess]]:
    place: Path = tmp_path_factory.mktemp("bedrock")
    catalog = CatalogDir(place / "catalog", upstream.origin)
    provider = f"api: aws\nregion: us-east-1\nbase_url: {upstream.origin}\ncredential: cloud\n"
    catalog.write("providers/bedrock.yaml", provider)
    catalog.write("models/bedrock/claude.yaml", MODEL)
    catalog.write("providers/invoked.yaml", f"{provider}wires: [bedrock-invoke, bedrock-converse]\n")
    catalog.write("models/invoked/claude.yaml", MODEL)
    lock = (sys.executable, "-m", "engine", "reference", "update", str(catalog.root))
    subprocess.run(lock, check=True, capture_output=True, timeout=60)
    credentials = {"cloud": CredentialSettings("aws:default", upstream.origin)}
    with InProcess(catalog.root, place / "state", origin=upstream.origin, credentials=credentials) as worker:
        yield worker.url, catalog.key, worker


def last(upstream: ScriptedUpstream) -> Received:
    return list(upstream.journal.values())[-1]


def streamed(body: bytes) -> str:
    return raw_json(body, content_type=STREAM)


@pytest.mark.parametrize("stream", [False, True])
def test_openais_client(url: tuple[str, str, InProcess], upstream: ScriptedUpstream, stream: bool):
    origin, key, worker = url
    script = streamed(stream_of(ANSWER)) if stream else raw_json(ANSWER)
    with openai.OpenAI(base_url=f"{origin}/v1", api_key=key, max_retries=0) as client:
        asked: dict[str, Any] = {
            "model": "@bedrock/claude",
            "messages": [{"role": "user", "content": script}],
            "tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}],
        }
        if stream:
            with client.chat.completions.stream(**asked) as events:
                completion: Any = events.get_final_completion()
        else:
            completion = client.chat.completions.create(**asked)
    choice = completion.choices[0]
    assert (choice.message.content, choice.finish_reason) == ("I look. 😀", "tool_calls")
    assert json.loads(choice.message.tool_calls[0].function.arguments) == {"city": "Orléans"}
    assert worker.records()[-1].meters == {"input_tokens": 15, "output_tokens": 2, "cache_read_tokens": 10}
    received = last(upstream)
    operation = "converse-stream" if stream else "converse"
    quoted = ARN.replace(":", "%3A").replace("/", "%2F")
    assert received.path == f"/model/{quoted}/{operation}"
    assert received.path == botocores_path(operation)
    assert received.headers["authorization"].startswith(f"AWS4-HMAC-SHA256 Credential={ACCESS}/")
    assert received.body["toolConfig"]["tools"][0]["toolSpec"]["name"] == "weather"


def botocores_path(operation: str) -> str:
    """Where AWS's own client sends the same."""
    session = botocore.session.Session()
    client = session.create_client("bedrock-runtime", region_name="us-east-1")
    seen: list[str] = []

    def stop_here(request: Any, **_: Any) -> None:
        seen.append(request.url)
        raise InterruptedError

    client.meta.events.register("before-send.bedrock-runtime", stop_here)
    with pytest.raises(InterruptedError):
        getattr(client, operation.replace("-", "_"))(
            modelId=ARN, messages=[{"role": "user", "content": [{"text": "x"}]}]
        )
    return seen[0].removeprefix("https://bedrock-runtime.us-east-1.amazonaws.com")


@pytest.mark.parametrize("stream", [False, True])
def test_anthropics_client(url: tuple[str, str, InProcess], upstream: ScriptedUpstream, stream: bool):
    origin, key, _ = url
    script = streamed(stream_of(ANSWER)) if stream else raw_json(ANSWER)
    with anthropic.Anthropic(base_url=origin, api_key=key, max_retries=0) as client:
        asked: dict[str, Any] = {
            "model": "@bedrock/claude",
            "max_tokens": 4_000,
            "thinking": {"type": "enabled", "budget_tokens": 1_024},
            "messages": [{"role": "user", "content": script}],
        }
        if stream:
            with client.messages.stream(**asked) as events:
                message: Any = events.get_final_message()
        else:
            message = client.messages.create(**asked)
    assert [block.type for block in message.content] == ["thinking", "text", "tool_use"]
    assert (message.content[0].thinking, message.content[0].signature) == ("Hm.", "c2ln")
    assert message.content[2].input == {"city": "Orléans"}
    assert message.stop_reason == "tool_use"
    assert (message.usage.input_tokens, message.usage.cache_read_input_tokens) == (5, 10)
    assert last(upstream).body["additionalModelRequestFields"] == {"thinking": asked["thinking"]}


@pytest.mark.parametrize("stream", [False, True])
def test_anthropics_own_tools_reach_claude_by_invoke(
    url: tuple[str, str, InProcess], upstream: ScriptedUpstream, stream: bool
):
    origin, key, worker = url
    call = {"type": "tool_use", "id": "toolu_1", "name": "bash", "input": {"command": "ls"}}
    counts = {"input_tokens": 5, "output_tokens": 2}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "usage": counts}
    ended = {"stop_reason": "tool_use", "stop_sequence": None}
    events = [
        {"type": "message_start", "message": {**message, "content": [], "stop_reason": None, "stop_sequence": None}},
        {"type": "content_block_start", "index": 0, "content_block": {**call, "input": {}}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}}
          for piece in ('{"command"', ': "ls"}')),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": ended, "usage": counts},
        {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 5}},
    ]  # fmt: skip
    chunks = [event("chunk", {"bytes": base64.b64encode(json.dumps(one).encode()).decode()}) for one in events]
    whole = json.dumps({**message, "content": [call], **ended}).encode()
    script = streamed(b"".join(chunks)) if stream else raw_json(whole)
    asked: dict[str, Any] = {
        "model": "@invoked/claude",
        "max_tokens": 9,
        "tools": [{"type": "bash_20250124", "name": "bash"}],
        "messages": [{"role": "user", "content": script}],
    }
    with anthropic.Anthropic(base_url=origin, api_key=key, max_retries=0) as client:
        if stream:
            with client.messages.stream(**asked) as found:
                answer: Any = found.get_final_message()
        else:
            answer = client.messages.create(**asked)
    assert (answer.content[0].name, answer.content[0].input) == ("bash", {"command": "ls"})
    assert worker.records()[-1].meters == counts
    received = last(upstream)
    assert received.path.endswith("/invoke-with-response-stream" if stream else "/invoke")
    expected = {name: value for name, value in asked.items() if name != "model"}
    assert received.body == {"anthropic_version": "bedrock-2023-05-31", **expected}


def test_an_exception_in_a_stream_is_an_error_of_the_clients_api(url: tuple[str, str, InProcess]):
    origin, key, worker = url
    begun = event("messageStart", {"role": "assistant"})
    begun += event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hel"}})
    script = streamed(begun + exception("throttlingException"))
    with openai.OpenAI(base_url=f"{origin}/v1", api_key=key, max_retries=0) as client:
        messages: Any = [{"role": "user", "content": script}]
        chunks = client.chat.completions.create(model="@bedrock/claude", messages=messages, stream=True)
        with pytest.raises(openai.APIError) as raised:
            list(chunks)
    assert "SECRET" not in str(raised.value.body)
    assert worker.records()[-1].state == "partial"
    with anthropic.Anthropic(base_url=origin, api_key=key, max_retries=0) as client_of_anthropic:
        first = streamed(exception("throttlingException"))
        with pytest.raises(anthropic.RateLimitError):
            client_of_anthropic.messages.create(
                model="@bedrock/claude", max_tokens=9, stream=True, messages=[{"role": "user", "content": first}]
            )


def test_an_error_of_bedrock_is_one_of_the_clients_api(url: tuple[str, str, InProcess]):
    origin, key, _ = url
    kind = "x-amzn-errortype: ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/\r\n"
    script = raw_json(b'{"message":"SECRET"}', status=429, headers=kind)
    client = openai.OpenAI(base_url=f"{origin}/v1", api_key=key, max_retries=0)
    with client, pytest.raises(openai.RateLimitError) as raised:
        client.chat.completions.create(model="@bedrock/claude", messages=[{"role": "user", "content": script}])
    assert "SECRET" not in str(raised.value)
