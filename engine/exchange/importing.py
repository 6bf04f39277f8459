"""From what a reader made of a source to the files of a catalog: names, providers, base models, and the loss report."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from engine.catalog.vendors import VENDORS
from engine.exchange.documents import SourceError
from engine.exchange.entries import Entry, ProviderEntry, RouteEntry, Source
from engine.exchange.losses import Reason
from engine.exchange.naming import slugs
from engine.exchange.rendering import render
from engine.exchange.report import LossReport, Note, Renamed, make_report

# Reserved by RFC 2606, so that nothing can be sent there by mistake.
PLACEHOLDER_URL = "https://replace-me.invalid/v1"

_NAME = re.compile(r"[!-~]{1,512}", re.ASCII)

FindBase = Callable[[str, str], str | None]


class Imported(msgspec.Struct, frozen=True):
    """The files to write, by their paths in the catalog, and what became of every field."""

    files: dict[str, bytes]
    report: LossReport


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which of a source to import, and where to.

    `renamed` maps the source's names of providers to the catalog's; where `only_renamed`, no others are imported.
    `existing` maps the catalog's providers to their apis: their files are left alone. `find_base` gives the id of a
    reference model by the api's id in the reference data and a name; without it, none is known.
    """

    format: str
    origin: str
    renamed: Mapping[str, str] = {}
    only_renamed: bool = False
    existing: Mapping[str, str] = {}
    find_base: FindBase | None = None


def import_source(source: Source, wanted: Wanted) -> Imported:
    """The files for a source.

    Raises:
        SourceError: it has none of the providers that are wanted.
    """
    return _Import(source, wanted).run()


class _Import:
    def __init__(self, source: Source, wanted: Wanted) -> None:
        self.wanted = wanted
        self.source = _selected(source, wanted) if wanted.only_renamed else source
        self.described = {provider.name: provider for provider in source.providers}
        self.files: dict[str, bytes] = {}
        self.files_of: dict[str, tuple[str, ...]] = {}
        self.renamed: list[Renamed] = []
        self.notes: list[Note] = []
        self.names: dict[str, str] = {}
        self.unknown_places: list[str] = []

    def run(self) -> Imported:
        by_provider: dict[str, list[Entry]] = {}
        for entry in self.source.models:
            by_provider.setdefault(entry.provider, []).append(entry)
        given = slugs(by_provider)
        providers = {name: self.wanted.renamed.get(name, given[name]) for name in by_provider}
        by_target: dict[str, list[Entry]] = {}
        for name, entries in by_provider.items():
            by_target.setdefault(providers[name], []).extend(entries)
        for target, entries in sorted(by_target.items()):
            described = self.described.get(entries[0].provider) or ProviderEntry(name=entries[0].provider)
            api = self._provider(target, described)
            self._models(target, api, entries)
        self._routes()
        if self.unknown_places:
            where = ", ".join(self.unknown_places)
            self.notes.insert(0, Note(where, f"write where it is, in place of {PLACEHOLDER_URL}"))
        report = make_report(
            self.wanted.format, self.wanted.origin, self.source.accounts, self.files_of, self.renamed, self.notes
        )
        return Imported(dict(sorted(self.files.items())), report)

    def _provider(self, name: str, described: ProviderEntry) -> str:
        """Write a provider's file where the catalog has none; its api."""
        if name in self.wanted.existing:
            return self.wanted.existing[name]
        document: dict[str, Any] = {"api": "openai-compatible", **described.document}
        path = f"providers/{name}.yaml"
        remarks: tuple[str, ...] = ()
        vendor = VENDORS[document["api"]]
        if "base_url" not in document and not vendor.base_url:
            document["base_url"] = PLACEHOLDER_URL
            remarks = ("The source does not say where this provider is: write its base_url.",)
            self.unknown_places.append(name)
        if document["api"] == "openai-compatible":
            document.setdefault("credential", name)
        self.files[path] = render("provider", path, document, self.wanted.origin, remarks)
        return vendor.api

    def _models(self, provider: str, api: str, entries: list[Entry]) -> None:
        counts = Counter(entry.slug_from or entry.upstream for entry in entries)

        def unique(entry: Entry) -> str:
            name = entry.slug_from or entry.upstream
            return name if counts[name] == 1 else f"{entry.provider}/{entry.key}"

        named = slugs(unique(entry) for entry in entries)
        for entry in sorted(entries, key=unique):
            slug = named[unique(entry)]
            if _NAME.fullmatch(entry.upstream) is None:
                for account in entry.accounts:
                    account.lose_all(Reason.BAD_VALUE, "no provider calls a model so")
                continue
            base = self._base(entry, api)
            if base is None:
                for account in entry.accounts:
                    account.lose_all(Reason.NO_BASE_MODEL)
                continue
            is_itself = base == slug == entry.upstream
            document: dict[str, Any] = {"type": "base" if is_itself else entry.type}
            if base:
                document["base_model"] = base
            if entry.upstream != slug:
                document["upstream_model"] = entry.upstream
                self.renamed.append(Renamed(entry.key, f"@{provider}/{slug}", entry.upstream))
            path = f"models/{provider}/{slug}.yaml"
            document |= entry.document
            if base and entry.inherits:
                document["pricing"] = "inherit"
            assert path not in self.files, "slugs differ"
            self.files[path] = render("model", path, document, self.wanted.origin)
            self.names[entry.key] = f"@{provider}/{slug}"
            for account in entry.accounts:
                self.files_of[account.entry] = (*self.files_of.get(account.entry, ()), path)
            if entry.note:
                self.notes.append(Note(path, entry.note))

    def _base(self, entry: Entry, api: str) -> str | None:
        """The base model to write, "" for none; None where the api needs one and none is known."""
        vendor = VENDORS[api]
        if not vendor.needs_base_model:
            return ""
        find = self.wanted.find_base
        for name in dict.fromkeys((entry.base, entry.upstream)):
            if name and find is not None and (found := find(vendor.reference, name)) is not None:
                return found
        return None

    def _routes(self) -> None:
        """Write the routes whose targets are all there; what a missing one had said is lost."""
        routes = {f"@route/{route.slug}": route for route in self.source.routes}
        while missing := [name for name, route in routes.items() if not self._has_all(route, routes)]:
            for name in missing:
                for account, at in routes.pop(name).said_by:
                    account.lose(at, Reason.NO_BASE_MODEL, "of a model that a route needs")
        for route in routes.values():
            path = f"routes/{route.slug}.yaml"
            targets = [{"model": self.names.get(to, to), **how} for to, how in route.targets]
            self.files[path] = render("route", path, route.document | {"targets": targets}, self.wanted.origin)

    def _has_all(self, route: RouteEntry, routes: Mapping[str, RouteEntry]) -> bool:
        return all(to in self.names or to in routes for to, _ in route.targets)


def _selected(source: Source, wanted: Wanted) -> Source:
    models = tuple(entry for entry in source.models if entry.provider in wanted.renamed)
    missing = sorted(set(wanted.renamed) - {entry.provider for entry in models})
    if missing:
        known = sorted({entry.provider for entry in source.models})
        shown = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
        raise SourceError(f"The source has no provider {missing[0]}.", hint=f"It has: {shown}.")
    kept = {account.entry for entry in models for account in entry.accounts}
    others = tuple(a for a in source.others if a.entry in kept or a.entry.partition("/")[0] in wanted.renamed)
    return msgspec.structs.replace(source, models=models, others=others)
