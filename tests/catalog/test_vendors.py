"""The vendor table: every id of the reference data has a row or a reason, rows hold together, the page shows them all."""

import re
import string

import pytest
from harness.vendors_page import PAGE, written

from engine.catalog.vendors import REFERENCE_APIS, UNLISTED, VENDORS, WIRES, kind_of, of_kind
from engine.model import Supports
from engine.pricing.reference import load

ROWS = list(VENDORS.values())


def words(template):
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_every_id_of_the_reference_data_has_a_row_or_a_reason():
    ids = set(load().apis)
    assert len(ids) == 47
    assert ids == REFERENCE_APIS
    listed = {vendor.reference for vendor in ROWS} - {""}
    assert listed | UNLISTED.keys() == ids
    assert not listed & UNLISTED.keys()
    assert len(listed) == 42


def test_the_page_is_current():
    page = PAGE.read_text(encoding="utf-8")
    assert written(page) == page, "PYTHONPATH=.:tests .venv/bin/python -m harness.vendors_page"


def test_the_page_names_every_row_and_reason():
    page = PAGE.read_text(encoding="utf-8")
    assert all(f"| `{vendor.api}`: [" in page for vendor in ROWS)
    assert all(f"[`{reference}`]" in page and row.why in page for reference, row in UNLISTED.items())


@pytest.mark.parametrize("row", [*ROWS, *UNLISTED.values()], ids=lambda row: getattr(row, "api", row.reference))
def test_every_row_says_where_it_is_from(row):
    assert re.fullmatch(r"https://[a-z0-9.-]+\.[a-z]+/\S*", row.docs)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.api)
def test_a_row_holds_together(row):
    assert row.wires
    assert set(row.wires) <= WIRES.keys()
    assert {wire for rule in row.rules for wire in rule.wires} <= set(row.wires)
    assert row.places.keys() <= WIRES.keys()
    assert words(row.base_url) <= set(row.needs)
    assert row.region_urls.keys() <= {"global", "us", "eu"}
    assert bool(row.base_url) or not row.own_path.endswith("/")
    assert not row.variable or (row.base_url and re.fullmatch(r"[A-Z][A-Z0-9_]+", row.variable))
    assert bool(row.reference) == (row.credential != "none")
    Supports(**row.supports)
    known = {"base", "root", "model", "project", "region", "vertex_google", "vertex_anthropic", "verb"}
    for place in row.places.values():
        assert all(words(path) <= known for path in (place.path, place.streamed, place.dated))


@pytest.mark.parametrize("row", [row for row in ROWS if row.rules], ids=lambda row: row.api)
def test_the_last_rule_is_for_all_others(row):
    assert row.rules[-1].models == ("*",)
    assert row.chat_wires("") == of_kind("chat", row.wires), "without a base model nothing is ruled out"


@pytest.mark.parametrize(
    ("api", "model", "wires"),
    [
        ("openai", "gpt-4.1-nano", ("openai-chat", "openai-responses")),
        ("openai", "gpt-3.5-turbo-instruct", ("openai-completions",)),
        ("openai", "davinci-002", ("openai-completions",)),
        ("openai", "gpt-5.1-codex-mini", ("openai-responses",)),
        ("openai", "o3-pro", ("openai-responses",)),
        ("openai", "gpt-4o-mini-search-preview", ("openai-chat",)),
        ("openai", "gpt-4o-audio-preview", ("openai-chat",)),
        ("azure", "claude-sonnet-4-5", ("anthropic-messages",)),
        ("azure", "deepseek-v4-pro", ("openai-chat", "openai-responses")),
        ("aws", "anthropic.claude-sonnet-4-5-20250929-v1:0", ("bedrock-converse", "bedrock-invoke")),
        ("aws", "openai.gpt-oss-120b-1:0", ("openai-chat", "bedrock-converse")),
        ("google-vertex", "claude-opus-4-8", ("anthropic-messages",)),
        ("google-vertex", "gemini-2.5-flash", ("gemini",)),
        ("google-vertex", "llama-4-maverick-17b", ("openai-chat",)),
        ("google", "gemini-2.5-flash", ("gemini",)),
        ("deepseek", "deepseek-chat", ("openai-chat", "anthropic-messages")),
        ("voyageai", "voyage-4", ()),
    ],
)
def test_the_model_decides_among_a_vendors_wires(api, model, wires):
    assert VENDORS[api].chat_wires(model) == wires


def test_what_the_reference_data_prices_is_of_a_kind():
    kinds = {name: kind_of(name) for name in (
        "text-embedding-3-small", "gemini-embedding-001", "amazon.titan-embed-text-v2:0", "voyage-code-3", "bge-m3",
        "@cf/baai/bge-base-en-v1.5", "Qwen/Qwen3-Embedding-8B", "databricks-gte-large-en", "mistral-embed",
    )}  # fmt: skip
    assert set(kinds.values()) == {"embeddings"}, kinds
    kinds = {
        name: kind_of(name) for name in ("rerank-v3.5", "rerank-2.5", "@cf/baai/bge-reranker-base", "qwen3-reranker")
    }
    assert set(kinds.values()) == {"rerank"}, kinds
    chats = ("gpt-4.1-nano", "claude-sonnet-4-5", "command-a", "gemini-2.5-flash", "openai/gpt-oss-120b", "gemma-3")
    assert {kind_of(name) for name in chats} == {"chat"}


def test_every_model_of_the_reference_data_has_a_wire():
    from genai_prices.data import providers

    without = []
    for provider in providers:
        for vendor in (row for row in ROWS if row.reference == provider.id):
            for model in provider.models:
                kind = kind_of(model.id)
                wires = vendor.chat_wires(model.id) if kind == "chat" else of_kind(kind, vendor.wires)
                if not wires:
                    without.append((vendor.api, model.id, kind))
    # Workers AI reranks by its own `/ai/run` only: https://developers.cloudflare.com/workers-ai/models/bge-reranker-base/
    assert without == [("cloudflare", "@cf/baai/bge-reranker-base", "rerank")]
