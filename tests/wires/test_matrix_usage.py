"""Usage of every recorded answer, as meters: equal to what genai-prices makes of the same body, and priced alike."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import genai_prices
import pytest
from wires.matrix import READERS, WIRES, answers, streams

from engine.pricing.cost import compile_pricing
from engine.pricing.meters import price_context
from engine.pricing.reference import load
from engine.wires.table import PROVIDER_WIRES
from engine.wires.usage import Usage


def _of_chat(host: str) -> tuple[str, str]:
    hosts = {
        "api.cerebras.ai": ("cerebras", "chat"),
        "api.deepseek.com": ("deepseek", "chat"),
        "api.groq.com": ("groq", "default"),
        "api.mistral.ai": ("mistral", "default"),
        "api.z.ai": ("zai", "chat"),
        "openrouter.ai": ("openrouter", "chat"),
    }
    return hosts.get(host, ("openai", "chat"))


# Wire → the provider and flavour of genai-prices that reads a host's usage, and the member of a body that it stands in.
ORACLES: Mapping[str, tuple[Callable[[str], tuple[str, str]], str]] = {
    "anthropic-messages": (lambda _host: ("anthropic", "default"), "usage"),
    "bedrock-converse": (lambda _host: ("aws", "default"), "usage"),
    "bedrock-invoke": (lambda _host: ("aws", "anthropic"), "usage"),
    "cohere-v2": (lambda _host: ("cohere", "default"), "usage"),
    "gemini": (lambda _host: ("google", "default"), "usageMetadata"),
    "openai-chat": (_of_chat, "usage"),
    "openai-responses": (lambda _host: ("openai", "responses"), "usage"),
}

# (wire, host, meter) → why we read it where genai-prices does not. All are parts of a whole that both read.
READ_BY_US_ALONE = {
    ("bedrock-invoke", "bedrock-runtime.us-east-1.amazonaws.com", "output_reasoning_tokens"): (
        "https://platform.claude.com/docs/en/api/messages: thinking_tokens; genai-prices reads it of Anthropic's own API alone"
    ),
    ("gemini", "generativelanguage.googleapis.com", "web_searches"): (
        "https://ai.google.dev/gemini-api/docs/google-search#pricing: searches are billed, and stand beside the usage"
    ),
    ("gemini", "aiplatform.googleapis.com", "web_searches"): (
        "https://cloud.google.com/vertex-ai/generative-ai/pricing#grounding: the same on Vertex"
    ),
    ("openai-chat", "api.cerebras.ai", "cache_read_tokens"): (
        "https://inference-docs.cerebras.ai/capabilities/prompt-caching: cached_tokens; genai-prices has no path for it"
    ),
    ("openai-chat", "api.mistral.ai", "cache_read_tokens"): (
        "https://docs.mistral.ai/api: num_cached_tokens; genai-prices has no path for it"
    ),
    ("openai-responses", "api.openai.com", "web_searches"): (
        "https://platform.openai.com/docs/pricing: searches are billed by the call; `tool_usage` stands beside `usage`"
    ),
    ("openai-chat", "router.huggingface.co", "cache_read_tokens"): (
        "https://docs.together.ai/reference/chat-completions-1: cached_tokens at the top; read as OpenAI's by the oracle"
    ),
}

# Wires in proto JSON, which leaves zeros out: https://protobuf.dev/programming-guides/json. A zero of ours alone is one.
LEAVES_ZEROS_OUT = frozenset({"gemini"})


def theirs(wire: str, host: str, usage: Usage) -> dict[str, int]:
    """With what Anthropic counts beside its totals: genai-prices does not look there."""
    of_host, member = ORACLES[wire]
    provider, flavour = of_host(host)
    counted = json.loads(usage.raw)
    beside = [one for one in counted.get("iterations") or [] if one["type"] == "compaction"]
    total: dict[str, int] = {}
    for one in (counted, *beside):
        body: dict[str, Any] = {member: one}  # without the model, which genai-prices might not know
        found = genai_prices.extract_usage(body, provider_id=provider, api_flavor=flavour).usage
        for meter, count in vars(found).items():
            if value_is_count(count):
                total[meter] = total.get(meter, 0) + count
    return total


def value_is_count(count: Any) -> bool:
    return count is not None


def usages(wire: str) -> list[tuple[str, Usage]]:
    """The host and the usage of every recorded answer, whole or streamed."""
    found = [(one.host, PROVIDER_WIRES[wire].read_usage(one.response)) for one in answers(wire)]
    for recording in streams(wire):
        decoder = PROVIDER_WIRES[wire].stream_decoder()
        decoder.feed(recording.response)
        if decoder.error is None:
            found.append((recording.host, decoder.usage))
    return [(host, usage) for host, usage in found if usage is not None]


def test_every_wire_has_an_oracle():
    assert ORACLES.keys() == {*WIRES}


@pytest.mark.parametrize("wire", WIRES)
def test_meters_are_those_of_genai_prices(wire: str):
    differing = set()
    counted = usages(wire)
    assert len(counted) >= min(6, len(answers(wire)))
    for host, usage in counted:
        expected = theirs(wire, host, usage)
        meters = usage.meters
        if wire in LEAVES_ZEROS_OUT:
            meters = {meter: count for meter, count in meters.items() if count or meter in expected}
        more = {(wire, host, meter) for meter in meters.keys() - expected.keys()}
        assert more <= READ_BY_US_ALONE.keys()
        differing |= more
        known = {meter: count for meter, count in meters.items() if (wire, host, meter) not in more}
        assert known == expected, (host, usage.raw)
    assert differing == {key for key in READ_BY_US_ALONE if key[0] == wire}


@pytest.mark.parametrize("wire", WIRES)
def test_recorded_answers_cost_what_genai_prices_says(wire: str):
    """By the list price of the model that answered, where the reference data has one."""
    reference, now = load(), datetime.now(UTC)
    priced = 0
    for host, usage in usages(wire):
        provider = ORACLES[wire][0](host)[0]
        found = reference.find(provider, usage.response_model or "")
        if found is None or not found.model.windows or "iterations" in json.loads(usage.raw):
            continue
        priced += 1
        plan = compile_pricing(found.model.pricing)
        started = int(now.timestamp() * 10**9)
        charge = plan.charge(usage.meters, started_ns=started, service_tier=usage.service_tier)
        alone = {meter: usage.meters[meter] for meter in usage.meters if (wire, host, meter) in READ_BY_US_ALONE}
        counts = genai_prices.Usage(**theirs(wire, host, usage) | alone)
        try:
            price = genai_prices.calc_price(
                counts,
                usage.response_model or "",
                provider_id=provider,
                genai_request_timestamp=now,
                price_context=price_context(usage.service_tier),
            )
        except ValueError:  # parts that are more than their whole
            assert charge.cost_pico_usd is None, (host, usage)
            continue
        assert charge.cost_pico_usd == price.total_price * 10**12, (host, usage)
    assert priced >= min(6, len(answers(wire))) or not any(usage.response_model for _, usage in usages(wire))


@pytest.mark.parametrize("wire", WIRES)
def test_no_recorded_usage_is_missing(wire: str):
    for recording in answers(wire):
        usage = PROVIDER_WIRES[wire].read_usage(recording.response)
        if usage is None:
            assert READERS[wire].answer(recording.response).usage is None, recording.id
            continue
        assert usage.meters, recording.id
