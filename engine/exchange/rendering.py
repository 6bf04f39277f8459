"""Catalog files as text: the canonical form of `catalog fmt`, below comments that say where they come from."""

from typing import Any

from engine.authoring import canonical

_MARK = "by catalog import"


def render(kind: str, path: str, document: dict[str, Any], origin: str, remarks: tuple[str, ...] = ()) -> bytes:
    """The file of one document. `origin` says where it was imported from; `remarks` are further comments."""
    up = "../" * (path.count("/") + 1)
    top = (
        f"# yaml-language-server: $schema={up}schemas/{kind}.schema.json",
        f"# imported from {origin} {_MARK}",
        *(f"# {remark}" for remark in remarks),
    )
    return canonical.render(kind, document, top=top, blocks=("pricing",)).encode()


def is_imported(data: bytes) -> bool:
    """Whether a file was written by an import, and may be written again by the next one."""
    first_lines = data[:4096].splitlines()[:4]
    return any(line.startswith(b"# imported from ") and line.endswith(_MARK.encode()) for line in first_lines)
