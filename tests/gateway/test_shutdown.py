"""The end of a worker, a ledger that waits for the disk, and codes that come from outside."""

import threading
from collections.abc import Callable

import httpx
import pytest
from harness.catalogs import CatalogDir
from harness.inprocess import InProcess, as_json
from harness.served import chat, wait_for
from harness.upstream import ScriptedUpstream, raw_json

from engine.gateway.app import MAX_COUNTED_CODES
from engine.operator.settings import LedgerSettings

Start = Callable[..., InProcess]
PATH = "/v1/chat/completions"


class _Asking(threading.Thread):
    """A request on a thread of its own."""

    def __init__(self, worker: InProcess, key: str, body: dict[str, object]) -> None:
        super().__init__(daemon=True)
        self._ask = lambda: httpx.post(f"{worker.url}{PATH}", json=body, headers={"x-api-key": key}, timeout=20)
        self.reply: httpx.Response
        self.start()

    def run(self) -> None:
        self.reply = self._ask()

    def result(self) -> httpx.Response:
        self.join(20)
        return self.reply


def test_calls_in_flight_end_within_the_grace(start: Start, catalog: CatalogDir, upstream: ScriptedUpstream) -> None:
    worker = start()
    asking = [_Asking(worker, catalog.key, chat("output=3 gap=0.1", stream=stream)) for stream in (False, True)]
    wait_for(lambda: len(upstream.journal) == 2)
    worker.drain(10)
    assert {each.result().status_code for each in asking} == {200}
    assert {(row.state, row.client_status) for row in worker.settled(2)} == {("settled", 200)}
    # What still comes in before the server stops listening is a call like any other.
    late = httpx.post(f"{worker.url}{PATH}", json=chat("input=1"), headers={"x-api-key": catalog.key})
    assert late.status_code == 200
    assert len(worker.settled(3)) == 3


def test_calls_that_outlast_the_grace_are_told_so_and_settle(
    start: Start, catalog: CatalogDir, upstream: ScriptedUpstream
) -> None:
    worker = start()
    whole = _Asking(worker, catalog.key, chat("fault=hang"))
    stream = _Asking(worker, catalog.key, chat("fault=stall output=5", stream=True))
    wait_for(lambda: any(len(each.sent_at) == 2 for each in upstream.journal.values()) and len(upstream.journal) == 2)
    worker.drain(0.2)
    assert (whole.result().status_code, whole.reply.json()["error"]["code"]) == (503, "shutting_down")
    assert stream.result().status_code == 200
    assert '"shutting_down"' in stream.reply.text.split("\n\n")[-2]
    assert "[DONE]" not in stream.reply.text
    rows = {row.stream: row for row in worker.settled(2)}
    assert (rows[False].state, rows[False].error_code, rows[False].client_status) == ("cancelled", "shutdown", 503)
    assert (rows[True].state, rows[True].error_code, rows[True].client_status) == ("partial", "shutdown", 200)
    wait_for(lambda: not upstream.answering)


@pytest.mark.parametrize("stream", [False, True])
def test_with_a_ledger_that_waits_for_the_disk(
    start: Start, catalog: CatalogDir, upstream: ScriptedUpstream, stream: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[list[str]] = []
    worker = start(ledger=LedgerSettings(durability="disk"))
    calls = worker.gateway.calls
    sync = calls.sync

    async def watched() -> None:
        await sync()
        synced.append([record.state for record in worker.records()])

    monkeypatch.setattr(calls, "sync", watched)
    reply = httpx.post(f"{worker.url}{PATH}", json=chat("input=1", stream=stream), headers={"x-api-key": catalog.key})
    assert reply.status_code == 200
    assert synced == [["open"], ["open", "settled"]]


def test_codes_of_a_hostile_upstream_are_counted_within_bounds(
    start: Start, catalog: CatalogDir, upstream: ScriptedUpstream
) -> None:
    worker = start()
    letters = "abcdefghijklmnopqrstuvwxyz"
    with httpx.Client(base_url=worker.url, headers={"x-api-key": catalog.key}) as client:
        for number in range(MAX_COUNTED_CODES + 20):
            code = f"word_{letters[number % 26]}{letters[number // 26]}x"
            error = b'{"error":{"code":"%b"}}' % code.encode()
            reply = client.post(PATH, json=chat(raw_json(error, status=400)))
            assert reply.json()["error"]["code"] == code
    refusals = worker.gateway.refusals
    assert len(refusals) == MAX_COUNTED_CODES + 1
    assert refusals["other"] == 20
    assert sum(refusals.values()) == MAX_COUNTED_CODES + 20


def test_no_record_holds_a_key(start: Start, catalog: CatalogDir, upstream: ScriptedUpstream) -> None:
    worker = start()
    body = chat("input=1", user=catalog.key)
    reply = httpx.post(f"{worker.url}{PATH}", json=body, headers={"x-api-key": catalog.key})
    assert reply.status_code == 200
    assert not [record for record in worker.records() if catalog.key in as_json(record)]
