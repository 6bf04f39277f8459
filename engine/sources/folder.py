"""Directories that are entered step by step, so that nothing outside their root can ever be opened.

A path may change between being checked and being opened. So no path is ever opened: every step opens one name inside
a directory that is already open, and never through a symbolic link. Links are read, and walked in the same manner.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final, NamedTuple, Self

# Windows opens nothing relative to a directory. There, names are checked before and after they are opened.
_BY_DESCRIPTOR = os.open in os.supports_dir_fd
_NO_FOLLOW: Final[int] = getattr(os, "O_NOFOLLOW", 0)
# Non-blocking, so that a FIFO that appears in a file's place cannot hang us.
_FLAGS: Final[int] = (
    os.O_RDONLY
    | _NO_FOLLOW
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_MAX_HOPS = 40


class OutsideRoot(Exception):
    """A symbolic link leads out of the root."""


class LinkLoop(Exception):
    """Symbolic links lead to each other without end."""


class Item(NamedTuple):
    """One name in a directory, as the directory lists it."""

    name: str
    is_link: bool
    is_directory: bool
    is_file: bool


class Folder:
    """An open directory at or below the root, with the way back up to it."""

    def __init__(self, path: str, descriptor: int | None, parent: "Folder | None") -> None:
        self._path = path
        self._descriptor = descriptor
        self._parent = parent

    @classmethod
    def root(cls, path: str) -> Self:
        """Open the root; only its own path is resolved by the system.

        Raises:
            OSError: it is not there, no directory, or not readable.
        """
        if _BY_DESCRIPTOR:
            return cls(path, os.open(path, _FLAGS & ~_NO_FOLLOW | os.O_DIRECTORY), None)
        os.scandir(path).close()
        return cls(path, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)

    def status(self) -> os.stat_result:
        """The directory's own status."""
        return os.stat(self._path) if self._descriptor is None else os.fstat(self._descriptor)  # noqa: PTH116

    def items(self) -> Iterator[Item]:
        """What the directory lists, without opening any of it."""
        with os.scandir(self._path if self._descriptor is None else self._descriptor) as entries:
            for entry in entries:
                yield Item(
                    os.fsdecode(entry.name),
                    entry.is_symlink(),
                    entry.is_dir(follow_symlinks=False),
                    entry.is_file(follow_symlinks=False),
                )

    def status_of(self, name: str) -> os.stat_result:
        """The status of `name` in this directory; of a link, its own."""
        return os.stat(self._reach(name), dir_fd=self._descriptor, follow_symlinks=False)

    def open_folder(self, name: str) -> "Folder":
        """The directory `name` in this one, which must not be a link."""
        path = os.path.join(self._path, name)  # noqa: PTH118 - a hot path
        if self._descriptor is not None:
            return Folder(path, os.open(name, _FLAGS | os.O_DIRECTORY, dir_fd=self._descriptor), self)
        if not stat.S_ISDIR(self.status_of(name).st_mode):
            raise NotADirectoryError(errno.ENOTDIR, "it is no longer a directory")
        return Folder(path, None, self)

    def open_file(self, name: str) -> int:
        """A descriptor of `name` in this directory, which must not be a link. It may turn out not to be a file."""
        listed = self.status_of(name) if self._descriptor is None else None
        descriptor = os.open(self._reach(name), _FLAGS, dir_fd=self._descriptor)
        if listed is not None and not os.path.samestat(listed, os.fstat(descriptor)):
            os.close(descriptor)
            raise OSError(errno.ELOOP, "it was replaced while it was opened")
        return descriptor

    def follow(self, name: str, opened: ExitStack) -> "tuple[Folder, str] | Folder":
        """Where the link `name` leads: a directory, or a name in one. What is opened on the way closes with `opened`.

        Raises:
            OutsideRoot: it leads out of the root, if only on the way.
            LinkLoop: it leads nowhere.
            OSError: something on the way is missing or not readable.
        """
        folder, hops = self, 0
        ahead = [name]
        while ahead:
            part = ahead.pop()
            if part in {"", "."}:
                continue
            if part == "..":
                folder = folder._up()
                continue
            status = folder.status_of(part)
            if stat.S_ISLNK(status.st_mode):
                hops += 1
                if hops > _MAX_HOPS:
                    raise LinkLoop
                folder, more = folder._target(part)  # noqa: SLF001
                ahead.extend(reversed(more))
            elif stat.S_ISDIR(status.st_mode):
                folder = opened.enter_context(folder.open_folder(part))
            elif ahead:
                raise NotADirectoryError(errno.ENOTDIR, "a part of the link's path is not a directory")
            else:
                return folder, part
        return folder

    def _up(self) -> "Folder":
        if self._parent is None:
            raise OutsideRoot
        return self._parent

    def _reach(self, name: str) -> str:
        """What to give to the system with this directory's descriptor, or without one."""
        return name if self._descriptor is not None else os.path.join(self._path, name)  # noqa: PTH118

    def _target(self, name: str) -> "tuple[Folder, list[str]]":
        """Where a link's path starts, and its parts."""
        target = os.readlink(self._reach(name), dir_fd=self._descriptor)
        if not os.path.isabs(target):  # noqa: PTH117 - text of a link, not a path of ours
            return self, target.replace(os.sep, "/").split("/")
        start = self
        while start._parent is not None:
            start = start._parent
        top = os.path.realpath(start._path)  # noqa: SLF001 - another folder of ours
        if target != top and not target.startswith(top.rstrip(os.sep) + os.sep):
            raise OutsideRoot
        return start, target[len(top) :].replace(os.sep, "/").split("/")
