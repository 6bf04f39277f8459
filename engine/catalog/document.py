"""One document of a catalog: its plain value, and where each part of it stands in the file."""

import re
from typing import Any, Literal

import msgspec

from engine.catalog.codes import CODES
from engine.problem import Problem

Position = tuple[int, int]
At = Literal["value", "key"]

_LINE_BREAK = re.compile(r"\r\n|\r|\n")


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was read: JSON-safe `value`, and positions (line, column; from 1) by JSON pointer.

    `keys` has the position of every mapping's key, by the pointer of its value; `values` that of every value.
    """

    file: str
    text: str
    value: Any
    keys: dict[str, Position]
    values: dict[str, Position]

    def position(self, at_pointer: str, at: At = "value") -> Position:
        """Where the value (or its key) stands; the nearest enclosing value where the document has none there."""
        if at == "key" and at_pointer in self.keys:
            return self.keys[at_pointer]
        while at_pointer not in self.values and at_pointer:
            at_pointer = at_pointer.rpartition("/")[0]
        return self.values.get(at_pointer, (1, 1))

    def place(self, at_pointer: str) -> str:
        """Where a key stands, for people: "models/openai/support.yaml:7"."""
        return f"{self.file}:{self.position(at_pointer, 'key')[0]}"

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
