"""One document of a catalog: its plain value, and where each part of it stands in the file."""

import re
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from engine.catalog.codes import CODES
from engine.problem import Problem

Position = tuple[int, int]
At = Literal["value", "key"]

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class Positions(msgspec.Struct, frozen=True):
    """Where everything in a document stands, by JSON pointer: mappings' keys by the pointer of their values."""

    keys: dict[str, Position]
    values: dict[str, Position]


class Document:
    """A file that was read: its JSON-safe `value`, and where each part of it stands.

    `lines` has the lines of the top mapping's keys. All other positions (line and column, from 1) are found by
    `locate` when they are first asked for: most documents are right, and positions take more memory than values.
    """

    __slots__ = ("_locate", "_positions", "file", "lines", "text", "value")

    def __init__(
        self, *, file: str, text: str, value: Any, lines: dict[str, int], locate: Callable[[str], Positions]
    ) -> None:
        self.file = file
        self.text = text
        self.value = value
        self.lines = lines
        self._locate = locate
        self._positions: Positions | None = None

    @property
    def positions(self) -> Positions:
        """All positions."""
        if self._positions is None:
            self._positions = self._locate(self.text)
        return self._positions

    def position(self, at_pointer: str, at: At = "value") -> Position:
        """Where the value (or its key) stands; the nearest enclosing value where the document has none there."""
        positions = self.positions
        if at == "key" and at_pointer in positions.keys:
            return positions.keys[at_pointer]
        while at_pointer not in positions.values and at_pointer:
            at_pointer = at_pointer.rpartition("/")[0]
        return positions.values.get(at_pointer, (1, 1))

    def place(self, at_pointer: str) -> str:
        """Where a key stands, for people: "models/openai/support.yaml:7"."""
        line = self.lines.get(at_pointer[1:])
        return f"{self.file}:{self.position(at_pointer, 'key')[0] if line is None else line}"

    def problem(self, code: str, message: str, at_pointer: str = "", *, at: At = "value", hint: str = "") -> Problem:
        """A finding about the value at `at_pointer`, or about its key."""
        line, column = self.position(at_pointer, at)
        return Problem(
            code=code,
            severity=CODES[code][0],
            message=message,
            file=self.file,
            line=line,
            column=column,
            pointer=at_pointer,
            hint=hint,
        )

    def source_text(self, at_pointer: str) -> str:
        """The plain scalar as it is written in the file, e.g. "0.20" where the value is the number 0.2."""
        line, column = self.position(at_pointer)
        written = _LINE_BREAK.split(self.text)[line - 1][column - 1 :]
        for end in (" #", ",", "]", "}"):
            written = written.partition(end)[0]
        return written.strip()


def pointer(*parts: str | int) -> str:
    """The JSON pointer (RFC 6901) of a path of keys and indexes."""
    return "".join("/" + escape(str(part)) for part in parts)


def escape(key: str) -> str:
    """A mapping's key as one token of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1") if "~" in key or "/" in key else key


def file_problem(code: str, file: str, message: str, *, hint: str = "", line: int = 0, column: int = 0) -> Problem:
    """A finding about a whole file, or about a place in a file that could not be read as a document."""
    return Problem(code=code, severity=CODES[code][0], message=message, file=file, line=line, column=column, hint=hint)
