"""One attempt's way onto the record: opened before the call, settled exactly once after it."""

import time
from collections.abc import Mapping

import msgspec

from engine.errors import GatewayError, LedgerUnwritable, UpstreamError, UpstreamNotSent, UpstreamRefused
from engine.gateway.calls import Calls
from engine.gateway.reply import Reply, harmless_id
from engine.gateway.routing import Route
from engine.gateway.upstream import UpstreamResponse
from engine.ledger.record import MAX_RECORD_BYTES, Attempt, CostSource, State
from engine.ledger.spool import Ticket
from engine.money import usd
from engine.wires.usage import Usage

CLIENT_CLOSED_REQUEST = 499

_NOTHING: Mapping[str, int] = {}


class Settlement:
    """What becomes of one attempt, for the record. The exchange tells `response` and `usage` as they come."""

    def __init__(self, route: Route, opened: Attempt, reply: Reply, calls: Calls, *, started: int) -> None:
        self.response: UpstreamResponse | None = None
        self.usage: Usage | None = None
        self.is_settled = False
        self._route = route
        self._opened = opened
        self._reply = reply
        self._calls = calls
        self._started = started
        self._first_byte_us: int | None = None
        self._ticket: Ticket | None = None

    def open(self) -> None:
        """Put the beginning on record.

        Raises:
            LedgerUnwritable: it cannot be, so the call must not be made.
        """
        self._ticket = self._calls.open_record(self._opened)

    def first_byte(self, response: UpstreamResponse) -> None:
        """The head of the answer is there."""
        self.response = response
        self._first_byte_us = self._elapsed_us()

    def failed(self, error: GatewayError) -> None:
        """The attempt ended in an error: `partial` where a part of the answer was passed on."""
        # What was never sent, and what the upstream refused without computing anything (4xx), costs nothing.
        upstream_status = (error.upstream_status or 0) if isinstance(error, UpstreamError) else 0
        is_refused = isinstance(error, UpstreamRefused) and 400 <= upstream_status < 500
        is_free = is_refused or isinstance(error, UpstreamNotSent | LedgerUnwritable)
        self.settle(
            "partial" if self._reply.started else "failed",
            error_code=error.code,
            status=upstream_status,
            client_status=error.status,
            is_free=is_free,
        )

    def settle(
        self,
        state: State,
        *,
        error_code: str = "",
        status: int = 0,
        client_status: int = 200,
        is_free: bool = False,
    ) -> None:
        """Put the end on record; only the first call counts.

        `status` is the upstream's where there is no response that says it, `client_status` is what the client will be
        told if nothing has been yet.
        """
        if self.is_settled:
            return
        self.is_settled = True
        usage, reply, response = self.usage, self._reply, self.response
        meters = usage.meters if usage is not None else _NOTHING
        tier = usage.service_tier if usage is not None else None
        is_suspect = usage is not None and bool(usage.suspect)
        cost, list_cost, rates = self._cost(meters, tier, is_free=is_free, is_suspect=is_suspect)
        source: CostSource = "none" if cost is None or not meters else "reported"
        reply.cost_usd = usd(cost) if cost is not None else None
        if (is_suspect or not meters) and state == "settled" and not self._route.endpoint.only_counts:
            error_code = "usage_missing" if usage is None else "usage_suspect"
        if self._ticket is None:
            return
        settled = msgspec.structs.replace(
            self._opened,
            state=state,
            error_code=error_code,
            meters=meters,
            raw_usage=self._raw_usage(),
            service_tier=self._without_secret(tier or ""),
            rates=rates,
            cost_pico_usd=cost,
            list_cost_pico_usd=list_cost,
            cost_source=source,
            first_byte_us=self._first_byte_us,
            duration_us=self._elapsed_us(),
            status=response.status if response is not None else status,
            client_status=CLIENT_CLOSED_REQUEST if reply.gone else reply.status or client_status,
            upstream_request_id=self._upstream_id(),
        )
        self._calls.settle_record(self._ticket, settled)

    def _cost(
        self, meters: Mapping[str, int], tier: str | None, *, is_free: bool, is_suspect: bool
    ) -> tuple[int | None, int | None, dict[str, str]]:
        """What was spent and what the list price would have been, in pico-USD, and the rates applied."""
        route, started_ns = self._route, self._opened.started_ns
        if is_free or route.endpoint.only_counts:
            return 0, 0 if route.list_plan is not None else None, {}
        # Counts that contradict each other, or leave out what was billed besides, make no cost.
        if not meters or is_suspect:
            return 0 if route.model.pricing.kind == "free" else None, None, {}
        charge = route.plan.charge(meters, started_ns=started_ns, service_tier=tier)
        if route.list_plan is None:
            return charge.cost_pico_usd, None, charge.rates
        listed = route.list_plan.charge(meters, started_ns=started_ns, service_tier=tier)
        return charge.cost_pico_usd, listed.cost_pico_usd, charge.rates

    def _raw_usage(self) -> str | None:
        if self.usage is None:
            return None
        # More than this no record holds: it is cut there, and says so.
        return self._without_secret(self.usage.raw[:MAX_RECORD_BYTES].decode("utf-8", "replace"))

    def _upstream_id(self) -> str:
        if self.response is None:
            return ""
        headers = self.response.headers
        given = headers.get("x-request-id") or headers.get("request-id") or ""
        return self._without_secret(given) if harmless_id(given) else ""

    def _without_secret(self, text: str) -> str:
        return "" if self._route.holds_secret(text.encode()) else text

    def _elapsed_us(self) -> int:
        return (time.perf_counter_ns() - self._started) // 1000
