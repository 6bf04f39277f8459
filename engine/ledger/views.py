"""The ledger as JSON: money as decimal strings of USD, times as RFC 3339 in UTC, unknown as null."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from engine.ledger.queries import Group, Page, Request, Usage
from engine.ledger.record import Attempt
from engine.money import usd


def usage_json(usage: Usage) -> dict[str, Any]:
    """`{"by", "data": [group…], "total": group}`."""
    return {
        "by": usage.by,
        "data": [{usage.by: group.name, **_group_json(group)} for group in usage.groups],
        "total": _group_json(usage.total),
    }


def page_json(page: Page) -> dict[str, Any]:
    """`{"data": [request…], "next": cursor | null}`."""
    return {"data": [request_json(request) for request in page.data], "next": page.next}


def request_json(request: Request) -> dict[str, Any]:
    """A request: who asked for what, how its last attempt ended, what all of them cost, and each of them."""
    last = request.attempts[-1]
    costs = [attempt.cost_pico_usd for attempt in request.attempts]
    known = [cost for cost in costs if cost is not None]
    return {
        "request_id": request.request_id,
        "started_at": timestamp(request.attempts[0].started_ns),
        "key": last.key,
        "owner": last.owner,
        "model": last.model,
        "revision": last.revision,
        "state": last.state,
        "client_status": last.client_status,
        "cost_usd": _money(sum(known) if known else None),
        "unknown_cost": len(costs) - len(known),
        "attempts": [attempt_json(attempt) for attempt in request.attempts],
    }


def attempt_json(attempt: Attempt) -> dict[str, Any]:
    """All that is on record of an attempt; `raw_usage` as the object that it is, as text where it was cut."""
    values = msgspec.structs.asdict(attempt)
    values["started_at"] = timestamp(values.pop("started_ns"))
    values["cost_usd"] = _money(values.pop("cost_pico_usd"))
    values["list_cost_usd"] = _money(values.pop("list_cost_pico_usd"))
    if attempt.raw_usage is not None:
        try:
            values["raw_usage"] = msgspec.json.decode(attempt.raw_usage)
        except ValueError:
            values["raw_usage"] = attempt.raw_usage
    return values


def timestamp(epoch_ns: int) -> str:
    """Nanoseconds since the Unix epoch as RFC 3339, cut to microseconds: "2026-11-01T12:00:00.000001Z"."""
    seconds, rest = divmod(epoch_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1000)
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _group_json(group: Group) -> dict[str, Any]:
    return {
        "requests": group.requests,
        "attempts": group.attempts,
        "states": group.states,
        "input_tokens": group.input_tokens,
        "output_tokens": group.output_tokens,
        "cost_usd": _money(group.cost_pico_usd),
        "unknown_cost": group.unknown_cost,
        "list_cost_usd": _money(group.list_cost_pico_usd),
        "unknown_list_cost": group.unknown_list_cost,
    }


def _money(pico_usd: int | None) -> str | None:
    return None if pico_usd is None else usd(pico_usd)
