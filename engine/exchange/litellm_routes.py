"""Groups of LiteLLM's deployments, their fallbacks and aliases, as routes: where a route says exactly the same."""

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

from engine.exchange.amounts import Refused, exact
from engine.exchange.entries import Entry, RouteEntry
from engine.exchange.litellm_entries import whole
from engine.exchange.losses import Account, Reason, pointer
from engine.exchange.naming import slugs

ALIAS = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)

# LiteLLM falls back after any failure: the kinds that routes know, and the statuses of refusals that APIs answer with.
_ANY_FAILURE: list[str | int] = [
    "timeout", "rate_limit", "server_error", "overloaded", "connect", "content_filter",
    400, 401, 402, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 421, 422, 423, 424, 425, 426, 428, 431, 451,
]  # fmt: skip
_SECTIONS = ("router_settings", "litellm_settings")
_WEIGHTS = ("weight", "rpm", "tpm")
_LARGEST_WEIGHT = 1_000_000
_MOST_ATTEMPTS = 5
_Said = TypeVar("_Said", int, str)


class Deployment(msgspec.Struct, frozen=True):
    """One item of model_list; `group` is its model_name, which several may share."""

    index: int
    group: str
    params: dict[str, Any]
    entry: Entry


class Groups:
    """All deployments by their model_name, and what the settings say about these names."""

    def __init__(self, deployments: list[Deployment], config: dict[str, Any], settings: dict[str, Account]) -> None:
        self.config = config
        self.settings = settings
        self.members: dict[str, list[Deployment]] = {}
        for deployment in deployments:
            self.members.setdefault(deployment.group, []).append(deployment)
        self.slugs = slugs(self.members)
        self.said: dict[str, tuple[Account, str]] = {}  # group → the setting that gives it fallbacks
        self.routed: dict[str, str] = {}  # group → route
        self.aliases: dict[str, list[str]] = {group: [] for group in self.members}
        self.attempts = self._setting_as("num_retries", _attempts)
        self.total = self._setting_as("timeout", _duration) or self._setting_as("request_timeout", _duration)

    def routes(self) -> tuple[RouteEntry, ...]:
        """Routes for groups of several deployments, and for those with fallbacks."""
        fallbacks = dict(self._fallbacks())
        shuffled = self._is_shuffled()
        self._group_aliases()
        weights = {
            group: shares
            for group, members in self.members.items()
            if len(members) > 1 and shuffled and (shares := self._weights(members)) is not None
        }
        for group in [
            group for group, (others, _) in fallbacks.items() if not self._have_one_name((group, *others), weights)
        ]:
            account, at = self.said[group]
            account.lose(at, Reason.CONDITION, "the weights of one of its groups")
            del fallbacks[group]
        pools = {group: self._pool(group, shares, alone=group not in fallbacks) for group, shares in weights.items()}
        made = list(pools.values())
        for group, (others, failures) in fallbacks.items():
            targets: tuple[tuple[str, dict[str, Any]], ...] = tuple(
                (self._target(one, pools), {}) for one in (group, *others)
            )
            self.routed[group] = self.slugs[group]
            made.append(
                RouteEntry(
                    slug=self.slugs[group],
                    document={"strategy": "fallback", "fallback_on": failures, **self._with_aliases(group)},
                    targets=targets,
                    said_by=(*self._named(group), self.said[group]),
                )
            )
        return tuple(sorted(made, key=lambda route: route.slug))

    def _pool(self, group: str, shares: list[int], *, alone: bool) -> RouteEntry:
        """A route over a group's deployments; where the group has fallbacks, these have its name."""
        slug = self.slugs[group]
        if alone:
            self.routed[group] = slug
        while not alone and slug in self.slugs.values():
            slug = f"{slug[:59]}-pool"
        members = self.members[group]
        return RouteEntry(
            slug=slug,
            document={"strategy": "weighted", **(self._with_aliases(group) if alone else {})},
            targets=tuple((member.entry.key, {"weight": share}) for member, share in zip(members, shares, strict=True)),
            said_by=self._named(group),
        )

    def _have_one_name(self, groups: tuple[str, ...], weights: dict[str, list[int]]) -> bool:
        return all(len(self.members[group]) == 1 or group in weights for group in groups)

    def finish(self, deployment: Deployment) -> Entry:
        """A deployment's model: with the group's name as an alias where it stands alone, and the settings for all."""
        entry, group = deployment.entry, deployment.group
        account = entry.accounts[0]
        document = dict(entry.document)
        members = self.members[group]
        if group in self.routed or len(members) == 1:
            if ALIAS.fullmatch(group):
                account.carry("/model_name")
            else:
                account.lose(
                    "/model_name", Reason.BAD_VALUE, "an alias has lower-case letters, digits, dots and dashes"
                )
        else:
            account.lose("/model_name", Reason.CONDITION, "how it is picked from several deployments")
        if group not in self.routed and len(members) == 1 and (aliases := self._names_of(group)):
            document["aliases"] = aliases
        if (attempts := _own(deployment, "num_retries", _attempts) or self.attempts) is not None:
            document["retry"] = {"attempts": attempts}
        if (total := _own(deployment, "timeout", _duration) or self.total) is not None:
            document["timeouts"] = {"total": total}
        slug = self.slugs[group] if len(members) == 1 else f"{self.slugs[group]}-{members.index(deployment) + 1}"
        return msgspec.structs.replace(entry, document=document, slug_from=slug)

    def _named(self, group: str) -> tuple[tuple[Account, str], ...]:
        return tuple((member.entry.accounts[0], "/model_name") for member in self.members[group])

    def _names_of(self, group: str) -> list[str]:
        return [name for name in (group, *self.aliases[group]) if ALIAS.fullmatch(name)]

    def _with_aliases(self, group: str) -> dict[str, list[str]]:
        aliases = self._names_of(group)
        return {"aliases": aliases} if aliases else {}

    def _target(self, group: str, pools: dict[str, RouteEntry]) -> str:
        return f"@route/{pools[group].slug}" if group in pools else self.members[group][0].entry.key

    def _is_shuffled(self) -> bool:
        """Whether deployments are picked at random, by their weights; else no route says the same."""
        for section in _SECTIONS:
            strategy = self._setting(section, "routing_strategy")
            if strategy == "simple-shuffle":
                self.settings[section].carry(pointer(section, "routing_strategy"))
            elif strategy is not None:
                at = pointer(section, "routing_strategy")
                self.settings[section].lose(at, Reason.CONDITION, "routes pick by weight, order or condition")
                return False
        return True

    def _weights(self, members: list[Deployment]) -> list[int] | None:
        """LiteLLM's weights: those of the first of weight, rpm and tpm that any member has."""
        for name in _WEIGHTS:
            given = [member.params.get(name) for member in members]
            if all(value is None for value in given):
                continue
            weights = [whole(value) for value in given]
            if any(weight is None or weight > _LARGEST_WEIGHT for weight in weights):
                return None
            if name == "weight":
                for member in members:
                    member.entry.accounts[0].carry("/litellm_params/weight")
            return [weight for weight in weights if weight is not None]
        return [1] * len(members)

    def _fallbacks(self) -> Iterator[tuple[str, tuple[list[str], list[str | int]]]]:
        """The fallbacks of each group: other groups, and the failures after which they are tried."""
        seen: set[str] = set()
        kinds: tuple[tuple[str, list[str | int]], ...] = (
            ("fallbacks", _ANY_FAILURE), ("content_policy_fallbacks", ["content_filter"])
        )  # fmt: skip
        for name, failures in kinds:
            for section in _SECTIONS:
                for index, item in enumerate(_items(self._setting(section, name))):
                    for group, others in item.items() if isinstance(item, dict) else ():
                        at = pointer(section, name, index, group)
                        known = isinstance(others, list) and all(
                            isinstance(other, str) and self._is_callable(other) for other in others
                        )
                        if group in seen or not others or not known or not self._is_callable(group):
                            why = "a group that is not there, that is picked otherwise, or that has fallbacks already"
                            self.settings[section].lose(at, Reason.CONDITION, why)
                            continue
                        seen.add(group)
                        self.settings[section].carry(at)
                        self.said[group] = (self.settings[section], at)
                        yield group, (others, failures)
        for section in _SECTIONS:
            everywhere = _items(self._setting(section, "default_fallbacks"))
            tried = [other for other in everywhere if isinstance(other, str) and self._is_callable(other)]
            if not tried or len(tried) != len(everywhere):
                continue
            at = pointer(section, "default_fallbacks")
            self.settings[section].carry(at)
            for group in self.members:
                others = [other for other in tried if other != group]
                if group not in seen and others and self._is_callable(group):
                    seen.add(group)
                    self.said[group] = (self.settings[section], at)
                    yield group, (others, _ANY_FAILURE)

    def _is_callable(self, group: str) -> bool:
        members = self.members.get(group, [])
        strategies = {self._setting(section, "routing_strategy") for section in _SECTIONS}
        return len(members) == 1 or (len(members) > 1 and strategies <= {None, "simple-shuffle"})

    def _group_aliases(self) -> None:
        for section in _SECTIONS:
            named = self._setting(section, "model_group_alias")
            for alias, meant in named.items() if isinstance(named, dict) else ():
                at = pointer(section, "model_group_alias", alias)
                group = meant.get("model") if isinstance(meant, dict) else meant
                if group not in self.members or not ALIAS.fullmatch(alias) or alias in self.members:
                    self.settings[section].lose(at, Reason.BAD_VALUE, "no name that can be given to one of its models")
                    continue
                self.aliases[group].append(alias)
                self.settings[section].carry(f"{at}/model" if isinstance(meant, dict) else at)

    def _setting(self, section: str, name: str) -> Any:
        value = self.config.get(section)
        return value.get(name) if isinstance(value, dict) else None

    def _setting_as(self, name: str, said: Callable[[Any], _Said | None]) -> _Said | None:
        """What a setting for all models says, where it can be said here."""
        for section in _SECTIONS:
            value = said(self._setting(section, name))
            if value is not None:
                self.settings[section].carry(pointer(section, name))
                return value
        return None


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _own(deployment: Deployment, name: str, said: Callable[[Any], _Said | None]) -> _Said | None:
    value = said(deployment.params.get(name))
    if value is not None:
        deployment.entry.accounts[0].carry(pointer("litellm_params", name))
    return value


def _attempts(retries: Any) -> int | None:
    """All tries together: LiteLLM counts those after the first."""
    number = whole(retries) if retries != 0 else 0
    return number + 1 if number is not None and number < _MOST_ATTEMPTS else None


def _duration(seconds: Any) -> str | None:
    """Seconds as the catalog writes a duration, of up to 9,999,999 whole milliseconds."""
    try:
        milliseconds = exact(seconds) * 1000
    except Refused:
        return None
    if milliseconds.denominator != 1 or not 0 < milliseconds < 10**7:
        return None
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else f"{milliseconds}ms"
