"""A Git repository at a ref as a source: objects are read straight from it, nothing is ever checked out."""

import asyncio
import difflib
import os
import re
import stat
from collections.abc import Hashable
from pathlib import Path, PurePosixPath

import msgspec

from engine.problem import Problem
from engine.sources import findings
from engine.sources.errors import PathMissing, SourceError, UnknownRef
from engine.sources.findings import DEFAULT_CAPS, Caps
from engine.sources.git_command import Git
from engine.sources.watching import Watch
from engine.tree import Tree

# What git allows in a ref's name (git-check-ref-format(1)). Expressions such as main~2, @{yesterday} or :/text are
# refused with it: a ref names a commit, and always the same way.
_REF = re.compile(r"(?!-)(?!.*(?:\.\.|@\{))[^\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]+")
_UNWANTED = re.compile(r"[\x00-\x1f\ud800-\udfff]")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_TREE = re.compile(rb"([0-9a-f]+) tree [0-9]+")
_COMMITTER = re.compile(rb"^committer .* ([0-9]{1,18}) [+-][0-9]{4}$", re.MULTILINE)
_LISTING_BYTES = 64 * 1024 * 1024


class GitSource:
    """The directory `path` of the commit that `ref` names in the repository `repo`.

    `ref` is a branch, a tag, a full ref name, HEAD or a commit id. A branch wins over a tag of the same name: a pushed
    tag must not change what is deployed.
    """

    def __init__(
        self,
        repo: str | os.PathLike[str],
        ref: str = "main",
        path: str = "catalog",
        *,
        caps: Caps = DEFAULT_CAPS,
        timeout: float = 30.0,
    ) -> None:
        self.repo = Path(repo).absolute()
        self.ref = ref
        self.path = _inside(path)
        self.recursive = False
        self._caps = caps
        self._git = Git(self.repo, timeout)
        self._located: tuple[Path, Path] | None = None
        self._known: dict[str, bytes] = {}  # the blobs of the tree read last: an id always has the same content
        if _REF.fullmatch(ref) is None:
            raise UnknownRef(f"{ref!r} cannot be the name of a branch, tag or commit", hint="expressions are not read")

    def describe(self) -> str:
        """The source in a few words."""
        return f"{self.path or 'the top directory'} at {self.ref} in the Git repository {self.repo}"

    def head(self) -> str:
        """The id of the commit that the ref names now: one git process.

        Raises:
            UnknownRef: there is none; and whatever is the matter with the repository.
        """
        for name in self._candidates():
            answer = self._git.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
            if not answer.status:
                return answer.output.decode().strip()
        raise self._unknown_ref()

    def read(self, commit: str | None = None) -> Tree:
        """All files of `commit`, or of the one that the ref names now.

        Raises:
            UnknownRef, PathMissing: as their names say.
            SourceUnreadable: objects are missing or damaged; and whatever is the matter with the repository.
        """
        commit = self.head() if commit is None else commit
        entries = self._list(commit)
        sizes = self._sizes({entry.blob for entry in entries if entry.is_file})
        problems, wanted = [], []
        for entry in entries:
            if (problem := entry.problem(self._caps, sizes.get(entry.blob, 0))) is not None:
                problems.append(problem)
            else:
                wanted.append(entry)
        size = sum(sizes[entry.blob] for entry in wanted)
        if len(wanted) > self._caps.files or size > self._caps.total_bytes:
            over = findings.catalog_too_large(len(wanted), size, self._caps)
            return Tree(revision=commit, files={}, blobs={}, problems=(over,))
        blobs = {entry.path: entry.blob for entry in wanted}
        new = [blob for blob in dict.fromkeys(blobs.values()) if blob not in self._known]
        objects = self._objects([commit, *new], sum(sizes[blob] for blob in new))
        committed_at = _committed_at(objects.pop(commit))
        objects |= {blob: data for blob in blobs.values() if (data := self._known.get(blob)) is not None}
        self._known = objects
        contents = {path: objects[blob] for path, blob in blobs.items()}
        problems += [found for path, data in contents.items() if (found := findings.lfs_pointer(path, data))]
        return Tree(
            revision=commit,
            files=contents,
            blobs=blobs,
            committed_at=committed_at,
            problems=tuple(sorted(problems, key=lambda problem: problem.sort_key)),
        )

    def watch(self, stop: asyncio.Event) -> Watch:
        """Iterate over it, in the running event loop, for hints that something may have changed."""
        return Watch(self, stop)

    def anchors(self) -> tuple[Path, ...]:
        """The directories whose entries change when a ref moves: few, and never those of the objects."""
        if (located := self._locate()) is None:
            return ()
        own, common = located
        wanted = {own, common, common / "reftable"}
        for ref in self._followed(own):
            wanted.update(common / parent for parent in PurePosixPath(ref).parents)
        return tuple(sorted(filter(os.path.isdir, wanted)))

    def concerns(self, path: str) -> bool:
        """Whether an event at `path` may mean a moved ref: not the lock files, index and logs of every command."""
        if path.endswith(".lock"):
            return False
        return path.endswith(("/HEAD", "/packed-refs", "/tables.list", "/refs")) or "/refs/" in path

    def stamp(self) -> Hashable:
        """The status of every file that may say where the ref leads."""
        if (located := self._locate()) is None:
            return None
        own, common = located
        files = [own / "HEAD", common / "packed-refs", common / "reftable" / "tables.list"]
        return tuple(_status(file) for file in (*files, *(common / ref for ref in self._followed(own))))

    def _locate(self) -> tuple[Path, Path] | None:
        """The repository's own directory and the one that it shares with its other work trees; None: it is not there."""
        if self._located is None or not all(map(os.path.isdir, self._located)):
            try:
                answer = self._git.must("rev-parse", "--absolute-git-dir", "--git-common-dir")
            except SourceError:
                self._located = None
            else:
                own, common = (self.repo / os.fsdecode(line) for line in answer.splitlines())
                self._located = (own, common)
        return self._located

    def _followed(self, own: Path) -> tuple[str, ...]:
        if self.ref != "HEAD":
            return self._candidates()
        try:
            head = (own / "HEAD").read_text("utf-8", "surrogateescape")
        except OSError:
            return ()
        return (head.removeprefix("ref:").strip(),) if head.startswith("ref:") else ()

    def _candidates(self) -> tuple[str, ...]:
        if self.ref == "HEAD" or self.ref.startswith("refs/") or _COMMIT.fullmatch(self.ref):
            return (self.ref,)
        short_id = (self.ref,) if re.fullmatch(r"[0-9a-f]{7,}", self.ref) else ()
        return (*(f"refs/{kind}/{self.ref}" for kind in ("heads", "tags", "remotes")), *short_id)

    def _unknown_ref(self) -> SourceError:
        listed = self._git.must("for-each-ref", "--format=%(refname)", at_most=_LISTING_BYTES)
        names = listed.decode("utf-8", "replace").split()
        if broken := set(names) & set(self._candidates()):
            return self._git.unreadable(f"{min(broken)} names an object that is missing or not a commit")
        if not names:
            return UnknownRef(f"the repository {self.repo} has no commits yet", hint="commit something first")
        short = [name.split("/", 2)[-1] for name in names]
        near = difflib.get_close_matches(self.ref, short, 3) or short[:5]
        return UnknownRef(
            f"the repository {self.repo} has no branch, tag or commit {self.ref!r}", hint=f"it has {', '.join(near)}"
        )

    def _list(self, commit: str) -> "list[_Entry]":
        if _COMMIT.fullmatch(commit) is None:
            raise UnknownRef(f"{commit!r} is not a full commit id")
        tree = self._tree(commit)
        listing = self._git.must("ls-tree", "-r", "-z", "--full-tree", tree, at_most=_LISTING_BYTES)
        entries = [_Entry.parse(line) for line in listing.split(b"\0") if line]
        return [entry for entry in entries if not any(map(findings.is_ignored, entry.path.split("/")))]

    def _tree(self, commit: str) -> str:
        question = f"{commit}:{self.path}\n{commit}^{{tree}}\n".encode()
        found, whole = self._git.must("cat-file", "--batch-check", stdin=question).splitlines()
        if not whole.endswith(b"missing"):
            if match := _TREE.fullmatch(found):
                return match[1].decode()
            raise self._path_missing(commit)
        raise self._git.unreadable(f"there is no commit {commit}, or its tree is missing")

    def _path_missing(self, commit: str) -> PathMissing:
        listing = self._git.must("ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, at_most=_LISTING_BYTES)
        roots = [os.path.dirname(name) or b"." for name in listing.split(b"\0") if _is_marker(name)]  # noqa: PTH120
        shown = ", ".join(root.decode("utf-8", "replace") for root in roots[:3])
        return PathMissing(
            f"the commit {commit[:12]} has no directory {self.path!r}",
            hint=f"there is a catalog.yaml in: {shown}" if roots else "there is no catalog.yaml in this commit",
        )

    def _sizes(self, blobs: set[str]) -> dict[str, int]:
        """The sizes of blobs, in bytes; only those that were not read last time are asked for."""
        sizes = {blob: len(data) for blob, data in self._known.items() if blob in blobs}
        if asked := sorted(blobs - sizes.keys()):
            question = "\n".join(asked).encode() + b"\n"
            answer = self._git.must("cat-file", "--batch-check", "--buffer", stdin=question, at_most=_LISTING_BYTES)
            for name, line in zip(asked, answer.splitlines(), strict=True):
                words = line.split()
                if len(words) != 3 or words[0].decode() != name:
                    raise self._git.unreadable(f"the object {name} is missing or damaged")
                sizes[name] = int(words[2])
        return sizes

    def _objects(self, ids: list[str], size: int) -> dict[str, bytes]:
        """The contents of the commit and the blobs, in one process; `size` is that of all blobs."""
        room = size + len(ids) * 128 + 1024 * 1024
        output = self._git.must("cat-file", "--batch", "--buffer", stdin="\n".join(ids).encode() + b"\n", at_most=room)
        objects: dict[str, bytes] = {}
        at = 0
        for name in ids:
            end = output.find(b"\n", at)
            words = output[at:end].split()
            if len(words) != 3 or words[0].decode() != name:
                raise self._git.unreadable(f"the object {name} is missing or damaged")
            length = int(words[2])
            objects[name] = output[end + 1 : end + 1 + length]
            at = end + length + 2
        return objects


class _Entry(msgspec.Struct, frozen=True):
    """One line of `git ls-tree -r`."""

    mode: int
    blob: str
    path: str
    is_text: bool = True

    @classmethod
    def parse(cls, line: bytes) -> "_Entry":
        about, _, name = line.partition(b"\t")
        mode, _, blob = about.split()
        path = name.decode("utf-8", "surrogateescape")
        is_text = path.isascii() or not any("\udc80" <= char <= "\udcff" for char in path)
        return cls(int(mode, 8), blob.decode(), path, is_text)

    @property
    def is_file(self) -> bool:
        """Whether it is a file, and no link or submodule."""
        return stat.S_ISREG(self.mode)

    def problem(self, caps: Caps, size: int) -> Problem | None:
        if not self.is_text:
            return findings.bad_name(self.path)
        if stat.S_ISLNK(self.mode):
            return findings.git_link(self.path)
        if not self.is_file:
            return findings.submodule(self.path)
        return findings.too_large(self.path, size, cap) if size > (cap := caps.of(self.path)) else None


def _status(path: Path) -> Hashable:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def _is_marker(name: bytes) -> bool:
    return name == b"catalog.yaml" or name.endswith(b"/catalog.yaml")


def _committed_at(commit: bytes) -> int | None:
    """In nanoseconds since the Unix epoch; None where the commit's header does not say it in the usual form."""
    match = _COMMITTER.search(commit.partition(b"\n\n")[0])
    return int(match[1]) * 1_000_000_000 if match else None


def _inside(path: str) -> str:
    """A directory inside the commit, as git wants it: "" is the top."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if path.startswith("/") or ".." in parts or _UNWANTED.search(path):
        raise PathMissing(f"{path!r} cannot be a directory inside a commit", hint="write it from the top: catalog")
    return "/".join(parts)
