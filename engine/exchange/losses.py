"""What became of every field of every entry: carried exactly, or lost, and why.

A field is a leaf of the entry as the source writes it, named by an RFC 6901 JSON pointer ("/cost/input"). Empty lists
and mappings are leaves too, so that the fields of an entry are all that it says.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec


class Reason(StrEnum):
    """Why a field was not carried. The values are a contract: they stand in loss reports."""

    NO_CONCEPT = "no-concept"
    NO_METER = "no-meter"
    NOT_EXACT = "not-exact"
    BAD_VALUE = "bad-value"
    AMBIGUOUS = "ambiguous"
    IMPLAUSIBLE = "implausible"
    CONTRADICTION = "contradiction"
    CONDITION = "condition"
    CURRENCY = "currency"
    FORMULA = "formula"
    TEMPLATE = "template"
    NO_BASE_RATE = "no-base-rate"
    HIDES_A_COST = "hides-a-cost"
    SILENT = "silent"
    NOT_A_MODEL = "not-a-model"
    NO_BASE_MODEL = "no-base-model"
    UNKNOWN_BASE = "unknown-base"
    OMITTED = "omitted"
    WRITTEN_TWICE = "written-twice"
    SECRET = "secret"  # noqa: S105 - a reason, not a secret
    NO_PROVIDER = "no-provider"


MEANING: Mapping[Reason, str] = MappingProxyType(
    {
        Reason.NO_CONCEPT: "the other side has no such concept",
        Reason.NO_METER: "a price of something that no meter of the other side counts",
        Reason.NOT_EXACT: "no plain decimal of at most 12 digits before and 12 after the point in the unit of its price key",
        Reason.BAD_VALUE: "a value that its place on the other side does not take",
        Reason.AMBIGUOUS: "it does not say what exactly it counts",
        Reason.IMPLAUSIBLE: "1000 USD per million tokens or more: very likely in another unit than the format's; --unit confirms it",
        Reason.CONTRADICTION: "another field of the entry says something else, and was taken",
        Reason.CONDITION: "the price holds on a condition that a price cannot have on the other side",
        Reason.CURRENCY: "prices are in USD only",
        Reason.FORMULA: "how the source adds its prices up is not how meters are charged",
        Reason.TEMPLATE: "a default of zero names a price that models have; it does not make them free",
        Reason.NO_BASE_RATE: "a price for special cases, and none for the usual one",
        Reason.HIDES_A_COST: "a zero beside prices that were lost: the cost would be a wrong zero",
        Reason.SILENT: "empty: it says nothing",
        Reason.NOT_A_MODEL: "the entry is not a model",
        Reason.NO_BASE_MODEL: "the provider's api needs a base model, and the reference data has none of this name",
        Reason.UNKNOWN_BASE: "the file that it refers to is not in the source",
        Reason.OMITTED: "the entry itself takes it away again",
        Reason.WRITTEN_TWICE: "the key stands twice in the source, and the last one counts",
        Reason.SECRET: "a secret, or a reference to one: bind it in the operator's file",
        Reason.NO_PROVIDER: "it does not say which provider serves it, or that one's api is not known here",
    }
)

_ESCAPES = str.maketrans({"~": "~0", "/": "~1"})


def pointer(*steps: str | int) -> str:
    """The JSON pointer of a path of keys and indices."""
    return "".join(f"/{str(step).translate(_ESCAPES)}" for step in steps)


def leaves(value: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf below a value, as (pointer, value): scalars, and empty lists and mappings."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from leaves(inner, at + pointer(str(key)))
    elif isinstance(value, list | tuple) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, at + pointer(index))
    else:
        yield at, value


class Loss(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field that was not carried. `value` is what it said, where that is a number; `detail` says more."""

    entry: str
    field: str
    reason: Reason
    value: str = ""
    detail: str = ""


class Account:
    """The fields of one entry, and what became of each. What nobody spoke for has no concept on the other side.

    `secretive`: values are never shown, since one of them may be a secret.
    """

    def __init__(self, entry: str, value: Any, *, secretive: bool = False) -> None:
        self.entry = entry
        self._secretive = secretive
        self._leaves = dict(leaves(value))
        self._fates: dict[str, Loss | None] = {}

    def carry(self, *at: str) -> None:
        """These fields, with all below them, arrive."""
        for field in self._below(*at):
            self._fates[field] = None

    def lose(self, at: str, reason: Reason, detail: str = "") -> None:
        """This field, with all below it, does not arrive."""
        for field in self._below(at):
            self._fates[field] = self._loss(field, reason, detail)

    def lose_all(self, reason: Reason, detail: str = "") -> None:
        """Nothing of the entry arrives, but what was lost before keeps its reason."""
        for field in self._leaves:
            if self._fates.get(field) is None:
                self._fates[field] = self._loss(field, reason, detail)

    def add(self, at: str, value: Any, reason: Reason) -> None:
        """A field that the parsed entry does not have any more, such as a key's first value where it is there twice."""
        self._leaves[at] = value
        self._fates[at] = self._loss(at, reason, "")

    def spoken_for(self, at: str) -> bool:
        """Whether the fate of a field, or of anything below it, is known."""
        return any(field in self._fates for field in self._below(at))

    def value(self, at: str) -> Any:
        """What a field says."""
        return self._leaves[at]

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields."""
        return tuple(self._leaves)

    @property
    def carried(self) -> tuple[str, ...]:
        """The fields that arrive."""
        return tuple(field for field in self._leaves if field in self._fates and self._fates[field] is None)

    @property
    def losses(self) -> tuple[Loss, ...]:
        """The fields that do not, in the source's order."""
        found = []
        for field, value in self._leaves.items():
            fate = self._fates.get(field, ...)
            if fate is ...:
                fate = self._loss(field, Reason.SILENT if value in (None, {}, [], "") else Reason.NO_CONCEPT, "")
            if fate is not None:
                found.append(fate)
        return tuple(found)

    def _loss(self, field: str, reason: Reason, detail: str) -> Loss:
        value = self._leaves[field]
        shown = isinstance(value, int | Decimal) and not isinstance(value, bool) and not self._secretive
        return Loss(self.entry, field, reason, str(value)[:64] if shown else "", detail)

    def _below(self, *at: str) -> list[str]:
        found = [field for field in at if field in self._leaves]
        if len(found) < len(at):
            prefixes = tuple(f"{one}/" for one in at)
            found += [field for field in self._leaves if field.startswith(prefixes)]
        return found


def generalised(field: str) -> str:
    """A field's name without its indices, for counting: "/tiers/0/input" → "/tiers/*/input"."""
    return "/".join("*" if step.isdecimal() else step for step in field.split("/"))


def count_by(losses: tuple[Loss, ...]) -> list[tuple[str, Reason, int]]:
    """How often each field was lost for each reason, the most frequent first."""
    counts = Counter((generalised(loss.field), loss.reason) for loss in losses)
    return [(field, reason, count) for (field, reason), count in sorted(counts.items(), key=lambda c: (-c[1], c[0]))]
