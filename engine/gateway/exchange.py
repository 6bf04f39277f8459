"""The pump: one attempt at one upstream, from the opened record to the settled one.

    open record ─► send ─► read ─► pass on ─► settle record ─► last bytes to the client

The request's own task is the pump. It owns the upstream response and settles, whatever the client does: a watcher reads
`receive()` beside it and says when the client has left. Then the answer is read on for its usage, within caps
(`on_disconnect: drain`), or the upstream is cancelled (`cancel`). The buffer between the two is the server's write
buffer: `send` waits while it is full, so a slow client slows its upstream down and nothing piles up here.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from typing import Literal

import msgspec

from engine.errors import NotReady, UpstreamBroken, UpstreamError, UpstreamNotSent, UpstreamRefused
from engine.gateway.calls import Calls
from engine.gateway.refusal import refusal_of
from engine.gateway.reply import Reply, passed_on
from engine.gateway.request import Receive
from engine.gateway.routing import Route
from engine.gateway.upstream import UpstreamRequest, UpstreamResponse
from engine.ledger.record import Attempt, CostSource, State
from engine.ledger.spool import Ticket
from engine.money import usd
from engine.pricing.cost import Charge
from engine.wires.table import StreamReader
from engine.wires.usage import Usage

StopReason = Literal["client_left", "drain_cap", "shutdown"]

ATTEMPT_HEADER = "x-catalog-attempt"
CLIENT_CLOSED_REQUEST = 499
AFTER_DONE_SECONDS = 1.0
_NOTHING: Mapping[str, int] = {}


class Exchange:
    """One attempt. `run` returns when the reply is complete, or raises what the client should be told instead."""

    def __init__(
        self,
        route: Route,
        opened: Attempt,
        reply: Reply,
        calls: Calls,
        *,
        started: int,
    ) -> None:
        self.route = route
        self.reply = reply
        self.detached = False
        self.writing_since: float | None = None
        self._opened = opened
        self._calls = calls
        self._started = started
        self._first_byte_us: int | None = None
        self._ticket: Ticket | None = None
        self._settled = False
        self._stop_reason: StopReason | None = None
        self._task: asyncio.Task[None] | None = None
        self._drain_timer: asyncio.TimerHandle | None = None
        self._detached_bytes = 0
        self._response: UpstreamResponse | None = None
        self._usage: Usage | None = None

    async def run(self, body: bytes, *, client_wants_usage: bool, receive: Receive) -> None:
        """Make the call and answer the client.

        Raises:
            LedgerUnwritable: no record could be opened, so nothing was sent.
            UpstreamError: the call failed before anything of its answer was passed on.
        """
        self._ticket = self._calls.open_record(self._opened)
        self.reply.attempts = self._opened.attempt
        self._task = asyncio.current_task()
        self._calls.add(self)
        watcher = asyncio.get_running_loop().create_task(self._watch(receive))
        try:
            await self._exchange(body, client_wants_usage=client_wants_usage)
        except UpstreamError as error:
            self._settle_fault(error)
            if not self.reply.started:
                raise
            await self.reply.error(error)
        except asyncio.CancelledError:
            await self._stopped()
        finally:
            watcher.cancel()
            if self._drain_timer is not None:
                self._drain_timer.cancel()
            if self._response is not None:
                self._response.abort()
            self._settle("failed", error_code="internal_error")  # nothing leaves here unsettled
            self._calls.discard(self)

    def stop(self, reason: StopReason) -> None:
        """End the attempt now; it settles by itself."""
        if not self._settled and self._stop_reason is None and self._task is not None:
            self._stop_reason = reason
            self._task.cancel()

    def client_left(self) -> None:
        """Nobody reads the reply any more: read on for the usage, or end the call, as the model says."""
        if self.reply.gone:
            return
        self.reply.gone = True
        self.writing_since = None
        if self._settled:
            return
        if self.route.model.on_disconnect == "cancel" or not self._calls.may_detach():
            self.stop("client_left")
            return
        self.detached = True
        seconds = self._calls.disconnect.max_time_ms / 1000
        self._drain_timer = asyncio.get_running_loop().call_later(seconds, self.stop, "drain_cap")

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.client_left()

    async def _exchange(self, body: bytes, *, client_wants_usage: bool) -> None:
        route = self.route
        assert route.upstream is not None
        attempt_id = f"{self._opened.request_id}.{self._opened.attempt}"
        response = self._response = await route.upstream.send(
            UpstreamRequest(
                "POST", route.target, (*route.headers, (ATTEMPT_HEADER, attempt_id)), body, route.model.timeouts
            )
        )
        self._first_byte_us = self._elapsed_us()
        if response.status != 200:
            raise await refusal_of(response)
        if self._opened.stream:
            await self._stream(response, client_wants_usage=client_wants_usage)
        else:
            await self._whole(response)

    async def _whole(self, response: UpstreamResponse) -> None:
        _check_type(response, "application/json")
        answer = await response.read()
        wire = self.route.wire
        assert wire is not None
        if (fault := wire.fault_in(answer)) is not None:
            raise fault
        self._usage = wire.read_usage(answer)
        self._settle("settled")
        await self.reply.whole(200, answer, passed_on(response.headers))

    async def _stream(self, response: UpstreamResponse, *, client_wants_usage: bool) -> None:
        _check_type(response, "text/event-stream")
        wire, reply = self.route.wire, self.reply
        assert wire is not None
        reader = wire.stream_reader(client_wants_usage=client_wants_usage)
        chunks = response.chunks()
        async for chunk in chunks:
            passing = reader.feed(chunk)
            self._usage = reader.usage
            if reader.error is not None:
                await self._pass(passing, response)
                raise reader.error
            await self._pass(passing, response)
            if reader.done:
                break
            if self.detached:
                self._count_detached(len(chunk))
        await self._pass(self._finish(reader), response)
        self._settle("settled")
        if not reply.started:
            await reply.start_stream(passed_on(response.headers))
        await reply.end(reader.tail)
        # [DONE] is the end for everybody; the connection may be used again if its own end comes right behind.
        with contextlib.suppress(UpstreamError, TimeoutError):
            async with asyncio.timeout(AFTER_DONE_SECONDS):
                async for _ in chunks:
                    pass

    def _finish(self, reader: StreamReader) -> bytes:
        rest = reader.finish()
        self._usage = reader.usage
        if reader.error is not None:
            raise reader.error
        if not reader.done:
            raise UpstreamBroken("The upstream ended its stream without [DONE].", code="upstream_truncated")
        return rest

    async def _pass(self, data: bytes, response: UpstreamResponse) -> None:
        """Pass events on; the head of the reply goes out with the first."""
        if not data:
            return
        reply = self.reply
        if not reply.started:
            await reply.start_stream(passed_on(response.headers))
        self.writing_since = asyncio.get_running_loop().time()
        await reply.more(data)
        self.writing_since = None

    def _count_detached(self, size: int) -> None:
        self._detached_bytes += size
        if self._detached_bytes > self._calls.disconnect.max_bytes:
            self.stop("drain_cap")

    async def _stopped(self) -> None:
        """The task was cancelled: by us for a reason, or by the server at the very end of its shutdown."""
        reason = self._stop_reason
        task = self._task
        if reason is None or task is None:
            self._settle(self._cut_state(), error_code="shutdown")
            raise asyncio.CancelledError
        task.uncancel()
        self._settle(self._cut_state(), error_code=reason)
        if reason == "shutdown" and not self.reply.gone:
            error = NotReady("The gateway is shutting down.", code="shutting_down")
            if not self.reply.started:
                raise error
            await self.reply.error(error)

    def _cut_state(self) -> State:
        return "partial" if self._first_byte_us is not None and self._stop_reason == "shutdown" else "cancelled"

    def _settle_fault(self, error: UpstreamError) -> None:
        if isinstance(error, UpstreamBroken) and self._opened.stream and self._first_byte_us is not None:
            self._settle("partial", error_code=error.code)
        else:
            # What was never sent, and what the upstream refused without computing anything (4xx), costs nothing.
            refused = isinstance(error, UpstreamRefused) and 400 <= (error.upstream_status or 0) < 500
            free = isinstance(error, UpstreamNotSent) or refused
            self._settle("failed", error_code=error.code, client_status=error.status, free=free)

    def _settle(self, state: State, *, error_code: str = "", client_status: int = 0, free: bool = False) -> None:
        """Put the attempt's end on record, once."""
        if self._settled:
            return
        self._settled = True
        usage, opened = self._usage, self._opened
        tier = usage.service_tier if usage is not None else None
        meters: Mapping[str, int] = (usage.meters if usage is not None else None) or _NOTHING
        charge, list_charge, source = self._charge(meters, tier)
        if not meters and state == "settled":
            error_code = "usage_missing" if usage is None else "usage_suspect"
        cost = 0 if free else charge.cost_pico_usd
        self.reply.cost_usd = usd(cost) if cost is not None else None
        if self._ticket is None:
            return
        response = self._response
        settled = msgspec.structs.replace(
            opened,
            state=state,
            error_code=error_code,
            meters=dict(meters),
            raw_usage=usage.raw.decode("utf-8", "replace") if usage is not None else None,
            service_tier=tier or "",
            rates=charge.rates,
            cost_pico_usd=cost,
            list_cost_pico_usd=list_charge,
            cost_source=source,
            first_byte_us=self._first_byte_us,
            duration_us=self._elapsed_us(),
            status=response.status if response is not None else 0,
            client_status=CLIENT_CLOSED_REQUEST if self.reply.gone else client_status or self.reply.status or 200,
            upstream_request_id=_upstream_id(response),
        )
        self._calls.settle_record(self._ticket, settled)

    def _charge(self, meters: Mapping[str, int], tier: str | None) -> tuple[Charge, int | None, CostSource]:
        route, started_ns = self.route, self._opened.started_ns
        if not meters:
            return Charge(cost_pico_usd=None, rates={}, reason="no usage was reported"), None, "none"
        charge = route.plan.charge(meters, started_ns=started_ns, service_tier=tier)
        listed = route.list_plan
        list_cost = (
            listed.charge(meters, started_ns=started_ns, service_tier=tier).cost_pico_usd
            if listed is not None
            else None
        )
        return charge, list_cost, "reported" if charge.cost_pico_usd is not None else "none"

    def _elapsed_us(self) -> int:
        return (time.perf_counter_ns() - self._started) // 1000


def _check_type(response: UpstreamResponse, wanted: str) -> None:
    found = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found != wanted:
        error = UpstreamRefused(
            f"The upstream answered with another content type than {wanted}.", code="upstream_bad_content_type"
        )
        error.upstream_status = response.status
        raise error


def _upstream_id(response: UpstreamResponse | None) -> str:
    if response is None:
        return ""
    return response.headers.get("x-request-id", "") or response.headers.get("request-id", "")
