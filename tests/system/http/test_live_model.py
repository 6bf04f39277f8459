"""A real model behind the gateway, asked by OpenAI's own client."""

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import httpx
import pytest
from genai_prices.types import ModelPrice, Usage
from harness.catalogs import CatalogDir
from harness.served import Served, wait_for
from openai import AsyncOpenAI, OpenAI

RATES = {"input_mtok": "0.123456789012", "output_mtok": "0.987654321098", "cache_read_mtok": "0.030000000007"}
QUESTION: Any = {
    "model": "@test/model",
    "messages": [{"role": "user", "content": "Say hello to Ada."}],
    "max_tokens": 8,
    "temperature": 0,
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, local_llm: str) -> Iterator[tuple[Served, str]]:
    """A gateway in front of the local model, and the secret of its key."""
    place = tmp_path_factory.mktemp("live")
    origin = local_llm.removesuffix("/v1")
    catalog = CatalogDir(place / "catalog", origin)
    prices = ", ".join(f'{name}: "{rate}"' for name, rate in RATES.items())
    catalog.write("models/test/model.yaml", f"type: custom\nupstream_model: smollm2\npricing: {{{prices}}}\n")
    with Served(("--catalog", str(catalog.root)), place / "state", origin=origin) as running:
        yield running, catalog.key


@pytest.fixture
def client(served: tuple[Served, str]) -> Iterator[OpenAI]:
    """As Portkey's users do it: a dummy key, and the real one in a header."""
    headers = {"x-portkey-api-key": served[1]}
    with OpenAI(base_url=f"{served[0].url}/v1", api_key="dummy", default_headers=headers, max_retries=0) as client:
        yield client


def _row(served: tuple[Served, str], request_id: str | None) -> dict[str, Any]:
    def settled() -> dict[str, Any] | None:
        found = httpx.get(f"{served[0].admin}/api/requests/{request_id}")
        attempt: dict[str, Any] | None = found.json()["attempts"][0] if found.status_code == 200 else None
        return attempt if attempt and attempt["state"] != "open" else None

    row = wait_for(settled)
    assert row is not None
    assert row["state"] == "settled"
    return row


def _exact_cost(meters: dict[str, int]) -> str:
    """Rates times counts in exact rationals, each meter rounded half-even to a millionth of a millionth of a dollar."""
    cached = meters.get("cache_read_tokens", 0)
    counts = {
        "input_mtok": meters["input_tokens"] - cached,
        "output_mtok": meters["output_tokens"],
        "cache_read_mtok": cached,
    }
    pico = sum(round(Fraction(RATES[name]) * count * 10**6) for name, count in counts.items())
    return format(Decimal(pico).scaleb(-12), "f").rstrip("0").rstrip(".") or "0"


def _reference_cost(meters: dict[str, int]) -> Decimal:
    price = ModelPrice(**{name: Decimal(rate) for name, rate in RATES.items()})
    usage = Usage(
        input_tokens=meters["input_tokens"],
        output_tokens=meters["output_tokens"],
        cache_read_tokens=meters.get("cache_read_tokens", 0),
    )
    total: Decimal = price.calc_price(usage)["total_price"]
    return total


def _check(row: dict[str, Any], reported: Any) -> None:
    """The row says what the model server reported, and what that costs to the last digit."""
    assert row["raw_usage"]["prompt_tokens"] == reported.prompt_tokens == row["meters"]["input_tokens"]
    assert row["raw_usage"]["completion_tokens"] == reported.completion_tokens == row["meters"]["output_tokens"]
    assert row["cost_usd"] == _exact_cost(row["meters"])
    assert row["rates"] == RATES
    # genai-prices does not round: each of the three meters is within half a millionth of a millionth.
    assert abs(Decimal(row["cost_usd"]) - _reference_cost(row["meters"])) <= Decimal("1.5e-12")


def test_plain(served: tuple[Served, str], client: OpenAI, local_llm: str) -> None:
    reply = client.chat.completions.with_raw_response.create(**QUESTION)
    answer = reply.parse()
    assert answer.choices[0].message.content
    row = _row(served, reply.headers["x-request-id"])
    _check(row, answer.usage)
    assert reply.headers["x-catalog-cost-usd"] == row["cost_usd"]
    direct = httpx.post(f"{local_llm}/chat/completions", json=QUESTION | {"model": "smollm2"}, timeout=60).json()
    assert direct["usage"]["prompt_tokens"] == row["meters"]["input_tokens"]


def test_streamed_with_usage(served: tuple[Served, str], client: OpenAI) -> None:
    with client.chat.completions.with_streaming_response.create(
        **QUESTION, stream=True, stream_options={"include_usage": True}
    ) as reply:
        chunks = list(reply.parse())
    (usage,) = (chunk.usage for chunk in chunks if chunk.usage)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    _check(_row(served, reply.headers["x-request-id"]), usage)


def test_streamed_without_usage(served: tuple[Served, str], client: OpenAI) -> None:
    asked = client.chat.completions.create(**QUESTION).usage
    assert asked is not None
    with client.chat.completions.with_streaming_response.create(**QUESTION, stream=True) as reply:
        chunks = list(reply.parse())
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    row = _row(served, reply.headers["x-request-id"])
    assert (row["meters"]["input_tokens"], row["meters"]["output_tokens"]) == (
        asked.prompt_tokens,
        asked.completion_tokens,
    )
    assert row["cost_usd"] == _exact_cost(row["meters"])


def test_many_at_once_with_the_asynchronous_client(served: tuple[Served, str]) -> None:
    async def ask(client: AsyncOpenAI, number: int) -> tuple[str | None, Any]:
        body = QUESTION | {"messages": [{"role": "user", "content": f"Count to {number}."}]}
        if number % 2:
            reply = await client.chat.completions.with_raw_response.create(**body)
            return reply.headers["x-request-id"], reply.parse().usage
        options = {"include_usage": True}
        async with client.chat.completions.with_streaming_response.create(
            **body, stream=True, stream_options=options
        ) as streamed:
            usage = [chunk.usage async for chunk in await streamed.parse() if chunk.usage]
            return streamed.headers["x-request-id"], usage[0]

    async def ask_all() -> list[tuple[str | None, Any]]:
        async with AsyncOpenAI(base_url=f"{served[0].url}/v1", api_key=served[1], max_retries=0) as client:
            return await asyncio.gather(*(ask(client, number) for number in range(8)))

    for request_id, usage in asyncio.run(ask_all()):
        _check(_row(served, request_id), usage)


def test_a_list_of_models(client: OpenAI) -> None:
    (model,) = client.models.list()
    assert (model.id, model.object) == ("@test/model", "model")
