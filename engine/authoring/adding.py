"""What a catalog becomes when a file is added: the tree, and the lock where the file needs more of the reference data."""

from collections.abc import Callable

import msgspec

from engine.catalog.compile import asked_of_reference
from engine.catalog.layout import LOCK_FILE
from engine.pricing.lock import Change, Lock, LockError, build_lock, changes, parse_lock, render
from engine.pricing.reference import Reference, is_pattern
from engine.tree import Tree, blob_id


class LockBehind(Exception):
    """The lock would have to be extended, and the reference data has moved on: other models would change as well."""

    def __init__(self, others: list[Change], version: str) -> None:
        super().__init__(f"{len(others)} other changes")
        self.others = others
        self.version = version


def with_files(tree: Tree, files: dict[str, bytes]) -> Tree:
    """The tree with these files added or replaced."""
    blobs = {path: blob_id(data) for path, data in files.items()}
    return msgspec.structs.replace(tree, files=tree.files | files, blobs=tree.blobs | blobs)


def extended_lock(before: Tree, after: Tree, load: Callable[[], Reference]) -> bytes | None:
    """The `reference.lock` that `after` needs; None where the one of `before` will do.

    Raises:
        LockBehind: making it would change what other models cost, or which there are.
    """
    asked = asked_of_reference(after)
    old = _old_lock(before)
    if old is None and not asked:
        return None
    if old is not None and all(_has(old, api, name) for api, name in asked):
        return None
    reference = load()
    if old is not None:
        moved = changes(old, build_lock(asked_of_reference(before), reference))
        if others := [change for change in moved if change.after is not None]:
            raise LockBehind(others, reference.version)
    return render(build_lock(asked, reference))


def _old_lock(tree: Tree) -> Lock | None:
    data = tree.files.get(LOCK_FILE)
    try:
        return None if data is None else parse_lock(data)
    except LockError:
        return None


def _has(lock: Lock, api: str, name: str) -> bool:
    return (lock.expand(api, name) if is_pattern(name) else lock.find(api, name)) is not None
