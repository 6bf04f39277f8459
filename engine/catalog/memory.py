"""What was made of a catalog's parts before, so that the next revision pays only for what is new in it.

Nothing in here changes what a compilation gives: a result is kept with all that it was made of, and holds only while
that is the same. What is no longer asked for is forgotten.
"""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from engine.problem import Problem, has_errors

T = TypeVar("T")


class Memory:
    """Results by stage and name, of this compilation and the one before."""

    def __init__(self) -> None:
        self._before: dict[tuple[str, Hashable], tuple[tuple[Any, ...], Any, tuple[Problem, ...]]] = {}
        self._now: dict[tuple[str, Hashable], tuple[tuple[Any, ...], Any, tuple[Problem, ...]]] = {}

    def next_compilation(self) -> None:
        """What was asked for in the last compilation is what can be remembered in the next."""
        self._before, self._now = self._now, {}

    def recall(
        self,
        stage: str,
        name: Hashable,
        inputs: tuple[Any, ...],
        problems: list[Problem],
        make: Callable[[list[Problem]], T],
        *,
        errors_depend_on_more: bool = False,
    ) -> T:
        """The result of `make`, and on `problems` what it finds, unless it is known for these very inputs.

        `inputs` is all that the result depends on. With `errors_depend_on_more` that is said of results without errors
        only: messages may name what comes near, out of the whole catalog.
        """
        key = (stage, name)
        known = self._before.get(key)
        if known is None or known[0] != inputs:
            found: list[Problem] = []
            result = make(found)
            known = (inputs, result, tuple(found))
            if errors_depend_on_more and has_errors(found):
                problems += found
                return result
        self._now[key] = known
        if known[2]:
            problems += known[2]
        remembered: T = known[1]
        return remembered
