"""Edits of a key's file: another secret, a date for the old ones, one taken away. Comments stay with what they are about."""

from engine.authoring.commented import parse
from engine.authoring.nodes import Commented, Entry, Mapping, Scalar, Sequence
from engine.authoring.order import order
from engine.authoring.writing import write
from engine.catalog.schema import schema_of
from engine.catalog.values import nanoseconds


class NoSuchSecret(Exception):
    """A hash of which no secret's, or those of several, begin so, or the only one."""


def rotated(text: str, sha256: str, expires: str) -> tuple[str, int]:
    """Add a secret by its hash, and let the others end at a time (RFC 3339) unless they end before.

    `text` is a key's file without problems. Returns the new text and how many secrets got the date.
    """
    document = parse(text)
    secrets = _secrets(document)
    dated = 0
    for item in secrets.entries:
        assert isinstance(item.value, Mapping)
        end = item.value.get("expires")
        if end is None:
            item.value.entries.append(Entry("expires", Scalar(expires)))
        elif nanoseconds(_text(end)) > nanoseconds(expires):
            end.value = Scalar(expires)
        else:
            continue
        dated += 1
    secrets.entries.append(Entry(None, Mapping([Entry("sha256", Scalar(sha256))], flow=_flow(secrets))))
    secrets.flow = False
    return _written(document), dated


def without_secret(text: str, prefix: str) -> tuple[str, str]:
    """Take away the one secret whose hash begins with `prefix`. Returns the new text and the hash.

    Raises:
        NoSuchSecret: there is not exactly one, or no other would be left. The text says which.
    """
    document = parse(text)
    secrets = _secrets(document)
    found = [item for item in secrets.entries if _hash(item).startswith(prefix)]
    if len(found) != 1:
        raise NoSuchSecret(f"{len(found) or 'no'} secrets of the key have a hash that begins with {prefix}")
    if len(secrets.entries) == 1:
        raise NoSuchSecret("it is the key's only secret")
    secrets.entries = [item for item in secrets.entries if item is not found[0]]
    return _written(document), _hash(found[0])


def disabled(text: str) -> str:
    """The key refused as a whole. Its name stays for what is on record."""
    document = parse(text)
    root = document.root
    assert isinstance(root, Mapping)
    entry = root.get("disabled")
    if entry is None:
        root.entries.append(Entry("disabled", Scalar(value=True)))
    else:
        entry.value = Scalar(value=True)
    return _written(document)


def _secrets(document: Commented) -> Sequence:
    """The list of secrets; the short form, `key_sha256`, becomes one."""
    root = document.root
    assert isinstance(root, Mapping)
    entry = root.get("secrets")
    if entry is None:
        entry = root.get("key_sha256")
        assert entry is not None, "the compiler asks for one of the two"
        item = Entry(None, Mapping([Entry("sha256", entry.value, beside=entry.beside)]))
        entry.key, entry.value, entry.beside = "secrets", Sequence([item]), ""
    assert isinstance(entry.value, Sequence)
    return entry.value


def _flow(secrets: Sequence) -> bool:
    return all(isinstance(item.value, Mapping) and item.value.flow for item in secrets.entries)


def _hash(item: Entry) -> str:
    assert isinstance(item.value, Mapping)
    entry = item.value.get("sha256")
    return "" if entry is None else _text(entry)


def _text(entry: Entry) -> str:
    assert isinstance(entry.value, Scalar)
    return str(entry.value.value)


def _written(document: Commented) -> str:
    order(document, schema_of("key"))
    return write(document)
