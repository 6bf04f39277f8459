"""What a command is about: a whole catalog, some of its files, or one document from standard input."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from engine.catalog.layout import ROOT_FILE
from engine.errors import UserError
from engine.tree import Tree, blob_id

STDIN = "-"


class Chosen(msgspec.Struct, frozen=True):
    """A catalog's directory, as people write it, and the paths below it that are meant: files or directories; none: all."""

    root: Path
    paths: frozenset[str] = frozenset()

    def covers(self, file: str) -> bool:
        """Whether a file of the catalog is meant."""
        return not self.paths or not self.paths.isdisjoint(with_parents(file))


def with_parents(file: str) -> list[str]:
    """A path and the directories that it is in, as far as the catalog's own."""
    parts = file.split("/")
    return ["/".join(parts[:length]) for length in range(1, len(parts) + 1)]


def choose(paths: Sequence[str]) -> Chosen:
    """The catalog that all these paths belong to: its own directory, or files and directories inside it.

    Raises:
        UserError: a path is not there, belongs to no catalog, or to another one than the first.
    """
    from engine.cli.catalogs import find_catalog

    if not paths:
        return Chosen(find_catalog(None))
    found = [_choose_one(path) for path in paths]
    roots = {os.path.realpath(root): root for root, _ in found}
    if len(roots) > 1:
        named = " and ".join(str(root) for root in list(roots.values())[:2])
        raise UserError(f"These paths belong to different catalogs: {named}.", hint="Name one catalog at a time.")
    inner = frozenset(inside for _, inside in found)
    return Chosen(found[0][0], frozenset() if "" in inner else inner)


def choose_place(path: str) -> tuple[Path, str]:
    """The catalog and the path below it of a file that need not be there: from here, or from the catalog's directory.

    Raises:
        UserError: there is no catalog around it.
    """
    from engine.cli.catalogs import find_catalog

    if (above := _catalog_above(path)) is not None:
        return above
    root = find_catalog(None)
    inside = Path(os.path.normpath(path))
    if inside.is_absolute() or inside.parts[0] == os.pardir:
        raise UserError(f"{path} is not in a catalog.", hint=f"Write its path from here, or from {root}.")
    return root, inside.as_posix()


def from_stdin(tree: Tree, file: str) -> Tree:
    """The tree with standard input in the place of one file."""
    data = read_stdin()
    problems = tuple(problem for problem in tree.problems if problem.file != file)
    files = dict(sorted({**tree.files, file: data}.items()))
    blobs = {**tree.blobs, file: blob_id(data)}
    return msgspec.structs.replace(tree, revision="stdin", files=files, blobs=blobs, problems=problems)


def read_stdin() -> bytes:
    """Standard input, bounded as a file of a catalog is.

    Raises:
        UserError: it is larger.
    """
    from engine.sources.findings import DEFAULT_CAPS

    data = sys.stdin.buffer.read(DEFAULT_CAPS.file_bytes + 1)
    if len(data) > DEFAULT_CAPS.file_bytes:
        raise UserError(
            f"Standard input is longer than {DEFAULT_CAPS.file_bytes} bytes, as no file of a catalog may be."
        )
    return data


def path_in_repository(root: Path) -> str | None:
    """The directory from the top of its Git repository (below GITHUB_WORKSPACE where there is none); None: unknown."""
    real = Path(os.path.realpath(root))
    workspace = os.environ.get("GITHUB_WORKSPACE")
    tops = [folder for folder in (real, *real.parents) if (folder / ".git").exists()]
    if workspace and real.is_relative_to(os.path.realpath(workspace)):
        tops.append(Path(os.path.realpath(workspace)))
    return real.relative_to(tops[0]).as_posix() if tops else None


def _choose_one(path: str) -> tuple[Path, str]:
    named = Path(path)
    if not named.exists() and not named.is_symlink():
        raise UserError(f"{path} is not there.", hint="Name a catalog's directory, or a file in one.")
    if named.is_dir() and (named / ROOT_FILE).is_file():
        return named, ""
    if (above := _catalog_above(path)) is not None:
        return above
    if named.is_dir():
        return named, ""
    raise UserError(f"{path} is in no catalog: no directory above it has a {ROOT_FILE}.")


def _catalog_above(path: str) -> tuple[Path, str] | None:
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - links stay as they are written
    for folder in whole.parents:
        if (folder / ROOT_FILE).is_file():
            shown = folder if os.path.isabs(path) else Path(os.path.relpath(folder))  # noqa: PTH117 - likewise
            return shown, whole.relative_to(folder).as_posix()
    return None
