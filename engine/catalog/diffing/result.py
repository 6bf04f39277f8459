"""What a comparison of two catalogs says, as plain data. Everything is sorted, so that the same input gives the same.

Rates are exact plain decimals of USD per the unit that ends their price key's name; times are RFC 3339 in UTC.
"""

from typing import Any, Literal

import msgspec

from engine.model import PriceKind

EntryKind = Literal["provider", "model", "route", "key", "budget", "team", "catalog"]
Status = Literal["added", "removed", "renamed", "changed", "moved"]
Topic = Literal["routing", "access", "limits", "lifecycle", "settings"]
When = Literal["now", "later", "past"]
Why = Literal["removed", "renamed", "denied", "retired", "key-removed", "key-disabled", "key-expired", "key-added", "key-enabled", "added", "allowed"]  # fmt: skip


class FieldChange(msgspec.Struct, frozen=True):
    """One field by its dotted name in the catalog language, with values as JSON has them; None is "not there"."""

    field: str
    before: Any
    after: Any
    topic: Topic = "settings"


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to know of a model that was added or removed. `rates` hold now, by the words that say when."""

    pricing: PriceKind
    rates: dict[str, str] = {}
    base_model: str = ""
    owner: str = ""
    file: str = ""


class EntryChange(msgspec.Struct, frozen=True):
    """What happened to one entry of the catalog, or in the same way to several of them.

    `renamed`: `before_name` and one name, the content is the same but for `fields`. `moved`: the file is another, from
    `before_file` to `file`, the name stays; it may come with `fields` as well. `because` names what several entries
    have their change from: a model or a provider's file. `notes` are sentences for people.
    """

    kind: EntryKind
    status: Status
    names: tuple[str, ...]
    fields: tuple[FieldChange, ...] = ()
    notes: tuple[str, ...] = ()
    before_name: str = ""
    before_file: str = ""
    file: str = ""
    because: str = ""
    facts: Facts | None = None


class RateChange(msgspec.Struct, frozen=True):
    """What a meter costs before and after; None is "it has no price".

    `meter` is the price key, behind the words that say when it holds: "processing=batch: above 200000: input_mtok".
    `before_by` and `after_by` name where the rate comes from where the meter has none of its own there: a meter that
    contains it, or the same one without the condition. `percent` is a decimal with at most one digit behind the point,
    None where either rate is missing or the first is 0; `tenfold` says that one is at least ten times the
    other, and that both are rates of this very meter.
    """

    meter: str
    before: str | None
    after: str | None
    percent: str | None = None
    tenfold: bool = False
    before_by: str = ""
    after_by: str = ""


class PricePeriod(msgspec.Struct, frozen=True):
    """Rates that differ for requests that start at `start` or later, and before `until`; None is without end."""

    when: When
    start: str | None
    until: str | None
    kind_before: PriceKind
    kind_after: PriceKind
    rates: tuple[RateChange, ...]


class Repricing(msgspec.Struct, frozen=True):
    """Models whose price changes in the same way.

    `source` is what they take their price from, a model of the catalog or of the reference data; "" where each says its
    own. A model that is the source itself comes first in `models`. `source_before` differs where they took it from
    elsewhere. `periods` begin with the one that holds now; they are empty where only the kind or the source differs.
    """

    models: tuple[str, ...]
    kind_before: PriceKind
    kind_after: PriceKind
    periods: tuple[PricePeriod, ...]
    source_before: str = ""
    source: str = ""


class NameChange(msgspec.Struct, frozen=True):
    """An alias, or a name, that means another model than before; "" is none. `periods`: what that does to its price."""

    name: str
    before: str
    after: str
    periods: tuple[PricePeriod, ...] = ()


class CallersChange(msgspec.Struct, frozen=True):
    """Keys that lose, or gain, the same names for the same reason.

    `owners` are the owners of these keys. `by` is the file that denies, where one does. `replacement` is a name that can
    be called instead, "" where none is known.
    """

    names: tuple[str, ...]
    keys: tuple[str, ...]
    owners: tuple[str, ...]
    why: Why
    by: str = ""
    replacement: str = ""


class ListPriceChange(msgspec.Struct, frozen=True):
    """What the lock says of one reference model, "api:id", and the models whose inherited price moves with it."""

    reference: str
    fields: tuple[FieldChange, ...]
    models: tuple[str, ...] = ()


class CatalogDiff(msgspec.Struct, frozen=True):
    """Everything that differs in effect. `without_effect` are files that differ and change nothing."""

    lost: tuple[CallersChange, ...] = ()
    gained: tuple[CallersChange, ...] = ()
    entries: tuple[EntryChange, ...] = ()
    repriced: tuple[Repricing, ...] = ()
    names: tuple[NameChange, ...] = ()
    list_prices: tuple[ListPriceChange, ...] = ()
    without_effect: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes in effect."""
        return not (self.lost or self.gained or self.entries or self.repriced or self.names or self.list_prices)

    def beyond(self, base: "CatalogDiff") -> "CatalogDiff":
        """What is not said in `base` already: what an environment adds to it."""
        return CatalogDiff(
            **{field: _others(getattr(self, field), getattr(base, field)) for field in self.__struct_fields__}
        )


def _others(items: tuple[Any, ...], known: tuple[Any, ...]) -> tuple[Any, ...]:
    said = {msgspec.json.encode(item) for item in known}
    return tuple(item for item in items if msgspec.json.encode(item) not in said)
