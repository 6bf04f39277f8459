"""The vendor table: whose API a provider may speak. Vendors that differ only in URL and account are rows, not code.

The rows are data, in `vendors.toml` beside this file; docs/vendors.md shows them all.
"""

import tomllib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from engine.model import Dialect

Auth = Literal["bearer", "api-key", "x-api-key", "x-goog-api-key", "google-oauth", "aws-sigv4"]
Kind = Literal["chat", "embeddings", "rerank"]


class WireRow(msgspec.Struct, frozen=True):
    """A payload format: for which kind of call, and who made it, by the id of the reference data.

    `maker` is "" for what many speak.
    """

    kind: Kind
    maker: str = ""


WIRES: Mapping[str, WireRow] = MappingProxyType(
    {
        "openai-chat": WireRow("chat"),
        "openai-responses": WireRow("chat"),
        "openai-completions": WireRow("chat"),
        "anthropic-messages": WireRow("chat", "anthropic"),
        "gemini": WireRow("chat", "google"),
        "bedrock-converse": WireRow("chat"),
        "bedrock-invoke": WireRow("chat"),
        "cohere-v2": WireRow("chat", "cohere"),
        "openai-embeddings": WireRow("embeddings"),
        "gemini-embeddings": WireRow("embeddings", "google"),
        "vertex-embeddings": WireRow("embeddings", "google"),
        "bedrock-embeddings": WireRow("embeddings"),
        "cohere-embed": WireRow("embeddings", "cohere"),
        "voyage-embeddings": WireRow("embeddings", "voyageai"),
        "cohere-rerank": WireRow("rerank"),
        "voyage-rerank": WireRow("rerank", "voyageai"),
        "tei-rerank": WireRow("rerank"),
    }
)


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The chat wires of models whose id matches one of these patterns, the preferred one first."""

    models: tuple[str, ...]
    wires: tuple[str, ...]


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where and how a vendor takes one wire, where that is not the wire's usual path below the base URL.

    In paths, {base} is the path of the provider's base URL, {root} the same without the vendor's own last part ("/v1"),
    {project} and {region} are the provider's; {model} is the percent-encoded upstream model, {vertex_google} and
    {vertex_anthropic} are its resource names, {verb} is what the wire calls of it. `streamed` is for streams, `dated` for
    a provider whose `api_version` is a date; where there is one, any version but `v1` is sent as a parameter. `auth` is
    the vendor's where it is "". `sets` are fields of the body that the vendor asks for, `drops` those that it refuses.
    """

    path: str
    streamed: str = ""
    dated: str = ""
    auth: Auth | Literal[""] = ""
    sets: dict[str, Any] = {}
    drops: tuple[str, ...] = ()


class Vendor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One api.

    `reference` is its id in the reference data, "" where that knows none of its models. `base_url` is the usual one,
    in which {region} and {project} stand for the provider's, "" where every installation has its own; `region_urls` are
    those of regions that have another. `own_path` is the last part of a base URL, where no usual one says it.

    `wires` are all that it speaks. Chat models get those of the first rule that matches them, of which the base model's
    maker's own comes first; without rules all chat wires. `places` are for wires at unusual places. `supports` is what
    its models can do, where a provider's file does not say otherwise, `dialect` how it takes OpenAI's format.
    `auth` says how the credential is sent, `variable` names where it usually stands, `account` its name where that is
    not the api's. A provider must give the fields that `needs` names. `model_suffix` stands behind a reference model's
    id in the name that the vendor calls it by. `docs` is the page that says all this.
    """

    api: str
    name: str
    docs: str
    reference: str = ""
    base_url: str = ""
    region_urls: dict[str, str] = {}
    own_path: str = ""
    wires: tuple[str, ...] = ("openai-chat",)
    rules: tuple[Rule, ...] = ()
    places: dict[str, Place] = {}
    supports: dict[str, bool] = {}
    dialect: Dialect = Dialect()
    auth: Auth = "bearer"
    variable: str = ""
    account: str = ""
    needs: tuple[str, ...] = ()
    hosted: bool = False
    model_suffix: str = ""
    note: str = ""

    @property
    def credential(self) -> str:
        """The credential's name where a provider gives none: an account for what is hosted, none for own servers."""
        return (self.account or self.api) if self.base_url or self.hosted else "none"

    @property
    def needs_base_model(self) -> bool:
        """Whether a model must say what it is compatible with."""
        return bool(self.reference)

    def url_of(self, region: str, project: str) -> str:
        """The usual base URL of a provider in this region and project; "" where there is none."""
        return self.region_urls.get(region) or self.base_url.format(region=region, project=project)

    def chat_wires(self, model: str) -> tuple[str, ...]:
        """The wires that a chat model of this id can be reached by, the preferred one first."""
        for rule in self.rules:
            if model and any(fnmatchcase(model.lower(), pattern) for pattern in rule.models):
                return rule.wires
        return of_kind("chat", self.wires)


class _Kinds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Patterns over the ids of models that do not chat."""

    rerank: tuple[str, ...]
    embeddings: tuple[str, ...]


class _Unlisted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    reference: str
    why: str
    docs: str


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    kinds: _Kinds
    vendor: tuple[Vendor, ...]
    unlisted: tuple[_Unlisted, ...] = ()


_TABLE = msgspec.convert(tomllib.loads(Path(__file__).with_suffix(".toml").read_text("utf-8")), _Table)

VENDORS: Mapping[str, Vendor] = MappingProxyType({vendor.api: vendor for vendor in _TABLE.vendor})

# Ids of the reference data that have no row, and why.
UNLISTED: Mapping[str, _Unlisted] = MappingProxyType({row.reference: row for row in _TABLE.unlisted})

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


def of_kind(kind: Kind, wires: Iterable[str]) -> tuple[str, ...]:
    """Those of `wires` that are for one kind of call."""
    return tuple(wire for wire in wires if WIRES[wire].kind == kind)


def kind_of(model: str) -> Kind:
    """What the reference model of this id answers."""
    name = model.rpartition("/")[2].lower()
    if any(fnmatchcase(name, pattern) for pattern in _TABLE.kinds.rerank):
        return "rerank"
    if any(fnmatchcase(name, pattern) for pattern in _TABLE.kinds.embeddings):
        return "embeddings"
    return "chat"
