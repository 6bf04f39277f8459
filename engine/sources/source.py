"""What every source can do, and how one is opened from what the operator named."""

import asyncio
from typing import Protocol

from engine.errors import UserError
from engine.sources.directory import DirectorySource
from engine.sources.repository import GitSource
from engine.sources.watching import Watch
from engine.tree import Tree


class Source(Protocol):
    """Where a catalog's files come from. Everything but `watch` may touch the disk: call it in a thread."""

    def describe(self) -> str:
        """The source in a few words, for people."""

    def head(self) -> str:
        """The revision that `read` would give now."""

    def read(self) -> Tree:
        """One consistent state of all files. Raises a `SourceError` if there is none."""

    def watch(self, stop: asyncio.Event) -> Watch:
        """An async iterable of hints to read again: one at once when the watch stands, one at least every 30 s."""


def open_source(
    *, catalog: str | None = None, repo: str | None = None, ref: str = "main", path: str = "catalog"
) -> Source:
    """The directory `catalog`, or the directory `path` at `ref` in the local Git repository `repo`. Reads nothing yet.

    Raises:
        UserError: neither or both are named, or `ref` or `path` cannot be a ref or path.
    """
    if (catalog is None) == (repo is None):
        raise UserError("name the catalog: either a directory (--catalog DIR) or a Git repository (--repo DIR)")
    return DirectorySource(catalog) if catalog is not None else GitSource(repo or "", ref, path)
