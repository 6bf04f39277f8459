"""Every question that is asked of the ledger, once for all databases.

Values are Python's: money in pico-USD as int, None where it is unknown. `engine.ledger.views` makes JSON of them.
"""

import re
from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from engine.ledger.record import STATES, Attempt, State
from engine.ledger.rows import attempt_of
from engine.ledger.tables import attempts
from engine.money import SPLIT, join_split_sum

By = Literal["model", "key", "owner", "revision"]

MAX_PAGE = 1000
_CURSOR = re.compile(r"req_[0-9a-f]{32}", re.ASCII)


class Group(msgspec.Struct, frozen=True):
    """The attempts that have one value in common.

    `states` counts them by state. Sums are exact, over what is known, and None where nothing is; `unknown_cost` and
    `unknown_list_cost` say how many attempts they leave out. Input includes cached tokens.
    """

    name: str
    requests: int
    attempts: int
    states: dict[State, int]
    input_tokens: int | None
    output_tokens: int | None
    cost_pico_usd: int | None
    unknown_cost: int
    list_cost_pico_usd: int | None
    unknown_list_cost: int


class Usage(msgspec.Struct, frozen=True):
    """Groups, the dearest first, and all of them as one: a request tried with two models counts once in `total`."""

    by: By
    groups: list[Group]
    total: Group


class Request(msgspec.Struct, frozen=True):
    """One request and the calls that were made for it, first to last."""

    request_id: str
    attempts: list[Attempt]


class Page(msgspec.Struct, frozen=True):
    """Requests, newest first; `next` is the cursor of the page that follows, None on the last one."""

    data: list[Request]
    next: str | None


def usage(connection: sa.Connection, by: By, *, since_ns: int | None = None, until_ns: int | None = None) -> Usage:
    """What the attempts that started from `since_ns` on and before `until_ns` used and cost."""
    period = _period(since_ns, until_ns)
    column = attempts.c[by]
    grouped = connection.execute(sa.select(column, *_SUMS).where(*period).group_by(column)).all()
    total = connection.execute(sa.select(sa.literal(""), *_SUMS).where(*period)).one()
    groups = sorted((_group(row) for row in grouped), key=lambda group: (-(group.cost_pico_usd or 0), group.name))
    return Usage(by, groups, _group(total))


def requests(
    connection: sa.Connection,
    *,
    limit: int = 50,
    cursor: str | None = None,
    model: str | None = None,
    key: str | None = None,
    state: State | None = None,
    since_ns: int | None = None,
    until_ns: int | None = None,
) -> Page:
    """Requests of which an attempt is as asked for, newest first, and all attempts of each.

    A page stays where it is while newer requests arrive: a cursor is the id of the last request that was seen.

    Raises:
        ValueError: `cursor` is none of ours, or `limit` is not 1 to `MAX_PAGE`.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"limit must be 1 to {MAX_PAGE}, not {limit}")
    if cursor is not None and _CURSOR.fullmatch(cursor) is None:
        raise ValueError("cursor is not one that this API gave out")
    found = sa.select(attempts.c.request_id).distinct().where(*_period(since_ns, until_ns))
    for column, value in ((attempts.c.model, model), (attempts.c.key, key), (attempts.c.state, state)):
        if value is not None:
            found = found.where(column == value)
    if cursor is not None:
        found = found.where(attempts.c.request_id < cursor)
    ids = connection.scalars(found.order_by(attempts.c.request_id.desc()).limit(limit + 1)).all()
    shown = ids[:limit]
    return Page(_load(connection, shown), shown[-1] if len(ids) > limit else None)


def request(connection: sa.Connection, request_id: str) -> Request | None:
    """One request with its attempts; None where there is none of that id."""
    return next(iter(_load(connection, [request_id])), None)


def _load(connection: sa.Connection, ids: Sequence[str]) -> list[Request]:
    rows = connection.execute(
        sa.select(attempts)
        .where(attempts.c.request_id.in_(ids))
        .order_by(attempts.c.request_id.desc(), attempts.c.attempt)
    ).mappings()
    held: dict[str, list[Attempt]] = {}
    for row in rows:
        held.setdefault(row["request_id"], []).append(attempt_of(row))
    return [Request(request_id, made) for request_id, made in held.items()]


def _period(since_ns: int | None, until_ns: int | None) -> list[sa.ColumnElement[bool]]:
    started = attempts.c.started_ns
    return [
        *([started >= since_ns] if since_ns is not None else []),
        *([started < until_ns] if until_ns is not None else []),
    ]


def _split_sum(name: str) -> list[sa.ColumnElement[Any]]:
    """A sum in two parts: in one it would overflow at 2⁶³, which is 9.22 million USD."""
    column = attempts.c[name]
    return [
        sa.func.sum(column // SPLIT).label(f"{name}_high"),
        sa.func.sum(column % SPLIT).label(f"{name}_low"),
    ]


_SUMMED = ("input_tokens", "output_tokens", "cost_pico_usd", "list_cost_pico_usd")
_SUMS: list[sa.ColumnElement[Any]] = [
    sa.func.count(attempts.c.request_id.distinct()).label("requests"),
    sa.func.count().label("attempts"),
    *(sa.func.count().filter(attempts.c.state == state).label(f"state_{state}") for state in STATES),
    *(part for name in _SUMMED for part in _split_sum(name)),
    sa.func.count().filter(attempts.c.cost_pico_usd.is_(None)).label("unknown_cost"),
    sa.func.count().filter(attempts.c.list_cost_pico_usd.is_(None)).label("unknown_list_cost"),
]


def _group(row: "sa.Row[Any]") -> Group:
    values = row._mapping  # noqa: SLF001 - SQLAlchemy's public way to a row's mapping
    sums: dict[str, int | None] = dict.fromkeys(_SUMMED)
    for name in _SUMMED:
        if values[f"{name}_high"] is not None:
            sums[name] = join_split_sum(int(values[f"{name}_high"]), int(values[f"{name}_low"]))
    return Group(
        name=row[0],
        requests=values["requests"],
        attempts=values["attempts"],
        states={state: values[f"state_{state}"] for state in STATES if values[f"state_{state}"]},
        unknown_cost=values["unknown_cost"],
        unknown_list_cost=values["unknown_list_cost"],
        **sums,
    )
