"""The reader's side: waiting, tearing, damage, orphans, and when a file may go."""

import fcntl
import os
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.ledger.framing import FILE_HEADER, frame
from engine.ledger.ingest import drain_once
from engine.ledger.reader import QUARANTINE, read_segment, segments
from engine.ledger.record import decode, encode
from engine.ledger.segment import SUFFIX, Segment
from engine.ledger.spool import MIN_SEGMENT_BYTES, Spool

SIZE = MIN_SEGMENT_BYTES


@pytest.fixture
def directory(tmp_path):
    path = tmp_path / "spool"
    path.mkdir()
    return path


@pytest.fixture
def segment(directory):
    """A segment whose owner lives."""
    segment = Segment.create(directory / f"w0-1{SUFFIX}", SIZE, durable=False)
    yield segment
    segment.close()


@pytest.fixture
def three(attempts):
    return [attempts.open(), attempts.settled(), attempts.settled()]


def overwrite(path, offset, data):
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def append_all(segment, written):
    """Where each record begins, and where the last one ends."""
    places = [segment.tail]
    for attempt in written:
        segment.append(frame(encode(attempt)))
        places.append(segment.tail)
    return places


def test_a_live_file_is_read_to_where_its_owner_is(segment, three):
    places = append_all(segment, three)
    assert read_segment(segment.path, 0) == (three, places[-1], False, False, [])
    assert read_segment(segment.path, places[1]) == (three[1:], places[-1], False, False, [])
    assert read_segment(segment.path, places[-1]) == ([], places[-1], False, False, [])


def test_a_file_is_finished_once_its_owner_is_gone(segment, three):
    places = append_all(segment, three)
    segment.close()
    assert read_segment(segment.path, 0) == (three, places[-1], False, True, [])


def test_a_long_file_is_read_in_steps(directory, attempts):
    segment = Segment.create(directory / f"w0-1{SUFFIX}", 1 << 20, durable=False)
    written = [attempts.settled() for _ in range(1000)]
    end = append_all(segment, written)[-1]
    segment.close()
    read, offset, steps, more = [], 0, 0, True
    while more:
        part, offset, more, finished, alarms = read_segment(segment.path, offset, limit=20_000)
        assert not alarms
        assert finished is not more
        assert len(part) < 100
        read += part
        steps += 1
    assert (read, offset) == (written, end)
    assert steps > 10


@pytest.mark.parametrize("keep", [1, 4, 11, 12, 100])
def test_a_torn_end_is_waited_for_under_a_held_lock_and_the_end_under_a_free_one(segment, three, keep):
    places = append_all(segment, three)
    overwrite(segment.path, places[2] + keep, bytes(places[3] - places[2] - keep))
    assert read_segment(segment.path, 0) == (three[:2], places[2], False, False, [])
    segment.close()
    assert read_segment(segment.path, 0) == (three[:2], places[2], False, True, [])


def test_a_record_that_is_completed_while_it_is_waited_for_is_read(segment, three):
    places = append_all(segment, three)
    data = segment.path.read_bytes()[places[2] : places[3]]
    overwrite(segment.path, places[2] + 20, bytes(len(data) - 20))
    offset = read_segment(segment.path, 0).offset
    overwrite(segment.path, places[2], data)
    assert read_segment(segment.path, offset).attempts == three[2:]


@pytest.mark.parametrize("owner_lives", [True, False])
@pytest.mark.parametrize("damage", [b"\x7f", b"\xffcat\xff\xff\xff\xff", b"noise" * 50])
@pytest.mark.parametrize("where", [0, 2, 5, 9, 40])
def test_a_bad_middle_is_put_aside_and_passed_over(segment, three, owner_lives, damage, where):
    places = append_all(segment, three)
    overwrite(segment.path, places[1] + where, damage)
    damaged = segment.path.read_bytes()[places[1] : places[2]]
    if not owner_lives:
        segment.close()
    reading = read_segment(segment.path, 0)
    assert reading.attempts == [three[0], three[2]]
    assert (reading.offset, reading.finished) == (places[3], not owner_lives)
    (alarm,) = reading.alarms
    assert alarm.code == "spool_damaged"
    (copy,) = (segment.path.parent / QUARANTINE).iterdir()
    assert copy.name in alarm.message
    assert copy.read_bytes() == damaged
    assert copy.stat().st_mode & 0o777 == 0o600


def test_a_hole_of_zeros_is_the_end_until_the_owner_is_gone(segment, three):
    places = append_all(segment, three)
    overwrite(segment.path, places[1], bytes(places[2] - places[1]))
    assert read_segment(segment.path, 0) == (three[:1], places[1], False, False, [])
    segment.close()
    reading = read_segment(segment.path, places[1])
    assert (reading.attempts, reading.finished, len(reading.alarms)) == (three[2:], True, 1)


def test_a_bad_beginning_loses_nothing_behind_it(segment, three):
    append_all(segment, three)
    segment.close()
    overwrite(segment.path, 0, bytes(len(FILE_HEADER)))
    assert read_segment(segment.path, 0).attempts == three


def test_a_sound_frame_without_a_record_is_put_aside_also_at_the_end(segment, three):
    append_all(segment, three[:1])
    segment.append(frame(b'["of another program"]'))
    segment.close()
    reading = read_segment(segment.path, 0)
    assert (reading.attempts, reading.finished, len(reading.alarms)) == (three[:1], True, 1)
    assert len(list((segment.path.parent / QUARANTINE).iterdir())) == 1


def test_damage_that_cannot_be_put_aside_is_not_passed_over(segment, three, store, directory):
    places = append_all(segment, three)
    overwrite(segment.path, places[1] + 20, b"\xff")
    (directory / QUARANTINE).write_text("in the way")
    done = drain_once(directory, store)
    assert [alarm.code for alarm in done.alarms] == ["spool_unreadable"]
    assert done.attempts == []
    (directory / QUARANTINE).unlink()
    done = drain_once(directory, store)
    assert done.attempts == [three[0], three[2]]


@pytest.mark.parametrize("content", [b"", FILE_HEADER, FILE_HEADER + bytes(5000), bytes(5000)])
def test_a_file_without_records_is_finished(directory, content):
    path = directory / f"w0-1{SUFFIX}"
    path.write_bytes(content)
    reading = read_segment(path, 0)
    assert (reading.attempts, reading.finished, reading.alarms) == ([], True, [])


def test_a_file_that_was_cut_below_the_committed_offset_is_finished(directory):
    path = directory / f"w0-1{SUFFIX}"
    path.write_bytes(FILE_HEADER)
    assert read_segment(path, 9000).finished


def test_what_dead_workers_left_half_made_is_removed(directory):
    old, young, held = (directory / f".{name}{SUFFIX}" for name in ("old", "young", "held"))
    for path in (old, young, held):
        path.touch()
    os.utime(old, (0, 0))
    os.utime(held, (0, 0))
    with held.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert segments(directory) == []
    assert sorted(directory.iterdir()) == [held, young]
    assert time.time() - young.stat().st_mtime < 60


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_flipped_bits_invent_a_record(tmp_path_factory, attempts, data):
    directory = tmp_path_factory.mktemp("noise")
    segment = Segment.create(directory / f"w0-1{SUFFIX}", SIZE, durable=False)
    written = [attempts.settled() for _ in range(5)]
    end = append_all(segment, written)[-1]
    for _ in range(data.draw(st.integers(1, 5))):
        overwrite(segment.path, data.draw(st.integers(0, end - 1)), bytes([data.draw(st.integers(0, 255))]))
    live = read_segment(segment.path, 0)
    segment.close()
    read = read_segment(segment.path, 0)
    assert all(attempt in written for attempt in read.attempts)
    assert live.attempts == read.attempts[: len(live.attempts)]
    assert read.finished


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 3000))
def test_a_file_cut_at_any_byte_loses_only_what_was_cut(tmp_path_factory, attempts, cut):
    directory = tmp_path_factory.mktemp("cut")
    segment = Segment.create(directory / f"w0-1{SUFFIX}", SIZE, durable=False)
    written = [attempts.settled() for _ in range(4)]
    places = append_all(segment, written)
    segment.close()
    os.truncate(segment.path, cut)
    read = read_segment(segment.path, 0)
    assert read.attempts == written[: sum(end <= cut for end in places[1:])]
    assert read.finished


def test_an_orphan_is_one_only_when_its_owner_is_gone_and_a_late_settle_supersedes_it(directory, store, rows, attempts):
    spool = Spool(directory, worker_name="w0", segment_bytes=SIZE)
    attempt = attempts.open()
    ticket = spool.open(attempt)
    assert drain_once(directory, store).orphaned == 0
    assert rows(store.path)[attempt.request_id, 1].state == "open"
    ticket.segment.close()  # as when the process dies
    assert drain_once(directory, store).orphaned == 1
    assert not ticket.segment.path.exists()
    orphan = rows(store.path)[attempt.request_id, 1]
    assert (orphan.state, orphan.cost_pico_usd, orphan.cost_source) == ("orphaned", None, "none")

    end = attempts.settled(attempt)
    late = Segment.create(directory / f"w0-2{SUFFIX}", SIZE, durable=False)
    late.append(frame(encode(end)))
    drain_once(directory, store)
    assert rows(store.path)[attempt.request_id, 1] == end

    late.append(frame(encode(attempt)))
    late.close()
    assert drain_once(directory, store).orphaned == 0
    assert rows(store.path)[attempt.request_id, 1] == end
    spool.close()


def test_a_file_goes_only_when_its_owner_is_done_with_it(directory, store, attempts, drain):
    spool = Spool(directory, worker_name="w0", segment_bytes=SIZE)
    first = attempts.open()
    ticket = spool.open(first)
    oldest = ticket.segment.path
    for _ in range(100):
        attempt = attempts.open()
        spool.settle(spool.open(attempt), attempts.settled(attempt))
    drain(directory, store)
    assert oldest in segments(directory)
    spool.settle(ticket, attempts.settled(first))
    spool.close()
    assert drain(directory, store).orphaned == 0
    assert segments(directory) == []
    assert store.offsets() == {}


def test_open_and_settle_of_one_step_become_one_row(directory, store, rows, attempts):
    spool = Spool(directory, worker_name="w0", segment_bytes=SIZE)
    attempt = attempts.open()
    spool.settle(spool.open(attempt), attempts.settled(attempt))
    done = drain_once(directory, store)
    assert [held.state for held in done.attempts] == ["open", "settled"]
    assert [held.state for held in rows(store.path).values()] == ["settled"]
    assert drain_once(directory, store) == ([], 0, False, [])
    spool.close()


def test_bytes_on_disk_are_the_record(segment, attempts):
    attempt = attempts.settled()
    append_all(segment, [attempt])
    data = segment.path.read_bytes()
    assert data.startswith(FILE_HEADER)
    assert decode(data[len(FILE_HEADER) + 12 : segment.tail]) == attempt
    assert not data[segment.tail :].strip(b"\x00")


def test_what_is_written_while_it_is_read_does_not_pass_for_damage(segment, three, monkeypatch):
    """A read(2) beside a write(2) may see a later page of the file and not yet an earlier one."""
    places = append_all(segment, three)
    torn = bytearray(segment.path.read_bytes())
    torn[places[1] + 50 : places[2]] = bytes(places[2] - places[1] - 50)
    pread = os.pread
    long_reads = []

    def racing(fd, length, offset):
        if length > 1000:
            long_reads.append(offset)
        return bytes(torn)[offset : offset + length] if len(long_reads) <= 2 else pread(fd, length, offset)

    monkeypatch.setattr(os, "pread", racing)
    assert read_segment(segment.path, 0) == (three, places[-1], False, False, [])
    assert not (segment.path.parent / QUARANTINE).exists()
