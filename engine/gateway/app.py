"""The data plane's HTTP interface: raw ASGI handlers under Litestar's router, since each layer between costs a request.

Order of a call: key → body → model → record → upstream → record → last bytes.
"""

import asyncio
import functools
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from litestar import Litestar, Request, Response, asgi
from litestar.exceptions import HTTPException

from engine.errors import GatewayError, InvalidRequest, NotReady, ProviderDisabled
from engine.gateway import betas, listing
from engine.gateway.calls import Calls
from engine.gateway.endpoints import ANTHROPIC_ERRORS, OPENAI_ERRORS, Endpoint, Errors
from engine.gateway.exchange import Exchange
from engine.gateway.passages import served_endpoints
from engine.gateway.reply import Reply
from engine.gateway.request import ClientGone, Receive, RequestHeaders, read_body
from engine.gateway.routing import Caller, Route, Routes, asked_model
from engine.ledger.record import RequestIds
from engine.operator.settings import Settings
from engine.wires.body import parse_body

log = structlog.get_logger("gateway")

MAX_IN_FLIGHT = 10_000
MAX_COUNTED_CODES = 100
MODELS_PATH = "/v1/models"
SERVED = served_endpoints()

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

    async def answer(self, handler: Handler, errors: Errors, scope: Scope, receive: Receive, send: Any) -> None:
        """Run a handler; whatever goes wrong becomes one error of the API that was called."""
        self.requests += 1
        reply = Reply(send, self._ids.next(), errors)
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

    async def call(self, endpoint: Endpoint, scope: Scope, receive: Receive, reply: Reply) -> None:
        """`POST` to an endpoint."""
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
        is_stream = body.stream and endpoint.can_stream
        if is_stream and scope["http_version"] == "1.0":
            raise InvalidRequest(
                "HTTP/1.0 cannot carry a stream: use HTTP/1.1 (for nginx: proxy_http_version 1.1).", code="http_version"
            )
        asked = asked_model(body.model, headers.provider)
        route = self._callable(caller, asked, endpoint)
        reply.name_model(route.model, headers.trace_id)
        passage = route.passage
        assert passage is not None
        call = passage.call(body, request_id=reply.request_id, created=started_ns // 10**9)
        reply.dropped = call.losses
        passed_on = _betas(headers, route, reply) if headers.anthropic_beta else ()
        opened = msgspec.structs.replace(
            route.template,
            request_id=reply.request_id,
            started_ns=started_ns,
            client_request_id=headers.client_request_id or "",
            key=caller.key.name,
            owner=caller.key.owner,
            model_asked=asked,
            stream=is_stream,
            trace_id=headers.trace_id or "",
            metadata=headers.metadata,
            worker=self.worker,
        )
        exchange = Exchange(route, passage, opened, reply, self.calls, started=started)
        await exchange.run(call, passed_on, receive)

    async def models(self, scope: Scope, _receive: Receive, reply: Reply) -> None:
        """`GET /v1/models` and `GET /v1/models/{id}`: what the key may call; in Anthropic's shape for its clients."""
        if is_anthropic := _is_anthropics(scope):
            reply.speak(ANTHROPIC_ERRORS)
        _require(scope, "GET")
        routes = self.pinned()
        reply.name_revision(routes.revision)
        caller = routes.caller(scope["headers"])
        created, now_ns = routes.committed_at, time.time_ns()
        asked = _name_in(scope["path"])
        if asked:
            show = listing.anthropic_model if is_anthropic else listing.openai_model
            body = show(caller.seen(asked), created, now_ns)
        elif is_anthropic:
            body = listing.anthropic_list(caller.visible(), created, now_ns, scope["query_string"])
        else:
            body = await listing.openai_list(caller.visible(), created, now_ns)
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

    async def elsewhere(self, scope: Scope, receive: Receive, reply: Reply) -> None:
        """Everything else; also the models below their list, since the framework looks at no longer paths first."""
        path = "/" + scope["path"].strip("/")  # a mount's path comes without the first, and with a last slash
        if path.startswith(f"{MODELS_PATH}/"):
            await self.models(scope, receive, reply)
            return
        reply.speak(_errors_at(scope, path))
        if self.routes is not None:
            reply.name_revision(self.routes.revision)
        served = ", ".join(endpoint.path for endpoint in SERVED)
        raise InvalidRequest(
            f"There is no {path[:80]!r} here: this gateway serves POST {served} and GET {MODELS_PATH}.",
            status=404,
            code="unknown_endpoint",
        )

    def _count(self, code: str) -> None:
        # Some codes are the upstream's own words: a hostile one must not fill the memory with them.
        if code not in self.refusals and len(self.refusals) >= MAX_COUNTED_CODES:
            code = "other"
        self.refusals[code] += 1

    def _callable(self, caller: Caller, asked: str, endpoint: Endpoint) -> Route:
        if len(self.calls) >= MAX_IN_FLIGHT:
            raise NotReady("Too many calls are in flight.", code="overloaded", headers={"retry-after": "1"})
        route = caller.route(asked, endpoint)
        if endpoint.only_counts and not route.target and not route.disabled:
            raise InvalidRequest(
                f"The tokens of a request to {route.model.name} cannot be counted: its provider has no place for it, and "
                "this gateway does not pass off an estimate as a count.",
                code="count_not_supported",
            )
        if route.disabled:
            raise ProviderDisabled(
                f"The provider {route.model.provider!r} cannot be called on this gateway: {route.disabled}."
            )
        return route


def build_app(gateway: Gateway) -> Litestar:
    """The ASGI application of one worker."""

    def mount(path: str, handler: Handler, errors: Errors = OPENAI_ERRORS, *, is_mount: bool = False) -> Any:
        @asgi(path, is_mount=is_mount, copy_scope=False)
        async def endpoint(scope: Any, receive: Any, send: Any) -> None:
            await gateway.answer(handler, errors, scope, receive, send)

        return endpoint

    def malformed(request: Request[Any, Any, Any], _error: HTTPException) -> Response[bytes]:
        """The framework refuses some requests before any handler, such as one with a malformed Host."""
        fault = InvalidRequest("The request is malformed: look at its Host header.", code="malformed_http")
        headers = {"x-request-id": gateway.count_unread(fault.code)}
        body = _errors_at(request.scope).error(fault)
        return Response(body, status_code=400, media_type="application/json", headers=headers)

    return Litestar(
        route_handlers=[
            *(mount(each.path, functools.partial(gateway.call, each), each.errors) for each in SERVED),
            mount(MODELS_PATH, gateway.models),
            mount("/livez", gateway.livez),
            mount("/readyz", gateway.readyz),
            mount("/", gateway.elsewhere, is_mount=True),
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


def _is_anthropics(scope: Scope) -> bool:
    """Whether the client is one of Anthropic's API: those name its version."""
    return any(name == b"anthropic-version" for name, _ in scope["headers"])


def _errors_at(scope: Scope, path: str = "") -> Errors:
    """How errors look to whoever called a path that may be none of ours."""
    is_anthropics = (path or scope["path"]).startswith("/v1/messages") or _is_anthropics(scope)
    return ANTHROPIC_ERRORS if is_anthropics else OPENAI_ERRORS


def _name_in(path: str) -> str:
    """The model's name in a path below `MODELS_PATH`, "" for the path itself; the name may hold slashes."""
    return path.strip("/").removeprefix(MODELS_PATH.strip("/")).strip("/")


def _betas(headers: RequestHeaders, route: Route, reply: Reply) -> tuple[tuple[str, str], ...]:
    """The betas of the client's that go on to the provider; the others are named as dropped.

    Raises:
        InvalidRequest: one does not, and the model is strict.
    """
    if route.endpoint.api != betas.API:
        return ()
    assert route.passage is not None
    passed, dropped = betas.sift(headers.anthropic_beta, is_crossed=route.passage.is_crossed)
    if dropped and route.model.strict:
        raise InvalidRequest(
            f"{dropped[0]} cannot be sent to this model: it is strict, and this beta is not passed on.",
            code="unsupported_parameter",
            param=betas.HEADER,
        )
    reply.dropped += dropped
    return ((betas.HEADER, passed),) if passed else ()
