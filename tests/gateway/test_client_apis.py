"""Each client API as its clients meet it: what arrives upstream, what comes back, and how errors look."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from harness.catalogs import CatalogDir
from harness.inprocess import InProcess
from harness.upstream import Received, ScriptedUpstream, raw_json

from engine.operator.settings import CredentialSettings

SECRET = "sk-tests-5Bq8Yd2LmWc7Rz"
PRICED = 'type: custom\nupstream_model: upstream-name\npricing: {input_mtok: "1", output_mtok: "2"}\n'
PROVIDERS = {
    "chat": "api: openai-compatible\nwires: [openai-chat]\n",
    "claude": "api: anthropic\n",
    "gemini": "api: google\n",
    "vertex": "api: google-vertex\nproject: acme\nregion: us-east5\n",
    "bedrock": "api: aws\nregion: us-east-1\n",
    "vectors": "api: openai-compatible\n",
}
MODELS = {
    "chat/model": PRICED,
    "chat/strict": f"{PRICED}strict: true\n",
    "chat/only-chat": f"{PRICED}endpoints: [chat]\n",
    "chat/flex": (
        "type: custom\n"
        'pricing: {input_mtok: "1", output_mtok: "2", variants: {flex: {when: {service_tier: flex}, output_mtok: "1"}}}\n'
    ),
    "claude/model": f"{PRICED}base_model: claude-sonnet-4-5\n",
    "claude/strict": f"{PRICED}base_model: claude-sonnet-4-5\nstrict: true\n",
    "gemini/model": f"{PRICED}base_model: gemini-2.5-flash\n",
    "vertex/claude": f'{PRICED}base_model: "anthropic:claude-sonnet-4-5"\n',
    "bedrock/model": f"{PRICED}base_model: amazon.nova-lite-v1:0\n",
    "vectors/model": (
        'type: custom\npricing: {input_mtok: "1", rerank_searches_kcount: "2"}\nendpoints: [embeddings, rerank]\n'
    ),
}
CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
COUNT, EMBEDDINGS, RERANK = "/v1/messages/count_tokens", "/v1/embeddings", "/v1/rerank"

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "Hello, Ada."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 7, "cache_read_input_tokens": 3, "output_tokens": 4},
}


class Rig(NamedTuple):
    worker: InProcess
    upstream: ScriptedUpstream
    client: httpx.Client

    def ask(self, path: str, model: str, text: str, headers: dict[str, str] | None = None, **fields: Any) -> Any:
        """A request whose last text is the upstream's script."""
        body: dict[str, Any]
        if path in (CHAT, MESSAGES, COUNT):
            body = {"messages": [{"role": "user", "content": text}]} | ({"max_tokens": 9} if path == MESSAGES else {})
        elif path == RERANK:
            body = {"query": text, "documents": ["a", "b"]}
        else:
            body = {"input": text}
        return self.client.post(path, json={"model": model, **body, **fields}, headers=headers or {})

    def received(self, reply: httpx.Response) -> Received:
        return self.upstream.journal[f"{reply.headers['x-request-id']}.1"]

    def record(self, reply: httpx.Response) -> Any:
        found = [one for one in self.worker.records() if one.request_id == reply.headers["x-request-id"]]
        return found[-1]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    place: Path = tmp_path_factory.mktemp("apis")
    secret = place / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    with ScriptedUpstream() as upstream:
        catalog = CatalogDir(place / "catalog", upstream.origin)
        for name, text in PROVIDERS.items():
            at = "/v1" if name not in ("bedrock", "vertex") else ""
            credential = "none" if name in ("chat", "vectors") else "tests"
            catalog.write(
                f"providers/{name}.yaml", f"{text}base_url: {upstream.origin}{at}\ncredential: {credential}\n"
            )
        for name, text in MODELS.items():
            catalog.write(f"models/{name}.yaml", text)
        lock = (sys.executable, "-m", "engine", "reference", "update", str(catalog.root))
        subprocess.run(lock, check=True, capture_output=True, timeout=60)
        credentials = {"tests": CredentialSettings(f"file:{secret}", upstream.origin)}
        with (
            InProcess(catalog.root, place / "state", origin=upstream.origin, credentials=credentials) as worker,
            httpx.Client(
                base_url=worker.url, headers={"authorization": f"Bearer {catalog.key}"}, timeout=20, trust_env=False
            ) as client,
        ):
            yield Rig(worker, upstream, client)


def _sse(*events: dict[str, Any] | str, named: bool = False) -> bytes:
    lines = []
    for event in events:
        data = event if isinstance(event, str) else json.dumps(event)
        lines.append(
            (f"event: {event['type']}\n" if named and not isinstance(event, str) else "") + f"data: {data}\n\n"
        )
    return "".join(lines).encode()


def _stream(events: bytes, content_type: str = "text/event-stream") -> str:
    return raw_json(events, content_type=content_type)


CLAUDE_STREAM = _sse(
    {"type": "message_start", "message": MESSAGE | {"content": [], "stop_reason": None}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 4},
    },
    {"type": "message_stop"},
    named=True,
)


# What goes upstream, and what comes back.


def test_the_same_wire_is_passed_through(rig: Rig) -> None:
    answer = json.dumps(MESSAGE | {"unheard_of": [1.0]}).encode()
    reply = rig.ask(MESSAGES, "@claude/model", raw_json(answer), unheard_of={"a": 1.50})
    assert reply.content == answer
    received = rig.received(reply)
    assert (received.path, received.body["model"]) == ("/v1/messages", "upstream-name")
    assert received.body["unheard_of"] == {"a": 1.5}
    assert (received.headers["x-api-key"], received.headers["anthropic-version"]) == (SECRET, "2023-06-01")
    assert "authorization" not in received.headers
    assert "x-catalog-dropped" not in reply.headers
    record = rig.record(reply)
    assert record.meters == {"input_tokens": 10, "cache_read_tokens": 3, "output_tokens": 4}
    assert (record.wire, record.state, record.cost_source) == ("anthropic-messages", "settled", "reported")
    assert reply.headers["x-catalog-cost-usd"] == "0.000018"


def test_the_same_stream_is_passed_through(rig: Rig) -> None:
    reply = rig.ask(MESSAGES, "@claude/model", _stream(CLAUDE_STREAM), stream=True)
    assert reply.content == CLAUDE_STREAM
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert rig.record(reply).meters == {"input_tokens": 10, "cache_read_tokens": 3, "output_tokens": 4}


def test_across_wires_an_answer_and_its_usage_arrive(rig: Rig) -> None:
    reply = rig.ask(CHAT, "@claude/model", raw_json(json.dumps(MESSAGE).encode()))
    answer = reply.json()
    assert answer["choices"][0]["message"]["content"] == "Hello, Ada."
    assert (answer["usage"]["prompt_tokens"], answer["usage"]["completion_tokens"]) == (10, 4)
    assert rig.received(reply).path == "/v1/messages"
    record = rig.record(reply)
    assert (record.wire, record.meters["input_tokens"], record.cost_pico_usd) == ("anthropic-messages", 10, 18 * 10**6)
    assert reply.headers["x-catalog-cost-usd"] == "0.000018"


def test_across_wires_a_stream_arrives(rig: Rig) -> None:
    reply = rig.ask(CHAT, "@claude/model", _stream(CLAUDE_STREAM), stream=True)
    events = [line[6:] for line in reply.text.splitlines() if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    chunks = [json.loads(event) for event in events[:-1]]
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]) == "Hello"
    assert not [chunk for chunk in chunks if chunk.get("usage")]  # it was not asked for
    assert rig.record(reply).meters["output_tokens"] == 4


def test_what_cannot_be_carried_is_named(rig: Rig) -> None:
    reply = rig.ask(CHAT, "@claude/model", raw_json(json.dumps(MESSAGE).encode()), seed=7, logit_bias={"5": 1})
    assert reply.headers["x-catalog-dropped"] == "logit_bias, seed"
    streamed = rig.ask(CHAT, "@claude/model", _stream(CLAUDE_STREAM), seed=7, stream=True)
    assert streamed.headers["x-catalog-dropped"] == "seed"
    assert "x-catalog-dropped" not in rig.ask(CHAT, "@chat/model", "input=1", seed=7).headers


def test_a_strict_model_refuses_instead(rig: Rig) -> None:
    calls = len(rig.upstream.journal)
    reply = rig.ask(CHAT, "@claude/strict", "x", seed=7)
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, "seed")
    assert len(rig.upstream.journal) == calls
    assert rig.ask(CHAT, "@chat/strict", "input=1", seed=7).status_code == 200


def test_claude_on_vertex_goes_its_own_way(rig: Rig) -> None:
    reply = rig.ask(MESSAGES, "@vertex/claude", raw_json(json.dumps(MESSAGE).encode()))
    assert reply.json()["content"] == MESSAGE["content"]
    received = rig.received(reply)
    assert received.path.endswith("/publishers/anthropic/models/upstream-name:rawPredict")
    assert received.headers["authorization"] == f"Bearer {SECRET}"
    assert "model" not in received.body
    assert received.body["anthropic_version"] == "vertex-2023-10-16"
    streamed = rig.ask(CHAT, "@vertex/claude", _stream(CLAUDE_STREAM), stream=True)
    assert rig.received(streamed).path.endswith(":streamRawPredict")
    assert "model" not in rig.received(streamed).body
    assert "[DONE]" in streamed.text


def test_gemini_answers_anthropics_clients(rig: Rig) -> None:
    answer = {
        "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7},
        "modelVersion": "gemini-x",
    }
    reply = rig.ask(MESSAGES, "@gemini/model", raw_json(json.dumps(answer).encode()))
    assert reply.json()["content"] == [{"type": "text", "text": "Hello"}]
    received = rig.received(reply)
    assert received.path == "/v1/models/upstream-name:generateContent"
    assert received.headers["x-goog-api-key"] == SECRET
    streamed = rig.ask(MESSAGES, "@gemini/model", _stream(_sse(answer)), stream=True)
    assert rig.received(streamed).path == "/v1/models/upstream-name:streamGenerateContent?alt=sse"
    assert "event: message_stop" in streamed.text
    assert rig.record(streamed).meters == rig.record(reply).meters == {"input_tokens": 5, "output_tokens": 2}


def test_bedrock_answers_openais_clients(rig: Rig) -> None:
    answer = {
        "output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7},
        "metrics": {"latencyMs": 1},
    }
    reply = rig.ask(CHAT, "@bedrock/model", raw_json(json.dumps(answer).encode()))
    assert reply.json()["choices"][0]["message"]["content"] == "Hello"
    assert rig.received(reply).path == "/model/upstream-name/converse"
    assert rig.record(reply).meters == {"input_tokens": 5, "output_tokens": 2}


def test_embeddings_and_reranking(rig: Rig) -> None:
    vectors = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "model": "m"}
    answer = json.dumps(vectors | {"usage": {"prompt_tokens": 3, "total_tokens": 3}}).encode()
    reply = rig.ask(EMBEDDINGS, "@vectors/model", raw_json(answer))
    assert reply.content == answer
    assert (rig.received(reply).path, rig.record(reply).meters) == ("/v1/embeddings", {"input_tokens": 3})
    assert rig.record(reply).wire == "openai-embeddings"
    ranked = {"results": [{"index": 1, "relevance_score": 0.9}], "meta": {"billed_units": {"search_units": 1}}}
    reply = rig.ask(RERANK, "@vectors/model", raw_json(json.dumps(ranked).encode()))
    assert reply.json()["results"][0]["index"] == 1
    record = rig.record(reply)
    assert (record.wire, record.meters["rerank_searches"]) == ("cohere-rerank", 1)
    assert reply.headers["x-catalog-cost-usd"] == "0.002"


def test_the_answers_service_tier_is_what_is_priced(rig: Rig) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}
    answer = {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    answer |= {"usage": {"prompt_tokens": 10, "completion_tokens": 10}}
    for path in (CHAT, MESSAGES):
        for tier, cost in (("flex", 20), ("default", 30)):
            body = json.dumps(answer | {"service_tier": tier}).encode()
            reply = rig.ask(path, "@chat/flex", raw_json(body))
            assert (rig.record(reply).service_tier, rig.record(reply).cost_pico_usd) == (tier, cost * 10**6)


@pytest.mark.parametrize("stream", [False, True])
def test_usage_that_nobody_reported_is_no_cost(rig: Rig, *, stream: bool) -> None:
    for path in (CHAT, MESSAGES):
        reply = rig.ask(path, "@chat/model", "fault=nousage", stream=stream)
        assert reply.status_code == 200
        record = rig.record(reply)
        assert (record.cost_pico_usd, record.cost_source, record.error_code) == (None, "none", "usage_missing")


# Tokens counted.


def test_tokens_are_counted_by_the_provider_and_cost_nothing(rig: Rig) -> None:
    reply = rig.ask(COUNT, "@claude/model", raw_json(b'{"input_tokens":14}'))
    assert reply.json() == {"input_tokens": 14}
    received = rig.received(reply)
    assert (received.path, received.body["model"]) == ("/v1/messages/count_tokens", "upstream-name")
    record = rig.record(reply)
    assert (record.wire, record.state, record.cost_pico_usd) == ("anthropic-count-tokens", "settled", 0)
    assert (record.meters, record.cost_source, record.error_code) == ({}, "none", "")


@pytest.mark.parametrize("model", ["@chat/model", "@gemini/model", "@vertex/claude"])
def test_no_estimate_is_passed_off_as_a_count(rig: Rig, model: str) -> None:
    reply = rig.ask(COUNT, model, "x")
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")
    assert "cannot be counted" in reply.json()["error"]["message"]


def test_what_is_no_count_is_the_upstreams_fault(rig: Rig) -> None:
    reply = rig.ask(COUNT, "@claude/model", raw_json(b'{"total":14}'))
    assert (reply.status_code, reply.json()["error"]["type"]) == (502, "api_error")


# Betas.


def test_betas_that_only_change_the_body_go_on(rig: Rig) -> None:
    betas = {"anthropic-beta": "interleaved-thinking-2025-05-14,files-api-2025-04-14, context-1m-2025-08-07"}
    answer = raw_json(json.dumps(MESSAGE).encode())
    reply = rig.ask(MESSAGES, "@claude/model", answer, betas)
    assert rig.received(reply).headers["anthropic-beta"] == "interleaved-thinking-2025-05-14,context-1m-2025-08-07"
    assert reply.headers["x-catalog-dropped"] == "anthropic-beta.files-api-2025-04-14"
    crossed = rig.ask(MESSAGES, "@chat/model", "input=1", betas)
    assert "anthropic-beta" not in rig.received(crossed).headers
    assert "anthropic-beta.context-1m-2025-08-07" in crossed.headers["x-catalog-dropped"]
    strict = rig.ask(MESSAGES, "@claude/strict", answer, betas)
    assert (strict.status_code, "files-api" in strict.json()["error"]["message"]) == (400, True)


def test_a_beta_is_no_way_to_send_what_one_likes(rig: Rig) -> None:
    answer = raw_json(json.dumps(MESSAGE).encode())
    reply = rig.ask(MESSAGES, "@claude/model", answer, {"anthropic-beta": f"{'x' * 300}, a b:c, pdfs, -2024-09-25"})
    assert "anthropic-beta" not in rig.received(reply).headers
    assert reply.headers["x-catalog-dropped"].isascii()
    assert "anthropic-beta" not in rig.received(rig.ask(CHAT, "@chat/model", "x", {"anthropic-beta": "a"})).headers


# Which model answers what.


@pytest.mark.parametrize(
    ("path", "model", "message"),
    [
        (CHAT, "@vectors/model", "does not answer chat completions, only: embeddings, rerank"),
        (MESSAGES, "@vectors/model", "does not answer messages, only: embeddings, rerank"),
        (EMBEDDINGS, "@claude/model", "does not answer embeddings, only: chat"),
        (RERANK, "@claude/model", "does not answer reranking, only: chat"),
        (MESSAGES, "@chat/only-chat", "does not answer messages, only: chat."),
    ],
)
def test_a_model_that_does_not_answer_such_calls_says_which(rig: Rig, path: str, model: str, message: str) -> None:
    reply = rig.ask(path, model, "x")
    assert reply.status_code == 404
    assert message in reply.json()["error"]["message"]


# Errors.


def test_errors_look_as_the_api_has_them(rig: Rig) -> None:
    wrong_key = {"authorization": "Bearer nothing"}
    cases = [
        (rig.ask(MESSAGES, "@claude/model", "x", wrong_key), 401, "authentication_error"),
        (rig.ask(MESSAGES, "@claude/nope", "x"), 404, "not_found_error"),
        (rig.client.get(MESSAGES), 405, "invalid_request_error"),
        (
            rig.client.post(MESSAGES, content=b"{", headers={"content-type": "application/json"}),
            400,
            "invalid_request_error",
        ),
        (
            rig.client.post(MESSAGES, content=b"{}", headers={"content-type": "text/plain"}),
            415,
            "invalid_request_error",
        ),
        (rig.client.post("/v1/messages/nothing", json={}), 404, "not_found_error"),
        (rig.client.get("/v1/elsewhere", headers={"anthropic-version": "2023-06-01"}), 404, "not_found_error"),
        (rig.client.get("/v1/models", headers=wrong_key | {"anthropic-version": "x"}), 401, "authentication_error"),
    ]
    for reply, status, kind in cases:
        assert (reply.status_code, reply.json()["type"]) == (status, "error"), reply.text
        assert reply.json()["error"]["type"] == kind
        assert reply.headers["request-id"] == reply.headers["x-request-id"]
    for path in (CHAT, RESPONSES, EMBEDDINGS, RERANK):
        for reply in (rig.ask(path, "x", "x", wrong_key), rig.ask(path, "@nope/nope", "x"), rig.client.get(path)):
            assert reply.status_code in (401, 404, 405)
            assert set(reply.json()["error"]) == {"message", "type", "param", "code"}


UPSTREAM_ERROR = {
    "type": "error",
    "error": {"type": "x", "message": f"key {SECRET} is bad", "param": "thinking.budget"},
}


@pytest.mark.parametrize(
    ("upstream_status", "status", "kind", "code"),
    [
        (400, 400, "invalid_request_error", "upstream_bad_request"),
        (401, 502, "api_error", "upstream_auth"),
        (403, 502, "api_error", "upstream_auth"),
        (404, 502, "api_error", "upstream_not_found"),
        (413, 413, "request_too_large", "upstream_too_large"),
        (429, 429, "rate_limit_error", "upstream_rate_limited"),
        (498, 502, "api_error", "upstream_auth"),
        (500, 502, "api_error", "upstream_server_error"),
        (529, 503, "overloaded_error", "upstream_overloaded"),
    ],
)
def test_an_upstreams_error_is_told_without_its_words(
    rig: Rig, upstream_status: int, status: int, kind: str, code: str
) -> None:
    script = raw_json(json.dumps(UPSTREAM_ERROR).encode(), status=upstream_status, headers="retry-after: 9\r\n")
    for model in ("@claude/model", "@chat/model", "@bedrock/model"):
        for stream in (False, True):
            reply = rig.ask(MESSAGES, model, script, stream=stream)
            assert (reply.status_code, reply.json()["error"]["type"]) == (status, kind), reply.text
            assert SECRET not in reply.text
            assert rig.record(reply).error_code == code
            assert ("retry-after" in reply.headers) == (upstream_status in (429, 529))
    reply = rig.ask(CHAT, "@claude/model", script)
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
    assert reply.json()["error"]["param"] is None  # what the upstream calls it is not what the client sent
    assert SECRET not in reply.text


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "INVALID"}},
        {"code": "Client specified an invalid argument", "error": "Incorrect API key provided: x."},
        {"message": "invalid api token"},
    ],
)
def test_a_wrong_credential_is_the_operators_fault_however_it_is_told(rig: Rig, body: dict[str, Any]) -> None:
    reply = rig.ask(CHAT, "@gemini/model", raw_json(json.dumps(body).encode(), status=400))
    assert (reply.status_code, reply.json()["error"]["code"]) == (502, "upstream_auth")
    assert "API key" not in reply.text


@pytest.mark.parametrize("kind", ["UnrecognizedClientException:http://internal.amazon.com/x", "ExpiredTokenException"])
def test_a_signature_that_is_not_accepted_is_the_operators_fault(rig: Rig, kind: str) -> None:
    script = raw_json(
        b'{"message":"The security token is invalid"}', status=400, headers=f"x-amzn-errortype: {kind}\r\n"
    )
    reply = rig.ask(CHAT, "@bedrock/model", script)
    assert (reply.status_code, reply.json()["error"]["code"]) == (502, "upstream_auth")


def test_of_anthropics_headers_its_limits_are_passed_on(rig: Rig) -> None:
    passed = {
        "anthropic-ratelimit-requests-remaining": "49",
        "anthropic-ratelimit-input-tokens-limit": "50000",
        "anthropic-ratelimit-tokens-reset": "2026-11-23T12:00:00Z",
    }
    kept = {"anthropic-organization-id": "acme-7", "anthropic-ratelimit-requests-reset": "free text"}
    lines = "".join(f"{name}: {value}\r\n" for name, value in (passed | kept).items())
    reply = rig.ask(MESSAGES, "@claude/model", raw_json(json.dumps(MESSAGE).encode(), headers=lines))
    assert {name: reply.headers.get(name) for name in passed} == passed
    assert not kept.keys() & reply.headers.keys()


def test_a_stream_that_breaks_ends_in_one_error_of_the_api(rig: Rig) -> None:
    cut = CLAUDE_STREAM[: CLAUDE_STREAM.index(b"event: content_block_stop")]
    overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": SECRET}}
    for script in (_stream(cut), _stream(cut + _sse(overloaded, named=True))):
        passed = rig.ask(MESSAGES, "@claude/model", script, stream=True)
        crossed = rig.ask(CHAT, "@claude/model", script, stream=True)
        assert passed.text.count("event: error") == 1
        assert "message_stop" not in passed.text
        assert "[DONE]" not in crossed.text
        assert json.loads(crossed.text.strip().splitlines()[-1][6:])["error"]["type"] == "upstream_error"
        for reply in (passed, crossed):
            assert SECRET not in reply.text
            record = rig.record(reply)
            assert (record.state, record.meters["input_tokens"]) == ("partial", 10)


def test_an_upstream_that_echoes_the_credential_is_not_passed_on(rig: Rig) -> None:
    echo = MESSAGE | {"content": [{"type": "text", "text": f"I got {SECRET}"}]}
    events = CLAUDE_STREAM.replace(b'"text": "Hello"', f'"text": "{SECRET}"'.encode())
    for path in (CHAT, MESSAGES):
        for reply in (
            rig.ask(path, "@claude/model", raw_json(json.dumps(echo).encode())),
            rig.ask(path, "@claude/model", _stream(events), stream=True),
        ):
            assert SECRET not in reply.text
            assert rig.record(reply).error_code == "upstream_echoed_credential"


def test_an_answer_of_another_content_type_is_no_answer(rig: Rig) -> None:
    reply = rig.ask(CHAT, "@bedrock/model", _stream(b"data: {}\n\n"), stream=True)
    assert (reply.status_code, reply.json()["error"]["code"]) == (502, "upstream_bad_content_type")
