"""Budgets: their documents as structs."""

from typing import Any

from engine.catalog.document import Document
from engine.model import AppliesTo, Budget
from engine.money import PICO_PER_USD, parse_decimal
from engine.problem import Problem

_LIMITS = ("limit_usd", "limit_tokens", "limit_requests")


def build_budget(name: str, document: Document, blob: str, problems: list[Problem]) -> Budget | None:
    """A budget from a document that passed its schema; None where a problem was reported."""
    value, before = document.value, len(problems)
    given = [limit for limit in _LIMITS if limit in value]
    if not given:
        hint = 'for example limit_usd: "100.00"'
        problems.append(document.problem("missing-key", f"one of {', '.join(_LIMITS)} is missing", hint=hint))
    for extra in given[1:]:
        message = f'"{extra}" and "{given[0]}" may not stand together: a budget has one limit'
        hint = "make a budget for each"
        problems.append(document.problem("conflicting-keys", message, f"/{extra}", at="key", hint=hint))
    if given and not float(value[given[0]]):
        hint = "to keep calls from being made, take the models from the keys"
        problems.append(document.problem("bad-value", "a limit is above zero", f"/{given[0]}", hint=hint))
    alerts = [int(percent) for percent in value.get("alerts_at", ())]
    if alerts != sorted(alerts):
        hint = f"write {sorted(alerts)}"
        problems.append(document.problem("bad-value", "alerts are in ascending order", "/alerts_at", hint=hint))
    if len(problems) > before:
        return None
    return Budget(
        name=name,
        period=value["period"],
        file=document.file,
        blob=blob,
        description=value.get("description", ""),
        owner=value.get("owner", ""),
        labels=value.get("labels", {}),
        limit_pico_usd=int(parse_decimal(value["limit_usd"]) * PICO_PER_USD) if "limit_usd" in value else None,
        limit_tokens=int(value["limit_tokens"]) if "limit_tokens" in value else None,
        limit_requests=int(value["limit_requests"]) if "limit_requests" in value else None,
        applies_to=_applies_to(value.get("applies_to", {})),
        per=value.get("per", ""),
        on_exceeded=value.get("on_exceeded", "block"),
        alerts_at=tuple(alerts),
    )


def _applies_to(written: dict[str, Any]) -> AppliesTo:
    labels = written.get("labels", {})
    return AppliesTo(
        keys=tuple(written.get("keys", ())),
        owners=tuple(written.get("owners", ())),
        models=tuple(written.get("models", ())),
        labels={name: tuple(values) if isinstance(values, list) else (values,) for name, values in labels.items()},
    )
