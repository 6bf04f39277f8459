"""Who may call a model or route, and why not."""

from engine.catalog.access import permissions_of
from engine.catalog.catalog import Catalog
from engine.catalog.suggest import did_you_mean
from engine.errors import UserError


def callers_of(catalog: Catalog, name: str) -> list[str]:
    """The names of the keys that may call it, by what the catalog says: not disabled ones, but expired ones too."""
    permissions = permissions_of(catalog.teams, catalog.aliases, catalog.models, catalog.routes, catalog.providers)
    return [key.name for key in catalog.keys.values() if not key.disabled and permissions.may_call(key, name)]


def why_not(catalog: Catalog, key: str, name: str) -> str:
    """What keeps a key from calling it, with the file that says so; "" where nothing does.

    Raises:
        UserError: there is no such key.
    """
    found = catalog.keys.get(key)
    if found is None:
        hint = did_you_mean(key, catalog.keys) or "`catalog keys list` lists all keys."
        raise UserError(f"There is no key {key} in the catalog.", hint=hint[:1].upper() + hint[1:], exit_code=1)
    if found.disabled:
        return f"{found.file}: the key is disabled"
    permissions = permissions_of(catalog.teams, catalog.aliases, catalog.models, catalog.routes, catalog.providers)
    return permissions.why_not(found, name)
