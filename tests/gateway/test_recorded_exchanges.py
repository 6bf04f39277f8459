"""What real providers answered, through the gateway to clients of every API: nothing of it is a fault of ours.

What each answer must hold is for the tests of the wires; here it is bytes, statuses, ends of streams and the record.
`WIRES_WHOLE=1` takes all recordings, else it is one in eight.
"""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest
from harness.catalogs import CatalogDir
from harness.inprocess import InProcess
from harness.recordings import WIRE_FOLDER
from harness.upstream import ScriptedUpstream, raw_json

from engine.operator.settings import CredentialSettings
from engine.wires.table import PROVIDER_WIRES, WIRES

PROVIDERS = {
    "openai-chat": ("api: openai-compatible\nwires: [openai-chat]\n", ""),
    "openai-responses": ("api: openai-compatible\nwires: [openai-responses]\n", ""),
    "anthropic-messages": ("api: anthropic\n", "claude-sonnet-4-5"),
    "gemini": ("api: google\n", "gemini-2.5-flash"),
    "bedrock-converse": ("api: aws\nregion: us-east-1\n", "amazon.nova-lite-v1:0"),
    "cohere-v2": ("api: cohere\n", "command-a-03-2025"),
}
ALSO = {"openai-compatible": "openai-chat", "vertex-gemini": "gemini"}
CALLED = ("/chat/completions", "/responses", "/messages", "enerateContent", "/converse", "/converse-stream", "/v2/chat")
APIS = {
    "openai-chat": ("/v1/chat/completions", b"data: [DONE]"),
    "openai-completions": ("/v1/completions", b"data: [DONE]"),
    "openai-responses": ("/v1/responses", b'"type":"response.'),
    "anthropic-messages": ("/v1/messages", b"event: message_stop"),
}


class Recorded(NamedTuple):
    id: str
    wire: str
    status: int
    content_type: str
    body: bytes

    @property
    def is_stream(self) -> bool:
        return "event" in self.content_type


class Rig(NamedTuple):
    worker: InProcess
    client: httpx.Client

    def ask(self, api: str, one: Recorded) -> httpx.Response:
        """The reply to a client of `api`."""
        text = raw_json(one.body, status=one.status, content_type=one.content_type)
        asked: dict[str, Any] = {"model": f"@{one.wire}/model", "stream": one.is_stream}
        if api == "openai-responses":
            asked["input"] = text
        elif api == "openai-completions":
            asked["prompt"] = text
        else:
            asked["messages"] = [{"role": "user", "content": text}]
        if api == "anthropic-messages":
            asked["max_tokens"] = 100
        if api == "openai-chat" and one.is_stream:
            asked["stream_options"] = {"include_usage": True}
        return self.client.post(APIS[api][0], json=asked)


def _recordings() -> list[Recorded]:
    found = []
    for file in sorted(WIRE_FOLDER.glob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            wire = ALSO.get(row["wire"], row["wire"])
            if wire not in PROVIDERS or not row["path"].endswith(CALLED):
                continue
            body = row["response"]
            data = body["text"].encode() if "text" in body else base64.b64decode(body["base64"])
            kind = row["response_headers"].get("content-type", "application/json")
            found.append(Recorded(row["id"], wire, row["status"], kind, data))
    if "WIRES_WHOLE" in os.environ:
        return found
    return [one for one in found if one.is_stream or one.status != 200 or int(one.id, 16) % 8 == 0]


@pytest.fixture(scope="module")
def recordings() -> list[Recorded]:
    if not WIRE_FOLDER.is_dir():
        pytest.skip(f"the recorded exchanges are not beside this checkout: no {WIRE_FOLDER}")
    return _recordings()


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    place = tmp_path_factory.mktemp("recorded")
    secret = place / "secret"
    secret.write_text("sk-tests-of-recordings-01")
    secret.chmod(0o600)
    with ScriptedUpstream() as upstream:
        catalog = CatalogDir(place / "catalog", upstream.origin)
        for name, (text, base) in PROVIDERS.items():
            catalog.write(f"providers/{name}.yaml", f"{text}base_url: {upstream.origin}/v1\ncredential: tests\n")
            catalog.write(
                f"models/{name}/model.yaml",
                f"type: custom\n{f'base_model: {base}' if base else ''}\npricing: {{input_mtok: '1', output_mtok: '2'}}\n",
            )
        lock = (sys.executable, "-m", "engine", "reference", "update", str(catalog.root))
        subprocess.run(lock, check=True, capture_output=True, timeout=60)
        credentials = {"tests": CredentialSettings(f"file:{secret}", upstream.origin)}
        with (
            InProcess(catalog.root, place / "state", origin=upstream.origin, credentials=credentials) as worker,
            httpx.Client(
                base_url=worker.url, headers={"authorization": f"Bearer {catalog.key}"}, timeout=20, trust_env=False
            ) as client,
        ):
            yield Rig(worker, client)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("wire", PROVIDERS)
def test_what_providers_answered_reaches_every_client(
    rig: Rig, recordings: list[Recorded], wire: str, api: str
) -> None:
    mine = [one for one in recordings if one.wire == wire]
    assert mine
    replies = [(one, rig.ask(api, one)) for one in mine]
    records = {record.request_id: record for record in rig.worker.records() if record.state != "open"}
    for one, reply in replies:
        record = records[reply.headers["x-request-id"]]
        assert reply.status_code != 500, (one.id, reply.text)
        if one.status != 200:
            assert reply.status_code >= 400
        elif one.is_stream:
            fails = b'"error":{' in reply.content or b"event: error" in reply.content or reply.status_code != 200
            assert APIS[api][1] in reply.content or fails, (one.id, reply.text[-300:])
            assert (record.state == "settled") != fails, (one.id, reply.text[-300:])
        else:
            assert reply.status_code == 200, (one.id, reply.text)
            usage = PROVIDER_WIRES[wire].read_usage(one.body)
            assert record.meters == (usage.meters if usage else {})
        if api == wire and api in WIRES and record.state == "settled":
            assert reply.content == one.body, one.id
    assert not rig.worker.gateway.refusals["internal_error"]
