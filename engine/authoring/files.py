"""Writing a file whole or not at all, so that whoever follows the catalog never sees half of one."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

_NEW_FILE = 0o666


def replace(path: Path, data: bytes) -> None:
    """Put other bytes in a file's place and keep its mode. Where `path` is a link, the file that it leads to.

    Raises:
        OSError: it could not be done; the file is as it was.
    """
    target = path.resolve()
    temporary = _written(target, data, target.stat().st_mode & 0o7777)
    try:
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def create(path: Path, data: bytes) -> None:
    """Make a file, and the directories that lead to it.

    Raises:
        FileExistsError: it is there already, and is as it was.
        OSError: it could not be done; there is no such file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = os.umask(0)
    os.umask(mask)
    temporary = _written(path, data, _NEW_FILE & ~mask)
    try:
        os.link(temporary, path)  # unlike a rename, it never replaces
    except (PermissionError, NotImplementedError):  # a file system without hard links
        with path.open("xb") as opened:
            opened.write(data)
    finally:
        temporary.unlink(missing_ok=True)


def _written(target: Path, data: bytes, mode: int) -> Path:
    """A finished file beside the target; its name begins with a dot, so it is none of the catalog's."""
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(data)
            opened.flush()
            os.fsync(descriptor)
        with suppress(PermissionError):  # the owner of a shared checkout may be another
            temporary.chmod(mode)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return temporary
