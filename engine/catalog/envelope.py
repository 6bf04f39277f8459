r"""What is the same in the artifacts of all formats: the documents that one was compiled of.

    b"llm-catalog-snapshot <format>\n"
    8 bytes, little-endian: the length of the documents
    the documents, as a MessagePack map: revision, committed_at, environment, files, blobs
    the rest, which only an engine of that format reads

So an engine of another format, older or newer, can compile what is served again, though its source be gone or broken.
"""

import re

import msgspec

from engine.tree import Tree

_MAGIC = re.compile(rb"llm-catalog-snapshot ([0-9]{1,9})\n", re.ASCII)
_LENGTH_BYTES = 8


class SnapshotFormatError(Exception):
    """An artifact that this engine cannot read: damaged, or of another format. Compile its documents again."""


class Documents(msgspec.Struct, frozen=True):
    """The tree, and the environment that it was compiled for ("" for the base). `committed_at` as in `Tree`."""

    revision: str
    committed_at: int | None
    environment: str
    files: dict[str, bytes]
    blobs: dict[str, str]

    @property
    def tree(self) -> Tree:
        """The tree that was compiled."""
        return Tree(revision=self.revision, files=self.files, blobs=self.blobs, committed_at=self.committed_at)


class Envelope(msgspec.Struct, frozen=True):
    """An artifact taken apart, nothing of it read yet."""

    format: int
    documents: memoryview
    rest: memoryview

    def open(self) -> Documents:
        """The documents; raises SnapshotFormatError where they are damaged."""
        try:
            return _decoder.decode(self.documents)
        except msgspec.MsgspecError as error:
            raise SnapshotFormatError(f"the documents of the snapshot are damaged: {error}") from error


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Documents)


def seal(number: int, tree: Tree, environment: str, rest: bytes) -> bytes:
    """An artifact of format `number`. The same tree gives the same bytes."""
    files = {path: tree.files[path] for path in sorted(tree.files)}
    blobs = {path: tree.blobs[path] for path in sorted(tree.blobs)}
    documents = _encoder.encode(Documents(tree.revision, tree.committed_at, environment, files, blobs))
    length = len(documents).to_bytes(_LENGTH_BYTES, "little")
    return b"".join((b"llm-catalog-snapshot %d\n" % number, length, documents, rest))


def unseal(data: bytes) -> Envelope:
    """Take an artifact of any format apart; raises SnapshotFormatError where it is none."""
    magic = _MAGIC.match(data)
    if magic is None:
        raise SnapshotFormatError(f"this is no catalog snapshot; it begins with {data[:40]!r}")
    view = memoryview(data)[magic.end() :]
    end = _LENGTH_BYTES + int.from_bytes(view[:_LENGTH_BYTES], "little")
    if len(view) < end:
        raise SnapshotFormatError(f"the snapshot is cut off: {len(view)} bytes where {end} are announced")
    return Envelope(int(magic[1]), view[_LENGTH_BYTES:end], view[end:])
