"""Routes: from drafts and names to structs, and where they lead."""

from typing import Any

from engine.catalog import parts
from engine.catalog.chains import MAX_CHAIN, as_path
from engine.catalog.document import Document, pointer
from engine.catalog.drafts import Drafts, RouteDraft
from engine.catalog.suggest import Suggestions
from engine.catalog.values import milliseconds, timeouts
from engine.model import Route, Sticky, Target
from engine.problem import Problem

_FALLBACK_ON = ("timeout", "rate_limit", "server_error", "overloaded", "connect")


def check_route(document: Document, team: str) -> list[Problem]:
    """What a route's file says wrong, by itself."""
    value = document.value
    problems = parts.check_owner(document, team)
    strategy, targets = value["strategy"], value["targets"]
    belongs = {"weight": "weighted", "when": "conditional"}
    for index, target in enumerate(targets):
        for key, wanted in belongs.items():
            if key in target and strategy != wanted:
                message = f'"{key}" is for strategy {wanted}, and this is {strategy}'
                at = pointer("targets", index, key)
                problems.append(document.problem("conflicting-keys", message, at, at="key", hint="remove it"))
        if strategy == "weighted" and "weight" not in target:
            at = pointer("targets", index)
            problems.append(document.problem("missing-key", '"weight" is missing', at, hint="for example weight: 5"))
        if strategy == "conditional" and "when" not in target and index + 1 < len(targets):
            message = '"when" is missing: only the last target may be the default'
            at = pointer("targets", index)
            problems.append(document.problem("missing-key", message, at, hint='for example when: {stream: "true"}'))
    if "fallback_on" in value and strategy != "fallback":
        message = f'"fallback_on" is for strategy fallback, and this is {strategy}'
        problems.append(document.problem("conflicting-keys", message, "/fallback_on", at="key", hint="remove it"))
    return problems


def build_routes(drafts: Drafts, problems: list[Problem]) -> dict[str, Route]:
    """All routes whose targets are known; circles and long chains are problems."""
    suggestions = Suggestions((*drafts.names.full, *drafts.names.aliases))
    routes = {
        name: route
        for name, draft in drafts.routes.items()
        if (route := _build(draft, drafts, suggestions, problems)) is not None
    }
    problems += _circles(drafts, routes)
    return routes


def _build(draft: RouteDraft, drafts: Drafts, suggestions: Suggestions, problems: list[Problem]) -> Route | None:
    document, value, before = draft.document, draft.document.value, len(problems)
    targets = [
        Target(
            resolve(drafts, document, pointer("targets", index, "model"), target["model"], suggestions, problems),
            int(target.get("weight", 1)),
            {name: _values(values) for name, values in target.get("when", {}).items()},
        )
        for index, target in enumerate(value["targets"])
    ]
    replacement = value.get("lifecycle", {}).get("replacement", "")
    if replacement:
        replacement = resolve(drafts, document, "/lifecycle/replacement", replacement, suggestions, problems)
    lifecycle = parts.lifecycle(document, replacement, problems)
    if len(problems) > before or not all(target.model for target in targets):
        return None
    sticky = value.get("sticky")
    return Route(
        name=draft.name,
        slug=draft.slug,
        strategy=value["strategy"],
        targets=tuple(targets),
        file=document.file,
        blob=draft.blob,
        description=value.get("description", ""),
        fallback_on=_fallback_on(value),
        sticky=Sticky(sticky["by"], milliseconds(sticky.get("for", "1h"))) if sticky else None,
        aliases=tuple(value.get("aliases", ())),
        owner=draft.team or value.get("owner", ""),
        team=draft.team,
        labels=value.get("labels", {}),
        access=parts.access(value, draft.team),
        lifecycle=lifecycle,
        timeouts=timeouts(value["timeouts"]) if "timeouts" in value else None,
        retry=parts.retry(value["retry"]) if "retry" in value else None,
    )


def resolve(
    drafts: Drafts, document: Document, at: str, asked: str, suggestions: Suggestions, problems: list[Problem]
) -> str:
    """The full name that is meant at a place of a document; "" where there is none, which is a problem."""
    name = drafts.names.resolve(asked)
    if name is not None:
        return name
    if not drafts.is_broken(asked):
        message = f'there is no model, route or alias "{asked}"'
        problems.append(document.problem("unknown-model", message, at, hint=suggestions.did_you_mean(asked)))
    return ""


def _fallback_on(value: dict[str, Any]) -> tuple[str | int, ...]:
    if value["strategy"] != "fallback":
        return ()
    given = value.get("fallback_on", _FALLBACK_ON)
    return tuple(item if isinstance(item, str) else int(item) for item in given)


def _values(written: Any) -> tuple[str, ...]:
    if isinstance(written, list):
        return tuple(written)
    return (str(written).lower() if isinstance(written, bool) else written,)


def _circles(drafts: Drafts, routes: dict[str, Route]) -> list[Problem]:
    """Routes that lead back to themselves, and those that lead through too many others."""
    leads_to = {
        name: [target.model for target in route.targets if target.model in routes] for name, route in routes.items()
    }
    lengths = _lengths(leads_to)
    problems: list[Problem] = []
    for name, length in lengths.items():
        if length == MAX_CHAIN + 1:
            message = f"this route leads through more than {MAX_CHAIN} others"
            problems.append(drafts.routes[name].document.problem("chain-too-long", message, "/targets"))
    endless = {name: [each for each in leads_to[name] if each not in lengths] for name in leads_to.keys() - lengths}
    seen: set[str] = set()
    for start in sorted(endless):
        path: dict[str, None] = {}
        current = start
        while current not in path and current not in seen:
            path[current] = None
            current = endless[current][0]
        if current in path:
            names = list(path)
            circle = names[names.index(current) :]
            first = circle.index(min(circle))
            circle = [*circle[first:], *circle[:first]]
            message = f"routes go round in a circle: {as_path((*circle, circle[0]))}"
            at = pointer("targets", _index_of(routes[circle[0]], circle[1 % len(circle)]), "model")
            problems.append(drafts.routes[circle[0]].document.problem("route-cycle", message, at))
        seen |= path.keys()
    return problems


def _index_of(route: Route, target: str) -> int:
    return next(index for index, each in enumerate(route.targets) if each.model == target)


def _lengths(leads_to: dict[str, list[str]]) -> dict[str, int]:
    """How many routes one passes at most behind each; without those that never end."""
    waiting = {name: len(following) for name, following in leads_to.items()}
    leads_here: dict[str, list[str]] = {name: [] for name in leads_to}
    for name, following in leads_to.items():
        for each in following:
            leads_here[each].append(name)
    ready = sorted(name for name, count in waiting.items() if not count)
    lengths: dict[str, int] = {}
    while ready:
        name = ready.pop()
        lengths[name] = max((1 + lengths[each] for each in leads_to[name]), default=0)
        for before in leads_here[name]:
            waiting[before] -= 1
            if not waiting[before]:
                ready.append(before)
    return lengths
