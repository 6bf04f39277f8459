"""The pump: one attempt at one upstream, from the opened record to the settled one.

    open record ─► send ─► read ─► pass on ─► settle record ─► last bytes to the client

The request's own task is the pump. It owns the upstream response and settles, whatever the client does: a watcher reads
`receive()` beside it and says when the client has left. Then the answer is read on for its usage, within caps
(`on_disconnect: drain`), or the upstream is cancelled (`cancel`). The buffer between the two is the server's write
buffer: `send` waits while it is full, so a slow client slows its upstream down and nothing piles up here; a client that
takes nothing for long is gone (`server.WRITE_STALL_SECONDS`).
"""

import asyncio
import contextlib
from typing import Literal

from engine.errors import GatewayError, LedgerUnwritable, NotReady, UpstreamBroken, UpstreamError, UpstreamRefused
from engine.gateway.auth.authenticator import Headers
from engine.gateway.calls import Calls
from engine.gateway.passage import Call, Passage
from engine.gateway.refusal import refusal_of
from engine.gateway.reply import Reply, passed_on
from engine.gateway.request import Receive
from engine.gateway.routing import Route
from engine.gateway.settlement import Settlement
from engine.gateway.upstream import UpstreamResponse
from engine.ledger.record import Attempt
from engine.wires.table import StreamReader

StopReason = Literal["client_left", "drain_cap", "shutdown"]

ATTEMPT_HEADER = "x-catalog-attempt"
AFTER_DONE_SECONDS = 1.0


class Exchange:
    """One attempt. `run` returns when the reply is complete, or raises what the client should be told instead.

    `detached` says that the client has left and the answer is read on without it.
    """

    def __init__(
        self, route: Route, passage: Passage, opened: Attempt, reply: Reply, calls: Calls, *, started: int
    ) -> None:
        self.route = route
        self.reply = reply
        self.detached = False
        self._passage = passage
        self._opened = opened
        self._calls = calls
        self._settlement = Settlement(route, opened, reply, calls, started=started)
        self._task: asyncio.Task[None] | None = None
        self._stop_reason: StopReason | None = None
        self._drain_timer: asyncio.TimerHandle | None = None
        self._detached_bytes = 0

    async def run(self, call: Call, headers: Headers, receive: Receive) -> None:
        """Make the call and answer the client; `headers` are the client's that go on.

        Raises:
            LedgerUnwritable: no record could be opened, so nothing was sent.
            UpstreamError: the call failed before anything of its answer was passed on.
            NotReady: the gateway is shutting down, and nothing was passed on.
        """
        settlement = self._settlement
        settlement.open()
        self.reply.attempts = self._opened.attempt
        self._task = asyncio.current_task()
        self._calls.add(self)
        watcher = asyncio.get_running_loop().create_task(self._watch(receive))
        try:
            if self._calls.is_durable:
                await self._calls.sync()
            await self._exchange(call, headers)
        except (UpstreamError, LedgerUnwritable) as error:
            if self._passage.is_crossed:
                error.param = None  # the upstream's name of it, which is none of the client's
            settlement.failed(error)
            await self._on_disk()
            await self._tell(error)
        except asyncio.CancelledError:
            await self._stopped()
        finally:
            watcher.cancel()
            if self._drain_timer is not None:
                self._drain_timer.cancel()
            if settlement.response is not None:
                settlement.response.abort()
            self._calls.discard(self)
            settlement.settle("failed", error_code="internal_error", client_status=500)  # nothing leaves unsettled

    def stop(self, reason: StopReason) -> None:
        """End the attempt now; it settles by itself."""
        if not self._settlement.is_settled and self._stop_reason is None and self._task is not None:
            self._stop_reason = reason
            self._task.cancel()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._client_left()

    def _client_left(self) -> None:
        """Nobody reads the reply any more: read on for the usage, or end the call, as the model says."""
        self.reply.gone = True
        if self._settlement.is_settled:
            return
        if self.route.model.on_disconnect == "cancel" or not self._calls.may_detach():
            self.stop("client_left")
            return
        self.detached = True
        self._calls.detached += 1
        seconds = self._calls.disconnect.max_time_ms / 1000
        self._drain_timer = asyncio.get_running_loop().call_later(seconds, self.stop, "drain_cap")

    async def _exchange(self, call: Call, headers: Headers) -> None:
        route = self.route
        assert route.upstream is not None
        attempt_id = f"{self._opened.request_id}.{self._opened.attempt}"
        is_stream = self._opened.stream
        if not route.authenticator.is_ready:
            await route.authenticator.ensure()
        request = route.request(call, (*headers, (ATTEMPT_HEADER, attempt_id)), stream=is_stream)
        response = await route.upstream.send(request)
        self._settlement.first_byte(response)
        if response.status != 200:
            raise await refusal_of(response)
        if is_stream:
            await self._stream(response, call)
        else:
            await self._whole(response, call)

    async def _whole(self, response: UpstreamResponse, call: Call) -> None:
        _check_type(response, "application/json")
        pieces = []
        async for piece in response.chunks():
            pieces.append(piece)
            self._count(piece)
        answer = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if (fault := self._passage.fault_in(answer)) is not None:
            raise fault
        self._settlement.usage = self._passage.read_usage(answer, response.headers)
        encoded = call.answer(answer)
        self._check_secret(encoded.body)
        self.reply.dropped += encoded.losses
        await self._settle()
        await self.reply.whole(200, encoded.body, passed_on(response.headers))

    async def _stream(self, response: UpstreamResponse, call: Call) -> None:
        _check_type(response, self._passage.stream_type)
        reader = call.stream_reader()
        chunks = response.chunks()
        async for chunk in chunks:
            await self._pass(reader.feed(chunk), reader, call, response)
            if reader.done:
                break
            self._count(chunk)
        await self._pass(reader.finish(), reader, call, response)
        if not reader.done:
            # Its message must not hold the word itself: some clients only look for that.
            raise UpstreamBroken("The upstream's stream ended too early.", code="upstream_truncated")
        self._check_secret(reader.tail)
        await self._settle()
        if not self.reply.started:
            await self._start_stream(call, response)
        await self.reply.end(reader.tail)
        # The wire's own end is the end for everybody; the connection may be used again if its own end comes right behind.
        with contextlib.suppress(UpstreamError, TimeoutError):
            async with asyncio.timeout(AFTER_DONE_SECONDS):
                async for _ in chunks:
                    pass

    def _count(self, chunk: bytes) -> None:
        """Without a client only so much is read."""
        if self.detached:
            self._detached_bytes += len(chunk)
            if self._detached_bytes > self._calls.disconnect.max_bytes:
                self._stop_reason = self._stop_reason or "drain_cap"
                raise asyncio.CancelledError

    async def _pass(self, events: bytes, reader: StreamReader, call: Call, response: UpstreamResponse) -> None:
        """Pass events on, the head of the reply with the first, and raise the error that the stream ends in."""
        self._settlement.usage = reader.usage
        if events:
            self._check_secret(events)
            if not self.reply.started:
                await self._start_stream(call, response)
            await self.reply.more(events)
        if reader.error is not None:
            raise reader.error

    async def _start_stream(self, call: Call, response: UpstreamResponse) -> None:
        """The head of a stream, with what is known by now to be lost of it."""
        self.reply.dropped += call.losses
        await self.reply.start_stream(passed_on(response.headers))

    def _check_secret(self, answer: bytes) -> None:
        if self.route.holds_secret(answer):
            message = "The upstream's answer held this gateway's credential, and is not passed on."
            raise UpstreamBroken(message, code="upstream_echoed_credential")

    async def _settle(self) -> None:
        """The answer is complete; the record stands before the client sees the last of it."""
        self._settlement.settle("settled")
        await self._on_disk()

    async def _on_disk(self) -> None:
        if self._calls.is_durable:
            with contextlib.suppress(LedgerUnwritable):  # it is in the log; the call was made, and its client is told
                await self._calls.sync()

    async def _tell(self, error: GatewayError) -> None:
        """Raise what is still to be told as a reply; in a stream it is the last event."""
        if not self.reply.started:
            raise error
        await self.reply.error(error)

    async def _stopped(self) -> None:
        """The task was cancelled: by us for a reason, or by the server at the very end of its shutdown."""
        assert self._task is not None
        reason = self._stop_reason
        is_partial = reason == "shutdown" and self.reply.started
        self._settlement.settle(
            "partial" if is_partial else "cancelled", error_code=reason or "shutdown", client_status=503
        )
        if reason is None or self._task.uncancel() > 0:
            raise asyncio.CancelledError
        if reason == "shutdown":
            await self._tell(NotReady("The gateway is shutting down.", code="shutting_down"))


def _check_type(response: UpstreamResponse, wanted: str) -> None:
    found = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found != wanted:
        error = UpstreamRefused(
            f"The upstream answered with another content type than {wanted}.", code="upstream_bad_content_type"
        )
        error.upstream_status = response.status
        raise error
