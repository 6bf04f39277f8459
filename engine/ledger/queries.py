"""Every question that is asked of the ledger, once for all databases.

Values are Python's: money in pico-USD as int, None where it is unknown. `engine.ledger.views` makes JSON of them.
"""

import contextlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from engine.errors import UserError
from engine.ledger.database import reader_engine, reason
from engine.ledger.record import STATES, Attempt, State
from engine.ledger.rows import attempt_of
from engine.ledger.schema import NEWER_SCHEMA_HINT, newer_schema, revision_of
from engine.ledger.tables import SCHEMA_REVISION, attempts
from engine.money import SPLIT, join_split_sum

BY = ("model", "key", "owner", "revision")

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

    by: str
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


class QueryError(UserError):
    """The ledger cannot be read: there is none yet, a newer engine wrote it, or the database fails."""


class Ledger:
    """The ledger as it stood at one moment: `with Ledger.open(path) as ledger`, short, and not in an event loop."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    @classmethod
    @contextlib.contextmanager
    def open(cls, path: Path) -> "Iterator[Ledger]":
        """Read the SQLite database at `path`, whether or not somebody writes it.

        Raises:
            QueryError: it cannot be read.
        """
        if not path.is_file():
            raise _no_ledger(path)
        engine = reader_engine(path)
        try:
            with engine.begin() as connection:
                current = revision_of(connection)
                if current is None:
                    raise _no_ledger(path)
                if current != SCHEMA_REVISION:
                    raise QueryError(newer_schema(current), hint=NEWER_SCHEMA_HINT)
                yield cls(connection)
        except SQLAlchemyError as error:
            raise QueryError(f"The ledger {path} cannot be read: {reason(error)}.") from None
        finally:
            engine.dispose()

    def usage(self, by: str, *, since_ns: int | None = None, until_ns: int | None = None) -> Usage:
        """What the attempts that started from `since_ns` on and before `until_ns` used and cost.

        Raises:
            ValueError: `by` is not one of `BY`.
        """
        if by not in BY:
            raise ValueError(f"by must be one of {', '.join(BY)}, not {by!r}")
        period = _period(since_ns, until_ns)
        column = attempts.c[by]
        grouped = self._connection.execute(sa.select(column, *_SUMS).where(*period).group_by(column)).all()
        total = self._connection.execute(sa.select(sa.literal(""), *_SUMS).where(*period)).one()
        groups = sorted((_group(row) for row in grouped), key=lambda group: (-(group.cost_pico_usd or 0), group.name))
        return Usage(by, groups, _group(total))

    def requests(
        self,
        *,
        limit: int = 50,
        cursor: str | None = None,
        model: str | None = None,
        key: str | None = None,
        state: str | None = None,
    ) -> Page:
        """Requests of which an attempt is as asked for, newest first, and all attempts of each.

        A page stays where it is while newer requests arrive: a cursor is the id of the last request that was seen.

        Raises:
            ValueError: `cursor` is none of ours, `limit` is not 1 to `MAX_PAGE`, or there is no such `state`.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise ValueError(f"limit must be 1 to {MAX_PAGE}, not {limit}")
        if cursor is not None and _CURSOR.fullmatch(cursor) is None:
            raise ValueError("cursor is not one that this API gave out")
        if state is not None and state not in STATES:
            raise ValueError(f"state must be one of {', '.join(STATES)}, not {state!r}")
        found = sa.select(attempts.c.request_id).distinct()
        for column, value in ((attempts.c.model, model), (attempts.c.key, key), (attempts.c.state, state)):
            if value is not None:
                found = found.where(column == value)
        if cursor is not None:
            found = found.where(attempts.c.request_id < cursor)
        ids = self._connection.scalars(found.order_by(attempts.c.request_id.desc()).limit(limit + 1)).all()
        shown = ids[:limit]
        return Page(self._load(shown), shown[-1] if len(ids) > limit else None)

    def request(self, request_id: str) -> Request | None:
        """One request with its attempts; None where there is none of that id."""
        return next(iter(self._load([request_id])), None)

    def _load(self, ids: Sequence[str]) -> list[Request]:
        rows = self._connection.execute(
            sa.select(attempts)
            .where(attempts.c.request_id.in_(ids))
            .order_by(attempts.c.request_id.desc(), attempts.c.attempt)
        ).mappings()
        held: dict[str, list[Attempt]] = {}
        for row in rows:
            held.setdefault(row["request_id"], []).append(attempt_of(row))
        return [Request(request_id, made) for request_id, made in held.items()]


def _no_ledger(path: Path) -> QueryError:
    return QueryError(
        f"There is no ledger in {path.parent} yet.", hint="It begins with the first `catalog serve` there."
    )


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
