"""`reference.lock`: what a catalog uses of the reference data, frozen, so that a commit always has the same prices.

The file is JSON, pretty-printed with sorted keys and one rate a line, so that a pull request's diff shows a price change
as one line, and the same content always gives the same bytes. A digest over its values makes an edit by hand visible.

For each api it holds what the catalog asked for (`names`: a name → the model found for it; `patterns`: a pattern → ids)
and the `models`, by id, or by "api:id" where the list price is another api's.
"""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from engine.model import PriceTier, PriceVariant, PriceWindow
from engine.pricing.cost import rate_value
from engine.pricing.meters import BY_PRICE_KEY
from engine.pricing.reference import PACKAGE, Found, Reference, ReferenceModel, is_pattern

FORMAT = 1
_HINT = "run `catalog reference update`"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class LockError(Exception):
    """A `reference.lock` that cannot be used; the text is one line and says why and how to mend it."""


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the reference data comes from."""

    package: str
    version: str


class LockedName(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a name that the catalog asked for was resolved to: a key of `models`."""

    model: str
    matched_by: Literal["id", "pattern"]


class LockedWindow(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A `PriceWindow` as it stands in the file: `from` is a UTC time to the second, left out for "always"."""

    rates: dict[str, str]
    start: str | None = msgspec.field(name="from", default=None)
    tiers: tuple[PriceTier, ...] = ()
    variants: dict[str, PriceVariant] = {}


class LockedModel(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """A `ReferenceModel` as it stands in the file. `api` is given where the list price is another api's."""

    api: str = ""
    context_window: int | None = None
    unpriced: str = ""
    windows: tuple[LockedWindow, ...] = ()


class LockedApi(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What the catalog uses of one api."""

    names: dict[str, LockedName] = {}
    patterns: dict[str, tuple[str, ...]] = {}
    models: dict[str, LockedModel] = {}


class Lock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of a `reference.lock`."""

    source: Source
    apis: dict[str, LockedApi]
    format: int = FORMAT

    def find(self, api: str, asked: str) -> Found | None:
        """The model for a name that was locked, or for an id that a locked pattern stands for."""
        locked = self.apis.get(api)
        if locked is None:
            return None
        if name := locked.names.get(asked):
            return Found(_thaw(api, name.model, locked.models[name.model]), name.matched_by)
        model = locked.models.get(asked)
        if model is None or model.api:
            return None
        return Found(_thaw(api, asked, model), "id")

    def expand(self, api: str, pattern: str) -> tuple[str, ...] | None:
        """The ids that a locked pattern stands for, perhaps none; None where the pattern is not locked."""
        locked = self.apis.get(api)
        return None if locked is None else locked.patterns.get(pattern)


class Change(msgspec.Struct, frozen=True):
    """One difference between two locks: a value of a model, by a path for people; None is "not there".

    `what` is "resolves to" (`model` is then the name as asked for), "context_window", "unpriced", or a price key behind
    the words that say when its rate holds: "from 2026-10-14T00:00:00Z: processing=batch: input_mtok".
    """

    model: str
    what: str
    before: str | None
    after: str | None


def build_lock(asked: Iterable[tuple[str, str]], reference: Reference) -> Lock:
    """Freezes what a catalog asks of the reference data, as (api, name or pattern).

    What the data does not have is left out, so that `Lock.find` says so; a pattern without a match stands for no ids.
    """
    apis: dict[str, LockedApi] = {}
    for api, name in asked:
        if api not in reference.apis:
            continue
        locked = apis.setdefault(api, LockedApi())
        if is_pattern(name):
            locked.patterns[name] = reference.expand(api, name)
            for model_id in locked.patterns[name]:
                if found := reference.find(api, model_id):
                    _add(locked, api, found.model)
        elif found := reference.find(api, name):
            locked.names[name] = LockedName(_add(locked, api, found.model), found.matched_by)
    used = {api: locked for api, locked in apis.items() if locked != LockedApi()}
    return Lock(Source(PACKAGE, reference.version), used)


def render(lock: Lock) -> bytes:
    """The file for a lock: the same bytes for the same content."""
    document = msgspec.to_builtins(lock)
    document["digest"] = _digest(document)
    return msgspec.json.format(msgspec.json.encode(document, order="sorted"), indent=2) + b"\n"


def parse_lock(data: bytes) -> Lock:
    """Reads a `reference.lock`.

    Raises:
        LockError: it is not JSON, of another format, was edited by hand, or says something that makes no sense.
    """
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LockError(f"it is not JSON ({error}); {_HINT}") from None
    if not isinstance(document, dict) or not isinstance(document.get("format"), int):
        raise LockError(f"it is not a reference lock; {_HINT}")
    if document["format"] != FORMAT:
        raise LockError(f"it has format {document['format']}, and this version of catalog reads format {FORMAT}")
    digest = document.pop("digest", None)
    if digest != _digest(document):
        raise LockError(f"it was edited by hand or badly merged, its digest does not fit; {_HINT}")
    try:
        lock = msgspec.convert(document, Lock)
        _check(lock)
    except (msgspec.ValidationError, ValueError) as error:
        raise LockError(f"{' '.join(str(error).split())}; {_HINT}") from None
    return lock


def changes(old: Lock | None, new: Lock) -> list[Change]:
    """What differs in models, prices and resolved names, sorted for printing; `old` is None where there was no lock."""
    before, after = _values(old) if old else {}, _values(new)
    return [
        Change(model, what, before.get((model, what)), after.get((model, what)))
        for model, what in sorted(before.keys() | after.keys())
        if before.get((model, what)) != after.get((model, what))
    ]


def _add(locked: LockedApi, api: str, model: ReferenceModel) -> str:
    own = model.api == api
    key = model.id if own else model.name
    windows = tuple(
        LockedWindow(window.rates, None if window.start is None else _text(window.start), window.tiers, window.variants)
        for window in model.windows
    )
    locked.models[key] = LockedModel("" if own else model.api, model.context_window, model.unpriced, windows)
    return key


def _thaw(api: str, key: str, model: LockedModel) -> ReferenceModel:
    windows = tuple(
        PriceWindow(
            window.rates, None if window.start is None else _nanoseconds(window.start), window.tiers, window.variants
        )
        for window in model.windows
    )
    model_id = key.removeprefix(f"{model.api}:") if model.api else key
    return ReferenceModel(model.api or api, model_id, model.context_window, windows, model.unpriced)


def _text(nanoseconds: int) -> str:
    return (_EPOCH + timedelta(seconds=nanoseconds // 10**9)).strftime(_TIME)


def _nanoseconds(text: str) -> int:
    return (datetime.strptime(text, _TIME).replace(tzinfo=UTC) - _EPOCH) // timedelta(seconds=1) * 10**9


def _digest(document: dict[str, Any]) -> str:
    return "sha256:" + hashlib.sha256(msgspec.json.encode(document, order="sorted")).hexdigest()


def _check(lock: Lock) -> None:
    """What the types do not say. Raises ValueError."""
    for api, locked in lock.apis.items():
        used = {name.model for name in locked.names.values()}.union(*locked.patterns.values())
        if missing := sorted(used - locked.models.keys()):
            raise ValueError(f"{api}:{missing[0]} is named, but there is no such model in it")
        for key, model in locked.models.items():
            for where, rates in _sheets(model):
                for price_key, rate in rates.items():
                    if price_key not in BY_PRICE_KEY:
                        raise ValueError(f"{api}:{key} has an unknown price key: {where}{price_key}")
                    rate_value(rate)
            for window in model.windows:
                _nanoseconds(window.start or _text(0))


def _values(lock: Lock) -> dict[tuple[str, str], str]:
    """Everything that a lock says, by model and by a path for people."""
    values: dict[tuple[str, str], str] = {}
    for api, locked in lock.apis.items():
        for asked, name in locked.names.items():
            values[f"{api}:{asked}", "resolves to"] = name.model
        for key, model in locked.models.items():
            label = f"{key} (for {api})" if model.api else f"{api}:{key}"
            if model.context_window is not None:
                values[label, "context_window"] = str(model.context_window)
            if model.unpriced:
                values[label, "unpriced"] = model.unpriced
            for where, rates in _sheets(model):
                values |= {(label, f"{where}{price_key}"): rate for price_key, rate in rates.items()}
    return values


def _sheets(model: LockedModel) -> Iterator[tuple[str, dict[str, str]]]:
    """Every set of rates in the model, and the words that say when it holds."""
    for window in model.windows:
        start = f"from {window.start}: " if window.start else ""
        parts: dict[str, LockedWindow | PriceVariant] = {"": window}
        parts |= {f"{name}: ": variant for name, variant in window.variants.items()}
        for name, part in parts.items():
            yield f"{start}{name}", part.rates
            for tier in part.tiers:
                yield f"{start}{name}above {tier.above_input_tokens} input tokens: ", tier.rates
