import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from harness.recordings import WIRE_FOLDER

from engine.model import Model, Pricing


class Recording(NamedTuple):
    """One exchange with a provider of the wire openai-chat or of a vendor that speaks it."""

    id: str
    host: str
    request: str
    response: bytes
    status: int
    is_stream: bool


@pytest.fixture(scope="session")
def recordings() -> list[Recording]:
    """All recorded chat completions."""
    if not WIRE_FOLDER.is_dir():
        pytest.skip(f"the recorded exchanges are not beside this checkout: no {WIRE_FOLDER}")
    found = []
    for name in ("openai-chat", "openai-compatible"):
        for line in (WIRE_FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if row["path"].endswith("/chat/completions"):
                found.append(_recording(row))
    assert len(found) > 190
    return found


@pytest.fixture(scope="session")
def streams(recordings: list[Recording]) -> list[Recording]:
    return [one for one in recordings if one.status == 200 and one.is_stream]


@pytest.fixture(scope="session")
def answers(recordings: list[Recording]) -> list[Recording]:
    return [one for one in recordings if one.status == 200 and not one.is_stream]


@pytest.fixture
def model() -> Callable[..., Model]:
    """Makes a model, with the given fields beside what every model has."""

    def make(**fields: Any) -> Model:
        names = {"name": "@acme/bot", "provider": "acme", "slug": "bot", "upstream_model": "ft:acme-bot"}
        known = {"type": "custom", "api": "openai", "wire": "openai-chat", "pricing": Pricing("free")}
        return Model(**{**names, **known, "file": "models/acme/bot.yaml", "blob": "0" * 40, **fields})

    return make


def _recording(row: dict[str, Any]) -> Recording:
    return Recording(
        id=row["id"],
        host=row["host"],
        request=row["request"]["text"],
        response=row["response"]["text"].encode(),
        status=row["status"],
        is_stream="event-stream" in str(row["response_headers"]),
    )
