"""Problems are values: what is wrong in a catalog, where, and how to mend it."""

from enum import StrEnum

import msgspec


class Severity(StrEnum):
    """Whether a problem keeps the catalog from being published."""

    ERROR = "error"
    WARNING = "warning"


class Problem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One finding about one place of one document.

    `line` and `column` count from 1; 0 means that the problem is about the whole file. `pointer` is an RFC 6901
    JSON pointer into the document ("" is its root). `file` is relative to the catalog's root, with forward slashes.
    """

    code: str
    message: str
    file: str
    line: int = 0
    column: int = 0
    pointer: str = ""
    hint: str = ""
    severity: Severity = Severity.ERROR

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """The order in which people read: by file, then by position."""
        return (self.file, self.line, self.column, self.code, self.message)


def has_errors(problems: "tuple[Problem, ...] | list[Problem]") -> bool:
    """Whether any of `problems` keeps the catalog from being published."""
    return any(problem.severity is Severity.ERROR for problem in problems)
