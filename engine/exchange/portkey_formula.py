"""Portkey's `calculate`: how it adds up a cost. {operation: sum | multiply, operands}, of counts, rates and numbers."""

from collections.abc import Collection, Iterator
from typing import Any

# What these rates are multiplied by, where they mean what their names say.
_COUNTS = {"request_token": "input_tokens", "response_token": "output_tokens"}


def read_formula(formula: Any, known: Collection[str]) -> tuple[bool, frozenset[str]]:
    """Whether a `calculate` block only adds up counts times their rates; and the rates that it scales by more.

    `known` are the names of rates that have a meter.
    """
    plain = True
    scaled: set[str] = set()
    for side in formula.values() if isinstance(formula, dict) else ():
        for factors in _products(side):
            rates = [factor.removeprefix("rates.") for factor in factors if factor.startswith("rates.")]
            counts = [factor for factor in factors if not factor.startswith("rates.")]
            usual = len(rates) == len(counts) == 1 and _COUNTS.get(rates[0], counts[0]) == counts[0]
            if not usual or counts[0].replace(".", "").isdecimal() or rates[0] not in known:
                plain = False
                if not usual or counts[0] != "1":
                    scaled.update(rates)
    return plain, frozenset(scaled.intersection(known))


def _products(side: Any) -> Iterator[list[str]]:
    """The factors of every product in a sum."""
    operands = side.get("operands") if isinstance(side, dict) else None
    if not isinstance(operands, list):
        yield []
    elif side.get("operation") == "sum":
        for operand in operands:
            yield from _products(operand)
    else:
        values = [operand.get("value") if isinstance(operand, dict) else None for operand in operands]
        known = side.get("operation") == "multiply" and all(isinstance(value, str) for value in values)
        yield [str(value) for value in values] if known else []
