"""Near names for "did you mean"."""

import difflib
from collections.abc import Iterable

# Comparing is quadratic in a name's length, and every model of a large catalog may ask.
_LONGEST = 80
_MOST_CANDIDATES = 2_000


def did_you_mean(word: str, candidates: Iterable[str]) -> str:
    """A question with the nearest of `candidates`, "" where none is near."""
    near = nearest(word, candidates)
    return f'did you mean "{near}"?' if near else ""


class Suggestions:
    """Near names out of a large set, for the first mistakes of many: comparing with all takes milliseconds."""

    def __init__(self, candidates: Iterable[str], *, at_most: int = 20) -> None:
        self._candidates = candidates
        self._sorted: list[str] | None = None
        self._left = at_most

    def did_you_mean(self, word: str) -> str:
        """A question with the nearest name; "" where none is near, or enough has been suggested."""
        self._left -= 1
        if self._left < 0:
            return ""
        if self._sorted is None:
            self._sorted = sorted(self._candidates)  # of several that are equally near, always the same
        return did_you_mean(word, self._sorted)


def nearest(word: str, candidates: Iterable[str]) -> str:
    """The nearest of `candidates`, "" where none is near."""
    known = [candidate for candidate in candidates if len(candidate) <= _LONGEST]
    if len(word) > _LONGEST:
        return ""
    if len(known) > _MOST_CANDIDATES:
        known = [candidate for candidate in known if candidate[:3] == word[:3]][:_MOST_CANDIDATES]
    found = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return found[0] if found else ""
