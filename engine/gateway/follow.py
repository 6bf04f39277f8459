"""Following what control publishes: a look at one file's status, and one reference that is replaced."""

import time
from typing import Protocol

import structlog

from engine.catalog.envelope import SnapshotFormatError
from engine.catalog.snapshot import Snapshot
from engine.gateway.auth import Authenticators
from engine.gateway.routing import GetUpstream, Routes
from engine.operator.credentials import Bindings
from engine.operator.settings import Settings
from engine.publication import Publication, PublicationError

log = structlog.get_logger("gateway")

POLL_SECONDS = 0.05
RETRY_SECONDS = 1.0


class Holder(Protocol):
    """Who serves the catalog."""

    routes: Routes | None


class Follower:
    """Gives a worker the published catalog whenever that changes. A faulty one is left aside and said in the log."""

    def __init__(self, publication: Publication, settings: Settings, holder: Holder, get_upstream: GetUpstream) -> None:
        self._publication = publication
        self._settings = settings
        self._holder = holder
        self._get_upstream = get_upstream
        self._authenticators = Authenticators()
        self._seen: tuple[int, int, int] | None = None
        self._failed: tuple[int, int, int] | None = None
        self._retry_at = 0.0

    def look(self) -> bool:
        """Load the published catalog if it is another than before; whether it was replaced. Takes a few ms at most."""
        stamp = self._publication.stamp()
        if stamp == self._seen or stamp is None:
            return False
        if stamp == self._failed and time.monotonic() < self._retry_at:
            return False
        try:
            replaced = self._load()
        except Exception as error:  # the edge of following: whatever was published, the next one is looked at
            known = isinstance(error, PublicationError | SnapshotFormatError)
            if stamp != self._failed:
                reason = str(error) if known else f"internal error: {type(error).__name__}: {error}"
                log.error("published catalog not usable: the one before is kept", reason=reason, exc_info=not known)
            self._failed, self._retry_at = stamp, time.monotonic() + RETRY_SECONDS
            return False
        self._seen, self._failed = stamp, None
        return replaced

    def _load(self) -> bool:
        current = self._publication.current()
        routes = self._holder.routes
        if current is None or (routes is not None and (routes.seq, routes.digest) == (current.seq, current.digest)):
            return False
        began = time.perf_counter()
        snapshot = Snapshot.decode(self._publication.load(current.digest), digest=current.digest)
        # Secrets are read anew with each catalog, so that a rotated one is taken up by a reload.
        bindings = Bindings(self._settings)
        self._holder.routes = Routes(
            snapshot, current.seq, current.digest, bindings, self._get_upstream, self._authenticators
        )
        log.info(
            "serving",
            revision=current.revision,
            seq=current.seq,
            models=len(snapshot.names),
            milliseconds=round((time.perf_counter() - began) * 1000, 1),
        )
        return True
