"""What is not as somebody who reads the catalog or the operator's file may think: said aloud, so that nobody relies on it."""

from engine.catalog.catalog import Catalog
from engine.catalog.compile import environments_of
from engine.catalog.suggest import did_you_mean
from engine.model import RateLimit

NAMED = 3
_NO_LIMIT = RateLimit()


def caveats(catalog: Catalog) -> tuple[str, ...]:
    """Limits that hold nobody back yet, one sentence for each kind; and an environment that the catalog does not know."""
    return (*_unenforced(catalog), *_unknown_environment(catalog))


def _unenforced(catalog: Catalog) -> tuple[str, ...]:
    blocking = [budget.file for budget in catalog.budgets.values() if budget.on_exceeded == "block"]
    limited = [
        holder.file
        for holders in (catalog.providers, catalog.teams, catalog.models, catalog.keys)
        for holder in holders.values()
        if holder.rate_limit != _NO_LIMIT
    ]
    said = (("budgets with on_exceeded: block", blocking), ("rate_limit", limited))
    return tuple(f"{what} ({_named(files)}): not enforced by this version" for what, files in said if files)


def _unknown_environment(catalog: Catalog) -> tuple[str, ...]:
    """A catalog need not say anything about an environment; where it knows others, the name may be wrong."""
    known = environments_of(catalog.tree)
    if not catalog.environment or not known or catalog.environment in known:
        return ()
    near = did_you_mean(catalog.environment, known) or f"it has {', '.join(known)}"
    return (f'the catalog has no environment "{catalog.environment}", so its base is served; {near}',)


def _named(files: list[str]) -> str:
    shown = ", ".join(sorted(set(files))[:NAMED])
    more = len(set(files)) - NAMED
    return f"{shown} and {more} more" if more > 0 else shown
