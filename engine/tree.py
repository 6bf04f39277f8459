"""A catalog's files as one consistent state of a source: what the compiler is given."""

import hashlib

import msgspec

from engine.problem import Problem


class Tree(msgspec.Struct, frozen=True, kw_only=True):
    """The files of one revision, read whole before anything is compiled.

    `revision` is a Git commit id or "dir:<digest>". Paths are relative to the catalog's root, with forward slashes.
    `files` maps a path to its bytes and `blobs` the same paths to their Git blob ids; `committed_at` is the commit's
    time in nanoseconds since the Unix epoch, None for a directory. `problems` says what could not be read: a tree that
    has any is not the whole catalog.
    """

    revision: str
    files: dict[str, bytes]
    blobs: dict[str, str]
    committed_at: int | None = None
    problems: tuple[Problem, ...] = ()


def blob_id(data: bytes) -> str:
    """The id that Git gives to a blob of these bytes (SHA-1, as `git hash-object` prints it)."""
    header = b"blob %d\0" % len(data)
    return hashlib.sha1(header + data, usedforsecurity=False).hexdigest()
