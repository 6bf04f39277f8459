"""A directory as a source: for writing a catalog, and for volumes that somebody else keeps up to date."""

import asyncio
import errno
import hashlib
import os
import stat
import time
from collections.abc import Hashable
from contextlib import ExitStack
from pathlib import Path

import msgspec

from engine.problem import Problem
from engine.sources import findings
from engine.sources.errors import SourceError, SourceMissing, SourceUnreadable, SourceUnsettled
from engine.sources.findings import DEFAULT_CAPS, Caps
from engine.sources.folder import Folder, LinkLoop, OutsideRoot
from engine.sources.watching import Watch
from engine.tree import Tree, blob_id

_MAX_DEPTH = 32
_COUNT_AT_MOST = 1_000_000
# Between two scans of a state, however old it seems: ext4 shows a truncated file's size up to 1 ms before its time.
_APART = 0.02

# Device, inode, size, modification and change time: a write changes at least the last, and nobody can set that back.
Mark = tuple[int, int, int, int, int]


class DirectorySource:
    """The files below `path`, read so that no tree mixes two states of the directory.

    A state counts only if it was found twice, the second time at least `settle` seconds after the last change to
    any file or directory. That also waits for an editor that truncates a file first and writes it then. After
    `patience` seconds of changes the read gives up.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, caps: Caps = DEFAULT_CAPS, settle: float = 0.1, patience: float = 5.0
    ) -> None:
        self.path = Path(path).absolute()
        self.recursive = True
        self._caps = caps
        self._settle = settle
        self._patience = patience

    def describe(self) -> str:
        """The source in a few words."""
        return f"directory {self.path}"

    def head(self) -> str:
        """The revision now. Only the content decides, so everything is read."""
        return self.read().revision

    def read(self) -> Tree:
        """One consistent state.

        Raises:
            SourceMissing: the directory is not there.
            SourceUnreadable: the directory itself cannot be read.
            SourceUnsettled: it kept changing.
        """
        give_up = time.monotonic() + self._patience
        before = self._scan()
        while True:
            # A time in the future (a clock was set back) is waited for like one just now.
            age = max(0.0, (time.time_ns() - before.changed_ns) / 1e9)
            time.sleep(max(_APART, self._settle - age))
            after = self._scan()
            if after == before:
                return after.tree()
            if time.monotonic() > give_up:
                raise SourceUnsettled(
                    f"the directory {self.path} kept changing for {self._patience:g} s while it was read",
                    hint="it is read again when the changes stop",
                )
            before = after

    def watch(self, stop: asyncio.Event) -> Watch:
        """Iterate over it, in the running event loop, for hints that something may have changed."""
        return Watch(self, stop)

    def anchors(self) -> tuple[Path, ...]:
        """The directory, where it is there."""
        return (self.path,) if os.path.isdir(self.path) else ()  # noqa: PTH112 - Path.is_dir raises

    def concerns(self, path: str) -> bool:
        """Whether an event at `path` may mean a change; the swap of a Kubernetes volume is one at `..data`."""
        name = os.path.basename(path)  # noqa: PTH119 - one call for each event of a storm
        return "/.git/" not in path and (name.startswith("..") or not findings.is_ignored(name))

    def stamp(self) -> Hashable:
        """All marks, without any content."""
        try:
            return tuple(sorted(self._scan(contents=False).marks.items()))
        except SourceError:
            return None

    def _scan(self, *, contents: bool = True) -> "_Scan":
        try:
            with Folder.root(str(self.path)) as root:
                return _Walk(self._caps, contents=contents).run(root)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ESTALE}:
                raise SourceMissing(f"there is no directory {self.path}") from None
            raise SourceUnreadable(f"the directory {self.path} cannot be read: {error.strerror}") from None


class _Scan(msgspec.Struct):
    """What one walk saw; two equal ones in a row are a state of the directory."""

    files: dict[str, bytes] = {}
    marks: dict[str, Mark] = {}
    problems: list[Problem] = []
    changed_ns: int = 0

    def tree(self) -> Tree:
        files = dict(sorted(self.files.items()))
        problems = tuple(sorted(self.problems, key=lambda problem: problem.sort_key))
        blobs = {path: blob_id(data) for path, data in files.items()}
        return Tree(revision=_revision(files, problems), files=files, blobs=blobs, problems=problems)


def _revision(files: dict[str, bytes], problems: tuple[Problem, ...]) -> str:
    """Named by content; what could not be read is part of it, so that mending it makes another revision."""
    digest = hashlib.sha256()
    for path, data in files.items():
        digest.update(b"%s\0%d\0" % (path.encode(), len(data)))
        digest.update(data)
    for problem in problems:
        digest.update(b"\0%s\0%s" % (problem.file.encode(), problem.message.encode()))
    return f"dir:{digest.hexdigest()[:40]}"


class _Walk:
    """One walk over everything below a root."""

    def __init__(self, caps: Caps, *, contents: bool) -> None:
        self._caps = caps
        self._contents = contents
        self._scan = _Scan()
        self._seen = 0
        self._files = 0
        self._bytes = 0

    def run(self, root: Folder) -> _Scan:
        self._folder(root, "", frozenset())
        if self._is_over:
            self._scan.files.clear()
            self._scan.problems = [findings.catalog_too_large(self._files, self._bytes, self._caps)]
        return self._scan

    @property
    def _is_over(self) -> bool:
        caps = self._caps
        return self._files > caps.files or self._bytes > caps.total_bytes or self._seen > _COUNT_AT_MOST

    def _folder(self, folder: Folder, path: str, above: frozenset[tuple[int, int]]) -> None:
        status = folder.status()
        identity = (status.st_dev, status.st_ino)
        if identity in above or len(above) >= _MAX_DEPTH:
            self._scan.problems.append(findings.link_loop(path))
            return
        self._mark(f"{path}/", status)
        for item in folder.items():
            if self._seen > _COUNT_AT_MOST:
                return
            if findings.is_ignored(item.name):
                continue
            self._seen += 1
            name = f"{path}/{item.name}" if path else item.name
            try:
                name.encode()
            except UnicodeEncodeError:
                self._scan.problems.append(findings.bad_name(name))
                continue
            try:
                if item.is_link:
                    self._link(folder, item.name, name, above | {identity})
                elif item.is_directory:
                    with folder.open_folder(item.name) as inner:
                        self._folder(inner, name, above | {identity})
                elif item.is_file:
                    self._file(folder, item.name, name)
                else:
                    self._scan.problems.append(findings.not_a_file(name))
            except OSError as error:
                self._scan.problems.append(findings.unreadable(name, error.strerror or type(error).__name__))

    def _link(self, folder: Folder, item: str, name: str, above: frozenset[tuple[int, int]]) -> None:
        with ExitStack() as opened:
            try:
                target = folder.follow(item, opened)
            except OutsideRoot:
                self._scan.problems.append(findings.outside(name))
            except LinkLoop:
                self._scan.problems.append(findings.link_loop(name))
            else:
                if isinstance(target, Folder):
                    self._folder(target, name, above)
                else:
                    self._file(*target, name)

    def _file(self, folder: Folder, item: str, name: str) -> None:
        self._files += 1
        if self._is_over:
            return  # from here on, files are only counted
        if not self._contents:
            self._mark(name, folder.status_of(item))
            return
        descriptor = folder.open_file(item)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                self._scan.problems.append(findings.not_a_file(name))
                return
            self._mark(name, status)
            cap = self._caps.of(name)
            # The size is asked before the first byte is read; the file may still grow, so the read is bounded too.
            data = _read(descriptor, status.st_size, cap + 1) if status.st_size <= cap else b""
        finally:
            os.close(descriptor)
        if max(status.st_size, len(data)) > cap:
            self._scan.problems.append(findings.too_large(name, max(status.st_size, len(data)), cap))
            return
        self._bytes += len(data)
        self._scan.files[name] = data

    def _mark(self, name: str, status: os.stat_result) -> None:
        self._scan.marks[name] = (
            status.st_dev,
            status.st_ino,
            status.st_size,
            status.st_mtime_ns,
            status.st_ctime_ns,
        )
        self._scan.changed_ns = max(self._scan.changed_ns, status.st_ctime_ns)


def _read(descriptor: int, size: int, at_most: int) -> bytes:
    """A file of this size; if it has another by now, the next walk sees that as well."""
    data = os.read(descriptor, size + 1)  # a buffer for the largest would take longer than the file
    if len(data) == size:
        return data
    while len(data) < at_most and (more := os.read(descriptor, at_most - len(data))):
        data += more
    return data
