"""Directories that are entered step by step, so that nothing outside their root can ever be opened.

A path may change between being checked and being opened. So no path is ever opened: every step opens one name inside
a directory that is already open, and never through a symbolic link. Links are read, and walked in the same manner.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final, NamedTuple, Self

# Non-blocking, so that a FIFO that appears in a file's place cannot hang us.
_FILE_FLAGS: Final = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOCTTY", 0)
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

    def __init__(self, descriptor: int, parent: "Folder | None", top: str) -> None:
        self._descriptor = descriptor
        self._parent = parent
        self._top = top

    @classmethod
    def root(cls, path: str) -> Self:
        """Open the root; only its own path is resolved by the system.

        Raises:
            OSError: it is not there, no directory, or not readable.
        """
        return cls(os.open(path, _FILE_FLAGS & ~getattr(os, "O_NOFOLLOW", 0) | os.O_DIRECTORY), None, path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def status(self) -> os.stat_result:
        """The directory's own status."""
        return os.fstat(self._descriptor)

    def items(self) -> Iterator[Item]:
        """What the directory lists, without opening any of it."""
        with os.scandir(self._descriptor) as entries:
            for entry in entries:
                yield Item(
                    entry.name,
                    entry.is_symlink(),
                    entry.is_dir(follow_symlinks=False),
                    entry.is_file(follow_symlinks=False),
                )

    def open_folder(self, name: str) -> "Folder":
        """The directory `name` in this one, which must not be a link."""
        return type(self)(os.open(name, _FILE_FLAGS | os.O_DIRECTORY, dir_fd=self._descriptor), self, self._top)

    def open_file(self, name: str) -> int:
        """A descriptor of `name` in this directory, which must not be a link. It may turn out not to be a file."""
        return os.open(name, _FILE_FLAGS, dir_fd=self._descriptor)

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
                raise NotADirectoryError(20, "a part of the link's path is not a directory")
            else:
                return folder, part
        return folder

    def _up(self) -> "Folder":
        if self._parent is None:
            raise OutsideRoot
        return self._parent

    def status_of(self, name: str) -> os.stat_result:
        """The status of `name` in this directory; of a link, its own."""
        return os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)

    def _target(self, name: str) -> "tuple[Folder, list[str]]":
        """Where a link's path starts, and its parts."""
        target = os.readlink(name, dir_fd=self._descriptor)
        if not os.path.isabs(target):  # noqa: PTH117 - text of a link, not a path of ours
            return self, target.split("/")
        top = os.path.realpath(self._top)
        if target != top and not target.startswith(top.rstrip("/") + "/"):
            raise OutsideRoot
        start = self
        while start._parent is not None:
            start = start._parent
        return start, target[len(top) :].split("/")
