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
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from engine import __version__
from engine.control.bookkeeper import Bookkeeper
from engine.control.metrics import CONTENT_TYPE, Metrics
from engine.control.publisher import Publisher, Reload
from engine.control.reloader import Reloader
from engine.control.workers import Workers
from engine.errors import UserError
from engine.ledger import queries
from engine.ledger.database import reader_engine
from engine.ledger.period import parse_moment
from engine.ledger.record import State
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
        self._engine: Engine | None = None

    async def query(self, ask: Callable[[Connection], T]) -> T:
        """Run one short read of the ledger in a thread.

        Raises:
            ValidationException: a filter is malformed.
            HTTPException: 503, the ledger cannot be read now.
        """
        return await asyncio.to_thread(self._ask, ask)

    def _ask(self, ask: Callable[[Connection], T]) -> T:
        try:
            if self._engine is None:
                self._engine = reader_engine(self._database)
            with self._engine.begin() as connection:
                return ask(connection)
        except ValueError as error:
            raise ValidationException(str(error)) from None
        except UserError as error:
            raise HTTPException(status_code=503, detail=error.message) from None
        except SQLAlchemyError:
            raise HTTPException(status_code=503, detail="The ledger cannot be read now.") from None

    def status(self) -> dict[str, Any]:
        """What runs, whether it is what the source says, and who serves it."""
        served, last = self.publisher.served, self.publisher.last
        return {
            "version": __version__,
            "revision": served.revision if served else None,
            "digest": served.digest if served else None,
            "seq": served.seq if served else 0,
            "in_sync": last is not None and last.held,
            "source": {"description": self.source.describe(), "watch_mode": self.source.mode},
            "last_reload": _reload(last) if last else None,
            "ledger": msgspec.to_builtins(self.bookkeeper.status),
            "workers": self.workers.to_builtins(),
        }


def build_admin(control: Control) -> Litestar:
    """The ASGI application of the control process."""

    @get("/api/status", sync_to_thread=False)
    def status() -> dict[str, Any]:
        return control.status()

    @get("/api/usage")
    async def usage(by: queries.By = "model", since: str | None = None, until: str | None = None) -> dict[str, Any]:
        period = _period(since, until)
        return usage_json(await control.query(lambda connection: queries.usage(connection, by, **period)))

    @get("/api/requests")
    async def requests(
        limit: Annotated[int, Parameter(ge=1, le=queries.MAX_PAGE)] = 50,
        cursor: str | None = None,
        model: str | None = None,
        key: str | None = None,
        request_state: Annotated[State | None, Parameter(query="state")] = None,
        since: str | None = None,
        until: str | None = None,
    ) -> dict[str, Any]:
        period = _period(since, until)
        page = await control.query(
            lambda connection: queries.requests(
                connection, limit=limit, cursor=cursor, model=model, key=key, state=request_state, **period
            )
        )
        return page_json(page)

    @get("/api/requests/{request_id:str}")
    async def request_by_id(request_id: str) -> dict[str, Any]:
        found = await control.query(lambda connection: queries.request(connection, request_id))
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


def _period(since: str | None, until: str | None) -> dict[str, int | None]:
    now = time.time_ns()
    try:
        return {
            "since_ns": parse_moment(since, now_ns=now) if since else None,
            "until_ns": parse_moment(until, now_ns=now) if until else None,
        }
    except ValueError as error:
        raise ValidationException(str(error)) from None


def _refusal(_request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    return Response({"error": {"message": error.detail, "status": error.status_code}}, status_code=error.status_code)


def _reload(reload: Reload) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.to_builtins(reload)
    return fields | {"ok": reload.held}
