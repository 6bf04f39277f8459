"""`GET /v1/models` and `GET /v1/models/{id}`: the models that a key may call, as OpenAI or as Anthropic shows models.

Sources: https://platform.openai.com/docs/api-reference/models, https://platform.claude.com/docs/en/api/models-list
"""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec

from engine.errors import InvalidRequest
from engine.gateway.endpoints import answered_by
from engine.model import Model

LISTED_AT_ONCE = 200
DEFAULT_PAGE = 20
MAX_PAGE = 1_000

_encode = msgspec.json.encode


async def openai_list(models: Iterable[Model], created: int, now_ns: int) -> bytes:
    """All of them at once, as OpenAI does; price and sizes under `catalog`."""
    listed: list[msgspec.Raw] = []
    for model in models:
        listed.append(msgspec.Raw(openai_model(model, created, now_ns)))
        if len(listed) % LISTED_AT_ONCE == 0:
            await asyncio.sleep(0)  # ten thousand models take a while, and others wait
    return _encode({"object": "list", "data": listed})


def openai_model(model: Model, created: int, now_ns: int) -> bytes:
    """One model. `created` is when the catalog was committed, in seconds since the Unix epoch."""
    shown = {"id": model.name, "object": "model", "created": created, "owned_by": model.owner or model.provider}
    return _encode(shown | {"catalog": _ours(model, now_ns)})


def anthropic_list(models: Iterable[Model], created: int, now_ns: int, query: bytes) -> bytes:
    """One page, after `after_id` or before `before_id`.

    Raises:
        InvalidRequest: 400, naming the parameter of the query.
    """
    page = list(models)
    names = [model.name for model in page]
    asked = {name: values[-1] for name, values in parse_qs(query.decode("latin-1")).items()}
    limit = _limit(asked.get("limit", str(DEFAULT_PAGE)))
    if "after_id" in asked and "before_id" in asked:
        raise InvalidRequest("Send after_id or before_id, not both.", param="before_id")
    if "after_id" in asked:
        page = page[_place(names, asked["after_id"], "after_id") + 1 :]
    if "before_id" in asked:
        page = page[: _place(names, asked["before_id"], "before_id")]
        shown = page[-limit:]
    else:
        shown = page[:limit]
    ids = {"first_id": shown[0].name, "last_id": shown[-1].name} if shown else {"first_id": None, "last_id": None}
    data = [msgspec.Raw(anthropic_model(model, created, now_ns)) for model in shown]
    return _encode({"data": data, "has_more": len(shown) < len(page), **ids})


def anthropic_model(model: Model, created: int, now_ns: int) -> bytes:
    """One model. `created` is when the catalog was committed, in seconds since the Unix epoch."""
    lifecycle = model.lifecycle
    return _encode(
        {
            "type": "model",
            "id": model.name,
            "display_name": model.description or model.slug,
            "created_at": _time(created * 10**9),
            "lifecycle": lifecycle.status,
            "deprecated_at": _time(lifecycle.deprecated_at) if lifecycle.deprecated_at is not None else None,
            "max_input_tokens": model.limits.max_input_tokens or model.limits.context_window,
            "max_tokens": model.limits.max_output_tokens,
            "catalog": _ours(model, now_ns),
        }
    )


def _ours(model: Model, now_ns: int) -> dict[str, Any]:
    in_force = [window.rates for window in model.pricing.windows if window.start is None or window.start <= now_ns]
    return {
        "description": model.description,
        "base_model": model.base_model.written if model.base_model else None,
        "aliases": model.aliases,
        "endpoints": answered_by(model),
        "context_window": model.limits.context_window,
        "max_output_tokens": model.limits.max_output_tokens,
        "pricing": model.pricing.kind,
        "usd": in_force[-1] if in_force else None,
    }


def _limit(written: str) -> int:
    limit = int(written) if written.isdecimal() and len(written) < 5 else 0
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidRequest(f"limit must be from 1 to {MAX_PAGE}.", param="limit")
    return limit


def _place(names: list[str], name: str, param: str) -> int:
    try:
        return names.index(name)
    except ValueError:
        raise InvalidRequest(f"{param} names no model of this list.", param=param) from None


def _time(nanoseconds: int) -> str:
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
