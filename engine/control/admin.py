"""The control plane's HTTP interface: status, usage, requests, metrics, reload. JSON only; lists are {"data", "next"}."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Litestar, Request, Response, get, post
from litestar.exceptions import HTTPException, NotFoundException, PermissionDeniedException, ValidationException
from litestar.params import Parameter

from engine import __version__
from engine.control.bookkeeper import Bookkeeper
from engine.control.metrics import CONTENT_TYPE, Metrics
from engine.control.publisher import Publisher, Reload
from engine.control.reloader import Reloader
from engine.control.workers import Workers
from engine.ledger.period import parse_moment
from engine.ledger.queries import Ledger, Page, QueryError
from engine.ledger.views import page_json, request_json, usage_json
from engine.sources.source import Source

T = TypeVar("T")

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})


class Control:
    """What the admin handlers read."""

    def __init__(
        self,
        *,
        publisher: Publisher,
        reloader: Reloader,
        bookkeeper: Bookkeeper,
        workers: Workers,
        source: Source,
        database: Path,
    ) -> None:
        self.publisher = publisher
        self.reloader = reloader
        self.bookkeeper = bookkeeper
        self.workers = workers
        self.source = source
        self.metrics = Metrics(publisher, bookkeeper, workers)
        self._database = database

    async def query(self, ask: Callable[[Ledger], T]) -> T:
        """Run one short read of the ledger in a thread.

        Raises:
            ValidationException: a filter is malformed.
            HTTPException: 503, the ledger cannot be read now.
        """
        return await asyncio.to_thread(self._ask, ask)

    def _ask(self, ask: Callable[[Ledger], T]) -> T:
        try:
            with Ledger.open(self._database) as ledger:
                return ask(ledger)
        except ValueError as error:
            raise ValidationException(str(error)) from None
        except QueryError as error:
            raise HTTPException(status_code=503, detail=error.message) from None

    def status(self) -> dict[str, Any]:
        """What runs, whether it is what the source says, and who serves it."""
        served, last = self.publisher.served, self.publisher.last
        return {
            "version": __version__,
            "revision": served.revision if served else None,
            "digest": served.digest if served else None,
            "seq": served.seq if served else 0,
            "published_error": self.publisher.published_error,
            "in_sync": last is not None and last.held,
            "environment": self.publisher.environment,
            "source": {"description": self.source.describe(), "watch_mode": self.reloader.watch_mode},
            "last_reload": _reload(last) if last else None,
            "warnings": self.publisher.caveats,
            "ledger": msgspec.to_builtins(self.bookkeeper.status),
            "workers": self.workers.to_builtins(),
        }


def build_admin(control: Control) -> Litestar:
    """The ASGI application of the control process."""

    @get("/api/status", sync_to_thread=False)
    def status() -> dict[str, Any]:
        return control.status()

    @get("/api/usage")
    async def usage(by: str = "model", since: str | None = None, until: str | None = None) -> dict[str, Any]:
        since_ns, until_ns = _moment(since), _moment(until)
        return usage_json(
            await control.query(lambda ledger: ledger.usage(by, since_ns=since_ns, until_ns=until_ns))
        ) | {"next": None}

    @get("/api/requests")
    async def requests(
        limit: int = 50,
        cursor: str | None = None,
        model: str | None = None,
        key: str | None = None,
        request_state: Annotated[str | None, Parameter(query="state")] = None,
    ) -> dict[str, Any]:
        def ask(ledger: Ledger) -> Page:
            return ledger.requests(limit=limit, cursor=cursor, model=model, key=key, state=request_state)

        return page_json(await control.query(ask))

    @get("/api/requests/{request_id:str}")
    async def request_by_id(request_id: str) -> dict[str, Any]:
        found = await control.query(lambda ledger: ledger.request(request_id))
        if found is None:
            raise NotFoundException("There is no request with this id on record.")
        return request_json(found)

    @get("/metrics", sync_to_thread=False)
    def metrics() -> Response[bytes]:
        return Response(control.metrics.render(), headers={"content-type": CONTENT_TYPE})

    @post("/-/reload")
    async def reload() -> Response[dict[str, Any]]:
        outcome = await control.reloader.reload("request")
        return Response(_reload(outcome), status_code=200 if outcome.held else 409)

    return Litestar(
        route_handlers=[status, usage, requests, request_by_id, metrics, reload],
        before_request=_only_this_machine,
        exception_handlers={HTTPException: _refusal},
        openapi_config=None,
        debug=False,
        logging_config=None,
    )


async def _only_this_machine(request: Request[Any, Any, Any]) -> None:
    """Refuse what a web page of somebody else could make a browser on this machine send.

    The Host must be a name of the loopback interface (a rebound name is not), and a request that changes something must
    not come from another origin.
    """
    host = request.headers.get("host", "")
    name = host[: host.rindex(":")] if ":" in host and not host.endswith("]") else host
    if name.lower() not in LOOPBACK_NAMES:
        raise PermissionDeniedException("The control plane is only served to this machine: use http://127.0.0.1.")
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != host:
        raise PermissionDeniedException("Requests of other sites are refused.")


def _moment(text: str | None) -> int | None:
    try:
        return parse_moment(text, time.time_ns()) if text else None
    except ValueError as error:
        raise ValidationException(str(error)) from None


def _refusal(_request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    return Response({"error": {"message": error.detail, "status": error.status_code}}, status_code=error.status_code)


def _reload(reload: Reload) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(reload)
    return fields | {"ok": reload.held}
