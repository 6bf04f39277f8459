"""Questions: exact sums, unknown that stays unknown, pages that stay where they are."""

import contextlib
import random
import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger import views
from engine.ledger.period import parse_moment
from engine.ledger.queries import Ledger, QueryError
from engine.ledger.record import MAX_INTEGER
from engine.ledger.store import SegmentBatch, Store

HOUR_NS = 3600 * 10**9


def put(path, made):
    with contextlib.closing(Store(path)) as store:
        store.commit([SegmentBatch("a.spool", made, 1, False)])


def ask(path, name, *args, **options):
    with Ledger.open(path) as ledger:
        return getattr(ledger, name)(*args, **options)


@pytest.mark.parametrize("by", ["model", "key", "owner", "revision"])
def test_usage_is_grouped_and_exact(database, attempts, by):
    dice = random.Random(7)
    made = [
        attempts.settled(
            **{by: f"@p/{dice.randrange(4)}"},
            state=dice.choice(["settled", "partial", "failed"]),
            cost_pico_usd=dice.choice([None, dice.randrange(10**18)]),
            meters=dice.choice([{}, {"input_tokens": dice.randrange(10**9), "output_tokens": 3}]),
        )
        for _ in range(300)
    ]
    put(database, made)
    usage = ask(database, "usage", by)
    assert usage.by == by
    assert [group.name for group in usage.groups] == sorted(
        {f"@p/{n}" for n in range(4)}, key=lambda name: -next(g.cost_pico_usd for g in usage.groups if g.name == name)
    )
    for group in [*usage.groups, usage.total]:
        mine = [attempt for attempt in made if getattr(attempt, by) == group.name or group is usage.total]
        assert group.requests == group.attempts == len(mine)
        assert group.cost_pico_usd == sum(attempt.cost_pico_usd or 0 for attempt in mine)
        assert group.unknown_cost == sum(attempt.cost_pico_usd is None for attempt in mine)
        assert group.list_cost_pico_usd == 500_000_000 * len(mine)
        assert group.unknown_list_cost == 0
        assert group.input_tokens == sum(attempt.meters.get("input_tokens", 0) for attempt in mine)
        assert sum(group.states.values()) == len(mine)
        assert group.states["failed"] == sum(attempt.state == "failed" for attempt in mine)


def test_sums_beyond_what_the_database_can_add_are_exact(database, attempts):
    """9.22 million USD is 2**63 pico-USD; SQLite's own SUM fails there."""
    made = [
        attempts.settled(cost_pico_usd=MAX_INTEGER - number, meters={"input_tokens": MAX_INTEGER})
        for number in range(50)
    ]
    put(database, made)
    with sqlite3.connect(database) as other, pytest.raises(sqlite3.OperationalError, match="overflow"):
        other.execute("SELECT SUM(cost_pico_usd) FROM attempts").fetchone()
    other.close()
    total = ask(database, "usage", "model").total
    assert total.cost_pico_usd == sum(attempt.cost_pico_usd for attempt in made)
    assert total.input_tokens == 50 * MAX_INTEGER
    assert views.usage_json(ask(database, "usage", "model"))["total"]["cost_usd"] == "461168601.842738789125"


def test_what_is_unknown_is_null_and_counted_never_zero(database, attempts):
    put(database, [attempts.open(), attempts.settled(cost_pico_usd=None, list_cost_pico_usd=None, meters={})])
    total = views.usage_json(ask(database, "usage", "model"))["total"]
    assert total == {
        "requests": 2,
        "attempts": 2,
        "states": {"open": 1, "settled": 1},
        "input_tokens": None,
        "output_tokens": None,
        "cost_usd": None,
        "unknown_cost": 2,
        "list_cost_usd": None,
        "unknown_list_cost": 2,
    }


def test_a_call_that_was_free_costs_zero(database, attempts):
    put(database, [attempts.settled(cost_pico_usd=0), attempts.settled(cost_pico_usd=None)])
    total = views.usage_json(ask(database, "usage", "model"))["total"]
    assert (total["cost_usd"], total["unknown_cost"]) == ("0", 1)


def test_a_request_that_was_tried_with_two_models_counts_once_in_the_total(database, attempts):
    first = attempts.settled(state="failed", model="@a/x", cost_pico_usd=0)
    second = attempts.settled(first, state="settled", model="@b/x", attempt=2, cost_pico_usd=5)
    put(database, [first, second])
    usage = ask(database, "usage", "model")
    assert [(group.name, group.requests) for group in usage.groups] == [("@b/x", 1), ("@a/x", 1)]
    assert (usage.total.requests, usage.total.attempts, usage.total.cost_pico_usd) == (1, 2, 5)
    request = ask(database, "request", first.request_id)
    assert request.attempts == [first, second]
    shown = views.request_json(request)
    assert (shown["model"], shown["state"], shown["cost_usd"], shown["unknown_cost"]) == (
        "@b/x",
        "settled",
        "0.000000000005",
        0,
    )


def test_a_period_has_its_beginning_and_not_its_end(database, attempts):
    put(database, [attempts.settled(started_ns=hour * HOUR_NS) for hour in range(10)])

    def count(**period):
        return ask(database, "usage", "key", **period).total.attempts

    assert count() == 10
    assert count(since_ns=4 * HOUR_NS) == 6
    assert count(until_ns=4 * HOUR_NS) == 4
    assert count(since_ns=4 * HOUR_NS, until_ns=4 * HOUR_NS + 1) == 1
    assert ask(database, "usage", "key", since_ns=99 * HOUR_NS).groups == []


def test_pages_stay_where_they_are_while_requests_arrive(database, attempts):
    made = [attempts.settled() for _ in range(10)]
    put(database, made)
    seen, cursor = [], None
    while True:
        page = ask(database, "requests", limit=3, cursor=cursor)
        seen += [request.request_id for request in page.data]
        put(database, [attempts.settled()])
        cursor = page.next
        if cursor is None:
            break
    assert seen == [attempt.request_id for attempt in reversed(made)]


def test_requests_are_filtered(database, attempts):
    wanted = attempts.settled(model="@a/x", key="k", state="failed")
    put(database, [wanted, attempts.settled(model="@a/x"), attempts.settled(key="k"), attempts.open()])
    for filters in ({"model": "@a/x", "key": "k"}, {"state": "failed"}, {"state": "failed", "model": "@a/x"}):
        page = ask(database, "requests", **filters)
        assert [request.attempts for request in page.data] == [[wanted]]
        assert page.next is None
    assert ask(database, "requests", model="' OR 1=1 --").data == []
    assert len(ask(database, "requests", state="open").data) == 1
    assert ask(database, "request", "req_" + "0" * 32) is None


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("requests", {"limit": 0}),
        ("requests", {"limit": 1001}),
        ("requests", {"cursor": "1"}),
        ("requests", {"cursor": "req_" + "0" * 32 + "\n"}),
        ("requests", {"state": "paid"}),
        ("usage", {"by": "metadata"}),
    ],
)
def test_a_question_that_cannot_be_meant_is_refused(database, name, options):
    with pytest.raises(ValueError, match=r"must be|cursor is not"):
        ask(database, name, **options)


def test_json_has_decimals_and_times_and_the_raw_usage_as_it_is(attempts):
    attempt = attempts.settled(started_ns=1_793_534_400_000_001_999, cost_pico_usd=480_000_001)
    shown = views.attempt_json(attempt)
    assert (shown["started_at"], shown["cost_usd"]) == ("2026-11-01T12:00:00.000001Z", "0.000480000001")
    assert shown["raw_usage"] == {"prompt_tokens": 1200}
    assert "cost_pico_usd" not in shown
    assert views.attempt_json(attempts.settled(raw_usage='{"cut'))["raw_usage"] == '{"cut'
    assert views.attempt_json(attempts.open())["cost_usd"] is None


def test_no_ledger_yet_is_said_clearly(tmp_path):
    with pytest.raises(QueryError, match="There is no ledger in"), Ledger.open(tmp_path / "ledger.db"):
        pytest.fail("opened")
    (tmp_path / "ledger.db").touch()
    with pytest.raises(QueryError, match="There is no ledger in"), Ledger.open(tmp_path / "ledger.db"):
        pytest.fail("opened")


def test_a_damaged_ledger_is_said_clearly(tmp_path):
    (tmp_path / "ledger.db").write_bytes(b"no database" * 1000)
    with pytest.raises(QueryError, match="cannot be read: file is not a database"), Ledger.open(tmp_path / "ledger.db"):
        pytest.fail("opened")


NOW = 1_793_534_400 * 10**9  # 2026-11-01T12:00:00Z


@pytest.mark.parametrize(
    ("text", "seconds_before"),
    [
        ("90m", 5400),
        ("24h", 86_400),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("2026-11-01", 43_200),
        ("2026-11-01T12:00:00Z", 0),
        ("2026-11-01T13:00:00+02:00", 3600),
        ("2026-11-01T11:59:59.5Z", 0.5),
    ],
)
def test_moments_are_read(text, seconds_before):
    assert parse_moment(text, NOW) == NOW - int(seconds_before * 10**9)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-11-01T12:00:00", "20261101", "0h", "1y", "2026-13-01", "-1h", "24h ", "٣h"]
)
def test_what_is_no_moment_is_refused_with_what_would_be(text):
    with pytest.raises(ValueError, match="write 90m, 24h"):
        parse_moment(text, NOW)


@given(st.text(max_size=12) | st.datetimes().map(str) | st.from_regex(r"[1-9][0-9]{0,6}[mhdw]"))
def test_any_other_text_is_a_moment_that_the_database_can_compare_or_refused(text):
    try:
        moment = parse_moment(text, NOW)
    except ValueError:
        return
    assert abs(moment) <= MAX_INTEGER
