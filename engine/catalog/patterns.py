"""Patterns over the names and aliases of models: "*" stands for any run of characters, everything else for itself."""

import re
from collections.abc import Iterable


class Patterns:
    """Some patterns, compiled once; a name matches if any of them does."""

    __slots__ = ("_literal", "_regex")

    def __init__(self, patterns: Iterable[str]) -> None:
        patterns = tuple(patterns)
        self._literal = frozenset(pattern for pattern in patterns if "*" not in pattern)
        wild = [to_regex(pattern) for pattern in patterns if "*" in pattern]
        self._regex = re.compile("|".join(wild)) if wild else None

    def match_any(self, names: Iterable[str]) -> bool:
        """Whether one of `names` matches."""
        return any(
            name in self._literal or (self._regex is not None and self._regex.fullmatch(name) is not None)
            for name in names
        )


def to_regex(pattern: str) -> str:
    """The pattern as a regular expression for a full match; runs of "*" are one, so that matching stays quick."""
    return "[^\n]*".join(re.escape(part) for part in re.sub(r"\*+", "*", pattern).split("*"))


def matching_nothing(patterns: Iterable[str], names: frozenset[str], lines: str) -> list[str]:
    """Those of `patterns` that match none of `names`; `lines` are the same names, one a line."""
    return [
        pattern
        for pattern in patterns
        if (
            re.search(f"^(?:{to_regex(pattern)})$", lines, re.MULTILINE) is None
            if "*" in pattern
            else pattern not in names
        )
    ]
