"""JSON with something wrong in it, in any place: what an upstream may send though its documentation says otherwise."""

import random
from typing import Any

_INSTEAD: tuple[Any, ...] = (None, True, 0, -1, 1e308, 7.5, "x", "", [], {}, [[]], {"a": 1}, [{"a": None}], [1e308] * 2)


def mutated(value: Any, chosen: random.Random) -> Any:
    """`value` with parts of it left out, or something else in their place."""
    if chosen.random() < 0.08:
        return chosen.choice(_INSTEAD)
    if isinstance(value, dict):
        return {name: mutated(member, chosen) for name, member in value.items() if chosen.random() > 0.04}
    return [mutated(item, chosen) for item in value] if isinstance(value, list) else value
