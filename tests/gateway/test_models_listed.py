"""`GET /v1/models` and `GET /v1/models/{id}`, as OpenAI's and Anthropic's own clients read them."""

from collections.abc import Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest
from harness.catalogs import CatalogDir
from harness.inprocess import InProcess
from harness.upstream import ScriptedUpstream

from engine.catalog.secret import new_secret

MANY = 45
ALL = sorted(["@test/model", "@test/aliased", *(f"@test/m{number:02}" for number in range(MANY))])
ANTHROPIC = {"anthropic-version": "2023-06-01"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, str]]:
    """The gateway's URL, the secret of a key for all models, and of one for `@test/model` alone."""
    place = tmp_path_factory.mktemp("models")
    with ScriptedUpstream() as upstream:
        catalog = CatalogDir(place / "catalog", upstream.origin)
        catalog.price(
            "1", "2", model="aliased", extra='aliases: [bot, "@elsewhere/bot"]\nlimits: {max_output_tokens: 9}\n'
        )
        for number in range(MANY):
            catalog.price("1", "2", model=f"m{number:02}")
        narrow = new_secret()
        catalog.add_key("narrow", narrow, '["@test/model"]')
        with InProcess(catalog.root, place / "state", origin=upstream.origin) as worker:
            yield worker.url, catalog.key, narrow


def test_openais_client(served: tuple[str, str, str]) -> None:
    url, key, narrow = served
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ALL
        for asked in ("@test/aliased", "bot", "@elsewhere/bot"):
            model = client.models.retrieve(asked)
            assert (model.id, model.object, model.owned_by) == ("@test/aliased", "model", "team-tests")
        with pytest.raises(openai.NotFoundError, match="Did you mean @test/m07"):
            client.models.retrieve("@test/m077")
    with openai.OpenAI(base_url=f"{url}/v1", api_key=narrow, max_retries=0) as client:
        assert [model.id for model in client.models.list()] == ["@test/model"]
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("@test/aliased")


def test_anthropics_client_turns_the_pages(served: tuple[str, str, str]) -> None:
    url, key, _ = served
    with anthropic.Anthropic(base_url=url, api_key=key, max_retries=0) as client:
        assert [model.id for model in client.models.list(limit=10)] == ALL
        assert [model.id for model in client.models.list()] == ALL
        last = client.models.list(limit=3, before_id=ALL[10])
        assert [model.id for model in last.data] == ALL[7:10]
        assert last.has_more
        model = client.models.retrieve("@test/aliased")
        assert (model.id, model.type, model.display_name) == ("@test/aliased", "model", "A model of the tests")
        assert (model.max_tokens, model.lifecycle) == (9, "active")
        with pytest.raises(anthropic.NotFoundError):
            client.models.retrieve("@test/nope")


@pytest.mark.parametrize("path", ["@test/aliased", "%40test%2Faliased", "%40test/aliased", "@test/aliased/"])
@pytest.mark.parametrize("headers", [{}, ANTHROPIC])
def test_a_name_may_be_encoded(served: tuple[str, str, str], path: str, headers: dict[str, str]) -> None:
    url, key, _ = served
    reply = httpx.get(f"{url}/v1/models/{path}", headers={"x-api-key": key} | headers)
    assert reply.json()["id"] == "@test/aliased"
    assert reply.json()["catalog"]["usd"] == {"input_mtok": "1", "output_mtok": "2"}
    assert ("type" in reply.json()) == bool(headers)


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten", "limit"),
        ("after_id=nope", "after_id"),
        ("before_id=nope", "before_id"),
        ("after_id=@test/m01&before_id=@test/m02", "before_id"),
    ],
)
def test_a_query_that_makes_no_page_is_refused(served: tuple[str, str, str], query: str, param: str) -> None:
    url, key, _ = served
    reply = httpx.get(f"{url}/v1/models?{query}", headers={"x-api-key": key} | ANTHROPIC)
    body: dict[str, Any] = reply.json()
    assert (reply.status_code, body["error"]["type"]) == (400, "invalid_request_error")
    assert param in body["error"]["message"]


def test_the_last_page_has_no_more_and_an_empty_one_no_ids(served: tuple[str, str, str]) -> None:
    url, key, _ = served
    page = httpx.get(f"{url}/v1/models?after_id={ALL[-1]}", headers={"x-api-key": key} | ANTHROPIC).json()
    assert page == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_only_asking_is_allowed(served: tuple[str, str, str]) -> None:
    url, key, _ = served
    for path in ("/v1/models", "/v1/models/@test/model"):
        reply = httpx.delete(f"{url}{path}", headers={"x-api-key": key})
        assert (reply.status_code, reply.headers["allow"]) == (405, "GET")
        assert httpx.get(f"{url}{path}").status_code == 401
