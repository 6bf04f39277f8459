import json
from typing import Any

import genai_prices
import pytest

from engine.errors import UpstreamRefused
from engine.wires import WIRES
from engine.wires.openai_chat.following import StreamReader
from engine.wires.openai_chat.usage import METERS, read_usage
from engine.wires.refused import refused
from engine.wires.usage import MAX_COUNT

WIRE = WIRES["openai-chat"]

# Host → provider and flavour of genai-prices; the others are read as OpenAI's.
ORACLE = {
    "api.cerebras.ai": ("cerebras", "chat"),
    "api.deepseek.com": ("deepseek", "chat"),
    "api.groq.com": ("groq", "default"),
    "api.mistral.ai": ("mistral", "default"),
    "api.z.ai": ("zai", "chat"),
    "openrouter.ai": ("openrouter", "chat"),
}

# Where we read more than genai-prices does. All are parts of a whole that both read, so that no cost differs unless the
# model's sheet prices them.
DIFFERENCES = {
    ("api.cerebras.ai", "cache_read_tokens"): "Cerebras reports cached_tokens; genai-prices has no rate for it",
    ("api.mistral.ai", "cache_read_tokens"): "Mistral's num_cached_tokens; genai-prices has no path for it",
    ("router.huggingface.co", "cache_read_tokens"): "Together's cached_tokens at the top; read as OpenAI's",
}


def oracle(host: str, raw_usage: bytes) -> dict[str, int]:
    provider, flavour = ORACLE.get(host, ("openai", "chat"))
    answer = {"usage": json.loads(raw_usage)}  # without the model, which genai-prices might not know
    usage = genai_prices.extract_usage(answer, provider_id=provider, api_flavor=flavour).usage
    return {key: value for key, value in vars(usage).items() if value is not None}


def assert_equal_but_for_differences(host: str, ours: dict[str, int], theirs: dict[str, int]) -> set[tuple[str, str]]:
    more = {(host, meter) for meter in ours.keys() - theirs.keys()}
    assert more <= DIFFERENCES.keys()
    assert {meter: count for meter, count in ours.items() if (host, meter) not in more} == theirs
    return more


def answer(usage: Any, **fields: Any) -> bytes:
    return json.dumps({"choices": [{"index": 0}], "usage": usage, **fields}).encode()


def test_recorded_answers_are_counted_as_genai_prices_counts_them(answers, streams):
    differing: set[tuple[str, str]] = set()
    for recording in answers:
        usage = WIRE.read_usage(recording.response)
        body = json.loads(recording.response)
        assert usage is not None
        assert usage.suspect == ()
        assert json.loads(usage.raw) == body["usage"]
        assert usage.response_model == (body["model"] or None)
        assert usage.service_tier == (body.get("service_tier") or None)
        differing |= assert_equal_but_for_differences(recording.host, usage.meters, oracle(recording.host, usage.raw))
    for recording in streams:
        reader = StreamReader(client_wants_usage=True)
        reader.feed(recording.response)
        if reader.usage is None:
            assert reader.error is not None
            continue
        theirs = oracle(recording.host, reader.usage.raw)
        differing |= assert_equal_but_for_differences(recording.host, reader.usage.meters, theirs)
    assert differing == DIFFERENCES.keys()


def test_recorded_answers_have_no_fault_and_recorded_errors_have(recordings, answers):
    for recording in answers:
        assert WIRE.fault_in(recording.response) is None, recording.id
    errors = [one for one in recordings if one.status != 200]
    assert len(errors) >= 5
    for recording in errors:
        fault = WIRE.fault_in(recording.response)
        assert isinstance(fault, UpstreamRefused)
        assert fault.status == refused(recording.status).status
        assert json.loads(recording.response)["error"]["message"] not in fault.message


@pytest.mark.parametrize(
    ("usage", "meters"),
    [
        ({"prompt_tokens": 0, "completion_tokens": 0}, {"input_tokens": 0, "output_tokens": 0}),
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 4, "prompt_tokens_details": None},
            {"input_tokens": 9, "output_tokens": 2, "cache_read_tokens": 4},
        ),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 2,
                "prompt_tokens_details": {"cached_tokens": 0},
                "cached_tokens": 5,
            },
            {"input_tokens": 9, "output_tokens": 2, "cache_read_tokens": 0},
        ),
        (
            {
                "prompt_tokens": MAX_COUNT,
                "completion_tokens": 2,
                "completion_tokens_details": {"reasoning_tokens": None},
            },
            {"input_tokens": MAX_COUNT, "output_tokens": 2},
        ),
    ],
)
def test_absent_is_absent_and_zero_is_zero(usage: Any, meters: dict[str, int]):
    found = read_usage(answer(usage))
    assert found is not None
    assert (found.meters, found.suspect) == (meters, ())


def test_xai_counts_reasoning_beside_the_completion():
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 100}}
    beside = {**usage, "total_tokens": 115}
    theirs = genai_prices.extract_usage({"model": "grok-4", "usage": beside}, provider_id="x-ai", api_flavor="chat")
    found = read_usage(answer(beside))
    assert found is not None
    assert found.meters["output_tokens"] == theirs.usage.output_tokens == 105
    within = read_usage(answer({**usage, "completion_tokens": 105, "total_tokens": 115}))
    assert within is not None
    assert within.meters == found.meters


@pytest.mark.parametrize(
    "count",
    ["-1", "1e3", "7.0", "1.5", '"7"', "true", "[]", "{}", str(MAX_COUNT + 1), str(10**18), "9" * 5_000, "1e999"],
)
@pytest.mark.parametrize("meter", METERS)
def test_counts_that_cannot_be_believed_make_no_meters(meter: str, count: str):
    path = METERS[meter][0]
    usage: dict[str, Any] = {"prompt_tokens": 5, "completion_tokens": 5}
    if len(path) == 1:
        usage[path[0]] = "HERE"
    else:
        usage[path[0]] = {path[1]: "HERE"}
    data = answer(usage).replace(b'"HERE"', count.encode())
    found = read_usage(data)
    assert found is not None
    assert found.meters == {}
    assert found.suspect
    assert count.encode() in found.raw


@pytest.mark.parametrize("usage", [7, "many", [1], {"total_tokens": 4}, {"prompt_tokens": 4}, {"completion_tokens": 4}])
def test_a_usage_without_its_counts_is_suspect(usage: Any):
    found = read_usage(answer(usage))
    assert found is not None
    assert found.meters == {}
    assert found.suspect
    assert json.loads(found.raw) == usage


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b'{"choices":[]}', answer(None), answer({}), b'{"usage":' + b"[" * 10**5, b'{"choices":[{'],
)
def test_no_usage_is_none(data: bytes):
    assert read_usage(data) is None


def test_the_answers_own_tier_and_model_are_kept_and_bounded():
    counts = {"prompt_tokens": 1, "completion_tokens": 1}
    found = read_usage(answer(counts, service_tier="flex", model="gpt-x"))
    assert found is not None
    assert (found.service_tier, found.response_model) == ("flex", "gpt-x")
    odd = read_usage(answer(counts, service_tier=7, model="m" * 1_000))
    assert odd is not None
    assert odd.service_tier is None
    assert odd.response_model == "m" * 64


@pytest.mark.parametrize(
    ("body", "status", "type_", "code"),
    [
        ('{"error":{"message":"SECRET","type":"invalid_request_error","code":"context_length_exceeded"}}', 400,
         "invalid_request_error", "context_length_exceeded"),
        ('{"error":{"message":"SECRET","code":429},"user_id":"SECRET"}', 429, "rate_limit_error",
         "upstream_rate_limited"),
        ('{"error":{"message":"SECRET","status":"503"},"choices":[]}', 503, "upstream_error", "upstream_overloaded"),
        ('{"error":{"message":"SECRET","type":"authentication_error"}}', 502, "upstream_error", "upstream_auth"),
        ('{"error":{"type":"invalid_request_error","code":"invalid_api_key"}}', 502, "upstream_error", "upstream_auth"),
        ('{"error":{"type":"invalid_request_error","code":"model_not_found"}}', 502, "upstream_error",
         "upstream_not_found"),
        ('{"error":"SECRET"}', 502, "upstream_error", "upstream_server_error"),
        ('{"error":{"code":"SECRET","param":"SECRET KEY","status_code":400}}', 400, "invalid_request_error",
         "upstream_bad_request"),
        ('{"object":"error","message":"SECRET","type":"NotFoundError","code":404}', 502, "upstream_error",
         "upstream_not_found"),
        ('{"choices":null,"base_resp":{"status_msg":"SECRET"}}', 502, "upstream_error", "upstream_bad_body"),
        ('{"detail":"SECRET"}', 502, "upstream_error", "upstream_bad_body"),
        ('{"id":"SECRET","choices":[{"index":0', 502, "upstream_error", "upstream_bad_body"),
        ("<html>SECRET</html>", 502, "upstream_error", "upstream_bad_body"),
        ("", 502, "upstream_error", "upstream_bad_body"),
        ('["SECRET"]', 502, "upstream_error", "upstream_bad_body"),
    ],
)  # fmt: skip
def test_faults_of_a_200_are_found_and_say_nothing_of_the_upstreams(body: str, status: int, type_: str, code: str):
    fault = WIRE.fault_in(body.encode())
    assert isinstance(fault, UpstreamRefused)
    assert (fault.status, fault.type, fault.code, fault.upstream_status) == (status, type_, code, 200)
    assert "SECRET" not in f"{fault.message} {fault.param} {fault.code}"


@pytest.mark.parametrize("error", ["null", "{}", '""', "false"])
def test_an_empty_error_is_none(error: str):
    assert WIRE.fault_in(b'{"choices":[{"index":0}],"error":%s}' % error.encode()) is None
