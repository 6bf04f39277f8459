"""The form behind `catalog add`: what a new model must say, what is wrong with an answer, and the file it becomes.

Answers are text, as people give them. A `…_fault` is one sentence for people, "" where an answer will do.
"""

import re
from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

import msgspec

from engine.authoring.canonical import render
from engine.catalog.bases import reference_name
from engine.catalog.compile import Catalog
from engine.catalog.layout import SLUG, SLUG_HINT
from engine.catalog.suggest import did_you_mean
from engine.catalog.vendors import VENDORS, Vendor, reference_of
from engine.model import PriceWindow
from engine.pricing.meters import BY_PRICE_KEY
from engine.pricing.reference import Reference

_SLUG = re.compile(SLUG, re.ASCII)
_RATE = re.compile(r"(0|[1-9][0-9]{0,11})(\.[0-9]{1,12})?", re.ASCII)
_USUAL_METERS = ("input_mtok", "output_mtok")
_MODELINE = b"# yaml-language-server:"


class Answers(msgspec.Struct, kw_only=True):
    """All that the form asks. `price` is rates by price key ("own"), or how the price comes about otherwise."""

    provider: str
    slug: str
    description: str
    type: str
    base_model: str = ""
    upstream_model: str = ""
    price: dict[str, str] | Literal["inherit", "free", "unpriced"]
    owner: str = ""
    labels: dict[str, str] = {}
    team: str = ""

    @property
    def name(self) -> str:
        """What the model will be called by."""
        return f"@{self.provider}/{self.slug}"

    @property
    def file(self) -> str:
        """Where it will stand in the catalog."""
        return file_of(self.provider, self.slug, self.team)

    def document(self) -> dict[str, Any]:
        """The value of the file."""
        values = {
            "description": self.description,
            "type": self.type,
            "base_model": self.base_model,
            "upstream_model": self.upstream_model if self.upstream_model != self.slug else "",
            "pricing": "" if self.price == "unpriced" else self.price,
            "owner": self.owner,
            "labels": self.labels,
        }
        return {key: value for key, value in values.items() if value}

    def text(self, files: dict[str, bytes]) -> str:
        """The file in canonical form. Where its neighbours tell editors their schema, it does too."""
        return render("model", self.document(), top=_modeline(self.file, files), blocks=("pricing",))


def file_of(provider: str, slug: str, team: str = "") -> str:
    """The path of a model's file; a team's are below the team."""
    return f"teams/{team}/models/{provider}/{slug}.yaml" if team else f"models/{provider}/{slug}.yaml"


def _modeline(file: str, files: dict[str, bytes]) -> tuple[str, ...]:
    directories = file.split("/")[:-1]
    for path in sorted(files):
        inside = path.split("/")[:-1]
        if len(inside) == len(directories) and inside[0] == directories[0] and files[path].startswith(_MODELINE):
            return (files[path].partition(b"\n")[0].decode(errors="replace").rstrip(),)
    return ()


class Form:
    """The questions about one catalog. `load` brings the reference data, when it is needed for the first time."""

    def __init__(self, catalog: Catalog, load: Callable[[], Reference]) -> None:
        self.catalog = catalog
        self._load = load

    @cached_property
    def reference(self) -> Reference:
        """The reference data of the installed package."""
        return self._load()

    def vendor(self, provider: str) -> Vendor:
        """Whose API a provider speaks."""
        return VENDORS[self.catalog.providers[provider].api]

    def provider_fault(self, name: str) -> str:
        """A provider is one of the catalog's."""
        if name in self.catalog.providers:
            return ""
        near = did_you_mean(name, self.catalog.providers)
        hint = near or f"providers are: {', '.join(self.catalog.providers)}"
        return f'there is no provider "{name}"; {hint}'

    def slug_fault(self, provider: str, slug: str, team: str = "") -> str:
        """A slug is a name that no model of this provider has."""
        if _SLUG.fullmatch(slug) is None:
            return f'"{slug}" is not a name: {SLUG_HINT}'
        name, file = f"@{provider}/{slug}", file_of(provider, slug, team)
        if file in self.catalog.tree.files:
            return f"{name} is there already: {file}"
        taken = self.catalog.models.get(name)
        if taken is not None and taken.file.startswith(("models/", "teams/")):
            return f"{name} is there already: {taken.file}"
        if name in self.catalog.aliases:
            return f"{name} is already an alias of {self.catalog.aliases[name]}"
        return ""

    def base_fault(self, provider: str, base: str) -> str:
        """A base model is one of the reference data's, or of the catalog's; own servers need none."""
        if not base:
            return "a base model is needed" if self.vendor(provider).needs_base_model else ""
        if base.startswith("@"):
            if base in self.catalog.models or base in self.catalog.aliases:
                return ""
            near = did_you_mean(base, self.catalog.models)
            return f"there is no model {base} in the catalog{f'; {near}' if near else ''}"
        api, name = self._asked(provider, base)
        if not api:
            return f'the api "{self.vendor(provider).api}" has no reference models: say whose, as in openai:{base}'
        if self.reference.find(api, name) is not None:
            return ""
        near_names = self.reference.near(api, name)
        hint = f"; did you mean {', '.join(near_names)}?" if near_names else ""
        return f'{api} has no model "{name}" in the reference data{hint}'

    def base_names(self, provider: str) -> list[str]:
        """Names to complete a base model with."""
        reference = self.vendor(provider).reference
        own = self.reference.expand(reference, "*") if reference else ()
        return [*own, *sorted(self.catalog.models)]

    def list_rates(self, provider: str, base: str, at: int) -> dict[str, str]:
        """What the base model costs at a time (nanoseconds since the epoch), by price key; empty where unknown."""
        windows: tuple[PriceWindow, ...] = ()
        if base.startswith("@"):
            model = self.catalog.models.get(self.catalog.aliases.get(base, base))
            windows = model.pricing.windows if model is not None else ()
        elif base:
            found = self.reference.find(*self._asked(provider, base))
            windows = found.model.windows if found is not None else ()
        current = [window for window in windows if window.start is None or window.start <= at]
        return dict(current[-1].rates) if current else {}

    def _asked(self, provider: str, base: str) -> tuple[str, str]:
        api, name = reference_name(base, self.vendor(provider).api)
        return reference_of(api), name


def name_fault(name: str) -> str:
    """The names of teams and providers are those of files; none at all will do."""
    return "" if not name or _SLUG.fullmatch(name) else f'"{name}" is not a name: {SLUG_HINT}'


def rate_fault(key: str, rate: str) -> str:
    """A rate is a plain decimal for a meter that exists."""
    if key not in BY_PRICE_KEY:
        return f'there is no price key "{key}"; {did_you_mean(key, BY_PRICE_KEY) or "see `catalog schema model`"}'
    if _RATE.fullmatch(rate) is None:
        return f'"{rate}" is not an amount: write a plain decimal in USD, as in 0.20'
    return ""


def unit_of(key: str) -> str:
    """What a rate of this price key pays for: "USD per 1,000,000 input tokens"."""
    meter = BY_PRICE_KEY[key]
    return f"USD per {meter.per:,} {meter.usage_key.replace('_', ' ')}"


def meters_to_ask(list_rates: dict[str, str]) -> list[str]:
    """The price keys to ask for: those with a list price, and input and output in any case."""
    return list(dict.fromkeys((*_USUAL_METERS, *list_rates)))
