"""A revision that removes most models is held back: more often a directory was not there than somebody meant it.

It is the one finding about the revision before that control acts on; the others are for who reviews a change.
"""

import structlog

from engine.catalog.catalog import Catalog
from engine.catalog.compared import shrink_finding
from engine.catalog.envelope import SnapshotFormatError
from engine.catalog.layout import ROOT_FILE
from engine.catalog.reading import read_yaml
from engine.catalog.snapshot import Snapshot
from engine.problem import Problem
from engine.publication import Current, Publication, PublicationError

log = structlog.get_logger("control")


class ShrinkGuard:
    """Holds each revision against the one that is served."""

    def __init__(self, publication: Publication) -> None:
        self._publication = publication
        self._served: Catalog | None = None

    def published(self, catalog: Catalog) -> None:
        """Remember what is served from now on."""
        self._served = catalog

    def finding(self, served: Current | None, after: Catalog) -> Problem | None:
        """What keeps `after` from taking the place of what is served; None if nothing does.

        Where the operator chose another environment, or what is served cannot be read, there is nothing to compare.
        """
        if served is None or served.revision == after.tree.revision:
            return None
        if self._served is not None and self._served.tree.revision == served.revision:
            before = self._served
            return _compare(tuple(before.models), before.allow_shrink, before.environment, after)
        try:
            snapshot = Snapshot.decode(self._publication.load(served.digest), digest=served.digest)
        except (PublicationError, SnapshotFormatError) as error:
            log.warning("no guard against a catalog that shrinks: what is served cannot be read", error=str(error))
            return None
        return _compare(snapshot.names, _reason(snapshot), snapshot.environment, after)


def _compare(names: tuple[str, ...], reason: str, environment: str, after: Catalog) -> Problem | None:
    return shrink_finding(names, reason, after) if environment == after.environment else None


def _reason(snapshot: Snapshot) -> str:
    document = read_yaml(snapshot.documents().files.get(ROOT_FILE, b""), ROOT_FILE).document
    value = document.value if document is not None else None
    return str(value.get("allow_shrink", "")) if isinstance(value, dict) else ""
