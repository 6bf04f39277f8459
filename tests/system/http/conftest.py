"""One running gateway for all tests of its HTTP contract; each test reads its own rows by request id."""

import socket
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest
from harness.catalogs import CatalogDir
from harness.served import Served, wait_for
from harness.upstream import ScriptedUpstream
from openai import OpenAI

from engine.catalog.secret import new_secret

CANARY = "sk-canary-7Qx2Lw9RbT4mKd81"
MAX_BODY_BYTES = 2_000_000

MODELS = {
    "faulty": "timeouts: {connect: 2s, first_byte: 400ms, idle: 400ms, total: 20s}\n",
    "other-model": "",
    "aliased": 'aliases: [short-name, "@elsewhere/old-name"]\n',
    "shaped": (
        "defaults: {temperature: 0.25, max_tokens: 50}\n"
        "overrides: {top_p: 0.5}\n"
        "forbid: [logit_bias]\n"
        "headers: {x-tests-tenant: acme}\n"
    ),
    "refuses": "limits: {max_output_tokens: 100}\n",
    "clamps": "limits: {max_output_tokens: 100, over_limit: clamp}\n",
    "no-stream-usage": "supports: {stream_usage: false}\n",
}


class Rig(NamedTuple):
    """The gateway, what stands behind it, and the secrets of its keys by name."""

    served: Served
    upstream: ScriptedUpstream
    keys: dict[str, str]

    def client(self, key: str = "tests") -> httpx.Client:
        """A plain client with a key of this name."""
        headers = {"authorization": f"Bearer {self.keys[key]}"}
        return httpx.Client(base_url=self.served.url, headers=headers, timeout=20)

    def openai(self, key: str = "tests") -> OpenAI:
        """The official client, which does not try again."""
        return OpenAI(base_url=f"{self.served.url}/v1", api_key=self.keys[key], max_retries=0, timeout=20)

    def row(self, reply: httpx.Response) -> dict[str, Any]:
        """The one attempt of the request that this is the reply to, settled."""
        request_id = reply.headers["x-request-id"]
        path = f"{self.served.admin}/api/requests/{request_id}"

        def settled() -> dict[str, Any] | None:
            found = httpx.get(path, timeout=10)
            if found.status_code == 404:
                return None
            attempts: list[dict[str, Any]] = found.json()["attempts"]
            assert len(attempts) == 1
            return attempts[0] if attempts[0]["state"] != "open" else None

        row = wait_for(settled, message=f"{request_id} is not on record")
        assert row is not None
        return row

    def has_row(self, reply: httpx.Response) -> bool:
        """Whether the request is on record at all."""
        return httpx.get(f"{self.served.admin}/api/requests/{reply.headers['x-request-id']}").status_code == 200

    def refusals(self, code: str) -> float:
        """How many requests ended in this error code, as `/metrics` says."""
        text = httpx.get(f"{self.served.admin}/metrics").text
        lines = [line for line in text.splitlines() if line.startswith(f'catalog_refusals_total{{code="{code}"}}')]
        return float(lines[0].split()[-1]) if lines else 0.0


@pytest.fixture(scope="session")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """Providers: test, canary (with a credential), unbound (without), private (not named by the operator), gone."""
    place = tmp_path_factory.mktemp("http")
    with ScriptedUpstream() as upstream, socket.create_server(("127.0.0.1", 0)) as closed:
        gone = f"http://127.0.0.1:{closed.getsockname()[1]}"
        closed.close()
        catalog = CatalogDir(place / "catalog", upstream.origin)
        keys = _write(catalog, upstream, gone)
        settings = (
            f"origins: {{'{upstream.origin}': {{private: true}}, '{gone}': {{private: true}}}}\n"
            f"credentials: {{canary: {{secret: 'env:CANARY_KEY', origin: '{upstream.origin}'}}}}\n"
            f"limits: {{max_body_bytes: {MAX_BODY_BYTES}, body_timeout: 1s}}\n"
        )
        with Served(
            ("--catalog", str(catalog.root)), place / "state", settings=settings, env={"CANARY_KEY": CANARY}
        ) as served:
            yield Rig(served, upstream, keys)


def _write(catalog: CatalogDir, upstream: ScriptedUpstream, gone: str) -> dict[str, str]:
    for name, extra in MODELS.items():
        catalog.price("1", "2", model=name, extra=extra)
    head = "type: custom\n"
    catalog.write("models/test/free.yaml", f"{head}pricing: free\n")
    catalog.write("models/test/unpriced.yaml", head)
    catalog.write(
        "models/test/windows.yaml",
        head + "pricing:\n"
        '  - {input_mtok: "1", output_mtok: "1"}\n'
        '  - {from: 2024-01-01T00:00:00Z, input_mtok: "3", output_mtok: "5"}\n'
        '  - {from: 2100-01-01T00:00:00Z, input_mtok: "9", output_mtok: "9"}\n',
    )
    catalog.write("models/test/future.yaml", head + 'pricing: [{from: 2100-01-01T00:00:00Z, input_mtok: "9"}]\n')
    base_url = f"api: openai-compatible\nbase_url: {upstream.origin}/v1\n"
    catalog.write("providers/canary.yaml", f"{base_url}credential: canary\n")
    catalog.write("providers/unbound.yaml", f"{base_url}credential: nobody-bound-this\n")
    private = upstream.origin.replace("127.0.0.1", "127.0.0.2")
    catalog.write("providers/private.yaml", f"api: openai-compatible\nbase_url: {private}/v1\ncredential: none\n")
    catalog.write("providers/gone.yaml", f"api: openai-compatible\nbase_url: {gone}/v1\ncredential: none\n")
    for provider in ("canary", "unbound", "private", "gone"):
        catalog.write(f"models/{provider}/model.yaml", head + 'pricing: {input_mtok: "1", output_mtok: "2"}\n')
    keys = {name: new_secret() for name in ("narrow", "expired", "disabled", "unknown")} | {"tests": catalog.key}
    catalog.add_key("narrow", keys["narrow"], '["@test/model"]')
    catalog.add_key("expired", keys["expired"], extra="expires: 2020-01-01T00:00:00Z\n")
    catalog.add_key("disabled", keys["disabled"], extra="disabled: true\n")
    return keys


@pytest.fixture(scope="session", autouse=True)
def _nothing_leaks(rig: Rig) -> Iterator[None]:
    """After all tests: no secret is in any log, row, status or metric, no call is left over, every row is settled."""
    yield
    rig.served.settled_attempts(1)
    wait_for(lambda: not rig.upstream.answering)
    time.sleep(1.2)  # one more heartbeat
    pages = [
        rig.served.log(),
        str(rig.served.attempts()),
        str(rig.served.status()),
        httpx.get(f"{rig.served.admin}/metrics").text,
    ]
    for secret in (CANARY, *rig.keys.values()):
        assert not [page for page in pages if secret in page]
    assert not [beat for beat in rig.served.status()["workers"] if beat.get("in_flight") or beat.get("detached")]
    ids = [f"{row['request_id']}.{row['attempt']}" for row in rig.served.attempts()]
    assert len(set(ids)) == len(ids)
    assert set(rig.upstream.journal) <= set(ids)
    assert not rig.upstream.duplicates
