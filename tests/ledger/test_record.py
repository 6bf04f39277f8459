"""A record: what goes in comes out, whatever a client sends it stays small, and ids are ours and rise."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger.framing import MARK
from engine.ledger.record import MAX_INTEGER, MAX_RECORD_BYTES, Attempt, RequestIds, cut_integers, decode, encode

any_text = st.text(st.characters(exclude_categories=[]), max_size=60)
texts = st.text(max_size=60)
SPECIAL = {"version", "state", "cost_source", "cut", "request_id"}
TEXT_FIELDS = [
    field.name for field in msgspec.structs.fields(Attempt) if field.type is str and field.name not in SPECIAL
]


@st.composite
def attempt_values(draw, text=texts):
    return Attempt(
        request_id=RequestIds().next(),
        attempt=draw(st.integers(1, 9)),
        state=draw(st.sampled_from(["open", "settled", "partial", "failed", "cancelled"])),
        started_ns=draw(st.integers(0, 2**62)),
        **{name: draw(text) for name in draw(st.sets(st.sampled_from(TEXT_FIELDS)))},
        labels=draw(st.dictionaries(text, text, max_size=3)),
        metadata=draw(st.dictionaries(text, text, max_size=3)),
        meters=draw(st.dictionaries(text, st.integers(0, 2**70), max_size=3)),
        raw_usage=draw(st.none() | text),
        cost_pico_usd=draw(st.none() | st.integers(0, 2**70)),
        stream=draw(st.booleans()),
        duration_us=draw(st.none() | st.integers(0, 2**40)),
    )


@given(attempt_values())
def test_what_goes_in_comes_out(attempt):
    assert decode(encode(attempt)) == attempt


@given(attempt_values(any_text))
def test_no_text_makes_a_record_unwritable_or_holds_the_frame_mark(attempt):
    data = encode(attempt)
    assert MARK[:1] not in data
    assert decode(data).request_id == attempt.request_id


@pytest.mark.parametrize("letter", ["x", "\x00", "ü", "\U0001f600", "\ud800", '"'])
@pytest.mark.parametrize("length", [5_000, 300_000])
def test_whatever_is_too_long_is_cut_and_named(attempts, letter, length):
    long = letter * length
    huge = attempts.settled(
        **dict.fromkeys(TEXT_FIELDS, long),
        raw_usage=long,
        labels={f"{i}{letter}": long for i in range(20)},
        metadata={f"{i}{letter}": long for i in range(20)},
        rates={f"{i}{letter}": long for i in range(20)},
        meters={f"{i}{letter * 50}": i for i in range(length // 50)},
    )
    data = encode(huge)
    held = decode(data)
    assert len(data) <= MAX_RECORD_BYTES
    assert {*TEXT_FIELDS, "raw_usage", "labels", "metadata", "rates", "meters"} == set(held.cut)
    assert (held.request_id, held.attempt, held.state) == (huge.request_id, huge.attempt, "settled")
    assert held.cost_pico_usd == huge.cost_pico_usd


def test_the_bulky_fields_are_cut_first(attempts):
    held = decode(encode(attempts.settled(raw_usage="u" * 20_000, metadata={"a": "b", "c": "d" * 20_000})))
    assert set(held.cut) == {"raw_usage", "metadata"}
    assert held.raw_usage == "u" * 4096
    assert held.metadata == {"a": "b"}
    assert held.meters == {"input_tokens": 1200, "output_tokens": 300}
    assert held.rates


def test_counts_that_no_store_holds_are_unknown(attempts):
    held = cut_integers(
        attempts.settled(meters={"input_tokens": 2**63, "output_tokens": MAX_INTEGER}, cost_pico_usd=2**63)
    )
    assert held.meters == {"output_tokens": MAX_INTEGER}
    assert held.cost_pico_usd is None
    assert set(held.cut) == {"meters", "cost_pico_usd"}
    assert cut_integers(held) == held


def test_an_integer_of_thousands_of_digits_is_cut(attempts):
    held = decode(encode(attempts.settled(meters={"input_tokens": 10**5000, "output_tokens": 1})))
    assert held.meters == {"output_tokens": 1}
    assert held.cut == ("meters",)


def test_records_of_other_versions_are_read(attempts):
    attempt = attempts.settled()
    fields = json.loads(encode(attempt))
    newer = json.dumps([2, *fields[1:], {"a field": "of the future"}]).encode()
    assert decode(newer) == msgspec.structs.replace(attempt, version=2)
    assert decode(json.dumps(fields[:5]).encode()).model == ""


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"{}",
        b"[]",
        b"[1]",
        b"[" * 100_000,
        b'[1,"r",1,"paid",1]',
        b'[1,"r",1,"open",9223372036854775808]',
        b"\xff",
    ],
)
def test_what_is_no_record_is_refused(data):
    with pytest.raises(ValueError, match="not a ledger record"):
        decode(data)


def test_ids_are_uuids_of_version_7_that_rise_when_the_clock_is_set_back():
    times = iter([5_000_000_000, 5_000_000_000, 1_000, 4_000_000_000, 6_000_000_000])
    ids = RequestIds(lambda: next(times))
    made = [ids.next() for _ in range(5)]
    assert made == sorted(set(made))
    for name in made:
        assert len(name) == 36
        assert name.startswith("req_")
        assert name[16] == "7"
        assert name[20] in "89ab"
    assert int(made[0][4:16], 16) == 5_000
    assert int(made[-1][4:16], 16) == 6_000


def test_ids_of_a_million_calls_in_one_instant_still_rise():
    ids = RequestIds(lambda: 1_000_000_000)
    made = [ids.next() for _ in range(20_000)]
    assert made == sorted(set(made))
