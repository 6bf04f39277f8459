"""What the lock says else of reference models that both sides use, and whose price moves with it."""

from collections.abc import Iterable

from engine.catalog.catalog import Catalog
from engine.catalog.diffing.result import FieldChange, ListPriceChange, Repricing
from engine.catalog.layout import LOCK_FILE
from engine.pricing.lock import changes, parse_lock


def compare_locks(before: Catalog, after: Catalog, repriced: Iterable[Repricing]) -> tuple[ListPriceChange, ...]:
    """List prices, context windows and resolved names that moved. What only one side uses is not told."""
    one, other = before.tree.files.get(LOCK_FILE), after.tree.files.get(LOCK_FILE)
    if one is None or other is None or one == other:
        return ()
    found: dict[str, list[FieldChange]] = {}
    moved = changes(parse_lock(one), parse_lock(other))
    both = _labels(one) & _labels(other)
    for change in moved:
        if change.model in both:
            found.setdefault(change.model, []).append(FieldChange(change.what, change.before, change.after))
    models: dict[str, list[str]] = {}
    for group in repriced:
        if group.periods:
            models.setdefault(group.source, []).extend(name for name in group.models if name != group.source)
    return tuple(
        ListPriceChange(reference, tuple(fields), tuple(sorted(models.get(_source(reference), ()))))
        for reference, fields in sorted(found.items())
    )


def _source(label: str) -> str:
    """The reference model's full name, as prices name it."""
    return label.partition(" (for ")[0]


def _labels(data: bytes) -> set[str]:
    """The models and names that a lock has, as `changes` calls them."""
    labels: set[str] = set()
    for api, locked in parse_lock(data).apis.items():
        labels |= {f"{api}:{name}" for name in locked.names}
        labels |= {f"{key} (for {api})" if model.api else f"{api}:{key}" for key, model in locked.models.items()}
    return labels
