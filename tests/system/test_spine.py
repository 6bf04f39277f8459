"""One request, plain and streamed, from the client to the ledger."""

import httpx
from harness.catalogs import CatalogRepo
from harness.served import Served, chat
from harness.upstream import ScriptedUpstream


def test_a_request_is_answered_and_its_exact_cost_is_on_record(
    gateway: Served, repo: CatalogRepo, upstream: ScriptedUpstream
) -> None:
    headers = {"x-portkey-api-key": repo.key}
    with httpx.Client(base_url=gateway.url, headers=headers) as client:
        plain = client.post("/v1/chat/completions", json=chat("input=1000 output=10"))
        streamed = client.post("/v1/chat/completions", json=chat("input=7 output=3", stream=True))
    assert plain.status_code == 200
    assert plain.headers["x-catalog-cost-usd"] == "0.00102"
    assert plain.headers["x-catalog-revision"] == repo.git("rev-parse", "HEAD")
    assert streamed.text.endswith("data: [DONE]\n\n")
    assert '"usage"' not in streamed.text
    rows = {row["request_id"]: row for row in gateway.settled_attempts(2)}
    assert {row["state"] for row in rows.values()} == {"settled"}
    assert rows[plain.headers["x-request-id"]]["cost_usd"] == "0.00102"
    assert rows[streamed.headers["x-request-id"]]["cost_usd"] == "0.000013"
    assert {f"{row['request_id']}.{row['attempt']}" for row in rows.values()} == set(upstream.journal)
    assert gateway.stop() == 0
