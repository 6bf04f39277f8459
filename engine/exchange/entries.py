"""What a reader makes of a source: models to write, not yet named by the catalog's rules, and accounts of all entries."""

from typing import Any

import msgspec

from engine.exchange.documents import Twice
from engine.exchange.losses import Account, Reason, pointer


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One model of a source. `accounts` are those of the entries that it was made of, one as a rule.

    `provider` is the source's name for who serves it, `key` its name in the source, `upstream` what the provider calls
    it. `document` holds the keys of the model's file other than `type`, `base_model`, `upstream_model`. `base` is the
    base model where the source names one. `inherits`: without a price of its own it has that of
    its base model. The slug is made of `slug_from`, or of `upstream`; it must differ within a
    provider. `note` is for people.
    """

    key: str
    provider: str
    upstream: str
    document: dict[str, Any]
    accounts: tuple[Account, ...]
    type: str = "custom"
    base: str = ""
    inherits: bool = False
    slug_from: str = ""
    note: str = ""


class ProviderEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A provider as far as the source describes it. `document` holds keys of its file."""

    name: str
    document: dict[str, Any] = {}


class RouteEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A route. Targets name models by their entries' keys, or other routes as "@route/slug".

    `said_by` are the fields that say it, and that are lost where one of its models is.
    """

    slug: str
    document: dict[str, Any]
    targets: tuple[tuple[str, dict[str, Any]], ...]
    said_by: tuple[tuple[Account, str], ...] = ()


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A whole source. `others` are accounts of entries that are no models: what they say is lost, or was inherited."""

    models: tuple[Entry, ...]
    others: tuple[Account, ...] = ()
    providers: tuple[ProviderEntry, ...] = ()
    routes: tuple[RouteEntry, ...] = ()

    @property
    def accounts(self) -> list[Account]:
        """All accounts, by the entry's name."""
        found = [*self.others, *(account for model in self.models for account in model.accounts)]
        return sorted(found, key=lambda account: account.entry)


def account_of(name: str, entry: Any, twice: dict[int, list[Twice]]) -> Account:
    """An entry's account, with what stands in it twice."""
    account = Account(name, entry)
    waiting = [("", entry)]
    while waiting:
        at, value = waiting.pop()
        for again in twice.get(id(value), ()):
            account.add(f"{at}{pointer(again.key)}#1", again.value, Reason.WRITTEN_TWICE)
        if isinstance(value, dict):
            waiting += [(at + pointer(key), inner) for key, inner in value.items()]
        elif isinstance(value, list):
            waiting += [(at + pointer(index), inner) for index, inner in enumerate(value)]
    return account
