"""The data plane's HTTP interface: raw ASGI handlers under Litestar's router, since each layer between costs a request.

Order of a chat request: key → body → model → record → upstream → record → last bytes.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from litestar import Litestar, Request, Response, asgi
from litestar.exceptions import HTTPException

from engine.errors import GatewayError, InvalidRequest, NotReady, ProviderDisabled
from engine.gateway.calls import Calls
from engine.gateway.exchange import Exchange
from engine.gateway.reply import Reply
from engine.gateway.request import ClientGone, Receive, RequestHeaders, read_body
from engine.gateway.routing import Caller, Route, Routes, asked_model
from engine.ledger.record import RequestIds
from engine.model import Model
from engine.operator.settings import Settings
from engine.wires.body import Body, parse_body
from engine.wires.openai_errors import openai_error

log = structlog.get_logger("gateway")

MAX_IN_FLIGHT = 10_000
MAX_COUNTED_CODES = 100
LISTED_AT_ONCE = 200

Scope = Any
Handler = Callable[[Scope, Receive, Reply], Awaitable[None]]


class Gateway:
    """What the handlers of one worker share. `routes` is replaced whole when a new catalog is published; `look` asks for one."""

    def __init__(self, settings: Settings, calls: Calls, worker: str) -> None:
        self.settings = settings
        self.calls = calls
        self.worker = worker
        self.routes: Routes | None = None
        self.look: Callable[[], object] = lambda: None
        self.draining = False
        self.requests = 0
        self.refusals: Counter[str] = Counter()
        self._ids = RequestIds()

    def count_unread(self, code: str) -> str:
        """Count a request that was refused before it could be read; an id for it."""
        self.requests += 1
        self._count(code)
        return self._ids.next()

    def pinned(self) -> Routes:
        """The catalog that serves a request from now to its end.

        Raises:
            NotReady: none has been published yet.
        """
        if self.routes is None:
            self.look()  # another worker may have been told of the first one a moment earlier, and called ready
        if self.routes is None:
            raise NotReady("No catalog has been loaded yet.", code="no_catalog", headers={"retry-after": "1"})
        return self.routes

    async def answer(self, handler: Handler, scope: Scope, receive: Receive, send: Any) -> None:
        """Run a handler; whatever goes wrong becomes one error of the API that was called."""
        self.requests += 1
        reply = Reply(send, self._ids.next())
        try:
            await handler(scope, receive, reply)
        except GatewayError as error:
            self._count(error.code)
            await reply.error(error)
        except ClientGone:
            self._count("client_left_early")
        except asyncio.CancelledError:
            raise
        except Exception as error:  # the edge: a fault of ours is one line in the log and a plain 500
            self._count("internal_error")
            log.exception("internal error", request_id=reply.request_id, kind=type(error).__name__)
            await reply.error(GatewayError("Internal error of the gateway."))

    async def chat_completions(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        """`POST /v1/chat/completions`."""
        _require(scope, "POST")
        started_ns, started = time.time_ns(), time.perf_counter_ns()
        routes = self.pinned()
        reply.name_revision(routes.revision)
        caller = routes.caller(scope["headers"])
        headers = RequestHeaders(scope["headers"])
        limits = self.settings.limits
        headers.check_json_body(limits.max_body_bytes)
        data = await read_body(scope, receive, limit=limits.max_body_bytes)
        body = parse_body(data)
        if body.stream and scope["http_version"] == "1.0":
            raise InvalidRequest(
                "HTTP/1.0 cannot carry a stream: use HTTP/1.1 (for nginx: proxy_http_version 1.1).", code="http_version"
            )
        asked = asked_model(body.model, headers.provider)
        route = self._callable(caller, asked)
        reply.name_model(route.model, headers.trace_id)
        await self._attempt(caller, route, asked, headers, body, reply, receive, started_ns, started)

    async def models(self, scope: Scope, _receive: Receive, reply: Reply) -> None:
        """`GET /v1/models`: what the key may call, in OpenAI's shape; price and sizes under `catalog`."""
        _require(scope, "GET")
        routes = self.pinned()
        reply.name_revision(routes.revision)
        caller = routes.caller(scope["headers"])
        now_ns = time.time_ns()
        models: list[msgspec.Raw] = []
        for model in caller.visible():
            models.append(msgspec.Raw(msgspec.json.encode(_listed(model, routes.committed_at, now_ns))))
            if len(models) % LISTED_AT_ONCE == 0:
                await asyncio.sleep(0)  # ten thousand models take a while, and others wait
        body = msgspec.json.encode({"object": "list", "data": models})
        await reply.whole(200, body)

    async def livez(self, scope: Scope, _receive: Receive, reply: Reply) -> None:
        """`GET /livez`: the process answers."""
        _require(scope, "GET")
        await reply.whole(200, b'{"status":"ok"}')

    async def readyz(self, scope: Scope, _receive: Receive, reply: Reply) -> None:
        """`GET /readyz`: requests can be taken."""
        _require(scope, "GET")
        if self.draining:
            raise NotReady("The gateway is shutting down.", code="shutting_down")
        self.pinned()
        await reply.whole(200, b'{"status":"ok"}')

    async def not_here(self, scope: Scope, _receive: Receive, reply: Reply) -> None:
        """Everything else."""
        if self.routes is not None:
            reply.name_revision(self.routes.revision)
        raise InvalidRequest(
            f"There is no {scope['path'][:80]!r} here: "
            "this gateway serves POST /v1/chat/completions and GET /v1/models.",
            status=404,
            code="unknown_endpoint",
        )

    def _count(self, code: str) -> None:
        # Some codes are the upstream's own words: a hostile one must not fill the memory with them.
        if code not in self.refusals and len(self.refusals) >= MAX_COUNTED_CODES:
            code = "other"
        self.refusals[code] += 1

    def _callable(self, caller: Caller, asked: str) -> Route:
        if len(self.calls) >= MAX_IN_FLIGHT:
            raise NotReady("Too many calls are in flight.", code="overloaded", headers={"retry-after": "1"})
        route = caller.route(asked)
        if route.disabled:
            raise ProviderDisabled(
                f"The provider {route.model.provider!r} cannot be called on this gateway: {route.disabled}."
            )
        return route

    async def _attempt(
        self,
        caller: Caller,
        route: Route,
        asked: str,
        headers: RequestHeaders,
        body: Body,
        reply: Reply,
        receive: Receive,
        started_ns: int,
        started: int,
    ) -> None:
        assert route.prepared is not None
        upstream_body, client_wants_usage = route.prepared.encode(body)
        opened = msgspec.structs.replace(
            route.template,
            request_id=reply.request_id,
            started_ns=started_ns,
            client_request_id=headers.client_request_id or "",
            key=caller.key.name,
            owner=caller.key.owner,
            model_asked=asked,
            stream=body.stream,
            trace_id=headers.trace_id or "",
            metadata=headers.metadata,
            worker=self.worker,
        )
        exchange = Exchange(route, opened, reply, self.calls, started=started)
        await exchange.run(upstream_body, client_wants_usage=client_wants_usage, receive=receive)


def build_app(gateway: Gateway) -> Litestar:
    """The ASGI application of one worker."""

    def mount(path: str, handler: Handler, *, is_mount: bool = False) -> Any:
        @asgi(path, is_mount=is_mount, copy_scope=False)
        async def endpoint(scope: Any, receive: Any, send: Any) -> None:
            await gateway.answer(handler, scope, receive, send)

        return endpoint

    def malformed(_request: Request[Any, Any, Any], _error: HTTPException) -> Response[bytes]:
        """The framework refuses some requests before any handler, such as one with a malformed Host."""
        fault = InvalidRequest("The request is malformed: look at its Host header.", code="malformed_http")
        headers = {"x-request-id": gateway.count_unread(fault.code)}
        return Response(openai_error(fault), status_code=400, media_type="application/json", headers=headers)

    return Litestar(
        route_handlers=[
            mount("/v1/chat/completions", gateway.chat_completions),
            mount("/v1/models", gateway.models),
            mount("/livez", gateway.livez),
            mount("/readyz", gateway.readyz),
            mount("/", gateway.not_here, is_mount=True),
        ],
        exception_handlers={HTTPException: malformed},
        openapi_config=None,
        debug=False,
        logging_config=None,
    )


def _require(scope: Scope, method: str) -> None:
    if scope["method"] != method and not (method == "GET" and scope["method"] == "HEAD"):
        raise InvalidRequest(
            f"{scope['path']} takes {method}, not {scope['method'][:16]}.",
            status=405,
            code="method_not_allowed",
            headers={"allow": method},
        )


def _listed(model: Model, created: int, now_ns: int) -> dict[str, Any]:
    in_force = [window.rates for window in model.pricing.windows if window.start is None or window.start <= now_ns]
    return {
        "id": model.name,
        "object": "model",
        "created": created,
        "owned_by": model.owner or model.provider,
        "catalog": {
            "description": model.description,
            "base_model": model.base_model.written if model.base_model else None,
            "aliases": model.aliases,
            "context_window": model.limits.context_window,
            "max_output_tokens": model.limits.max_output_tokens,
            "pricing": model.pricing.kind,
            "usd": in_force[-1] if in_force else None,
        },
    }
