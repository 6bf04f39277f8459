"""Headers: what a reply says, what is put on record, and what never goes further."""

import re
from typing import Any

import httpx
from harness.served import chat
from harness.upstream import raw_json

PATH = "/v1/chat/completions"
ANSWER = b'{"choices":[{}],"usage":{"prompt_tokens":3,"completion_tokens":2}}'


def test_every_reply_says_who_answered(rig: Any) -> None:
    revision = rig.served.served_revision() or httpx.get(f"{rig.served.admin}/api/status").json()["revision"]
    with rig.client() as client:
        plain = client.post(PATH, json=chat("input=1000 output=10"))
        streamed = client.post(PATH, json=chat("input=1000 output=10", stream=True))
        failed = client.post(PATH, json=chat("status=500"))
        unknown = client.post(PATH, json=chat("x", model="nope"))
        models = client.get("/v1/models")
        nowhere = client.get("/v1/nowhere")
    for reply in (plain, streamed, failed, unknown, models, nowhere):
        assert re.fullmatch(r"req_[0-9a-f]{32}", reply.headers["x-request-id"])
        assert reply.headers["x-catalog-revision"] == revision
        assert "server" not in reply.headers
    for reply in (plain, streamed, failed):
        assert reply.headers["x-catalog-model"] == "@test/model"
        assert reply.headers["x-catalog-attempts"] == "1"
        assert reply.headers["x-portkey-provider"] == "test"
        assert reply.headers["x-portkey-trace-id"] == reply.headers["x-request-id"]
        assert reply.headers["x-portkey-retry-attempt-count"] == "0"
        assert reply.headers["x-portkey-cache-status"] == "DISABLED"
        assert reply.headers["x-portkey-last-used-option-index"] == "config"
    for reply in (unknown, models, nowhere):
        assert reply.headers["x-catalog-attempts"] == "0"
        assert "x-catalog-model" not in reply.headers
    assert plain.headers["x-catalog-cost-usd"] == rig.row(plain)["cost_usd"] == "0.00102"
    assert "x-catalog-cost-usd" not in streamed.headers
    assert "x-catalog-cost-usd" not in failed.headers
    assert streamed.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert streamed.headers["cache-control"] == "no-cache"
    assert rig.row(plain)["revision"] == revision


def test_request_ids_are_ours_and_rise(rig: Any) -> None:
    with rig.client() as client:
        ids = [client.get("/livez").headers["x-request-id"] for _ in range(20)]
    assert ids == sorted(set(ids))


def test_what_the_client_tells_is_on_record(rig: Any) -> None:
    told = {
        "x-request-id": "client-7.a_B",
        "x-portkey-trace-id": "trace-1",
        "x-portkey-metadata": '{"_user":"ann","n":1,"share":0.5,"on":true,"none":null,"tab":"a\\tb"}',
    }
    with rig.client() as client:
        reply = client.post(PATH, json=chat("input=1"), headers=told)
    row = rig.row(reply)
    assert reply.headers["x-portkey-trace-id"] == row["trace_id"] == "trace-1"
    assert row["client_request_id"] == "client-7.a_B" != row["request_id"]
    expected = {"_user": "ann", "n": "1", "share": "0.5", "on": "true", "none": "null", "tab": "a\tb"}
    assert row["metadata"] == expected
    assert (row["key"], row["owner"], row["model_asked"]) == ("tests", "team-tests", "@test/model")


def test_an_id_that_is_not_harmless_is_dropped(rig: Any) -> None:
    with rig.client() as client:
        for bad in ("x" * 65, "a b", "a:b", "é".encode(), "a'; drop table", "<b>", "${jndi:ldap://x}", ""):
            reply = client.post(PATH, json=chat("input=1"), headers={"x-request-id": bad, "x-portkey-trace-id": bad})
            row = rig.row(reply)
            assert (row["client_request_id"], row["trace_id"]) == ("", "")
            assert reply.headers["x-portkey-trace-id"] == reply.headers["x-request-id"]


def test_the_same_id_of_a_client_twice_is_two_rows(rig: Any) -> None:
    with rig.client() as client:
        replies = [client.post(PATH, json=chat("input=1"), headers={"x-request-id": "twice"}) for _ in range(2)]
    assert len({rig.row(reply)["request_id"] for reply in replies}) == 2


def test_nothing_of_a_clients_headers_reaches_the_upstream(rig: Any) -> None:
    hostile = {
        "authorization": f"Bearer {rig.keys['tests']}",
        "x-secret": "canary",
        "cookie": "canary",
        "connection": "x-secret",
        "openai-organization": "canary",
        "anthropic-beta": "canary",
        "x-forwarded-for": "canary",
        "x-forwarded-host": "canary",
        "x-catalog-attempt": "canary",
        "x-portkey-config": "canary",
        "x-portkey-custom-host": "http://169.254.169.254/canary",
        "x-portkey-forward-headers": "x-secret",
        "user-agent": "canary",
        "accept-encoding": "gzip, canary",
        "accept": "canary/canary",
        "traceparent": "canary",
        "te": "trailers",
        "host": "canary.example",
    }
    body = chat("input=1") | {"base_url": "http://169.254.169.254/", "custom_host": "http://127.0.0.1:1/"}
    reply = httpx.post(f"{rig.served.url}{PATH}", json=body, headers=hostile)
    received = rig.upstream.journal[f"{reply.headers['x-request-id']}.1"]
    assert received.headers == {
        "host": rig.upstream.origin.removeprefix("http://"),
        "accept-encoding": "identity",
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "x-catalog-attempt": received.attempt,
        "content-length": received.headers["content-length"],
    }
    assert received.path == "/v1/chat/completions"


def test_of_an_upstreams_headers_only_its_limits_are_passed_on(rig: Any) -> None:
    passed = {
        "x-ratelimit-limit-requests": "5000",
        "x-ratelimit-remaining-tokens": "159976",
        "x-ratelimit-reset-requests": "8.64s",
        "x-ratelimit-reset-tokens": "6m0s",
        "x-ratelimit-reset": "1700000000",
        "x-ratelimit-limit-tokens-minute": "1000",
        "openai-processing-ms": "412",
        "openai-version": "2020-10-01",
    }
    kept = {
        "set-cookie": "a=b",
        "server": "secret-host-7",
        "x-ratelimit-policy": "free text",
        "x-ratelimit-reset-input": "<script>",
        "x-ratelimit-limit-images": "9" * 200,
        "openai-organization": "acme",
        "x-request-id": "theirs-1",
        "via": "1.1 x",
        "x-catalog-cost-usd": "77",
        "content-disposition": "attachment",
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in (passed | kept).items())
    with rig.client() as client:
        ok = client.post(PATH, json=chat(raw_json(ANSWER, headers=lines)))
        limited = client.post(PATH, json=chat(raw_json(b"{}", status=429, headers=lines + "retry-after: 7\r\n")))
    for reply in (ok, limited):
        assert {name: reply.headers.get(name) for name in passed} == passed
        assert not [name for name in kept if reply.headers.get(name) == kept[name]]
        assert rig.row(reply)["upstream_request_id"] == "theirs-1"
    assert ok.headers["x-catalog-cost-usd"] == "0.000007"
    assert limited.headers["retry-after"] == "7"


def test_the_provider_may_be_named_by_a_header(rig: Any) -> None:
    with rig.client() as client:
        for provider, model in (("@test", "model"), ("test", "model"), ("@test", "@test/model")):
            reply = client.post(PATH, json=chat("input=1", model=model), headers={"x-portkey-provider": provider})
            assert reply.headers["x-catalog-model"] == "@test/model"
        reply = client.post(PATH, json=chat("x"), headers={"x-portkey-provider": "@canary"})
        assert (reply.status_code, reply.json()["error"]["param"]) == (400, "model")
