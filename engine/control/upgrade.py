"""What was published by an engine of another format is compiled again from the documents that the artifact carries."""

import structlog

from engine.catalog.compile import compile_catalog
from engine.catalog.envelope import SnapshotFormatError, unseal
from engine.catalog.snapshot import FORMAT, encode
from engine.problem import has_errors
from engine.publication import Publication, PublicationError

log = structlog.get_logger("control")


def upgrade(publication: Publication) -> None:
    """See that workers of this engine can read what is published, whatever has become of the source meanwhile."""
    try:
        current = publication.current()
        if current is None:
            return
        envelope = unseal(publication.load(current.digest))
        if envelope.format == FORMAT:
            return
        documents = envelope.open()
        outcome = compile_catalog(documents.tree, environment=documents.environment)
        if outcome.catalog is None or has_errors(outcome.problems):
            errors = [problem for problem in outcome.problems if problem.severity == "error"]
            log.error("published catalog is of another format, and this engine finds errors in it",
                      revision=current.revision, count=len(errors), first=errors[0].message)  # fmt: skip
            return
        publication.publish(encode(outcome.catalog), current.revision)
    except (PublicationError, SnapshotFormatError) as error:
        log.error("published catalog cannot be read", reason=str(error))
    except Exception:  # the edge: control must start whatever was published
        log.exception("internal error while compiling the published catalog again")
    else:
        log.info("published catalog compiled again", revision=current.revision, format_before=envelope.format)
