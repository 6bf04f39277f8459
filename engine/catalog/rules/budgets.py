"""Rules about models whose cost is unknown."""

from collections.abc import Iterator

from engine.catalog.patterns import Patterns
from engine.catalog.whole import Whole
from engine.model import Budget, Key, Model
from engine.problem import Problem


def unpriced(whole: Whole) -> Iterator[Problem]:
    """unpriced, and unpriced-under-budget where a budget in USD covers calls that a key may make."""
    budgets = [_Covering(whole, budget) for budget in whole.budgets.values() if budget.limit_pico_usd is not None]
    for name, model in whole.models.items():
        if model.pricing.kind == "unpriced":
            covering = next((each.budget for each in budgets if each.covers(model)), None)
            yield _unpriced(whole, name, model, covering)


class _Covering:
    """A budget, and whose calls it counts."""

    def __init__(self, whole: Whole, budget: Budget) -> None:
        self.budget = budget
        self._whole = whole
        applies = budget.applies_to
        self._models = Patterns(applies.models) if applies.models else None
        keys, owners = Patterns(applies.keys), Patterns(applies.owners)
        self._keys = [
            key
            for key in whole.keys.values()
            if (not applies.keys or keys.match_any((key.name,)))
            and (not applies.owners or owners.match_any((key.owner,)))
        ]

    def covers(self, model: Model) -> bool:
        """Whether it counts a call that some key may make."""
        if self._models is not None and not self._models.match_any((model.name, *model.aliases)):
            return False
        may_call = self._whole.permissions.may_call
        return any(self._labels_hold(key, model) and may_call(key, model.name) for key in self._keys)

    def _labels_hold(self, key: Key, model: Model) -> bool:
        labels = {**key.labels, **model.labels}
        return all(labels.get(name) in values for name, values in self.budget.applies_to.labels.items())


def _unpriced(whole: Whole, name: str, model: Model, budget: Budget | None) -> Problem:
    offered = whole.drafts.offered.get(name)
    document, at = whole.documents[model.file], ""
    message = f"{name} has no price"
    hint = "write its rates, inherit, or free; or accept this warning with the reason"
    if offered is not None:
        at = offered.pointer
        message += f": {offered.found.model.unpriced or 'the reference data has no price'}"
        hint = "write a file of type base with its rates"
    elif budget is None:
        message += ": its calls have an unknown cost"
    if budget is None:
        return document.problem("unpriced", message, at, hint=hint)
    message += f", and the budget {budget.file} counts its calls in USD"
    if offered is None:
        hint = "write its rates, inherit, or free"
    return document.problem("unpriced-under-budget", message, at, hint=hint)
