"""What is wrong with single files before anybody looks into them: caps, names, kinds; the same for every source."""

import re

import msgspec

from engine.problem import Problem

# Written by the program, so it may be larger than what people write.
GENERATED = "reference.lock"

# Vim's probe file, and the backup and scratch files of Emacs, JetBrains and many others. Their hidden ones, and
# Vim's swap files, start with a dot, as do .git and a Kubernetes volume's ..data.
_SCRATCH = re.compile(r"\..*|.*~|#.*#|4913|.*\.(?:tmp|swp|swx)|.*___jb_(?:tmp|old)___", re.DOTALL)
_LFS = b"version https://git-lfs.github.com/spec/"


class Caps(msgspec.Struct, frozen=True):
    """Sizes in bytes. A catalog over any of them is refused, with the counts."""

    file_bytes: int = 256 * 1024
    generated_bytes: int = 4 * 1024 * 1024
    total_bytes: int = 64 * 1024 * 1024
    files: int = 20_000

    def of(self, path: str) -> int:
        """The most bytes that this file may have."""
        return self.generated_bytes if path == GENERATED else self.file_bytes


DEFAULT_CAPS = Caps()


def is_ignored(name: str) -> bool:
    """Whether a file or directory of this name is no part of a catalog: hidden, or an editor's scratch file."""
    return _SCRATCH.fullmatch(name) is not None


def unreadable(path: str, why: str) -> Problem:
    """A file that the system would not read."""
    return Problem(code="unreadable-file", file=path, message=f"the file cannot be read: {why}")


def outside(path: str) -> Problem:
    """A symbolic link that leaves the catalog."""
    return Problem(
        code="outside-catalog",
        file=path,
        message="the symbolic link leads out of the catalog, and was not followed",
        hint="put the file itself here",
    )


def not_a_file(path: str) -> Problem:
    """A FIFO, device or socket."""
    return Problem(code="not-a-file", file=path, message="this is neither a regular file nor a directory")


def link_loop(path: str) -> Problem:
    """Symbolic links, or directories, that lead back to themselves or too deep."""
    return Problem(code="link-loop", file=path, message="symbolic links or directories lead too deep or back here")


def bad_name(path: str) -> Problem:
    """A name that is not text."""
    shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return Problem(code="bad-file-name", file=shown, message="the name is not UTF-8", hint="rename the file")


def too_large(path: str, size: int, cap: int) -> Problem:
    """A file over its cap, which was not read."""
    return Problem(
        code="file-too-large", file=path, message=f"the file has {size} bytes; at most {cap} are read", hint="split it"
    )


def catalog_too_large(files: int, size: int, caps: Caps) -> Problem:
    """More files, or more bytes, than any catalog has: most likely the wrong directory."""
    return Problem(
        code="catalog-too-large",
        file="",
        message=f"the catalog has {files} files with {size} bytes in all; "
        f"at most {caps.files} files with {caps.total_bytes} bytes are read",
        hint="is this the catalog's own directory?",
    )


def git_link(path: str) -> Problem:
    """A symbolic link in a commit."""
    return Problem(
        code="symlink-in-commit",
        file=path,
        message="the commit has a symbolic link here, and links in commits are not followed",
        hint="commit the file itself",
    )


def submodule(path: str) -> Problem:
    """A submodule in a commit."""
    return Problem(
        code="submodule",
        file=path,
        message="the commit has a submodule here, whose files it does not hold",
        hint="commit the files themselves",
    )


def lfs_pointer(path: str, data: bytes) -> Problem | None:
    """A finding if these bytes only point to a file in Git LFS."""
    if not data.startswith(_LFS):
        return None
    return Problem(
        code="lfs-pointer",
        file=path,
        message="the commit holds a Git LFS pointer here, not the file",
        hint="git lfs untrack it, and commit the file itself",
    )
