"""Where control publishes compiled catalogs and workers find them: `state/snapshots/<digest>` and `state/current`.

Files are written under another name, synced and renamed, so that a reader sees a whole file or none, also after a power
cut. Readers need no lock and no events: a `stat` of `current` tells whether anything changed.
"""

import contextlib
import hashlib
import os
import secrets
from pathlib import Path

import msgspec

KEPT_SNAPSHOTS = 5


class Current(msgspec.Struct, frozen=True):
    """What is being served: `seq` grows by one with every publication, `digest` is the SHA-256 of the artifact."""

    seq: int
    digest: str
    revision: str


class PublicationError(Exception):
    """The published state cannot be read or written; the text says what and where."""


class Publication:
    """The published catalogs of one state directory. One writer (control), any number of readers."""

    def __init__(self, state: Path) -> None:
        self._current = state / "current"
        self._snapshots = state / "snapshots"
        self._last_seq = 0
        self._seen_whole: tuple[str, int, int, int, int] | None = None

    def stamp(self) -> tuple[int, int, int] | None:
        """A value that differs whenever `current` was replaced; None where nothing has been published."""
        try:
            status = os.stat(self._current)  # noqa: PTH116 - called 20 times a second; Path.stat costs three times as much
        except OSError:
            return None
        return (status.st_ino, status.st_mtime_ns, status.st_size)

    def current(self) -> Current | None:
        """What is published now, None where nothing is.

        Raises:
            PublicationError: the file is damaged or cannot be read.
        """
        try:
            return msgspec.json.decode(self._current.read_bytes(), type=Current)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            raise PublicationError(f"{self._current}: {error}") from error

    def load(self, digest: str) -> bytes:
        """The artifact with this digest, verified.

        Raises:
            PublicationError: it is missing, unreadable or not what its name says.
        """
        path = self._snapshots / digest
        try:
            artifact = path.read_bytes()
        except OSError as error:
            raise PublicationError(f"{path}: {error.strerror}") from error
        if hashlib.sha256(artifact).hexdigest() != digest:
            raise PublicationError(f"{path}: the content does not have this digest")
        return artifact

    def is_whole(self, current: Current) -> bool:
        """Whether exactly this is published, and its artifact is undamaged.

        The content is read again only where its file was touched since: nobody can set a file's change time.
        """
        try:
            if self.current() != current:
                return False
            found = self._stamp_of(current.digest)
            if found != self._seen_whole:
                self.load(current.digest)
                self._seen_whole = found
        except (OSError, PublicationError):
            return False
        return True

    def _stamp_of(self, digest: str) -> tuple[str, int, int, int, int]:
        status = (self._snapshots / digest).stat()
        return (digest, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def publish(self, artifact: bytes, revision: str) -> Current:
        """Make `artifact` what every worker serves next, and keep the last few before it.

        What is published already stays as it is, under the number that it has.

        Raises:
            PublicationError: nothing changed, since the state directory could not be written.
        """
        digest = hashlib.sha256(artifact).hexdigest()
        try:
            before = self.current()
        except PublicationError:
            before = None  # a damaged pointer is replaced by a whole one
        if before and (before.digest, before.revision) == (digest, revision) and self.is_whole(before):
            return before
        # Also where the file with the last number was lost, numbers do not come again.
        self._last_seq = max(self._last_seq, before.seq if before else 0) + 1
        current = Current(seq=self._last_seq, digest=digest, revision=revision)
        try:
            self._snapshots.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(self._snapshots / digest, artifact, through=self._snapshots)
            self._seen_whole = self._stamp_of(digest)
            _replace(self._current, msgspec.json.encode(current), through=self._snapshots)
        except OSError as error:
            raise PublicationError(f"{error.filename or self._snapshots}: {error.strerror}") from error
        self._forget_old(digest)
        return current

    def _forget_old(self, keep: str) -> None:
        """Remove old artifacts, and what a writer that was killed left half-written."""
        with contextlib.suppress(OSError):  # it is published; what stays is tried again with the next one
            files = sorted(self._snapshots.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
            for path in files[KEPT_SNAPSHOTS:]:
                if path.name != keep:
                    path.unlink(missing_ok=True)


def _replace(path: Path, data: bytes, *, through: Path) -> None:
    """Write a file, in the directory `through` first, so that it is there whole or not at all, and survives a power cut."""
    temporary = through / f".{path.name}.{secrets.token_hex(4)}"
    try:
        with temporary.open("xb") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
