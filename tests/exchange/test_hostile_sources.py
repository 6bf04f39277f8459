"""Whatever a source says: one clear refusal, or files that compile and an account of every field."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.exchange.documents import SourceError
from engine.exchange.litellm_config import read_litellm_config
from engine.exchange.litellm_fields import OTHERS, TOKENS
from engine.exchange.litellm_prices import read_litellm_prices
from engine.exchange.models_dev import read_models_dev
from engine.exchange.portkey import read_portkey

WORDS = [
    "pricing_config", "pay_as_you_go", "additional_units", "batch_config", "fixed_cost", "request", "response", "price",
    "request_token", "response_token", "request_audio_token", "web_search", "image", "calculate", "operation", "operands",
    "value", "currency", "default", "custom_pricing", "context_tier_map", "regions", "execution_modes", "standard",
    "context_tiers", "m-lte-8k", "m-gt-8k", "ft:m", "litellm_provider", "mode", "chat", "tiered_pricing", "range",
    "search_context_cost_per_query", "supported_endpoints", "deprecation_date", "max_tokens", "supports_vision", "comment",
    *TOKENS, *OTHERS, "input_cost_per_token_above_8k_tokens_flex", "off_peak_pricing", "cost", "tiers", "tier", "size",
    "context_over_200k", "experimental", "modes", "provider", "body", "service_tier", "limit", "context", "modalities",
    "input", "output", "models", "name", "id", "api", "status", "model_list", "model_name", "litellm_params", "model",
    "model_info", "base_model", "api_base", "api_key", "router_settings", "fallbacks", "model_group_alias", "num_retries",
    "timeout", "weight", "rpm", "routing_strategy", "default_fallbacks", "extra_headers", "openai/gpt-4o",
]  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**12),
    st.floats(allow_nan=True),
    st.floats(0, 1e-4),
    st.sampled_from(WORDS),
    st.text(max_size=8),
    st.sampled_from(
        ["USD", "2026-10-01", "https://a.example/v1", "hosted_vllm/m", "rates.request_token", "/v1/embeddings"]
    ),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=6), inner, max_size=6)
    ),
    max_leaves=25,
)
DOCUMENTS = st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=90), VALUES, max_size=5)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def portkey(document):
    return read_portkey({"p": json.dumps(document).encode()})


def prices(document):
    entries = {key: {"litellm_provider": "p"} | value for key, value in document.items() if isinstance(value, dict)}
    return read_litellm_prices(json.dumps(entries).encode(), "map.json")


def models_dev(document):
    return read_models_dev({"api.json": json.dumps({"p": {"models": document}}).encode()})


def config(document):
    items = [{"model_name": key[:30] or "m", "litellm_params": {"model": "hosted_vllm/x"}, **value}
             for key, value in document.items() if isinstance(value, dict)]  # fmt: skip
    return read_litellm_config(json.dumps({**document, "model_list": items}).encode(), "config.yaml")


def read_or_refused(read, document):
    try:
        return read(document), ""
    except SourceError as error:
        return None, error.message


@pytest.mark.parametrize("read", [portkey, prices, models_dev, config], ids=lambda read: read.__name__)
@MANY
@given(document=DOCUMENTS)
def test_any_document(read, document, imported, is_whole, compiled):
    source, said = read_or_refused(read, document)
    if source is None:
        assert said
        assert "\n" not in said
        return
    result = imported(source)
    is_whole(source.accounts)
    compiled(result.files)
