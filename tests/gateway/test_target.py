"""Where calls go, by the vendor table: path and query under the origin, and what a vendor's surface asks of the body."""

import re

import pytest

from engine.catalog.vendors import VENDORS
from engine.catalog.vendors import WIRES as NAMES
from engine.gateway.target import BodyChanges, authentication, body_changes, target
from engine.model import Model, Pricing, Provider
from engine.wires.embeddings.table import EMBEDDING_WIRES
from engine.wires.rerank.table import RERANK_WIRES
from engine.wires.table import PROVIDER_WIRES

WIRES = {**PROVIDER_WIRES, **EMBEDDING_WIRES, **RERANK_WIRES}
ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
RESOURCE = "https://acme.openai.azure.com"
FOUNDRY = "https://acme.services.ai.azure.com"


def make_provider(api, base_url="", api_version="", region="europe-west4"):
    vendor = VENDORS[api]
    return Provider(
        name="p",
        api=api,
        base_url=base_url or vendor.url_of(region, "acme"),
        credential="c",
        file="f",
        blob="b",
        region=region,
        project="acme",
        api_version=api_version,
    )


def make_model(upstream, api="openai"):
    return Model(
        name="@p/m", provider="p", slug="m", type="custom", api=api, wire="", upstream_model=upstream,
        pricing=Pricing("unpriced"), file="f", blob="b",
    )  # fmt: skip


def where(api, wire, upstream="m", *, stream=False, **provider):
    return target(make_provider(api, **provider), make_model(upstream, api), WIRES[wire], stream=stream)


VERTEX = "/v1/projects/acme/locations/europe-west4"


@pytest.mark.parametrize(
    ("api", "wire", "upstream", "plain", "streamed"),
    [
        ("openai", "openai-chat", "m", "/v1/chat/completions", None),
        ("openai", "openai-responses", "m", "/v1/responses", None),
        ("openai", "openai-embeddings", "m", "/v1/embeddings", None),
        ("groq", "openai-chat", "m", "/openai/v1/chat/completions", None),
        ("anthropic", "anthropic-messages", "m", "/v1/messages", None),
        ("deepseek", "anthropic-messages", "m", "/anthropic/v1/messages", None),
        ("novita", "anthropic-messages", "m", "/anthropic/v1/messages", None),
        ("zai", "anthropic-messages", "m", "/api/anthropic/v1/messages", None),
        ("zai", "openai-chat", "m", "/api/paas/v4/chat/completions", None),
        ("perplexity", "openai-responses", "m", "/v1/responses", None),
        ("cohere", "cohere-v2", "m", "/v2/chat", None),
        ("cohere", "cohere-embed", "m", "/v2/embed", None),
        ("cohere", "cohere-rerank", "m", "/v2/rerank", None),
        ("voyageai", "voyage-embeddings", "m", "/v1/embeddings", None),
        ("cloudflare", "openai-chat", "m", "/client/v4/accounts/acme/ai/v1/chat/completions", None),
        (
            "google", "gemini", "gemini-2.5-flash",
            "/v1beta/models/gemini-2.5-flash:generateContent",
            "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        ),
        ("google", "gemini", "tunedModels/bot", "/v1beta/tunedModels/bot:generateContent", "/v1beta/tunedModels/bot:streamGenerateContent?alt=sse"),
        ("google", "openai-chat", "m", "/v1beta/openai/chat/completions", None),
        (
            "google-vertex", "gemini", "gemini-2.5-flash",
            f"{VERTEX}/publishers/google/models/gemini-2.5-flash:generateContent",
            f"{VERTEX}/publishers/google/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        ),
        ("google-vertex", "gemini", "1234567890", f"{VERTEX}/endpoints/1234567890:generateContent", f"{VERTEX}/endpoints/1234567890:streamGenerateContent?alt=sse"),
        ("google-vertex", "gemini", "endpoints/12", f"{VERTEX}/endpoints/12:generateContent", f"{VERTEX}/endpoints/12:streamGenerateContent?alt=sse"),
        ("google-vertex", "gemini", "projects/7/locations/us-east1/endpoints/12", "/v1/projects/7/locations/us-east1/endpoints/12:generateContent", "/v1/projects/7/locations/us-east1/endpoints/12:streamGenerateContent?alt=sse"),
        (
            "google-vertex", "anthropic-messages", "claude-sonnet-4-5@20250929",
            f"{VERTEX}/publishers/anthropic/models/claude-sonnet-4-5%4020250929:rawPredict",
            f"{VERTEX}/publishers/anthropic/models/claude-sonnet-4-5%4020250929:streamRawPredict",
        ),
        ("google-vertex", "openai-chat", "meta/llama-4-maverick", f"{VERTEX}/endpoints/openapi/chat/completions", None),
        ("google-vertex", "vertex-embeddings", "gemini-embedding-001", f"{VERTEX}/publishers/google/models/gemini-embedding-001:batchEmbedContents", None),
        ("google-vertex", "vertex-embeddings", "text-embedding-005", f"{VERTEX}/publishers/google/models/text-embedding-005:predict", None),
        (
            "aws", "bedrock-converse", "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
            "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream",
        ),
        (
            "aws", "bedrock-converse", ARN,
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc/converse",
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc/converse-stream",
        ),
        ("aws", "openai-chat", "openai.gpt-oss-120b-1:0", "/openai/v1/chat/completions", None),
        ("aws", "openai-responses", "openai.gpt-5", "/openai/v1/responses", None),
    ],
)  # fmt: skip
def test_calls_go_to_the_vendors_place(api, wire, upstream, plain, streamed):
    assert where(api, wire, upstream) == plain
    assert where(api, wire, upstream, stream=True) == (streamed or plain)


@pytest.mark.parametrize(
    ("base_url", "version", "wire", "expected"),
    [
        (RESOURCE, "", "openai-chat", "/openai/v1/chat/completions"),
        (f"{RESOURCE}/openai/v1", "", "openai-chat", "/openai/v1/chat/completions"),
        (f"{RESOURCE}/openai/v1", "v1", "openai-responses", "/openai/v1/responses"),
        (f"{RESOURCE}/openai/v1", "preview", "openai-responses", "/openai/v1/responses?api-version=preview"),
        (RESOURCE, "2024-10-21", "openai-chat", "/openai/deployments/chat%20bot/chat/completions?api-version=2024-10-21"),
        (f"{RESOURCE}/openai/v1", "2024-10-21", "openai-chat", "/openai/deployments/chat%20bot/chat/completions?api-version=2024-10-21"),
        (RESOURCE, "2025-04-01-preview", "openai-responses", "/openai/responses?api-version=2025-04-01-preview"),
        (RESOURCE, "2024-10-21", "openai-embeddings", "/openai/deployments/chat%20bot/embeddings?api-version=2024-10-21"),
        ("https://acme.azure-api.net/llm", "", "openai-chat", "/llm/openai/v1/chat/completions"),
        (FOUNDRY, "", "anthropic-messages", "/anthropic/v1/messages"),
        (f"{FOUNDRY}/openai/v1", "2024-10-21", "anthropic-messages", "/anthropic/v1/messages"),
    ],
)  # fmt: skip
def test_azure_has_a_v1_surface_and_deployments(base_url, version, wire, expected):
    assert where("azure", wire, "chat bot", base_url=base_url, api_version=version) == expected


def test_regions_without_a_host_of_their_own():
    assert make_provider("google-vertex", region="global").base_url == "https://aiplatform.googleapis.com/v1"
    assert where("google-vertex", "gemini", "m", region="global").startswith("/v1/projects/acme/locations/global/")
    assert make_provider("google-vertex", region="eu").base_url == "https://aiplatform.eu.rep.googleapis.com/v1"


def test_an_own_base_url_keeps_its_path():
    assert (
        where("deepseek", "openai-chat", base_url="https://proxy.acme.internal/deepseek/v1")
        == "/deepseek/v1/chat/completions"
    )
    assert (
        where("deepseek", "anthropic-messages", base_url="https://proxy.acme.internal/deepseek/v1")
        == "/deepseek/anthropic/v1/messages"
    )
    assert where("tei", "tei-rerank", base_url="http://127.0.0.1:8080/v1") == "/rerank"
    assert where("tei", "tei-rerank", base_url="http://127.0.0.1:8080") == "/rerank"


def test_an_upstream_name_cannot_leave_its_segment():
    for api, wire in (("aws", "bedrock-converse"), ("azure", "openai-chat"), ("google-vertex", "gemini")):
        found = where(api, wire, "a b?c#d\r\ne%", base_url=RESOURCE, api_version="2024-10-21" if api == "azure" else "")
        assert re.fullmatch(r"[A-Za-z0-9/%:._~=?&@-]+", found)
        assert found.partition("?")[0].count("%") >= 6


def test_the_words_of_the_catalog_are_the_wires_that_are_spoken():
    assert WIRES.keys() == NAMES.keys()
    assert {name for name, row in NAMES.items() if row.kind == "chat"} == PROVIDER_WIRES.keys()
    assert {name for name, row in NAMES.items() if row.kind == "embeddings"} == EMBEDDING_WIRES.keys()
    assert {name for name, row in NAMES.items() if row.kind == "rerank"} == RERANK_WIRES.keys()


@pytest.mark.parametrize("api", sorted(VENDORS))
def test_every_row_has_a_target_for_each_of_its_wires(api):
    vendor = VENDORS[api]
    for wire in vendor.wires:
        found = where(api, wire, base_url="" if vendor.base_url else "https://llm.acme.internal/v1")
        assert re.fullmatch(r"(/[A-Za-z0-9%:._~-]+)+", found)


def test_how_a_credential_is_sent_depends_on_the_wire_too():
    for api, wire, auth in (
        ("openai", "openai-chat", "bearer"),
        ("anthropic", "anthropic-messages", "x-api-key"),
        ("azure", "openai-chat", "api-key"),
        ("azure", "anthropic-messages", "x-api-key"),
        ("google", "gemini", "x-goog-api-key"),
        ("google", "openai-chat", "bearer"),
        ("google-vertex", "anthropic-messages", "google-oauth"),
        ("aws", "openai-chat", "aws-sigv4"),
    ):
        assert authentication(make_provider(api, base_url=RESOURCE), wire) == auth


def test_claude_on_vertex_is_told_its_version_in_the_body_and_its_name_in_the_path():
    changes = body_changes(make_provider("google-vertex"), "anthropic-messages")
    assert changes == BodyChanges({"anthropic_version": "vertex-2023-10-16"}, ("model",))
    assert body_changes(make_provider("anthropic"), "anthropic-messages") == BodyChanges()
