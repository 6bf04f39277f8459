"""The vendor table: whose API a provider may speak. Vendors that differ only in URL and account are rows, not code."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

Auth = Literal["bearer", "api-key", "x-api-key", "x-goog-api-key", "google-oauth", "aws-sigv4"]

# Payload formats: who made them, by the id of the reference data ("" for what many speak).
WIRES: Mapping[str, str] = MappingProxyType(
    {
        "openai-chat": "",
        "openai-responses": "",
        "anthropic-messages": "anthropic",
        "gemini": "google",
        "bedrock-converse": "",
        "cohere-v2": "cohere",
    }
)


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """One api.

    `reference` is its id in the reference data, "" where that knows none of its models. `base_url` is the usual one,
    in which {region} stands for the provider's, "" where every installation has its own. The first of `wires` is spoken
    to chat models, unless the base model's maker has another of them. `auth` says how the credential is sent. A
    provider must give the fields that `needs` names.
    """

    api: str
    reference: str = ""
    base_url: str = ""
    wires: tuple[str, ...] = ("openai-chat",)
    auth: Auth = "bearer"
    needs: tuple[str, ...] = ()
    hosted: bool = False

    @property
    def credential(self) -> str:
        """The credential's name where a provider gives none: an account for what is hosted, none for own servers."""
        return self.api if self.base_url or self.hosted else "none"

    @property
    def needs_base_model(self) -> bool:
        """Whether a model must say what it is compatible with."""
        return bool(self.reference)


_ROWS = (
    Vendor(
        api="anthropic",
        reference="anthropic",
        base_url="https://api.anthropic.com/v1",
        wires=("anthropic-messages",),
        auth="x-api-key",
    ),
    Vendor(
        api="aws",
        reference="aws",
        base_url="https://bedrock-runtime.{region}.amazonaws.com",
        wires=("bedrock-converse",),
        auth="aws-sigv4",
        needs=("region",),
    ),
    Vendor(
        api="azure",
        reference="azure",
        wires=("openai-chat", "openai-responses"),
        auth="api-key",
        needs=("base_url",),
        hosted=True,
    ),
    Vendor(api="cerebras", reference="cerebras", base_url="https://api.cerebras.ai/v1"),
    Vendor(
        api="cohere",
        reference="cohere",
        base_url="https://api.cohere.com/v2",
        wires=("cohere-v2",),
    ),
    Vendor(api="deepseek", reference="deepseek", base_url="https://api.deepseek.com/v1"),
    Vendor(api="fireworks", reference="fireworks", base_url="https://api.fireworks.ai/inference/v1"),
    Vendor(
        api="google",
        reference="google",
        base_url="https://generativelanguage.googleapis.com/v1beta",
        wires=("gemini",),
        auth="x-goog-api-key",
    ),
    Vendor(
        api="google-vertex",
        reference="google",
        base_url="https://{region}-aiplatform.googleapis.com/v1",
        wires=("gemini", "anthropic-messages"),
        auth="google-oauth",
        needs=("project", "region"),
    ),
    Vendor(api="groq", reference="groq", base_url="https://api.groq.com/openai/v1"),
    Vendor(api="llama-cpp"),
    Vendor(api="mistral", reference="mistral", base_url="https://api.mistral.ai/v1"),
    Vendor(api="ollama"),
    Vendor(
        api="openai",
        reference="openai",
        base_url="https://api.openai.com/v1",
        wires=("openai-chat", "openai-responses"),
    ),
    Vendor(api="openai-compatible"),
    Vendor(api="openrouter", reference="openrouter", base_url="https://openrouter.ai/api/v1"),
    Vendor(api="perplexity", reference="perplexity", base_url="https://api.perplexity.ai"),
    Vendor(api="together", reference="together", base_url="https://api.together.xyz/v1"),
    Vendor(api="vllm"),
    Vendor(api="xai", reference="x-ai", base_url="https://api.x.ai/v1"),
)

VENDORS: Mapping[str, Vendor] = MappingProxyType({vendor.api: vendor for vendor in _ROWS})

# The ids of the reference data (genai-prices): a base model may be of any of them, "anthropic:claude-sonnet-4-5".
REFERENCE_APIS = frozenset(
    [
        "anthropic",
        "arcee",
        "avian",
        "aws",
        "azure",
        "baseten",
        "cerebras",
        "cloudflare",
        "cohere",
        "cursor",
        "databricks",
        "deepseek",
        "doubleword",
        "elevenlabs",
        "fireworks",
        "github-copilot",
        "google",
        "groq",
        "huggingface_cerebras",
        "huggingface_fireworks-ai",
        "huggingface_groq",
        "huggingface_hyperbolic",
        "huggingface_nebius",
        "huggingface_novita",
        "huggingface_nscale",
        "huggingface_ovhcloud",
        "huggingface_publicai",
        "huggingface_sambanova",
        "huggingface_together",
        "meta",
        "minimax",
        "mistral",
        "modal",
        "moonshotai",
        "novita",
        "openai",
        "openai-decisions",
        "openrouter",
        "ovhcloud",
        "perplexity",
        "quicksilverpro",
        "together",
        "typesafe",
        "voyageai",
        "x-ai",
        "zai",
        "zhipuai",
    ]
)


def reference_of(api: str) -> str:
    """The reference data's id for an api of the vendor table or of the reference data; "" where there is none."""
    vendor = VENDORS.get(api)
    if vendor is not None:
        return vendor.reference
    return api if api in REFERENCE_APIS else ""
