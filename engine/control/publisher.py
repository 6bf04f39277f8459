"""From a source to a published catalog: read, compile, publish. Whatever fails, the last good one stays in force."""

import time
from typing import Literal

import msgspec
import structlog

from engine.catalog.compile import Compiler
from engine.catalog.snapshot import Encoder
from engine.control.caveats import caveats
from engine.control.guard import ShrinkGuard
from engine.problem import Problem, has_errors
from engine.publication import Current, Publication, PublicationError
from engine.sources.errors import SourceError
from engine.sources.source import Source
from engine.tree import Tree

log = structlog.get_logger("control")

MAX_LOGGED_PROBLEMS = 20

Verdict = Literal["published", "unchanged", "rejected", "unreadable", "unpublishable", "failed"]


class Reload(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one look at the source.

    `unchanged`: what the source says is what was published before. `rejected`: the documents have errors, or most
    models of what is served are gone without a word; `problems` names it. `unreadable`: the source could not be read.
    `unpublishable`: the state directory could not be written. `failed`: a fault of ours. In the last four the catalog
    served is the one before. `duration_ms` is all of it, `reading_ms` what the source took.
    """

    verdict: Verdict
    trigger: str
    at_ns: int
    revision: str = ""
    error: str = ""
    problems: tuple[Problem, ...] = ()
    duration_ms: float = 0.0
    reading_ms: float = 0.0

    @property
    def held(self) -> bool:
        """Whether what is served is what the source says."""
        return self.verdict in ("published", "unchanged")

    @property
    def may_pass(self) -> bool:
        """Whether it may end with no event to announce it: a full disk, a read error, a mount that is away."""
        return self.verdict in ("unreadable", "unpublishable") or any(
            problem.code == "unreadable-file" for problem in self.problems
        )


class Publisher:
    """One source, one publication. Not for concurrent use: whoever triggers it serialises.

    Between revisions it remembers what was made of the files, so that a small change is published quickly.
    """

    def __init__(self, source: Source, publication: Publication, environment: str = "") -> None:
        self._source = source
        self._publication = publication
        self.environment = environment
        self._compiler = Compiler()
        self._encoder = Encoder()
        self._guard = ShrinkGuard(publication)
        self._judged: Reload | None = None
        self._published: Current | None = None
        self._reading_ms = 0.0
        self.last: Reload | None = None
        self.last_good_ns: int | None = None
        self.caveats: tuple[str, ...] | None = None  # not known before a catalog was compiled

    @property
    def served(self) -> Current | None:
        """What is published now."""
        try:
            return self._publication.current()
        except PublicationError:
            return None

    @property
    def published_error(self) -> str | None:
        """What is wrong with the file that says what is published; None if nothing is."""
        try:
            self._publication.current()
        except PublicationError as error:
            return str(error)
        return None

    def reload(self, trigger: str) -> Reload:
        """Look at the source and publish it if it is another than before and sound. Blocks: run it in a thread."""
        began = time.perf_counter()
        try:
            outcome = self._look(trigger)
        except Exception as error:  # the edge: whatever a catalog sets off in us, the next one is looked at
            self._judged = None
            self._compiler, self._encoder = Compiler(), Encoder()  # what they remember may be half done
            text = f"internal error: {type(error).__name__}: {error}"
            outcome = Reload(verdict="failed", trigger=trigger, at_ns=time.time_ns(), error=text)
            if not _same(outcome, self.last):
                log.exception("internal error while compiling")
        if not _same(outcome, self.last):
            outcome = msgspec.structs.replace(outcome, duration_ms=_milliseconds(began), reading_ms=self._reading_ms)
            _report(outcome, serving=self.served is not None)
        if outcome.held:
            self.last_good_ns = outcome.at_ns
        self.last = outcome
        return outcome

    def _look(self, trigger: str) -> Reload:
        now = time.time_ns()
        self._mend()
        judged = self._judged
        began = time.perf_counter()
        try:
            tree = self._source.read()
        except SourceError as error:
            self._judged = None
            return Reload(verdict="unreadable", trigger=trigger, at_ns=now, error=str(error))
        finally:
            self._reading_ms = _milliseconds(began)
        if judged is not None and tree.revision == judged.revision and not tree.problems:
            return self._again(judged, trigger, now)
        outcome = self._compile(tree, trigger, now)
        # What could not be written is tried again; what is wrong in a revision stays wrong in it.
        self._judged = outcome if outcome.verdict != "unpublishable" and not tree.problems else None
        return outcome

    def _again(self, judged: Reload, trigger: str, now: int) -> Reload:
        """A revision that was judged before: its verdict stands, and a good one is no news."""
        verdict = "unchanged" if judged.held else judged.verdict
        return msgspec.structs.replace(judged, verdict=verdict, trigger=trigger, at_ns=now)

    def _mend(self) -> None:
        """See that what was published last is there, whole: a damaged pointer is made anew, whatever the source says now."""
        last = self._published
        if last is None or self._publication.is_whole(last):
            return
        log.error("published catalog damaged or gone: it is published anew", seq=last.seq)
        try:
            self._published = self._publication.publish(self._publication.load(last.digest), last.revision)
        except PublicationError:  # the artifact itself is lost: it takes the source to make it anew
            self._published = self._judged = None

    def _compile(self, tree: Tree, trigger: str, now: int) -> Reload:
        outcome = self._compiler.compile(tree, environment=self.environment)
        problems = outcome.problems
        if outcome.catalog is None or has_errors(problems):
            return Reload(verdict="rejected", trigger=trigger, at_ns=now, revision=tree.revision, problems=problems)
        before = self.served
        shrink = self._guard.finding(before, outcome.catalog)
        if shrink is not None:
            problems = (shrink, *problems)
            return Reload(verdict="rejected", trigger=trigger, at_ns=now, revision=tree.revision, problems=problems)
        try:
            current = self._publication.publish(self._encoder.encode(outcome.catalog), tree.revision)
        except PublicationError as error:
            return Reload(verdict="unpublishable", trigger=trigger, at_ns=now, revision=tree.revision, error=str(error))
        self._published = current
        self._guard.published(outcome.catalog)
        self._warn(caveats(outcome.catalog))
        verdict: Verdict = "unchanged" if current == before else "published"
        return Reload(verdict=verdict, trigger=trigger, at_ns=now, revision=tree.revision, problems=problems)

    def _warn(self, sentences: tuple[str, ...]) -> None:
        for sentence in sentences:
            if sentence not in (self.caveats or ()):
                log.warning(sentence)
        self.caveats = sentences


def _milliseconds(began: float) -> float:
    return round((time.perf_counter() - began) * 1000, 1)


def _same(new: Reload, old: Reload | None) -> bool:
    """Whether this is no news: a look that found what the one before had found."""
    if old is None:
        return False
    if new.verdict == "unchanged":
        return old.held
    return (new.verdict, new.revision, new.error) == (old.verdict, old.revision, old.error)


def _report(outcome: Reload, *, serving: bool) -> None:
    what = {"revision": outcome.revision, "trigger": outcome.trigger, "milliseconds": outcome.duration_ms}
    if outcome.held:
        log.info(
            "catalog published" if outcome.verdict == "published" else "catalog in force as published before", **what
        )
        return
    log.error(
        "catalog not published",
        meanwhile="the last good one stays in force" if serving else "nothing is served yet",
        verdict=outcome.verdict,
        error=outcome.error or None,
        **what,
    )
    errors = [problem for problem in outcome.problems if problem.severity == "error"]
    for problem in errors[:MAX_LOGGED_PROBLEMS]:
        log.error(
            "problem",
            code=problem.code,
            where=f"{problem.file}:{problem.line}:{problem.column}",
            message=problem.message,
            hint=problem.hint or None,
        )
    if len(errors) > MAX_LOGGED_PROBLEMS:
        log.error("more problems", count=len(errors) - MAX_LOGGED_PROBLEMS, see="catalog validate")
