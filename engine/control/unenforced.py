"""What a catalog asks for and this version does not do yet: said aloud, so that nobody relies on it."""

from engine.catalog.catalog import Catalog
from engine.model import RateLimit

NAMED = 3
_NO_LIMIT = RateLimit()


def unenforced(catalog: Catalog) -> tuple[str, ...]:
    """One sentence for each kind of limit that stands in the catalog and holds nobody back."""
    blocking = [budget.file for budget in catalog.budgets.values() if budget.on_exceeded == "block"]
    limited = [
        holder.file
        for holders in (catalog.providers, catalog.teams, catalog.models, catalog.keys)
        for holder in holders.values()
        if holder.rate_limit != _NO_LIMIT
    ]
    said = (("budgets with on_exceeded: block", blocking), ("rate_limit", limited))
    return tuple(f"{what} ({_named(files)}): not enforced by this version" for what, files in said if files)


def _named(files: list[str]) -> str:
    shown = ", ".join(sorted(set(files))[:NAMED])
    more = len(set(files)) - NAMED
    return f"{shown} and {more} more" if more > 0 else shown
