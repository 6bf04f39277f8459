"""Passing a request through on wires where usage comes unasked."""

from collections.abc import Callable, Mapping

import msgspec

from engine.wires.body import Body
from engine.wires.splice import Splice


class Prepared:
    """What one model does to a request, encoded once per snapshot. `check` is what the API itself wants."""

    __slots__ = ("_check", "_splice")

    def __init__(self, splice: Splice, check: Callable[[Mapping[str, msgspec.Raw]], None]) -> None:
        self._splice = splice
        self._check = check

    def encode(self, body: Body) -> tuple[bytes, bool]:
        """The bytes for the upstream, and that the client wants a stream's usage: it always comes.

        Raises:
            InvalidRequest: 400, naming the parameter that the model forbids, or that the API would not take.
        """
        fields = body.fields.copy()
        self._check(fields)
        self._splice.apply(fields)
        return msgspec.json.encode(fields), True
