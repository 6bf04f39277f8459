"""Chains of names where each leads to at most one other: how long each is, and which go round in a circle."""

from collections.abc import Mapping

MAX_CHAIN = 8


class Chains:
    """All chains of a catalog, found in linear time.

    `leads_to` has every name that leads to another one; a name that it does not have ends a chain. `cycles` has each
    circle once, from its first name in alphabetical order.
    """

    def __init__(self, leads_to: Mapping[str, str]) -> None:
        self._leads_to = leads_to
        self._length: dict[str, int | None] = {}
        self.cycles: list[tuple[str, ...]] = []
        for name in leads_to:
            self._measure(name)

    def length(self, name: str) -> int | None:
        """How many steps it is to the end of the name's chain; None where it never ends."""
        return self._length.get(name, 0)

    def is_usable(self, name: str) -> bool:
        """Whether the chain ends, and is short enough."""
        length = self.length(name)
        return length is not None and length <= MAX_CHAIN

    def is_first_too_long(self, name: str) -> bool:
        """Whether this is where a chain becomes too long: those that lead here are not told again."""
        return self.length(name) == MAX_CHAIN + 1

    def after(self, name: str) -> tuple[str, ...]:
        """The names behind this one, up to the end of its chain; only for a chain that ends."""
        found: list[str] = []
        following = self._leads_to.get(name)
        while following is not None:
            found.append(following)
            following = self._leads_to.get(following)
        return tuple(found)

    def _is_new(self, name: str) -> bool:
        return name in self._leads_to and name not in self._length

    def _measure(self, name: str) -> None:
        path: dict[str, None] = {}
        following = name
        while self._is_new(following) and following not in path:
            path[following] = None
            following = self._leads_to[following]
        if following in path:
            names = list(path)
            circle = names[names.index(following) :]
            first = circle.index(min(circle))
            self.cycles.append((*circle[first:], *circle[:first]))
            self._length |= dict.fromkeys(path)
            return
        # What lies behind the path: the end of the chain, or a chain that was measured before.
        length = self.length(following)
        for passed in reversed(path):
            length = None if length is None else length + 1
            self._length[passed] = length


def as_path(names: tuple[str, ...]) -> str:
    """Names as people read a path."""
    return " → ".join(names)
