"""Files that were edited and change nothing: comments, another order, a description that nobody reads."""

from collections.abc import Iterable, Mapping

from engine.catalog.catalog import Catalog
from engine.catalog.diffing.fields import compare_fields
from engine.catalog.diffing.matching import Entry
from engine.catalog.diffing.result import EntryChange, ListPriceChange
from engine.catalog.layout import LOCK_FILE, ROOT_FILE
from engine.model import Model, Route


def files_without_effect(
    before: Catalog, after: Catalog, entries: Iterable[EntryChange], lists: tuple[ListPriceChange, ...]
) -> tuple[str, ...]:
    """Files that differ, where neither they nor anything that is made of them does anything else than before."""
    one, other = before.tree.blobs, after.tree.blobs
    differing = {file for file in one.keys() | other.keys() if one.get(file) != other.get(file)}
    if not differing:
        return ()
    effective = {LOCK_FILE} if lists else set()
    for entry in entries:
        if entry.kind == "catalog":
            effective |= {ROOT_FILE, *entry.names}
    for mine, theirs in zip(_kinds(before), _kinds(after), strict=True):
        for name in mine.keys() | theirs.keys():
            if _differ(mine.get(name), theirs.get(name)):
                effective |= _made_of(mine.get(name), before) | _made_of(theirs.get(name), after)
    return tuple(sorted(differing - effective))


def _kinds(catalog: Catalog) -> tuple[Mapping[str, Entry], ...]:
    return (catalog.models, catalog.providers, catalog.routes, catalog.keys, catalog.budgets, catalog.teams)


def _differ(one: Entry | None, other: Entry | None) -> bool:
    if one is None or other is None or one == other:
        return one is not other and one != other
    if isinstance(one, Model) and isinstance(other, Model) and one.pricing != other.pricing:
        return True
    if isinstance(one, Model | Route) and isinstance(other, Model | Route) and one.aliases != other.aliases:
        return True
    return one.file != other.file or bool(compare_fields(one, other))


def _made_of(entry: Entry | None, catalog: Catalog) -> set[str]:
    """The files that have a say in what an entry is."""
    if entry is None:
        return set()
    files = {entry.file}
    if isinstance(entry, Model):
        files |= {catalog.providers[entry.provider].file, LOCK_FILE}
        above = (entry.pricing.source, *(entry.base_model.chain if entry.base_model else ()))
        files |= {model.file for name in above if (model := catalog.models.get(name)) is not None}
    return files
