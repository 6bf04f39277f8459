"""One real model behind every wire that its server speaks, asked through every API by the official clients.

Provider `wire-<name>` speaks that wire and no other, so that each API is passed through once and crosses elsewhere.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx
import pytest
from anthropic import Anthropic
from harness.catalogs import CatalogDir
from harness.served import Served, wait_for
from openai import OpenAI

WIRES = ("openai-chat", "openai-responses", "anthropic-messages")
TEXT = "Say hello to Ada."
MAX_TOKENS = 8


class Live(NamedTuple):
    """The gateway before the model, the clients, and the model server's own address (…/v1)."""

    served: Served
    openai: OpenAI
    anthropic: Anthropic
    direct: str


class Said(NamedTuple):
    """What a client read: the text, the request's id, its headers and the counts of tokens it was told."""

    text: str
    headers: httpx.Headers
    input_tokens: int
    output_tokens: int


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, local_llm: str) -> Iterator[Live]:
    place = tmp_path_factory.mktemp("live-wires")
    origin = local_llm.removesuffix("/v1")
    catalog = CatalogDir(place / "catalog", origin)
    for wire in (*WIRES, "openai-completions", "openai-embeddings"):
        catalog.provider(origin, name=f"wire-{wire}", extra=f"wires: [{wire}]\n")
        catalog.write(
            f"models/wire-{wire}/model.yaml",
            'type: custom\nupstream_model: smollm2\npricing: {input_mtok: "1", output_mtok: "2"}\n',
        )
    with (
        Served(("--catalog", str(catalog.root)), place / "state", origin=origin) as served,
        OpenAI(base_url=f"{served.url}/v1", api_key=catalog.key, max_retries=0, timeout=60) as openai,
        Anthropic(base_url=served.url, api_key=catalog.key, max_retries=0, timeout=60) as anthropic,
    ):
        yield Live(served, openai, anthropic, local_llm)


def _chat(live: Live, model: str, *, stream: bool) -> Said:
    asked: Any = {
        "model": model,
        "messages": [{"role": "user", "content": TEXT}],
        "max_tokens": MAX_TOKENS,
        "temperature": 0,
    }
    create = live.openai.chat.completions
    if not stream:
        reply = create.with_raw_response.create(**asked)
        answer = reply.parse()
        used = answer.usage
        return Said(
            answer.choices[0].message.content, httpx.Headers(reply.headers), used.prompt_tokens, used.completion_tokens
        )
    with create.with_streaming_response.create(**asked, stream=True, stream_options={"include_usage": True}) as reply:
        chunks = list(reply.parse())
        (used,) = (chunk.usage for chunk in chunks if chunk.usage)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
        return Said(text, httpx.Headers(reply.headers), used.prompt_tokens, used.completion_tokens)


def _responses(live: Live, model: str, *, stream: bool) -> Said:
    asked: Any = {"model": model, "input": TEXT, "max_output_tokens": MAX_TOKENS, "temperature": 0}
    create = live.openai.responses
    if not stream:
        reply = create.with_raw_response.create(**asked)
        answer = reply.parse()
        return Said(
            answer.output_text, httpx.Headers(reply.headers), answer.usage.input_tokens, answer.usage.output_tokens
        )
    with create.with_streaming_response.create(**asked, stream=True) as reply:
        events = list(reply.parse())
        last = events[-1].response
        text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
        return Said(text, httpx.Headers(reply.headers), last.usage.input_tokens, last.usage.output_tokens)


def _messages(live: Live, model: str, *, stream: bool) -> Said:
    asked: Any = {
        "model": model,
        "messages": [{"role": "user", "content": TEXT}],
        "max_tokens": MAX_TOKENS,
        "extra_body": {"temperature": 0},
    }
    if not stream:
        reply = live.anthropic.messages.with_raw_response.create(**asked)
        answer = reply.parse()
        text = "".join(block.text for block in answer.content if block.type == "text")
        used = answer.usage
        read = used.cache_read_input_tokens or 0
        return Said(text, httpx.Headers(reply.headers), used.input_tokens + read, used.output_tokens)
    with live.anthropic.messages.with_streaming_response.create(**asked, stream=True) as reply:
        text, read, given, output = "", 0, 0, 0
        for event in reply.parse():
            if event.type == "message_start":
                given, read = event.message.usage.input_tokens, event.message.usage.cache_read_input_tokens or 0
            elif event.type == "content_block_delta" and event.delta.type == "text_delta":
                text += event.delta.text
            elif event.type == "message_delta":
                output = event.usage.output_tokens
                given = event.usage.input_tokens if event.usage.input_tokens is not None else given
                cached = event.usage.cache_read_input_tokens
                read = cached if cached is not None else read
        return Said(text, httpx.Headers(reply.headers), given + read, output)


ASKERS: dict[str, Callable[..., Said]] = {"chat": _chat, "responses": _responses, "messages": _messages}


@pytest.fixture(scope="module")
def expected(local_llm: str) -> tuple[str, int]:
    """What the model itself says, and how many tokens of input it counts."""
    asked = {"model": "smollm2", "messages": [{"role": "user", "content": TEXT}], "max_tokens": MAX_TOKENS}
    answer = httpx.post(f"{local_llm}/chat/completions", json=asked | {"temperature": 0}, timeout=60).json()
    return answer["choices"][0]["message"]["content"], answer["usage"]["prompt_tokens"]


def _row(live: Live, headers: httpx.Headers) -> dict[str, Any]:
    def settled() -> dict[str, Any] | None:
        found = httpx.get(f"{live.served.admin}/api/requests/{headers['x-request-id']}")
        attempt: dict[str, Any] | None = found.json()["attempts"][0] if found.status_code == 200 else None
        return attempt if attempt and attempt["state"] != "open" else None

    row = wait_for(settled)
    assert row is not None
    assert (row["state"], row["error_code"]) == ("settled", "")
    return row


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("api", ASKERS)
def test_every_api_reaches_every_wire(
    live: Live, expected: tuple[str, int], api: str, wire: str, *, stream: bool
) -> None:
    said = ASKERS[api](live, f"@wire-{wire}/model", stream=stream)
    assert said.text[:12] == expected[0][:12]  # what comes later may differ by how calls are batched
    assert said.input_tokens == expected[1]
    row = _row(live, said.headers)
    assert (row["wire"], row["stream"]) == (wire, stream)
    assert (row["meters"]["input_tokens"], row["meters"]["output_tokens"]) == (said.input_tokens, said.output_tokens)
    assert 0 < said.output_tokens <= MAX_TOKENS
    assert row["cost_source"] == "reported"
    cost = said.input_tokens + 2 * said.output_tokens
    assert row["cost_usd"] == f"{cost / 1e6:.6f}".rstrip("0")


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("wire", ["openai-completions", "openai-chat"])
def test_text_is_completed(live: Live, wire: str, *, stream: bool) -> None:
    asked: Any = {"model": f"@wire-{wire}/model", "prompt": "One, two,", "max_tokens": 4, "temperature": 0}
    if stream:
        options = {"stream": True, "stream_options": {"include_usage": True}}
        with live.openai.completions.with_streaming_response.create(**asked, **options) as streamed:
            chunks = list(streamed.parse())
            headers = httpx.Headers(streamed.headers)
        (used,) = (chunk.usage for chunk in chunks if chunk.usage)
        text = "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
    else:
        reply = live.openai.completions.with_raw_response.create(**asked)
        headers, answer = httpx.Headers(reply.headers), reply.parse()
        used, text = answer.usage, answer.choices[0].text
    assert text
    row = _row(live, headers)
    assert row["wire"] == wire
    assert (row["meters"]["input_tokens"], row["meters"]["output_tokens"]) == (
        used.prompt_tokens,
        used.completion_tokens,
    )


def test_embeddings(live: Live) -> None:
    texts = ["Ada", "Grace Hopper"]
    reply = live.openai.embeddings.with_raw_response.create(model="@wire-openai-embeddings/model", input=texts)
    answer = reply.parse()
    direct = httpx.post(f"{live.direct}/embeddings", json={"model": "smollm2", "input": texts}, timeout=60).json()
    for ours, theirs in zip(answer.data, direct["data"], strict=True):
        assert ours.embedding == pytest.approx(theirs["embedding"], abs=1e-3)
    row = _row(live, httpx.Headers(reply.headers))
    assert row["meters"] == {"input_tokens": answer.usage.prompt_tokens}
    assert answer.usage.prompt_tokens == direct["usage"]["prompt_tokens"]


def test_tokens_are_counted_where_the_provider_counts(live: Live, expected: tuple[str, int]) -> None:
    asked: Any = {"messages": [{"role": "user", "content": TEXT}]}
    reply = live.anthropic.messages.with_raw_response.count_tokens(model="@wire-anthropic-messages/model", **asked)
    assert reply.parse().input_tokens == expected[1]
    row = _row(live, httpx.Headers(reply.headers))
    assert (row["wire"], row["cost_usd"], row["meters"]) == ("anthropic-count-tokens", "0", {})
