"""The calls of one worker that are in flight, and the one place where their records are written."""

import asyncio
import contextlib
from typing import TYPE_CHECKING

import structlog

from engine.errors import LedgerUnwritable
from engine.ledger.record import Attempt
from engine.ledger.spool import Spool, Ticket
from engine.operator.settings import DisconnectSettings, LedgerSettings

if TYPE_CHECKING:
    from engine.gateway.exchange import Exchange

log = structlog.get_logger("gateway")


class Calls:
    """Calls in flight, and the spool they are recorded in.

    `detached` counts those that are read on for their usage although their client has left; `unrecorded` those made
    without a record, which happens only where the operator chose `ledger.when_unwritable: allow`. `is_durable` says
    that a record counts once it is on disk: `sync` is then awaited after each.
    """

    def __init__(self, spool: Spool, ledger: LedgerSettings, disconnect: DisconnectSettings) -> None:
        self.disconnect = disconnect
        self.detached = 0
        self.unrecorded = 0
        self.ledger_writable = True
        self.is_durable = ledger.durability == "disk"
        self._spool = spool
        self._allow_unrecorded = ledger.when_unwritable == "allow"
        self._running: set[Exchange] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        return len(self._running)

    def add(self, call: "Exchange") -> None:
        """A call begins."""
        self._running.add(call)
        self._idle.clear()

    def discard(self, call: "Exchange") -> None:
        """A call is over and settled."""
        self._running.discard(call)
        self.detached -= call.detached
        if not self._running:
            self._idle.set()

    def may_detach(self) -> bool:
        """Whether one more call may be read on without its client."""
        return self.detached < self.disconnect.max_calls

    def open_record(self, attempt: Attempt) -> Ticket | None:
        """Put the beginning of an attempt on record; None if it cannot be and the operator allows going on.

        Raises:
            LedgerUnwritable: it cannot be, so the call must not be made.
        """
        try:
            ticket = self._spool.open(attempt)
        except LedgerUnwritable:
            self._ledger_failed()
            if not self._allow_unrecorded:
                raise
            self.unrecorded += 1
            return None
        self.ledger_writable = True
        return ticket

    def settle_record(self, ticket: Ticket, attempt: Attempt) -> None:
        """Put the end of an attempt on record; its room was reserved when it began."""
        self._spool.settle(ticket, attempt)

    async def sync(self) -> None:
        """Wait until all that was recorded is on disk, where that is what the operator asks for.

        Raises:
            LedgerUnwritable: the disk did not take it, and the operator does not allow going on.
        """
        try:
            await self._spool.sync()
        except LedgerUnwritable:
            self._ledger_failed()
            if not self._allow_unrecorded:
                raise

    async def finish(self, grace_seconds: float) -> None:
        """Wait for all calls; after `grace_seconds` those left are ended with an error, and settle."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await self._idle.wait()
        for call in tuple(self._running):
            call.stop("shutdown")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await self._idle.wait()

    def close(self) -> None:
        """No more calls will come; to be said once the server takes no requests, lest one finds the ledger shut."""
        self._spool.close()

    def _ledger_failed(self) -> None:
        if self.ledger_writable:
            log.error("ledger not writable", requests="go on unrecorded" if self._allow_unrecorded else "are refused")
        self.ledger_writable = False
