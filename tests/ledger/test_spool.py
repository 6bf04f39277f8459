"""The writer's side of the spool: what it promises holds when the disk is full, short of room or failing."""

import asyncio
import fcntl
import os
import stat
import subprocess
import sys
import textwrap
import time

import pytest

from engine.errors import LedgerUnwritable
from engine.ledger.framing import FILE_HEADER
from engine.ledger.reader import read_segment, segments
from engine.ledger.record import MAX_FRAME_BYTES
from engine.ledger.spool import MIN_SEGMENT_BYTES, Spool


@pytest.fixture
def spool(tmp_path):
    spool = Spool(tmp_path / "spool", worker_name="w0", segment_bytes=MIN_SEGMENT_BYTES)
    yield spool
    spool.close()


def read_all(directory):
    return [attempt for path in segments(directory) for attempt in read_segment(path, 0).attempts]


def is_locked(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(fd)


def wait_until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_an_open_stands_in_the_file_when_it_returns(spool, tmp_path, attempts):
    attempt = attempts.open()
    ticket = spool.open(attempt)
    assert read_all(tmp_path / "spool") == [attempt]
    end = attempts.settled(attempt)
    spool.settle(ticket, end)
    assert read_all(tmp_path / "spool") == [attempt, end]


def test_files_are_private_preallocated_and_locked_for_as_long_as_they_may_be_written(spool, tmp_path, attempts):
    ticket = spool.open(attempts.open())
    for path in segments(tmp_path / "spool"):
        status = path.stat()
        assert stat.S_IMODE(status.st_mode) == 0o600
        assert status.st_size == MIN_SEGMENT_BYTES
        assert status.st_blocks * 512 >= MIN_SEGMENT_BYTES
        assert is_locked(path)
    assert stat.S_IMODE((tmp_path / "spool").stat().st_mode) == 0o700
    spool.close()
    wait_until(lambda: len(segments(tmp_path / "spool")) == 1)  # the one made ahead goes
    (path,) = segments(tmp_path / "spool")
    assert is_locked(path)
    spool.settle(ticket, attempts.settled())
    wait_until(lambda: not is_locked(path))


def test_two_incarnations_of_one_worker_never_share_a_file(spool, tmp_path, attempts):
    spool.open(attempts.open())
    again = Spool(tmp_path / "spool", worker_name="w0", segment_bytes=MIN_SEGMENT_BYTES)
    again.open(attempts.open())
    written = [path for path in segments(tmp_path / "spool") if read_segment(path, 0).attempts]
    assert len(written) == 2
    again.close()


def test_only_the_first_settle_counts(spool, tmp_path, attempts):
    attempt = attempts.open()
    ticket = spool.open(attempt)
    end = attempts.settled(attempt)
    spool.settle(ticket, end)
    spool.settle(ticket, attempts.settled(attempt, cost_pico_usd=0))
    assert read_all(tmp_path / "spool") == [attempt, end]


def test_every_open_keeps_room_for_the_longest_settle(spool, tmp_path, attempts):
    opened = [(attempt := attempts.open(), spool.open(attempt)) for _ in range(50)]
    assert spool.pending == 50
    for attempt, ticket in opened:
        spool.settle(ticket, attempts.settled(attempt, raw_usage="\x00" * MAX_FRAME_BYTES))
    assert spool.pending == 0
    assert [attempt.state for attempt in read_all(tmp_path / "spool")].count("settled") == 50
    for path in segments(tmp_path / "spool"):
        assert path.stat().st_size == MIN_SEGMENT_BYTES


def test_a_settle_stands_in_the_file_of_its_open(spool, tmp_path, attempts):
    first = attempts.open()
    ticket = spool.open(first)
    for _ in range(100):
        attempt = attempts.open()
        spool.settle(spool.open(attempt), attempts.settled(attempt))
    spool.settle(ticket, attempts.settled(first))
    oldest, *later = segments(tmp_path / "spool")
    assert later
    assert [
        attempt.state for attempt in read_segment(oldest, 0).attempts if attempt.request_id == first.request_id
    ] == [
        "open",
        "settled",
    ]
    wait_until(lambda: not is_locked(oldest))


def test_closing_leaves_no_empty_file(tmp_path):
    Spool(tmp_path / "spool", worker_name="w0").close()
    assert segments(tmp_path / "spool") == []


def test_a_closed_spool_takes_no_opens_but_the_settles_it_owes(tmp_path, attempts):
    spool = Spool(tmp_path / "spool", worker_name="w0", segment_bytes=MIN_SEGMENT_BYTES)
    attempt = attempts.open()
    ticket = spool.open(attempt)
    spool.close()
    with pytest.raises(LedgerUnwritable):
        spool.open(attempts.open())
    spool.settle(ticket, attempts.settled(attempt))
    assert [held.state for held in read_all(tmp_path / "spool")] == ["open", "settled"]
    spool.close()


@pytest.mark.parametrize("name", ["", "../w", "a/b", "a.b", "w" * 41, "w\n"])
def test_a_name_that_is_no_file_name_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="not a worker's name"):
        Spool(tmp_path, worker_name=name)


def test_a_segment_that_holds_no_record_is_refused(tmp_path):
    with pytest.raises(ValueError, match="a segment has at least"):
        Spool(tmp_path, worker_name="w0", segment_bytes=MAX_FRAME_BYTES)


def test_a_directory_that_cannot_be_made_refuses_opens_and_heals(tmp_path, attempts):
    (tmp_path / "spool").write_text("in the way")
    spool = Spool(tmp_path / "spool", worker_name="w0")
    with pytest.raises(LedgerUnwritable) as refusal:
        spool.open(attempts.open())
    assert str(tmp_path) not in refusal.value.message
    assert str(tmp_path) in spool.trouble
    (tmp_path / "spool").unlink()
    wait_until(lambda: opens(spool, attempts))
    assert spool.trouble == ""
    spool.close()


def opens(spool, attempts):
    attempt = attempts.open()
    try:
        spool.settle(spool.open(attempt), attempts.settled(attempt))
    except LedgerUnwritable:
        return False
    return True


def test_a_short_write_leaves_nothing_and_refuses_only_that_call(spool, tmp_path, attempts, file_size_limit):
    before = attempts.open()
    ticket = spool.open(before)
    segment = ticket.segment
    with file_size_limit(segment.tail + 100), pytest.raises(LedgerUnwritable):
        spool.open(attempts.open(model_asked="cut short"))
    assert segment.sealed
    assert segment.path.read_bytes()[segment.tail :].strip(b"\x00") == b""
    wait_until(lambda: opens(spool, attempts))
    spool.settle(ticket, attempts.settled(before))
    held = read_all(tmp_path / "spool")
    assert "cut short" not in {attempt.model_asked for attempt in held}
    assert [attempt.state for attempt in held if attempt.request_id == before.request_id] == ["open", "settled"]


def test_a_settle_that_its_own_file_does_not_take_waits_and_goes_into_another(
    spool, tmp_path, attempts, file_size_limit
):
    attempt = attempts.open()
    ticket = spool.open(attempt)
    with file_size_limit(len(FILE_HEADER)):
        spool.settle(ticket, attempts.settled(attempt))
        assert (spool.late, spool.lost, spool.pending) == (1, 0, 0)
        assert spool.trouble
    wait_until(lambda: opens(spool, attempts))
    assert spool.late == 0
    first, *later = [read_segment(path, 0).attempts for path in segments(tmp_path / "spool")]
    assert [held.state for held in first] == ["open"]
    assert [held.state for part in later for held in part if held.request_id == attempt.request_id] == ["settled"]


FULL_DISK = """
    import os, subprocess, sys, time
    from pathlib import Path
    from engine.errors import LedgerUnwritable
    from engine.ledger.record import Attempt, RequestIds
    from engine.ledger.reader import read_segment, segments
    from engine.ledger.spool import Spool

    directory = Path(sys.argv[1])
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", directory], check=True)
    ids = RequestIds()
    made = lambda state, request_id: Attempt(request_id=request_id, state=state, started_ns=1, model_asked="m" * 9000)
    spool = Spool(directory / "spool", worker_name="w0", segment_bytes=256 * 1024)
    in_flight = []
    refused = None
    (directory / "other").touch()
    for _ in range(200):
        name = ids.next()
        try:
            in_flight.append((name, spool.open(made("open", name))))
        except LedgerUnwritable:
            refused = spool.trouble
            break
        if len(in_flight) == 3:
            with (directory / "other").open("wb", buffering=0) as file:  # somebody else takes all that is left
                try:
                    while True:
                        file.write(bytes(4096))
                except OSError as error:
                    assert error.errno == 28, error
    assert refused and "No space left" in refused, refused
    assert len(in_flight) >= 3
    for name, ticket in in_flight:
        spool.settle(ticket, made("settled", name))
    assert (spool.late, spool.lost) == (0, 0)
    (directory / "other").unlink()
    time.sleep(0.3)
    healed = ids.next()
    spool.settle(spool.open(made("open", healed)), made("settled", healed))
    states = {}
    for path in segments(directory / "spool"):
        for attempt in read_segment(path, 0).attempts:
            states.setdefault(attempt.request_id, []).append(attempt.state)
    assert states == {name: ["open", "settled"] for name in [*[name for name, _ in in_flight], healed]}
    spool.close()
"""


def test_a_full_disk_refuses_calls_settles_those_in_flight_and_heals(tmp_path):
    """On a real file system of 1 MiB, full to the last block, in a mount namespace of its own."""
    namespace = ["unshare", "--mount", "--map-root-user"]
    probe = subprocess.run([*namespace, "mount", "-t", "tmpfs", "tmpfs", tmp_path], capture_output=True)
    if probe.returncode:
        pytest.skip(f"this machine lets no test mount a tmpfs: {probe.stderr.decode().strip()}")
    script = textwrap.dedent(FULL_DISK)
    done = subprocess.run([*namespace, sys.executable, "-c", script, tmp_path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_disk_that_takes_no_new_segment_refuses_then_heals(tmp_path, attempts, file_size_limit):
    """The same without mounting anything: the kernel refuses files of that size."""
    with file_size_limit(MIN_SEGMENT_BYTES - 1):
        spool = Spool(tmp_path / "spool", worker_name="w0", segment_bytes=MIN_SEGMENT_BYTES)
        with pytest.raises(LedgerUnwritable):
            spool.open(attempts.open())
        assert list((tmp_path / "spool").iterdir()) == []
    wait_until(lambda: opens(spool, attempts))
    spool.close()


def test_disk_durability_syncs_many_callers_at_a_time(tmp_path, attempts, monkeypatch):
    synced = []
    fdatasync = os.fdatasync

    def counting(fd):
        time.sleep(0.01)
        fdatasync(fd)
        synced.append(fd)

    monkeypatch.setattr(os, "fdatasync", counting)
    spool = Spool(tmp_path / "spool", worker_name="w0", durability="disk")

    async def call():
        attempt = attempts.open()
        ticket = spool.open(attempt)
        await spool.sync()
        spool.settle(ticket, attempts.settled(attempt))
        await spool.sync()

    async def many():
        await asyncio.gather(*(call() for _ in range(50)))
        first = asyncio.create_task(call())
        await asyncio.sleep(0)
        first.cancel()
        await call()

    asyncio.run(many())
    spool.close()
    assert 2 <= len(synced) <= 12
    assert len(read_all(tmp_path / "spool")) == 103


def test_a_failed_sync_refuses_the_call_and_the_file(tmp_path, attempts, monkeypatch):
    spool = Spool(tmp_path / "spool", worker_name="w0", durability="disk")
    fdatasync = os.fdatasync

    def failing(fd):
        raise OSError(5, "Input/output error")

    async def main():
        attempt = attempts.open()
        monkeypatch.setattr(os, "fdatasync", failing)
        ticket = spool.open(attempt)
        waiting = [asyncio.create_task(spool.sync()) for _ in range(3)]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [LedgerUnwritable] * 3
        monkeypatch.setattr(os, "fdatasync", fdatasync)
        spool.settle(ticket, attempts.settled(attempt, state="failed"))
        with pytest.raises(LedgerUnwritable):
            await spool.sync()  # never asked again of a file whose pages a failed sync may have dropped
        attempt = attempts.open()
        ticket = spool.open(attempt)
        await spool.sync()
        spool.settle(ticket, attempts.settled(attempt))
        await spool.sync()

    asyncio.run(main())
    spool.close()
    assert sorted(len(read_segment(path, 0).attempts) for path in segments(tmp_path / "spool")) == [2, 2]


def test_process_durability_waits_for_no_disk(spool, attempts, monkeypatch):
    monkeypatch.setattr(os, "fdatasync", lambda fd: pytest.fail("synced"))
    spool.open(attempts.open())
    asyncio.run(spool.sync())
