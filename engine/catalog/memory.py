"""What was made of a catalog's parts before, so that the next revision pays only for what is new in it.

Nothing in here changes what a compilation gives: a result is kept with all that it was made of, and holds only while
that is the same. What is no longer asked for is forgotten.
"""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from engine.problem import Problem, has_errors

T = TypeVar("T")
Keep = Literal["always", "without errors", "without findings"]
_Known = tuple[Any, Any, tuple[Problem, ...]]


class Stage:
    """Results of one stage by name, of this compilation and the one before.

    A result is made of its inputs alone. Where findings depend on more, since a message may name what comes near or
    where it stands, `keep` says which results may be remembered.
    """

    __slots__ = ("_before", "_keep", "_now")

    def __init__(self, keep: Keep) -> None:
        self._keep = keep
        self._before: dict[str, _Known] = {}
        self._now: dict[str, _Known] = {}

    def next_compilation(self) -> None:
        """What was asked for in the last compilation is what can be remembered in the next."""
        self._before, self._now = self._now, {}

    def recall(self, name: str, inputs: Any, problems: list[Problem], make: Callable[[list[Problem]], T]) -> T:
        """The result of `make`, and on `problems` what it finds, unless it is known for these very inputs."""
        known = self._before.get(name)
        if known is None or known[0] != inputs:
            found: list[Problem] = []
            result = make(found)
            known = (inputs, result, tuple(found))
            if not self._may_keep(result, found):
                problems += found
                return result
        self._now[name] = known
        if known[2]:
            problems += known[2]
        remembered: T = known[1]
        return remembered

    def _may_keep(self, result: object, found: list[Problem]) -> bool:
        if self._keep == "without errors":  # nothing came of it: the error may be told of another file
            return result is not None and not has_errors(found)
        return self._keep == "always" or not found


class Memory:
    """All stages. What is made of a document alone is kept whatever was found in it."""

    def __init__(self) -> None:
        self.documents = Stage("always")
        self.providers = Stage("always")
        self.keys = Stage("always")
        self.lock = Stage("always")
        self.drafts = Stage("without errors")
        self.offers = Stage("without errors")
        self.models = Stage("without errors")
        self.offered = Stage("without errors")
        self.names = Stage("without findings")
        self.rules = Stage("without findings")

    def next_compilation(self) -> None:
        """Forget what the last compilation did not ask for."""
        for stage in vars(self).values():
            stage.next_compilation()
