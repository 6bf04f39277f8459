"""A comparison in words, the same for terminals and for pull requests: sections of items with their details.

A phrase is a sequence of parts. `Code` is a name or a value out of the catalog; every other part is running text.
"""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from engine.catalog.diffing import CatalogDiff
from engine.catalog.diffing.result import (
    CallersChange,
    EntryChange,
    FieldChange,
    ListPriceChange,
    NameChange,
    PricePeriod,
    RateChange,
    Repricing,
)

NONE = "-"
SHOWN_NAMES = 6
SHOWN_VALUE = 120


class Code(str):
    """A name or a value out of the catalog."""

    __slots__ = ()


Phrase = tuple[str, ...]


class Rate(NamedTuple):
    """A row of a price table. `alarming` where a price is ten times what it was, or a tenth."""

    meter: str
    before: str
    after: str
    change: str
    alarming: bool = False


class Item(NamedTuple):
    """One thing that changes. `breaks`: somebody loses something by it."""

    phrase: Phrase
    details: tuple[Phrase, ...] = ()
    rates: tuple[Rate, ...] = ()
    breaks: bool = False


class Section(NamedTuple):
    """Items of one subject."""

    title: str
    items: tuple[Item, ...]


_ORDER = ("model", "provider", "route", "team", "key", "budget")
_SAID_BY_NOTES = frozenset(("disabled", "expires"))
_KINDS = {"provider": "Providers", "route": "Routes", "team": "Teams", "key": "Keys", "budget": "Budgets"}


def sections(diff: CatalogDiff) -> list[Section]:
    """All that changes, what matters most first."""
    rerouted = [entry for entry in diff.entries if _is_rerouted(entry)]
    others = [entry for entry in diff.entries if not _is_rerouted(entry)]
    found = [
        Section("Broken for callers", tuple(_lost(change) for change in diff.lost)),
        Section("Repriced (USD per unit of the rate's name; mtok: per million tokens)", _repriced(diff)),
        Section("Rerouted", tuple(_entry(entry) for entry in rerouted)),
        Section("Models", tuple(_entry(entry) for entry in others if entry.kind == "model")),
        Section("Names", tuple(_name(change) for change in diff.names)),
        *(
            Section(title, tuple(_entry(entry) for entry in others if entry.kind == kind))
            for kind, title in _KINDS.items()
        ),
        Section("Catalog", tuple(_entry(entry) for entry in others if entry.kind == "catalog")),
        Section("Newly allowed", tuple(_gained(change) for change in diff.gained)),
        Section("List prices (reference.lock)", tuple(_list_price(change) for change in diff.list_prices)),
    ]
    return [section for section in found if section.items]


def verdict(diff: CatalogDiff) -> str:
    """One line: what matters most, first."""
    parts = []
    if diff.lost:
        parts.append(f"breaks {count(len({key for change in diff.lost for key in change.keys}), 'key')}")
    if repriced := sum(len(group.models) for group in diff.repriced):
        parts.append(f"{count(repriced, 'model')} repriced{_extreme(diff.repriced)}")
    rerouted = [entry for entry in diff.entries if _is_rerouted(entry)]
    parts += [
        f"{count(number, kind)} rerouted"
        for kind in _ORDER
        if (number := sum(len(entry.names) for entry in rerouted if entry.kind == kind))
    ]
    for kind in _ORDER:
        of_kind = [entry for entry in diff.entries if entry.kind == kind and not _is_rerouted(entry)]
        if of_kind:
            parts.append(f"{kind}s: {_counted((entry.status, len(entry.names)) for entry in of_kind)}")
    if diff.names:
        parts.append(f"names: {_counted((_fate(change), 1) for change in diff.names)}")
    if any(entry.kind == "catalog" for entry in diff.entries):
        parts.append("what is accepted changes")
    if diff.list_prices and not repriced:
        parts.append(f"{count(len(diff.list_prices), 'list price')} moved")
    if not parts and diff.gained:
        parts.append("callers may call more")
    if not parts:
        return "nothing changes"
    return "; ".join(parts)


def differ_in_form(number: int) -> str:
    """What is said of files that were edited and change nothing."""
    return f"{count(number, 'file')} {'differs' if number == 1 else 'differ'} in form only"


def count(number: int, word: str) -> str:
    """`1 model`, `2 models`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _counted(fates: Iterable[tuple[str, int]]) -> str:
    """`2 added, 1 removed`, in the order of their first."""
    totals: dict[str, int] = {}
    for fate, number in fates:
        totals[fate] = totals.get(fate, 0) + number
    return ", ".join(f"{number} {fate}" for fate, number in totals.items())


def _fate(change: NameChange) -> str:
    return "moved" if change.before and change.after else "new" if change.after else "gone"


def _extreme(groups: Iterable[Repricing]) -> str:
    rates = [rate for group in groups for period in group.periods if period.when != "past" for rate in period.rates]
    if alarming := [rate for rate in rates if rate.tenfold]:
        return f" ({_change(alarming[0])}!)"
    percents = [rate.percent for rate in rates if rate.percent is not None]
    largest = max(percents, key=lambda percent: (abs(Fraction(percent)), percent), default=None)
    return "" if largest is None else f" (up to {_percent(largest)})"


def _is_rerouted(entry: EntryChange) -> bool:
    return entry.status == "changed" and any(change.topic == "routing" for change in entry.fields)


def _names(names: Sequence[str], noun: str = "") -> Phrase:
    """`a`, `b` and 7 more."""
    parts: list[str] = []
    for index, name in enumerate(names[:SHOWN_NAMES]):
        if index:
            parts.append(" and " if index == len(names) - 1 else ", ")
        parts.append(Code(name))
    if len(names) > SHOWN_NAMES:
        parts.append(f" and {len(names) - SHOWN_NAMES} more")
    if noun and len(names) > 1:
        parts.insert(0, f"{len(names)} {noun}s: ")
    return tuple(parts)


def _callers(change: CallersChange) -> Phrase:
    noun = "key" if len(change.keys) == 1 else "keys"
    owners = (" (of ", *_names(change.owners), ")") if change.owners else ()
    return (f"{noun} ", *_names(change.keys), *owners)


def _lost(change: CallersChange) -> Item:
    if change.why.startswith("key-"):
        reason = {"key-removed": "is gone", "key-disabled": "is disabled", "key-expired": "has expired"}[change.why]
        phrase = (*_callers(change), f" {reason}: its holders can call nothing any more", *_lately(change.names))
        return Item(phrase, breaks=True)
    reasons: dict[str, Phrase] = {
        "removed": ("removed",),
        "renamed": ("renamed",),
        "retired": ("retired",),
        "denied": ("denied by ", Code(change.by)) if change.by else ("the key's own patterns deny it",),
    }
    instead: Phrase = ()
    if change.replacement:
        word = "now called " if change.why == "renamed" else "use "
        instead = ("; ", word, Code(change.replacement))
    phrase = (*_callers(change), " can no longer call ", *_names(change.names), ": ", *reasons[change.why], *instead)
    return Item(phrase, breaks=True)


def _lately(names: Sequence[str]) -> Phrase:
    return (" (before: ", *_names(names), ")") if names else ()


def _gained(change: CallersChange) -> Item:
    how = {"key-added": " (a new key)", "key-enabled": " (it was off before)"}.get(change.why, "")
    what = _names(change.names) if change.names else ("nothing yet",)
    return Item((*_callers(change), how, " can now call ", *what))


def _repriced(diff: CatalogDiff) -> tuple[Item, ...]:
    items = [_repricing(group) for group in diff.repriced]
    # What is off by ten times is seen first.
    return tuple(sorted(items, key=lambda item: not any(rate.alarming for rate in item.rates)))


def _repricing(group: Repricing) -> Item:
    names = group.models
    if group.source in names:
        heirs = len(names) - 1
        who: Phrase = (Code(group.source), f", and {count(heirs, 'model')} that inherit this: ", *_names(names[1:]))
    elif group.source and group.kind_before == group.kind_after:
        who = (*_names(names), f" ({'inherits' if len(names) == 1 else f'{len(names)} models inherit'} this from ")
        who = (*who, Code(group.source), ")")
    else:
        who = _names(names)
    if group.kind_before != group.kind_after or (group.source_before != group.source and group.source not in names):
        who = (*who, " (price: ", *_price_kind(group.kind_before, group.source_before), " → ")
        who = (*who, *_price_kind(group.kind_after, group.source), ")")
    if not group.periods:
        who = (*who, ": the rates stay")
    elif all(period.when == "past" for period in group.periods):
        who = (*who, ": only in windows that are past; what is on record stays")
    return Item(who, rates=tuple(_rates(group.periods)))


def _price_kind(kind: str, source: str) -> Phrase:
    return (f"{kind} ", Code(source)) if source else (kind,)


def _rates(periods: Iterable[PricePeriod]) -> Iterable[Rate]:
    for period in periods:
        if period.when == "past":
            continue  # no call is priced by it any more
        if not period.rates:
            yield Rate(f"{_time(period)}all", period.kind_before, period.kind_after, "")
        for rate in period.rates:
            before = _rate(rate.before, rate.before_by, period.kind_before)
            after = _rate(rate.after, rate.after_by, period.kind_after)
            yield Rate(f"{_time(period)}{rate.meter}", before, after, _change(rate), rate.tenfold)


def _rate(rate: str | None, by: str, kind: str) -> str:
    if kind == "unpriced":
        return kind
    if rate is None:
        return "no price"
    return f"{rate} (by {by})" if by else rate


def _time(period: PricePeriod) -> str:
    if period.when == "now":
        return ""
    until = f" until {_short(period.until)}" if period.until else ""
    return f"from {_short(period.start)}{until}: "


def _short(time: str | None) -> str:
    return (time or "").removesuffix("T00:00:00Z")


def _change(rate: RateChange) -> str:
    if not rate.tenfold or rate.before is None or rate.after is None:
        return _percent(rate.percent) if rate.percent is not None else ""
    before, after = Fraction(rate.before), Fraction(rate.after)
    sign, factor = ("×", after / before) if after > before else ("÷", before / after)  # noqa: RUF001 - the sign for "times"
    return f"{sign}{round(factor)}" if factor == round(factor) else f"{sign}{Decimal(round(factor * 10)) / 10}"


def _percent(decimal: str) -> str:
    return f"{decimal} %" if decimal.startswith("-") else f"+{decimal} %"


def _entry(entry: EntryChange) -> Item:
    about: Phrase = (entry.kind, " ") if entry.kind != "model" and _is_rerouted(entry) else ()
    who = (*about, *_names(entry.names, entry.kind if entry.because or len(entry.names) > 1 else ""))
    said = _SAID_BY_NOTES if entry.kind == "key" and entry.notes else frozenset[str]()
    details = tuple(_field(change) for change in entry.fields if change.field not in said)
    notes = tuple((note,) for note in entry.notes)
    if entry.status == "renamed":
        who = (Code(entry.before_name), " is now called ", *who)
    elif entry.status == "moved":
        who = (*who, " moved from ", Code(entry.before_file), " to ", Code(entry.file))
    elif entry.status == "added":
        who = (*who, " added", *_facts(entry))
    elif entry.status == "removed":
        who = (*who, " removed")
    elif entry.because and len(entry.names) > 1:
        who = (*who, " (by ", Code(entry.because), ")")
    return Item(who, (*notes, *details))


def _facts(entry: EntryChange) -> Phrase:
    facts = entry.facts
    if facts is None:
        return ()
    base: Phrase = (", like ", Code(facts.base_model)) if facts.base_model else ()
    owner: Phrase = (", of ", Code(facts.owner)) if facts.owner else ()
    parts: list[str] = [f": {facts.pricing}"]
    shown = [(meter, rate) for meter, rate in facts.rates.items() if ": " not in meter][:SHOWN_NAMES]
    for index, (meter, rate) in enumerate(shown):
        parts.append(f"{', ' if index else ' '}{meter} {rate}")
    if len(facts.rates) > len(shown):
        parts.append(f" and {count(len(facts.rates) - len(shown), 'more rate')}")
    return (*parts, *base, *owner)


def _field(change: FieldChange) -> Phrase:
    before, after = change.before, change.after
    if isinstance(before, list) and isinstance(after, list) and sorted(before, key=str) == before:
        plus = [item for item in after if item not in before]
        minus = [item for item in before if item not in after]
        if (plus or minus) and sorted(after, key=str) == after:
            gone = ("- ", *_names([_short_value(item) for item in minus])) if minus else ()
            new = ("+ ", *_names([_short_value(item) for item in plus])) if plus else ()
            return (Code(change.field), ": ", *new, *((", ",) if new and gone else ()), *gone)
    return (Code(change.field), ": ", *_value(before), " → ", *_value(after))


def _value(given: Any) -> Phrase:
    if given is None:
        return (NONE,)
    return _names([_short_value(item) for item in given]) if isinstance(given, list) else (Code(_short_value(given)),)


def _short_value(given: Any) -> str:
    text = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    return text if len(text) <= SHOWN_VALUE else f"{text[: SHOWN_VALUE - 1]}…"


def _name(change: NameChange) -> Item:
    rates = tuple(_rates(change.periods))
    if not change.before:
        return Item((Code(change.name), " is new and means ", Code(change.after)))
    if not change.after:
        return Item((Code(change.name), " is gone; it meant ", Code(change.before)))
    return Item(
        (Code(change.name), " means another model: ", Code(change.before), " → ", Code(change.after)), rates=rates
    )


def _list_price(change: ListPriceChange) -> Item:
    who: Phrase = (Code(change.reference),)
    if change.models:
        heirs = "model inherits" if len(change.models) == 1 else "models inherit"
        who = (*who, f": {len(change.models)} {heirs} this: ", *_names(change.models))
    rates = (
        Rate(field.field, _short_value(field.before or NONE), _short_value(field.after or NONE), "")
        for field in change.fields
    )
    return Item(who, rates=tuple(rates))
