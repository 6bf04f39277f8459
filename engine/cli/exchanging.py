"""Reading sources and writing files for `catalog import` and `catalog export`."""

import sys
from pathlib import Path
from typing import NamedTuple

from engine.authoring.files import create, replace
from engine.errors import UserError

MAX_SOURCE = 256 * 1024 * 1024


class Files(NamedTuple):
    """The files of a source by name; `missing` are links that lead nowhere, of which models.dev has some."""

    read: dict[str, bytes]
    missing: tuple[str, ...] = ()


def read_files(format_: str, source: str) -> Files:
    """The files of a source; "-" is standard input.

    Raises:
        UserError: it is not there, has no such files, or is too large.
    """
    if source == "-":
        name = "api.json" if format_ == "models-dev" else "standard input"
        return Files({name: sys.stdin.buffer.read()})
    path = Path(source)
    if path.is_dir():
        files = _directory(format_, path)
    elif path.is_file():
        files = {path.name: path}
    else:
        raise UserError(f"{source} is not there.", hint="Name a file or directory of the source.")
    if not files:
        wanted = "*.toml" if format_ == "models-dev" else "*.json"
        raise UserError(f"{source} has no {wanted} files.")
    there = {name: file for name, file in sorted(files.items()) if file.is_file()}
    if sum(file.stat().st_size for file in there.values()) > MAX_SOURCE:
        raise UserError(f"{source} is larger than {MAX_SOURCE // 1024**2} MiB.")
    return Files({name: file.read_bytes() for name, file in there.items()}, tuple(sorted(files.keys() - there.keys())))


def _directory(format_: str, path: Path) -> dict[str, Path]:
    if format_ == "portkey":
        folder = path / "pricing" if (path / "pricing").is_dir() else path
        return {file.name: file for file in folder.glob("*.json")}
    if format_ != "models-dev":
        raise UserError(f"{path} is a directory.", hint="Name the file.")
    path = path.resolve()
    folders = {path: ""}
    if (path / "provider.toml").is_file():
        # One provider alone: what its models are based on stands elsewhere in the same repository.
        folders = {path: f"{path.name}/", path.parent / "_metadata": "_metadata/"}
        if path.parent.name == "providers":
            folders[path.parent.parent / "models"] = "models/"
    elif path.name == "providers":
        folders[path.parent / "models"] = "models/"
    return {
        f"{prefix}{file.relative_to(folder).as_posix()}": file
        for folder, prefix in folders.items()
        for file in folder.rglob("*.toml")
    }


def write_files(root: Path, files: dict[str, bytes]) -> None:
    """Write files, each whole or not at all where somebody may follow the catalog."""
    followed = root.exists()
    for name, data in files.items():
        path = root / name
        if not followed:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        elif path.exists():
            replace(path, data)
        else:
            create(path, data)


def write_output(data: bytes, out: str | None) -> None:
    """Write one result to a file, or to standard output."""
    if out is None or out == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
    else:
        Path(out).write_bytes(data)
