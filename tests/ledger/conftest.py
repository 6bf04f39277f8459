"""What the ledger's tests share: attempts to record, and stores to record them in."""

import contextlib
import resource
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from engine.ledger.ingest import Drained, drain_once
from engine.ledger.queries import Ledger
from engine.ledger.record import Attempt, RequestIds
from engine.ledger.store import Store


class Attempts:
    """Makes attempts; each has its own request id, and what a real one has."""

    def __init__(self) -> None:
        self._ids = RequestIds()

    def open(self, **fields: object) -> Attempt:
        values: dict[str, object] = {
            "request_id": self._ids.next(),
            "state": "open",
            "started_ns": time.time_ns(),
            "key": "app-support",
            "owner": "team-support",
            "labels": {"env": "prod"},
            "model": "@openai/support-bot",
            "revision": "c" * 40,
            "stream": True,
            "metadata": {"user": "ünï"},
            "worker": "w0",
        }
        return Attempt(**values | fields)

    def settled(self, attempt: Attempt | None = None, /, **fields: object) -> Attempt:
        values: dict[str, object] = {
            "state": "settled",
            "meters": {"input_tokens": 1200, "output_tokens": 300},
            "rates": {"input_mtok": "0.20", "output_mtok": "0.80"},
            "raw_usage": '{"prompt_tokens":1200}',
            "cost_pico_usd": 480_000_000,
            "list_cost_pico_usd": 500_000_000,
            "cost_source": "reported",
            "status": 200,
            "duration_us": 1_000,
        }
        return msgspec.structs.replace(attempt or self.open(), **values | fields)


@pytest.fixture
def attempts() -> Attempts:
    return Attempts()


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database, to copy: migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("ledger") / "ledger.db"
    Store(path).close()
    return path


@pytest.fixture
def database(tmp_path: Path, empty_ledger: Path) -> Path:
    return Path(shutil.copy(empty_ledger, tmp_path / "ledger.db"))


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with contextlib.closing(Store(database)) as store:
        yield store


@pytest.fixture
def drain() -> Callable[..., Drained]:
    """Drains until nothing more waits; gives the steps as one."""

    def drain_all(directory: Path, store: Store, **options: int) -> Drained:
        steps = [drain_once(directory, store, **options)]
        while steps[-1].more:
            steps.append(drain_once(directory, store, **options))
        return Drained(
            [attempt for step in steps for attempt in step.attempts],
            sum(step.orphaned for step in steps),
            False,
            [alarm for step in steps for alarm in step.alarms],
        )

    return drain_all


@pytest.fixture
def rows() -> Callable[[Path], dict[tuple[str, int], Attempt]]:
    """All rows of a database, by identity."""

    def read(path: Path) -> dict[tuple[str, int], Attempt]:
        found: dict[tuple[str, int], Attempt] = {}
        with Ledger.open(path) as ledger:
            page = ledger.requests(limit=1000)
            while True:
                for request in page.data:
                    for attempt in request.attempts:
                        found[request.request_id, attempt.attempt] = attempt
                if page.next is None:
                    return found
                page = ledger.requests(limit=1000, cursor=page.next)

    return read


@pytest.fixture
def file_size_limit() -> Callable[[int], contextlib.AbstractContextManager[None]]:
    """No file of this process grows or is written beyond so many bytes: the kernel itself refuses, for any user."""

    @contextlib.contextmanager
    def limited(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
