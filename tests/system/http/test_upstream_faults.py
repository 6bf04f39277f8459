"""Whatever an upstream does, the client gets one clear error, and the ledger exactly one row that says what happened."""

import json
import time
from email.utils import formatdate
from typing import Any, NamedTuple

import openai
import pytest
from harness.served import chat
from harness.upstream import chunk_of, raw, raw_json, usage_of

PATH = "/v1/chat/completions"
OK_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: "
STREAM_HEAD = OK_HEAD + b"text/event-stream\r\nconnection: close\r\n\r\n"


def _event(text: str) -> bytes:
    chunk = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":4}}\n\n'
ERROR_EVENT = b'data: {"error":{"message":"{credential}","type":"overloaded_error","code":529}}\n\n'


class Case(NamedTuple):
    """What the upstream does, what the client is told, and what is on record. `cost` is None where it is unknown."""

    script: str
    status: int
    code: str
    state: str
    upstream_status: int = 0
    cost: str | None = None
    model: str = "@test/faulty"


def _status(ours: int, code: str, theirs: int, *, free: bool) -> Case:
    return Case(f"status={theirs}", ours, code, "failed", theirs, "0" if free else None)


# Where nothing of an answer has been passed on: the same for whole answers and for streams.
BEFORE: dict[str, Case] = {
    "400": _status(400, "context_length_exceeded", 400, free=True),
    "401": _status(502, "upstream_auth", 401, free=True),
    "402": _status(502, "upstream_billing", 402, free=True),
    "403": _status(502, "upstream_auth", 403, free=True),
    "404": _status(502, "upstream_not_found", 404, free=True),
    "422": _status(400, "context_length_exceeded", 422, free=True),
    "429": _status(429, "upstream_rate_limited", 429, free=True),
    "500": _status(502, "upstream_server_error", 500, free=False),
    "503": _status(503, "upstream_overloaded", 503, free=False),
    "529": _status(503, "upstream_overloaded", 529, free=False),
    "redirect": Case(
        raw(b"HTTP/1.1 302 X\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"),
        502,
        "upstream_redirect",
        "failed",
        302,
    ),
    "html": Case("fault=html", 502, "upstream_bad_content_type", "failed", 200),
    "no content": Case(raw(b"HTTP/1.1 204 X\r\n\r\n"), 502, "upstream_server_error", "failed", 204),
    "not HTTP": Case(raw(b"SSH-2.0-OpenSSH_9.2\r\n"), 502, "upstream_protocol", "failed"),
    "reset before the head": Case("fault=reset", 502, "upstream_reset", "failed"),
    "closed before the head": Case(raw(b"\r\n"), 502, "upstream_reset", "failed"),
    "hang": Case("fault=hang", 504, "upstream_timeout", "failed"),
    "compressed": Case(
        raw(OK_HEAD + b"application/json\r\ncontent-encoding: gzip\r\n\r\n\x1f\x8b"),
        502,
        "upstream_bad_encoding",
        "failed",
        200,
    ),
    "refused connection": Case("", 502, "upstream_connect", "failed", 0, "0", "@gone/model"),
    "refused address": Case("", 502, "upstream_address_refused", "failed", 0, "0", "@private/model"),
}
WHOLE: dict[str, Case] = {
    "truncated": Case("fault=cut", 502, "upstream_truncated", "failed", 200),
    "no JSON": Case(raw_json(b"hello"), 502, "upstream_bad_body", "failed", 200),
    "empty": Case(raw_json(b""), 502, "upstream_bad_body", "failed", 200),
    "an error in a 200": Case(
        raw_json(b'{"error":{"message":"{credential}","code":503}}'), 503, "upstream_overloaded", "failed", 200
    ),
}
FIRST: dict[str, Case] = {
    "error event first": Case("fault=error_event", 503, "upstream_overloaded", "failed", 200),
    "no event at all": Case(raw(STREAM_HEAD), 502, "upstream_truncated", "failed", 200),
    "a whole answer": Case(raw_json(b'{"choices":[]}'), 502, "upstream_bad_content_type", "failed", 200),
}
# After the first byte: the reply is a 200 that ends in an error event.
WITHIN: dict[str, Case] = {
    "reset in mid-stream": Case("fault=cut output=5", 200, "upstream_truncated", "partial", 200),
    "error event": Case(raw(STREAM_HEAD + _event("word0") + ERROR_EVENT), 200, "upstream_overloaded", "partial", 200),
    "no DONE": Case(raw(STREAM_HEAD + _event("word0")), 200, "upstream_truncated", "partial", 200),
    "no DONE but usage": Case(
        raw(STREAM_HEAD + _event("word0") + USAGE), 200, "upstream_truncated", "partial", 200, "0.000018"
    ),
    "stall": Case("fault=stall output=5", 200, "upstream_idle_timeout", "partial", 200),
    "endless event": Case("fault=endless_event", 200, "upstream_too_large", "partial", 200),
}


def _check_row(rig: Any, reply: Any, case: Case, *, stream: bool) -> None:
    row = rig.row(reply)
    assert (row["state"], row["error_code"]) == (case.state, case.code)
    assert (row["status"], row["client_status"]) == (case.upstream_status, case.status)
    assert row["cost_usd"] == case.cost
    assert (row["stream"], row["model"]) == (stream, case.model)
    assert row["duration_us"] > 0


@pytest.mark.parametrize("stream", [False, True])
def test_before_anything_of_an_answer_was_passed_on(rig: Any, stream: bool, subtests: pytest.Subtests) -> None:
    with rig.client() as client:
        for name, case in (BEFORE | (FIRST if stream else WHOLE)).items():
            with subtests.test(name):
                reply = client.post(PATH, json=chat(case.script, model=case.model, stream=stream))
                assert reply.status_code == case.status, reply.text
                error = reply.json()["error"]
                assert error["code"] == case.code
                assert "secret text" not in reply.text
                assert reply.headers["x-catalog-attempts"] == "1"
                assert reply.headers["x-catalog-model"] == case.model
                assert reply.headers.get("x-catalog-cost-usd") == case.cost
                _check_row(rig, reply, case, stream=stream)


def test_within_a_stream(rig: Any, subtests: pytest.Subtests) -> None:
    with rig.client() as client:
        for name, case in WITHIN.items():
            with subtests.test(name):
                reply = client.post(PATH, json=chat(case.script, model=case.model, stream=True))
                assert reply.status_code == 200
                assert "word0" in reply.text
                assert "[DONE]" not in reply.text
                *_, last = [line for line in reply.text.split("\n\n") if line]
                assert json.loads(last.removeprefix("data: "))["error"]["code"] == case.code
                _check_row(rig, reply, case, stream=True)


def test_the_official_client_raises_what_its_users_catch(rig: Any, subtests: pytest.Subtests) -> None:
    kinds: dict[str, type[openai.APIStatusError]] = {
        "400": openai.BadRequestError,
        "401": openai.InternalServerError,
        "429": openai.RateLimitError,
        "503": openai.InternalServerError,
        "hang": openai.InternalServerError,
    }
    client = rig.openai()
    for name, kind in kinds.items():
        for stream in (False, True):
            with subtests.test(f"{name} {stream}"), pytest.raises(kind) as caught:
                client.chat.completions.create(**chat(BEFORE[name].script, model="@test/faulty", stream=stream))
            assert caught.value.code == BEFORE[name].code
    with pytest.raises(openai.APIError) as broken:
        for _ in client.chat.completions.create(
            **chat(WITHIN["error event"].script, model="@test/faulty", stream=True)
        ):
            pass
    assert broken.value.code == "upstream_overloaded"


def test_an_answer_without_usage_is_served_and_its_cost_unknown(rig: Any) -> None:
    with rig.client() as client:
        for stream in (False, True):
            reply = client.post(PATH, json=chat("fault=nousage", stream=stream))
            assert reply.status_code == 200
            assert "x-catalog-cost-usd" not in reply.headers
            row = rig.row(reply)
            assert (row["state"], row["error_code"], row["cost_usd"]) == ("settled", "usage_missing", None)
            assert row["cost_source"] == "none"


@pytest.mark.parametrize("count", ["-1", "1e18", '"5"', "5.5", "null", "[]"])
def test_an_absurd_usage_makes_no_cost(rig: Any, count: str) -> None:
    body = b'{"choices":[{}],"usage":{"prompt_tokens":%s,"completion_tokens":4}}' % count.encode()
    with rig.client() as client:
        row = rig.row(client.post(PATH, json=chat(raw_json(body))))
    assert (row["state"], row["error_code"], row["cost_usd"]) == ("settled", "usage_suspect", None)
    assert row["raw_usage"]["completion_tokens"] == 4


def test_counts_that_fall_within_a_stream_make_no_cost(rig: Any) -> None:
    less = USAGE.replace(b"10", b"7")
    body = _event("Hello") + USAGE + less + b"data: [DONE]\n\n"
    with rig.client() as client:
        reply = client.post(PATH, json=chat(raw(STREAM_HEAD + body), stream=True))
        row = rig.row(reply)
    assert (row["state"], row["error_code"], row["cost_usd"]) == ("settled", "usage_suspect", None)
    assert row["meters"] == {"input_tokens": 7, "output_tokens": 4}


def test_a_usage_of_zero_is_a_zero(rig: Any) -> None:
    with rig.client() as client:
        row = rig.row(client.post(PATH, json=chat("input=0 output=0")))
    assert (row["cost_usd"], row["cost_source"], row["error_code"]) == ("0", "reported", "")


def _retry_after(rig: Any, value: str, status: int = 429) -> str | None:
    answer = b"HTTP/1.1 %d X\r\ncontent-length: 0\r\nretry-after: %s\r\n\r\n" % (status, value.encode())
    with rig.client() as client:
        found: str | None = client.post(PATH, json=chat(raw(answer))).headers.get("retry-after")
    return found


def test_retry_after_is_passed_on_where_it_makes_sense(rig: Any) -> None:
    assert _retry_after(rig, "5") == "5"
    assert _retry_after(rig, "0", 503) == "0"
    assert _retry_after(rig, "007", 529) == "7"
    assert _retry_after(rig, formatdate(time.time() + 90, usegmt=True)) in {"88", "89", "90"}
    assert _retry_after(rig, formatdate(time.time() - 90, usegmt=True)) == "0"
    assert _retry_after(rig, "5", 500) is None
    for value in ("-1", "1000000000", "0864001234", "soon", "", "1.5", "Mon, 99 Nov 2026 99:99:99 GMT", "²"):
        assert _retry_after(rig, value) is None, value


CANARY = b"{credential}"
ECHOES = {
    "error": raw_json(
        b'{"error":{"message":"bad key %b","code":"%b","param":"%b"}}' % (CANARY, CANARY, CANARY), status=401
    ),
    "invalid": raw_json(b'{"error":{"message":"%b","code":"%b","param":"%b"}}' % (CANARY, CANARY, CANARY), status=400),
    "server error": raw_json(CANARY, status=500, content_type="text/plain"),
    "headers": raw_json(
        b'{"choices":[{}],"usage":{"prompt_tokens":1,"completion_tokens":1}}',
        headers="".join(
            f"{name}: {{credential}}\r\n"
            for name in (
                "x-request-id",
                "request-id",
                "x-ratelimit-limit-requests",
                "openai-version",
                "retry-after",
                "set-cookie",
            )
        )
        + "x-ratelimit-{credential}: 1\r\n",
    ),
    "answer": raw_json(b'{"choices":[{"message":{"content":"you sent %b"}}]}' % CANARY),
    "usage": raw_json(b'{"choices":[{}],"usage":{"prompt_tokens":1,"completion_tokens":1,"note":"%b"}}' % CANARY),
    "service tier": raw_json(b'{"choices":[{}],"service_tier":"%b","model":"%b"}' % (CANARY, CANARY)),
    "location": raw(b"HTTP/1.1 307 X\r\nlocation: http://x/%b\r\ncontent-length: 0\r\n\r\n" % CANARY),
    "reason": raw(b"HTTP/1.1 403 %b\r\ncontent-length: 0\r\n\r\n" % CANARY),
    "event": raw(STREAM_HEAD + b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\ndata: [DONE]\n\n' % CANARY),
    "error event": raw(STREAM_HEAD + ERROR_EVENT),
    "late error event": raw(STREAM_HEAD + _event("word0") + ERROR_EVENT),
    "comment": raw(STREAM_HEAD + b": %b\n\ndata: [DONE]\n\n" % CANARY),
    "comment at the end": raw(STREAM_HEAD + _event("word0") + b": %b\ndata: [DONE]\n\n" % CANARY),
    "after DONE": raw(STREAM_HEAD + b"data: [DONE]\n\n: %b\n\n" % CANARY),
}


def test_a_credential_that_the_upstream_echoes_reaches_nobody(rig: Any, subtests: pytest.Subtests) -> None:
    """Logs, status and metrics are searched after all tests."""
    canary = "sk-canary"
    with rig.client() as client:
        for name, script in ECHOES.items():
            with subtests.test(name):
                stream = "event" in name or name in ("comment", "comment at the end", "after DONE")
                reply = client.post(PATH, json=chat(script, model="@canary/model", stream=stream))
                row = rig.row(reply)
                received = rig.upstream.journal[f"{row['request_id']}.1"]
                assert canary in received.headers["authorization"]
                assert canary not in str(reply.headers) + reply.text
                assert canary not in str(row)


def test_a_journal_of_one_call_for_one_row(rig: Any) -> None:
    with rig.client() as client:
        reply = client.post(PATH, json=chat("input=3"))
    row = rig.row(reply)
    received = rig.upstream.journal[f"{row['request_id']}.1"]
    assert chunk_of(received, None)["model"] == row["upstream_model"] == "upstream-name"
    assert row["raw_usage"] == usage_of(received.script)
