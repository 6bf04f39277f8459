"""`catalog usage`, as a user runs it."""

import contextlib
import csv
import io
import json

import pytest
from click.testing import CliRunner

from engine.cli.usage import usage
from engine.errors import UserError
from engine.ledger.store import SegmentBatch, Store


@pytest.fixture
def run(tmp_path):
    def run(*arguments, state=tmp_path):
        result = CliRunner().invoke(usage, ["--state", str(state), *arguments])
        if isinstance(result.exception, UserError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    return run


@pytest.fixture
def filled(database, attempts):
    store = Store(database)
    made = [
        attempts.settled(model="@openai/support", cost_pico_usd=1_500_000_000_000),
        attempts.settled(model="@openai/support", cost_pico_usd=1),
        attempts.settled(model="@local/x", cost_pico_usd=None, list_cost_pico_usd=None, state="partial", meters={}),
        attempts.settled(model="@local/x", cost_pico_usd=0, started_ns=1, key="=HYPERLINK(1)"),
    ]
    store.commit([SegmentBatch("a.spool", made, 1, False)])
    with contextlib.closing(store):
        yield database


def test_text_is_aligned_exact_and_says_what_is_unknown(filled, run):
    assert run() == (
        "MODEL            REQUESTS  INPUT TOKENS  OUTPUT TOKENS        COST USD  UNKNOWN COST  LIST USD\n"
        "@openai/support         2          2400            600  1.500000000001             0    0.0010\n"
        "@local/x                2          1200            300  0.000000000000             1    0.0005  1 partial\n"
        "TOTAL                   4          3600            900  1.500000000001             1    0.0015  1 partial\n"
    )


def test_json_is_what_the_api_says(filled, run):
    shown = json.loads(run("--format", "json", "--by", "model"))
    assert shown["by"] == "model"
    assert shown["data"][0]["model"] == "@openai/support"
    assert shown["data"][0]["cost_usd"] == "1.500000000001"
    assert (shown["total"]["unknown_cost"], shown["total"]["requests"]) == (1, 4)


def test_csv_runs_no_formula(filled, run):
    def read(by):
        return list(csv.DictReader(io.StringIO(run("--format", "csv", "--by", by))))

    assert [row["key"] for row in read("key")] == ["app-support", "'=HYPERLINK(1)"]
    first, second = read("model")
    assert (first["model"], first["cost_usd"], first["settled"]) == ("'@openai/support", "1.500000000001", "2")
    assert (second["unknown_cost"], second["partial"], second["orphaned"]) == ("1", "1", "0")


def test_unknown_is_empty_in_csv_and_a_dash_in_text(database, run, attempts):
    with contextlib.closing(Store(database)) as store:
        store.commit([SegmentBatch("a.spool", [attempts.open()], 1, False)])
    (row,) = csv.DictReader(io.StringIO(run("--format", "csv")))
    assert (row["cost_usd"], row["input_tokens"], row["unknown_cost"]) == ("", "", "1")
    cells = run().splitlines()[1].split()
    assert cells == ["@openai/support-bot", "1", "-", "-", "-", "1", "-", "1", "open"]


def test_a_period(filled, run):
    assert json.loads(run("--since", "1h", "--format", "json"))["total"]["requests"] == 3
    assert json.loads(run("--until", "2000-01-01", "--format", "json"))["total"]["requests"] == 1
    assert run("--since", "2999-01-01") == "No calls on record in this period.\n"


def test_control_characters_do_not_reach_the_terminal(database, run, attempts):
    with contextlib.closing(Store(database)) as store:
        store.commit([SegmentBatch("a.spool", [attempts.settled(owner="a\x1b[31m\nb")], 1, False)])
    assert "\x1b" not in run("--by", "owner")
    assert len(run("--by", "owner").splitlines()) == 3


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_moment_that_is_none_is_a_users_error(filled, run, option):
    with pytest.raises(UserError, match=rf"^{option}: not a moment: 'yesterday'; write 90m, 24h"):
        run(option, "yesterday")


def test_no_state_directory_and_no_ledger_are_said_clearly(tmp_path, run):
    with pytest.raises(UserError, match=r"There is no state directory .*/nowhere\."):
        run(state=tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"There is no ledger in .* yet"):
        run()
