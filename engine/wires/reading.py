"""Reads one JSON object of a request: what is taken is known, what is left is `extra`."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from engine.errors import InvalidRequest
from engine.wires.blocks import Extra

T = TypeVar("T")

_TEXT: Final = msgspec.json.Decoder(str)
_TEXTS: Final = msgspec.json.Decoder(tuple[str, ...])
_INTEGER: Final = msgspec.json.Decoder(int)
_NUMBER: Final = msgspec.json.Decoder(float)
_FLAG: Final = msgspec.json.Decoder(bool)
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NULL: Final = b"null"


class Reader:
    """One object of the request, at `path` ("" is the whole body). A member that is null counts as not given.

    Every method raises InvalidRequest (400 invalid_type, or missing_required_parameter), naming the member.
    """

    __slots__ = ("_members", "names", "path")

    def __init__(self, members: Mapping[str, msgspec.Raw], path: str = "") -> None:
        self._members = dict(members)
        self.path = path
        self.names: dict[str, str] = {}

    def at(self, name: str) -> str:
        """The path of a member."""
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        """Whether a member is there and still to be taken."""
        raw = self._members.get(name)
        return raw is not None and bytes(raw) != _NULL

    def starts_with(self, name: str, character: str) -> bool:
        """Whether the member's JSON starts like this: a quote for a string, [ for an array, { for an object."""
        raw = self._members.get(name)
        return raw is not None and memoryview(raw)[0] == ord(character)

    def take(self, name: str, decoder: msgspec.json.Decoder[T], expected: str) -> T | None:
        """A member, decoded; None where it is not given."""
        raw = self._members.pop(name, None)
        if raw is None or bytes(raw) == _NULL:
            return None
        try:
            return decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise self.wrong(name, f"must be {expected}") from None

    def wrong(self, name: str, what: str) -> InvalidRequest:
        """The error for a member, such as "must be a string"."""
        where = self.at(name)
        return InvalidRequest(f"{where} {what}.", code="invalid_type", param=where)

    def missing(self, name: str) -> InvalidRequest:
        """The error for a member that must be given."""
        where = self.at(name)
        return InvalidRequest(f"{where} is missing.", code="missing_required_parameter", param=where)

    def text(self, name: str) -> str | None:
        """A string."""
        return self.take(name, _TEXT, "a string")

    def needed_text(self, name: str) -> str:
        """A string that must be given."""
        found = self.text(name)
        if found is None:
            raise self.missing(name)
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        """An array of strings, or one string; () where it is not given."""
        if self.starts_with(name, '"'):
            return (self.needed_text(name),)
        return self.take(name, _TEXTS, "an array of strings") or ()

    def integer(self, name: str) -> int | None:
        """An integer."""
        return self.take(name, _INTEGER, "an integer")

    def number(self, name: str) -> float | None:
        """A number."""
        return self.take(name, _NUMBER, "a number")

    def flag(self, name: str) -> bool | None:
        """True or false."""
        return self.take(name, _FLAG, "true or false")

    def raw(self, name: str) -> msgspec.Raw | None:
        """Any JSON, as it is."""
        raw = self._members.pop(name, None)
        return None if raw is None or bytes(raw) == _NULL else raw

    def object(self, name: str) -> "Reader | None":
        """An object."""
        found = self.take(name, _MEMBERS, "an object")
        return None if found is None else Reader(found, self.at(name))

    def needed_object(self, name: str) -> "Reader":
        """An object that must be given."""
        found = self.object(name)
        if found is None:
            raise self.missing(name)
        return found

    def objects(self, name: str) -> "list[tuple[Reader, msgspec.Raw]]":
        """An array of objects, each with its JSON; [] where it is not given."""
        path = self.at(name)
        found = []
        items = self.take(name, _ITEMS, "an array")
        for at, item in enumerate(items or []):
            try:
                found.append((Reader(_MEMBERS.decode(item), f"{path}[{at}]"), item))
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise self.wrong(f"{name}[{at}]", "must be an object") from None
        return found

    def rest(self) -> Extra:
        """What was not taken, without what is null."""
        return {name: raw for name, raw in self._members.items() if bytes(raw) != _NULL}


class Options(Reader):
    """The top level of a request: remembers under which of its names the client gave an option."""

    __slots__ = ()

    def named(self, field: str, name: str, read: Any) -> Any:
        """The option `field`, which the client calls `name`, by one of the reading methods above."""
        value = read(self, name)
        if value not in (None, ()):
            self.names[field] = name
        return value
