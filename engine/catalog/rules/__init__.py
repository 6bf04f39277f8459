"""The rules: each is one function that finds what its first word, a code of `engine.catalog.codes`, is about.

They are in three tables, by what they look at: one document, one model beside its base model, or the whole catalog.
What a single field says wrong by itself is found where the field is read.
"""

import functools
from collections.abc import Callable, Iterator

from engine.catalog.bases import Base
from engine.catalog.document import Document
from engine.catalog.drafts import ModelDraft
from engine.catalog.memory import Memory
from engine.catalog.prices import Priced
from engine.catalog.rules.budgets import unpriced
from engine.catalog.rules.lifecycle import replacement_cycle, retired_replacement
from engine.catalog.rules.models import context_window_above_base, provider_not_allowed
from engine.catalog.rules.names import confusable_name, mixed_scripts
from engine.catalog.rules.prices import price_far_from_list, priced_as_base, team_underpriced, zero_price
from engine.catalog.rules.references import matches_nothing, team_widens_access, unknown_owner, unknown_team
from engine.catalog.rules.secrets import literal_secret, literal_variable, possible_secret
from engine.catalog.whole import Whole
from engine.problem import Problem

OF_A_DOCUMENT: tuple[Callable[[Document], Iterator[Problem]], ...] = (
    literal_secret,
    possible_secret,
    literal_variable,
    mixed_scripts,
)
OF_A_MODEL: tuple[Callable[[ModelDraft, Base, Priced | None], Iterator[Problem]], ...] = (
    zero_price,
    priced_as_base,
    price_far_from_list,
    team_underpriced,
    context_window_above_base,
    provider_not_allowed,
)
OF_THE_WHOLE: tuple[Callable[[Whole], Iterator[Problem]], ...] = (
    unpriced,
    unknown_team,
    unknown_owner,
    team_widens_access,
    retired_replacement,
    replacement_cycle,
)
# What depends on the names alone, as long as it finds nothing.
OF_THE_NAMES: tuple[Callable[[Whole], Iterator[Problem]], ...] = (confusable_name,)
# What is said of the whole only once the whole is known: a broken file may hold what is missed.
OF_THE_COMPLETE: tuple[Callable[[Whole], Iterator[Problem]], ...] = (matches_nothing,)


def check_document(document: Document) -> Iterator[Problem]:
    """What one document says wrong, whatever its kind."""
    for rule in OF_A_DOCUMENT:
        yield from rule(document)


def check_model(draft: ModelDraft, base: Base, priced: Priced | None) -> Iterator[Problem]:
    """What a model says wrong beside its base model and its provider."""
    for rule in OF_A_MODEL:
        yield from rule(draft, base, priced)


def check_whole(whole: Whole, memory: Memory, *, complete: bool) -> list[Problem]:
    """What several files say wrong together; `complete` where none of them is missing for an error."""
    problems: list[Problem] = []
    for rule in (*OF_THE_WHOLE, *(OF_THE_COMPLETE if complete else ())):
        problems += rule(whole)
    names = (whole.names, *(tuple(each) for each in (whole.providers, whole.keys, whole.budgets, whole.teams)))
    for rule in OF_THE_NAMES:
        memory.rules.recall(rule.__name__, names, problems, functools.partial(_find, rule, whole))
    return problems


def _find(rule: Callable[[Whole], Iterator[Problem]], whole: Whole, problems: list[Problem]) -> None:
    problems += rule(whole)
