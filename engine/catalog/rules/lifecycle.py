"""Rules about models and routes that are on their way out."""

from collections.abc import Iterator

from engine.catalog.chains import Chains, as_path
from engine.catalog.whole import Whole
from engine.model import Lifecycle
from engine.problem import Problem

_AT = "/lifecycle/replacement"


def retired_replacement(whole: Whole) -> Iterator[Problem]:
    """retired-replacement: what should be called instead is itself retired."""
    cycles = _cycles(whole)
    circular = {name for cycle in cycles for name in cycle}
    for name, (file, lifecycle) in whole.replaced.items():
        target = _lifecycle_of(whole, lifecycle.replacement)
        if target is not None and target.status == "retired" and name not in circular:
            message = f"the replacement {lifecycle.replacement} is itself retired"
            hint = f'write "{target.replacement}"' if target.replacement else "name one that is served"
            yield whole.documents[file].problem("retired-replacement", message, _AT, hint=hint)


def replacement_cycle(whole: Whole) -> Iterator[Problem]:
    """replacement-cycle: replacements lead back to themselves."""
    for cycle in _cycles(whole):
        message = f"replacements go round in a circle: {as_path((*cycle, cycle[0]))}"
        yield whole.documents[whole.replaced[cycle[0]][0]].problem("replacement-cycle", message, _AT)


def _cycles(whole: Whole) -> list[tuple[str, ...]]:
    return Chains({name: lifecycle.replacement for name, (_, lifecycle) in whole.replaced.items()}).cycles


def _lifecycle_of(whole: Whole, name: str) -> Lifecycle | None:
    thing = whole.models.get(name) or whole.routes.get(name)
    return None if thing is None else thing.lifecycle
