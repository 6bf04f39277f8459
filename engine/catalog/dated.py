"""Findings that depend on today. They are warnings, and never keep a catalog from being served."""

from collections.abc import Iterator
from datetime import UTC, datetime

from engine.catalog.catalog import Catalog
from engine.catalog.places import Documents, sorted_findings
from engine.model import Lifecycle
from engine.problem import Problem


def dated_findings(catalog: Catalog, now_ns: int) -> tuple[Problem, ...]:
    """What has expired, is past its sunset, or has not yet begun at `now_ns` (nanoseconds since the Unix epoch)."""
    documents = Documents(catalog)
    found = [
        *_sunset_passed(catalog, documents, now_ns),
        *_key_expired(catalog, documents, now_ns),
        *_price_not_begun(catalog, documents, now_ns),
    ]
    return sorted_findings(catalog, found)


def _sunset_passed(catalog: Catalog, documents: Documents, now_ns: int) -> Iterator[Problem]:
    """sunset-passed: it should be retired by now."""
    ending = [(name, model.file, model.lifecycle) for name, model in catalog.models.items()]
    ending += [(name, route.file, route.lifecycle) for name, route in catalog.routes.items()]
    for name, file, lifecycle in ending:
        if _is_past(lifecycle, now_ns):
            message = f"the sunset of {name} was {_day(lifecycle.sunset or 0)}, and it is {lifecycle.status}"
            hint = "write status: retired, or another sunset"
            yield documents[file].problem("sunset-passed", message, "/lifecycle/sunset", hint=hint)


def _is_past(lifecycle: Lifecycle, now_ns: int) -> bool:
    return lifecycle.sunset is not None and lifecycle.sunset <= now_ns and lifecycle.status != "retired"


def _key_expired(catalog: Catalog, documents: Documents, now_ns: int) -> Iterator[Problem]:
    """key-expired: it lets nobody in any more."""
    for name, key in catalog.keys.items():
        if key.expires is not None and key.expires <= now_ns:
            message = f'the key "{name}" expired on {_day(key.expires)}'
            yield documents[key.file].problem("key-expired", message, "/expires", hint="remove the file, or renew it")
            continue
        expired = [secret.expires for secret in key.secrets if secret.expires is not None and secret.expires <= now_ns]
        if len(expired) == len(key.secrets):
            message = f'all secrets of the key "{name}" have expired, the last on {_day(max(expired))}'
            hint = f"`catalog keys rotate {name}` gives it a new one; or remove the file"
            yield documents[key.file].problem("key-expired", message, "/secrets", hint=hint)


def _price_not_begun(catalog: Catalog, documents: Documents, now_ns: int) -> Iterator[Problem]:
    """price-not-begun: calls made now have an unknown cost."""
    for name, model in catalog.models.items():
        windows = model.pricing.windows
        if windows and windows[0].start is not None and windows[0].start > now_ns:
            document = documents[model.file]
            at = "/pricing" if "pricing" in document.value else ""
            message = f"{name} has no price until {_day(windows[0].start)}"
            yield document.problem(
                "price-not-begun", message, at, hint="give the first window no from, or an earlier one"
            )


def _day(nanoseconds: int) -> str:
    return f"{datetime.fromtimestamp(nanoseconds // 10**9, UTC):%Y-%m-%d}"
