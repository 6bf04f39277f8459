"""Claude on Vertex AI and Bedrock, Gemini on Vertex AI, OpenAI's models on Azure and Bedrock: the request that leaves.

The upstream is a stub on loopback that takes any request, answers in the format that its path asks for, and is Google's
token server too. What leaves is what the vendors' documentation says.
"""

import hashlib
import hmac
import json
import struct
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

# Imported here and not first in a gateway's thread: requests changes the filters of warnings, and pytest does too.
import google.auth.transport.requests  # noqa: F401
import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from harness.catalogs import CatalogDir
from harness.inprocess import InProcess

from engine.operator.settings import CredentialSettings

AZURE_KEY, AWS_SECRET = "azure-0123456789abcdef", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
CLAUDE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "pong"}], "usage": {"input_tokens": 7, "output_tokens": 2},
}  # fmt: skip
GEMINI = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "pong"}]}, "finishReason": "STOP", "index": 0}],
    "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 2, "totalTokenCount": 9},
    "modelVersion": "gemini-2.5-flash",
}
CONVERSE = {
    "output": {"message": {"role": "assistant", "content": [{"text": "pong"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 7, "outputTokens": 2, "totalTokens": 9},
    "metrics": {"latencyMs": 1},
}
CHAT = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "pong"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
}  # fmt: skip
CLAUDE_STREAM = (
    ("message_start", {"message": {**CLAUDE, "content": [], "stop_reason": None, "usage": {"input_tokens": 7, "output_tokens": 0}}}),
    ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
    ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "pong"}}),
    ("content_block_stop", {"index": 0}),
    ("message_delta", {"delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": {"output_tokens": 2}}),
    ("message_stop", {}),
)  # fmt: skip
CONVERSE_STREAM = (
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "pong"}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": CONVERSE["usage"], "metrics": {"latencyMs": 1}}),
)


def frame(event, payload):
    """One message of AWS's event stream: https://smithy.io/2.0/aws/amazon-eventstream.html"""
    named = ((":event-type", event), (":content-type", "application/json"), (":message-type", "event"))
    headers = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for name, value in named
    )
    body = json.dumps(payload).encode()
    prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
    return message + struct.pack(">I", zlib.crc32(message))


def sse(events):
    return "".join(f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n" for name, data in events).encode()


EVENTS, JSON, FRAMES = "text/event-stream", "application/json", "application/vnd.amazon.eventstream"
ANSWERS = (
    ("/token", JSON, json.dumps({"access_token": "ya29.cloud", "expires_in": 3600}).encode()),
    (":streamRawPredict", EVENTS, sse(CLAUDE_STREAM)),
    (":rawPredict", JSON, json.dumps(CLAUDE).encode()),
    ("/anthropic/v1/messages", JSON, json.dumps(CLAUDE).encode()),
    (":streamGenerateContent?alt=sse", EVENTS, f"data: {json.dumps(GEMINI)}\n\n".encode()),
    (":generateContent", JSON, json.dumps(GEMINI).encode()),
    ("/converse-stream", FRAMES, b"".join(frame(*event) for event in CONVERSE_STREAM)),
    ("/converse", JSON, json.dumps(CONVERSE).encode()),
    ("/chat/completions", JSON, json.dumps(CHAT).encode()),
)


class Cloud(BaseHTTPRequestHandler):
    """Answers by the end of the path, without the version."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        asked = self.path.partition("?api-version=")[0]
        kind, answer = next((kind, answer) for end, kind, answer in ANSWERS if asked.endswith(end))
        if not asked.endswith("/token"):
            self.server.asked.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def cloud():
    with ThreadingHTTPServer(("127.0.0.1", 0), Cloud) as server:
        server.asked = []
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield server
        server.shutdown()


MODELS = {
    "azure/bot": "base_model: gpt-4.1-nano\nupstream_model: support-bot\n",
    "azure-dated/bot": "base_model: gpt-4.1-nano\nupstream_model: support-bot\n",
    "azure/claude": "base_model: claude-sonnet-4-5\nupstream_model: our-claude\n",
    "vertex/gemini": "base_model: gemini-2.5-flash\nupstream_model: gemini-2.5-flash\n",
    "vertex/tuned": 'base_model: gemini-2.5-flash\nupstream_model: "4242424242"\n',
    "vertex/claude": 'base_model: "anthropic:claude-sonnet-4-5"\nupstream_model: claude-sonnet-4-5@20250929\n',
    "bedrock/claude": 'base_model: "anthropic:claude-sonnet-4-5"\nupstream_model: us.anthropic.claude-sonnet-4-5-20250929-v1:0\n',
    "bedrock/profile": (
        'base_model: "anthropic:claude-sonnet-4-5"\n'
        "upstream_model: arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc\n"
    ),
    "bedrock/oss": 'base_model: "openai.gpt-oss-120b-1:0"\nupstream_model: openai.gpt-oss-120b-1:0\n',
    "bedrock-key/claude": 'base_model: "anthropic:claude-sonnet-4-5"\nupstream_model: us.anthropic.claude-haiku\n',
}


@pytest.fixture(scope="module")
def gateway(cloud, tmp_path_factory):
    origin = f"http://127.0.0.1:{cloud.server_port}"
    directory = tmp_path_factory.mktemp("clouds")
    catalog = CatalogDir(directory / "catalog", origin)
    place = f"base_url: {origin}"
    catalog.write("providers/azure.yaml", f"api: azure\n{place}/openai/v1\n")
    catalog.write("providers/azure-dated.yaml", f"api: azure\n{place}\ncredential: azure\napi_version: '2024-10-21'\n")
    catalog.write("providers/vertex.yaml", f"api: google-vertex\n{place}/v1\nproject: acme\nregion: us-east5\n")
    catalog.write("providers/bedrock.yaml", f"api: aws\n{place}\nregion: us-east-1\n")
    catalog.write("providers/bedrock-key.yaml", f"api: aws\n{place}\nregion: us-east-1\ncredential: bedrock-key\n")
    for name, text in MODELS.items():
        catalog.write(f"models/{name}.yaml", f"type: custom\npricing: free\n{text}")
    lock(catalog)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {
        "type": "service_account",
        "client_email": "g@acme",
        "private_key": pem.decode(),
        "token_uri": f"{origin}/token",
    }
    (directory / "account.json").write_text(json.dumps(account))
    (directory / "account.json").chmod(0o600)
    credentials = {
        "azure": CredentialSettings("env:TESTS_AZURE_KEY", origin),
        "google-vertex": CredentialSettings(f"file:{directory / 'account.json'}", origin),
        "aws": CredentialSettings("aws:default", origin),
        "bedrock-key": CredentialSettings("env:TESTS_BEDROCK_KEY", origin),
    }
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("TESTS_AZURE_KEY", AZURE_KEY)
        environment.setenv("TESTS_BEDROCK_KEY", "bedrock-api-key-0123456789")
        environment.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
        environment.setenv("AWS_SECRET_ACCESS_KEY", AWS_SECRET)
        environment.delenv("AWS_PROFILE", raising=False)
        environment.delenv("AWS_SESSION_TOKEN", raising=False)
        with (
            InProcess(catalog.root, directory / "state", origin=origin, credentials=credentials) as worker,
            httpx.Client(base_url=worker.url, headers={"authorization": f"Bearer {catalog.key}"}) as client,
        ):
            yield client


def lock(catalog):
    from engine.catalog.compile import asked_of_reference
    from engine.pricing.lock import build_lock, render
    from engine.pricing.reference import load
    from engine.sources.directory import DirectorySource

    asked = asked_of_reference(DirectorySource(str(catalog.root)).read())
    (catalog.root / "reference.lock").write_bytes(render(build_lock(asked, load())))


@pytest.fixture
def ask(gateway, cloud):
    """Asks a model by a client API; gives what the client was told and the one request that left."""

    def asking(model, *, api="chat", stream=False):
        cloud.asked.clear()
        body = {"model": f"@{model}", "messages": [{"role": "user", "content": "ping"}], "stream": stream}
        path = "/v1/chat/completions"
        if api == "messages":
            path, body["max_tokens"] = "/v1/messages", 64
        reply = gateway.post(path, json=body)
        assert reply.status_code == 200, reply.text
        assert "pong" in reply.text
        ((target, headers, sent),) = cloud.asked
        return reply, target, headers, sent

    return asking


VERTEX = "/v1/projects/acme/locations/us-east5"
ARN = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc"


@pytest.mark.parametrize("api", ["chat", "messages"])
@pytest.mark.parametrize(
    ("model", "plain", "streamed"),
    [
        ("azure/bot", "/openai/v1/chat/completions", ""),
        ("azure-dated/bot", "/openai/deployments/support-bot/chat/completions?api-version=2024-10-21", ""),
        ("azure/claude", "/anthropic/v1/messages", ""),
        (
            "vertex/gemini",
            f"{VERTEX}/publishers/google/models/gemini-2.5-flash:generateContent",
            f"{VERTEX}/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        ),
        (
            "vertex/tuned",
            f"{VERTEX}/endpoints/4242424242:generateContent",
            f"{VERTEX}/endpoints/4242424242:streamGenerateContent?alt=sse",
        ),
        (
            "vertex/claude",
            f"{VERTEX}/publishers/anthropic/models/claude-sonnet-4-5%4020250929:rawPredict",
            f"{VERTEX}/publishers/anthropic/models/claude-sonnet-4-5%4020250929:streamRawPredict",
        ),
        (
            "bedrock/claude",
            "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
            "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream",
        ),
        ("bedrock/profile", f"/model/{ARN}/converse", f"/model/{ARN}/converse-stream"),
        ("bedrock/oss", "/openai/v1/chat/completions", ""),
    ],
)
def test_a_call_leaves_for_the_models_place(ask, api, model, plain, streamed):
    assert ask(model, api=api)[1] == plain
    if streamed:
        assert ask(model, api=api, stream=True)[1] == streamed


@pytest.mark.parametrize("model", ["azure/bot", "azure-dated/bot"])
def test_azure_gets_its_key_and_the_deployments_name(ask, model):
    _, _, headers, sent = ask(model)
    assert headers["api-key"] == AZURE_KEY
    assert "authorization" not in headers
    assert json.loads(sent)["model"] == "support-bot"


def test_claude_on_azure_gets_anthropics_headers(ask):
    _, _, headers, sent = ask("azure/claude", api="messages")
    assert headers["x-api-key"] == AZURE_KEY
    assert "api-key" not in headers
    assert headers["anthropic-version"] == "2023-06-01"
    assert json.loads(sent)["model"] == "our-claude"


@pytest.mark.parametrize("api", ["chat", "messages"])
@pytest.mark.parametrize("stream", [False, True])
def test_claude_on_vertex_is_named_in_the_path_alone(ask, api, stream):
    _, _, headers, sent = ask("vertex/claude", api=api, stream=stream)
    assert headers["authorization"] == "Bearer ya29.cloud"
    body = json.loads(sent)
    assert body["anthropic_version"] == "vertex-2023-10-16"
    assert "model" not in body
    assert body["max_tokens"] > 0
    assert body["messages"][0]["role"] == "user"


def test_gemini_on_vertex_gets_googles_token(ask):
    _, _, headers, sent = ask("vertex/gemini", stream=True)
    assert headers["authorization"] == "Bearer ya29.cloud"
    assert "x-goog-api-key" not in headers
    assert json.loads(sent)["contents"] == [{"role": "user", "parts": [{"text": "ping"}]}]
    assert "model" not in json.loads(sent)


def is_signed(target, headers, sent):
    """The signature as AWS checks it: over the host, the path encoded once more, the date and the body."""
    start, credential, names, signature = headers["authorization"].replace(",", "").split(" ")
    _, date, region, service, end = credential.removeprefix("Credential=").split("/")
    signed = names.removeprefix("SignedHeaders=").split(";")
    assert (start, region, service, end) == ("AWS4-HMAC-SHA256", "us-east-1", "bedrock", "aws4_request")
    assert {"host", "x-amz-date"} <= set(signed)
    lines = [f"{name}:{headers[name]}" for name in signed]
    canonical = "\n".join(
        ("POST", quote(target, safe="/-_.~"), "", *lines, "", ";".join(signed), hashlib.sha256(sent).hexdigest())
    )
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join((start, headers["x-amz-date"], f"{date}/{region}/{service}/{end}", digest))
    key = f"AWS4{AWS_SECRET}".encode()
    for part in (date, region, service, end):
        key = hmac.digest(key, part.encode(), "sha256")
    return signature == f"Signature={hmac.digest(key, text.encode(), 'sha256').hex()}"


@pytest.mark.parametrize("model", ["bedrock/claude", "bedrock/profile", "bedrock/oss"])
@pytest.mark.parametrize("api", ["chat", "messages"])
def test_what_leaves_for_bedrock_is_signed_as_it_left(ask, model, api):
    _, target, headers, sent = ask(model, api=api)
    assert is_signed(target, headers, sent)
    assert not is_signed(target, headers, sent + b" ")
    assert AWS_SECRET not in str(headers)


def test_bedrock_takes_an_api_key_as_well(ask):
    _, _, headers, _ = ask("bedrock-key/claude")
    assert headers["authorization"] == "Bearer bedrock-api-key-0123456789"
    assert "x-amz-date" not in headers


def test_a_converse_body_is_conversational_and_names_no_model(ask):
    body = json.loads(ask("bedrock/claude")[3])
    assert body["messages"] == [{"role": "user", "content": [{"text": "ping"}]}]
    assert "model" not in body


def test_openais_open_models_on_bedrock_are_passed_through(ask):
    body = json.loads(ask("bedrock/oss")[3])
    assert body["model"] == "openai.gpt-oss-120b-1:0"
    assert body["messages"] == [{"role": "user", "content": "ping"}]


@pytest.mark.parametrize("model", ["vertex/claude", "vertex/gemini", "bedrock/claude"])
def test_usage_is_seen_whatever_the_cloud(ask, model):
    assert ask(model)[0].json()["usage"]["total_tokens"] == 9
