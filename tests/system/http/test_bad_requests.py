"""Requests that are refused: the right status, OpenAI's error shape, an id, a count, and no row."""

import contextlib
import json
import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from harness.served import chat, wait_for

PATH = "/v1/chat/completions"
JSON = {"content-type": "application/json"}


def _error(reply: httpx.Response, status: int, code: str, param: str | None = None) -> str:
    """Check an error's shape; its message."""
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-request-id"].startswith("req_")
    assert reply.headers["x-catalog-attempts"] == "0"
    assert "x-catalog-cost-usd" not in reply.headers
    (error,) = reply.json().values()
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["code"], error["param"]) == (code, param)
    message: str = error["message"]
    return message


def _raw(rig: Any, data: bytes, *, seconds: float = 15.0) -> bytes:
    """Send bytes, and read to the end of the connection."""
    host, _, port = rig.served.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=seconds) as sock:
        with contextlib.suppress(ConnectionError):  # it may have been answered, and closed, before all was sent
            sock.sendall(data)
        found = b""
        while piece := sock.recv(65536):
            found += piece
        return found


def _request(rig: Any, body: bytes, *lines: str, length: bool = True, close: bool = True) -> bytes:
    head = [
        f"POST {PATH} HTTP/1.1",
        "host: x",
        f"authorization: Bearer {rig.keys['tests']}",
        "content-type: application/json",
        *([f"content-length: {len(body)}"] if length else []),
        *(["connection: close"] if close else []),
        *lines,
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


# Keys


def _wrong_keys(rig: Any) -> Iterator[dict[str, str]]:
    yield {}
    yield {"authorization": "Bearer sk-something"}
    yield {"authorization": f"Bearer {rig.keys['unknown']}"}
    yield {"authorization": f"Bearer {rig.keys['expired']}"}
    yield {"authorization": f"Bearer {rig.keys['disabled']}"}
    yield {"authorization": f"Bearer {rig.keys['tests']}x"}
    yield {"authorization": f"Basic {rig.keys['tests']}"}
    yield {"x-api-key": rig.keys["tests"].upper()}
    yield {"x-other-header": rig.keys["tests"]}
    yield {"cookie": f"authorization={rig.keys['tests']}"}


def test_every_wrong_key_gets_the_same_answer(rig: Any) -> None:
    before, received = rig.refusals("invalid_api_key"), len(rig.upstream.journal)
    replies = [
        httpx.request(method, f"{rig.served.url}{path}", headers=headers, content=b"not even JSON")
        for headers in _wrong_keys(rig)
        for method, path in (("POST", PATH), ("GET", "/v1/models"))
    ]
    for reply in replies:
        _error(reply, 401, "invalid_api_key")
    assert len({reply.content for reply in replies}) == 1
    assert len({tuple(sorted(set(reply.headers) - {"date"})) for reply in replies}) == 1
    wait_for(lambda: rig.refusals("invalid_api_key") == before + len(replies))
    assert len(rig.upstream.journal) == received


def test_a_key_in_any_of_its_headers(rig: Any) -> None:
    key = rig.keys["tests"]
    for headers in (
        {"authorization": f"Bearer {key}"},
        {"authorization": f"bearer {key}"},
        {"authorization": key},
        {"x-portkey-api-key": key},
        {"x-api-key": key},
        {"api-key": key},
        {"authorization": "Bearer dummy", "x-portkey-api-key": key},
        {"authorization": f"Bearer {key}", "x-portkey-api-key": key},
    ):
        assert httpx.get(f"{rig.served.url}/v1/models", headers=headers).status_code == 200, headers


def test_two_keys_are_ambiguous(rig: Any) -> None:
    two = {"authorization": f"Bearer {rig.keys['tests']}", "x-api-key": rig.keys["narrow"]}
    _error(httpx.post(f"{rig.served.url}{PATH}", headers=two, json=chat("x")), 400, "ambiguous_credentials")


# Models


def test_an_unknown_model_is_answered_with_near_names(rig: Any) -> None:
    with rig.client() as client:
        message = _error(client.post(PATH, json=chat("x", model="@test/modle")), 404, "model_not_found", "model")
    assert "@test/model" in message


def test_near_names_are_only_those_that_the_key_may_call(rig: Any) -> None:
    with rig.client("narrow") as client:
        for asked in ("@test/other-modle", "@test/other-model", "short-name", "@test/alias"):
            message = _error(client.post(PATH, json=chat("x", model=asked)), 404, "model_not_found", "model")
            hint = message.partition("may not call it.")[2]
            assert set(re.findall(r"@[\w./-]*\w", hint)) <= {"@test/model"}
        exists = client.post(PATH, json=chat("x", model="@test/other-model")).json()["error"]["message"]
        missing = client.post(PATH, json=chat("x", model="@test/other-mod3l")).json()["error"]["message"]
        assert exists == missing.replace("other-mod3l", "other-model")
        assert [model["id"] for model in client.get("/v1/models").json()["data"]] == ["@test/model"]


def test_a_name_of_any_length_is_shown_in_short(rig: Any) -> None:
    with rig.client() as client:
        message = _error(client.post(PATH, json=chat("x", model="m" * 100_000)), 404, "model_not_found", "model")
    assert len(message) < 500


def test_a_provider_without_its_credential_is_disabled_with_the_reason(rig: Any) -> None:
    with rig.client() as client:
        reply = client.post(PATH, json=chat("x", model="@unbound/model"))
    assert "nobody-bound-this" in _error(reply, 503, "provider_disabled")


# Bodies

BODIES: dict[str, tuple[bytes, int, str, str | None]] = {
    "empty": (b"", 400, "invalid_json", None),
    "no JSON": (b"hello", 400, "invalid_json", None),
    "cut": (b'{"model": "@te', 400, "invalid_json", None),
    "an array": (b"[1]", 400, "invalid_json", None),
    "a number": (b"7", 400, "invalid_json", None),
    "null": (b"null", 400, "invalid_json", None),
    "NaN": (b'{"model":"@test/model","messages":[],"temperature":NaN}', 400, "invalid_json", None),
    "huge number": (b'{"model":"@test/model","messages":[],"temperature":1e999}', 400, "invalid_json", None),
    "not UTF-8": (b'{"model":"@test/model","messages":["\xff"]}', 400, "invalid_json", None),
    "lone surrogate": (b'{"model":"@test/model","messages":["\\ud800"]}', 400, "invalid_json", None),
    "deep": (b'{"model":"@test/model","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "invalid_json", None),
    "deep objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400, "invalid_json", None),
    "model twice": (b'{"model":"@test/model","model":"@a/b","messages":[]}', 400, "duplicate_parameter", "model"),
    "no model": (b'{"messages":[]}', 400, "missing_required_parameter", "model"),
    "model no text": (b'{"model":7,"messages":[]}', 400, "invalid_type", "model"),
    "no messages": (b'{"model":"@test/model"}', 400, "missing_required_parameter", "messages"),
    "messages no array": (b'{"model":"@test/model","messages":{}}', 400, "invalid_type", "messages"),
    "stream no boolean": (b'{"model":"@test/model","messages":[],"stream":"false"}', 400, "invalid_type", "stream"),
    "n": (b'{"model":"@test/model","messages":[],"n":1000000000}', 400, "integer_above_max_value", "n"),
    "too large": (b'{"model":"' + b"m" * 2_000_000 + b'"}', 413, "body_too_large", None),
}


def test_bad_bodies(rig: Any, subtests: pytest.Subtests) -> None:
    codes = Counter(code for _, _, code, _ in BODIES.values())
    before, received = {code: rig.refusals(code) for code in codes}, len(rig.upstream.journal)
    with rig.client() as client:
        for name, (body, status, code, param) in BODIES.items():
            with subtests.test(name):
                reply = client.post(PATH, content=body, headers=JSON)
                _error(reply, status, code, param)
                assert not rig.has_row(reply)
    assert len(rig.upstream.journal) == received
    wait_for(lambda: all(rig.refusals(code) == before[code] + count for code, count in codes.items()))


def test_a_body_in_chunks_that_is_too_large(rig: Any) -> None:
    with rig.client() as client:
        reply = client.post(PATH, content=(b"x" * 100_000 for _ in range(30)), headers=JSON)
        _error(reply, 413, "body_too_large")
        # The rest was taken and dropped, so the connection serves the next request.
        assert client.get("/v1/models").status_code == 200


def test_a_body_that_is_said_to_be_huge_is_refused_before_it_is_read(rig: Any) -> None:
    data = _request(rig, b"", "content-length: 1000000000000", length=False)
    assert _raw(rig, data).startswith(b"HTTP/1.1 413 ")


def test_a_body_that_never_ends_is_not_taken_for_ever(rig: Any) -> None:
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    host, _, port = rig.served.url.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=20) as sock:
        sock.sendall(_request(rig, b"", "transfer-encoding: chunked", length=False, close=False))
        with pytest.raises(ConnectionError):
            sock.sendall(piece * 4096)


def test_a_slow_body_has_a_deadline(rig: Any) -> None:
    began = time.monotonic()
    data = _request(rig, b"", "content-length: 100", length=False, close=False) + b'{"model"'
    answer = _raw(rig, data)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"body_timeout" in answer
    assert time.monotonic() - began < 8


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=x"},
        {"content-type": ""},
        {"content-type": "application/json", "content-encoding": "gzip"},
        {"content-type": "application/json", "content-encoding": "zstd"},
    ],
)
def test_a_body_of_another_kind(rig: Any, headers: dict[str, str]) -> None:
    with rig.client() as client:
        _error(client.post(PATH, content=json.dumps(chat("x")), headers=headers), 415, "unsupported_media_type")


def test_metadata_must_be_an_object_of_plain_values(rig: Any) -> None:
    with rig.client() as client:
        for value in ("", "x", "[]", '{"a":{}}', '{"a":"' + "x" * 3000 + '"}', '{"a":1', b'{"a":"\xff"}'):
            reply = client.post(PATH, json=chat("x"), headers={"x-portkey-metadata": value})
            _error(reply, 400, "invalid_request", "x-portkey-metadata")


# Paths and methods


def test_wrong_methods(rig: Any) -> None:
    with rig.client() as client:
        for method, path, allowed in (("GET", PATH, "POST"), ("DELETE", PATH, "POST"), ("POST", "/v1/models", "GET")):
            reply = client.request(method, path)
            _error(reply, 405, "method_not_allowed")
            assert reply.headers["allow"] == allowed
        assert client.head("/v1/models").status_code == 200


def test_unknown_paths(rig: Any) -> None:
    before = rig.refusals("unknown_endpoint")
    paths = ("/", "/v1", "/v1/chat", "/v1/complete", "/v1/../etc/passwd", "/%2e%2e/x", "/é%00", "/livez/x")
    with rig.client() as client:
        for path in paths:
            _error(client.post(path, json=chat("x")), 404, "unknown_endpoint")
    wait_for(lambda: rig.refusals("unknown_endpoint") == before + len(paths))


def test_the_two_open_paths_need_no_key(rig: Any) -> None:
    assert httpx.get(f"{rig.served.url}/livez").json() == {"status": "ok"}
    assert httpx.get(f"{rig.served.url}/readyz").json() == {"status": "ok"}


# Through the official client


def test_the_official_client_raises_what_its_users_catch(rig: Any) -> None:
    client = rig.openai()
    cases: list[tuple[openai.OpenAI, dict[str, Any], type[openai.APIStatusError], str]] = [
        (rig.openai("unknown"), chat("x"), openai.AuthenticationError, "invalid_api_key"),
        (client, chat("x", model="@test/nope"), openai.NotFoundError, "model_not_found"),
        (client, chat("x", n=10**9), openai.BadRequestError, "integer_above_max_value"),
        (client, chat("x", model="@unbound/model"), openai.InternalServerError, "provider_disabled"),
        (client, chat("x" * 3_000_000), openai.APIStatusError, "body_too_large"),
    ]
    for asked, body, kind, code in cases:
        with pytest.raises(kind) as caught:
            asked.chat.completions.create(**body)
        assert caught.value.code == code
        assert (caught.value.request_id or "").startswith("req_")


# Below HTTP's surface


NOT_HTTP = (
    ("GET /" + "x" * 100_000 + " HTTP/1.1\r\nhost: x\r\n\r\n", 414, "uri_too_long"),
    ("GET / HTTP/1.1\r\n" + "x: y\r\n" * 1_000 + "\r\n", 431, "headers_too_large"),
    ("GET / HTTP/1.1\r\nx: " + "y" * 64_000 + "\r\n\r\n", 431, "headers_too_large"),
    ("GET / HTTP/1.1\r\nx: a\0b\r\n\r\n", 400, "malformed_http"),
    ("GET / HTTP/1.1\r\nx : y\r\n\r\n", 400, "malformed_http"),
    ("GET / HTTP/1.1\r\nx: y\r\n z\r\n\r\n", 400, "malformed_http"),
    ("GET / HTTP/1.1\r\nx\x01y: z\r\n\r\n", 400, "malformed_http"),
    ("POST / HTTP/1.1\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd", 400, "malformed_http"),
    ("POST / HTTP/1.1\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400, "malformed_http"),
    ("POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400, "malformed_http"),
    ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "malformed_http"),
    ("HELO mail\r\n\r\n", 400, "malformed_http"),
)


def test_what_is_not_proper_http(rig: Any, subtests: pytest.Subtests) -> None:
    codes = Counter(code for _, _, code in NOT_HTTP)
    before = {code: rig.refusals(code) for code in codes}
    for sent, status, code in NOT_HTTP:
        with subtests.test(sent[:40]):
            head, _, body = _raw(rig, sent.encode("latin-1")).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 %d " % status), head
            assert b"x-request-id: req_" in head
            assert json.loads(body)["error"]["code"] == code
    wait_for(lambda: all(rig.refusals(code) == before[code] + count for code, count in codes.items()))


def test_an_answer_under_way_is_never_mixed_with_another(rig: Any) -> None:
    body = json.dumps(chat("output=3 gap=0.1", stream=True)).encode()
    answer = b""
    with contextlib.suppress(ConnectionError):
        answer = _raw(rig, _request(rig, body, close=False) + b"\0\0 nonsense\r\n\r\n")
    assert b"malformed_http" not in answer
    assert answer.count(b"HTTP/1.1") <= 1


def test_pipelined_requests_are_answered_one_after_the_other(rig: Any) -> None:
    first = _request(rig, json.dumps(chat("output=3 gap=0.05", stream=True)).encode(), close=False)
    second = _request(rig, json.dumps(chat("input=77")).encode())
    answer = _raw(rig, first + second)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert answer.index(b"[DONE]") < answer.index(b'"prompt_tokens": 77')


def test_a_malformed_host_is_refused_and_any_other_does_not_matter(rig: Any) -> None:
    head, _, body = _raw(rig, b"GET /livez HTTP/1.1\r\nhost: a/b?c\r\nconnection: close\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"x-request-id: req_" in head
    assert json.loads(body)["error"]["code"] == "malformed_http"
    for lines in ("host: evil.example\r\n", "host: a:99999\r\n", "host:\r\n", ""):
        answer = _raw(rig, f"GET /livez HTTP/1.1\r\n{lines}connection: close\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_trailer_is_no_header(rig: Any) -> None:
    head = "GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n"
    trailer = f"0\r\nauthorization: Bearer {rig.keys['tests']}\r\n\r\n"
    assert _raw(rig, (head + trailer).encode()).startswith(b"HTTP/1.1 401 ")


def test_http_1_0_gets_whole_answers_and_no_streams(rig: Any) -> None:
    whole = _request(rig, json.dumps(chat("input=1")).encode()).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    assert b"chat.completion" in _raw(rig, whole)
    stream = _request(rig, json.dumps(chat("input=1", stream=True)).encode()).replace(b"HTTP/1.1", b"HTTP/1.0", 1)
    answer = _raw(rig, stream)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"http_version" in answer


def test_an_upgrade_is_not_taken_up(rig: Any) -> None:
    body = json.dumps(chat("input=1")).encode()
    answer = _raw(
        rig,
        _request(rig, body, "upgrade: h2c", "http2-settings: AAMAAABk", close=False).replace(
            b"host: x", b"host: x\r\nconnection: upgrade, close"
        ),
    )
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_a_client_may_wait_to_be_told_to_go_on(rig: Any) -> None:
    body = json.dumps(chat("input=1")).encode()
    answer = _raw(rig, _request(rig, body, "expect: 100-continue"))
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")
