"""Providers: their documents as structs, and the reference models that they offer as they are."""

from collections.abc import Sequence
from fractions import Fraction

from engine.catalog import parts
from engine.catalog.document import Document, pointer
from engine.catalog.drafts import Drafts, Offered, ProviderDraft
from engine.catalog.hints import not_in_lock
from engine.catalog.upstream_rules import check_base_url, check_headers
from engine.catalog.values import headers, timeouts
from engine.catalog.vendors import VENDORS, Kind, Vendor, of_kind
from engine.model import Provider, Supports
from engine.money import parse_decimal
from engine.pricing.lock import Lock
from engine.pricing.reference import is_pattern
from engine.problem import Problem

_EXAMPLES = {
    "azure base_url": "for example base_url: https://acme.openai.azure.com/openai/v1",
    "google-vertex region": "for example region: europe-west4",
    "base_url": "for example base_url: http://127.0.0.1:8000/v1",
    "project": "for example project: acme-ml",
    "region": "for example region: us-east-1",
}


def build_provider(name: str, document: Document, blob: str, problems: list[Problem]) -> ProviderDraft | None:
    """A provider from a document that passed its schema; None where a problem was reported."""
    value = document.value
    vendor = VENDORS[value["api"]]
    found = list(check_headers(document, value.get("headers", {})))
    for needed in vendor.needs:
        if needed not in value:
            message = f'"{needed}" is missing: the api "{vendor.api}" asks for it'
            hint = _EXAMPLES.get(f"{vendor.api} {needed}", _EXAMPLES.get(needed, ""))
            found.append(document.problem("missing-key", message, hint=hint))
    base_url = vendor.url_of(value.get("region", ""), value.get("project", ""))
    if "base_url" in value:
        base_url, wrong = check_base_url(document, value["base_url"])
        found += wrong
    elif not base_url and "base_url" not in vendor.needs:
        message = f'"base_url" is missing: the api "{vendor.api}" has no usual address'
        found.append(document.problem("missing-key", message, hint=_EXAMPLES["base_url"]))
    factor = Fraction(1)
    if "price_factor" in value:
        factor = parse_decimal(value["price_factor"])
        if not factor:
            hint = "what costs nothing says so in its own file: pricing: free"
            found.append(document.problem("bad-value", "a price factor is above zero", "/price_factor", hint=hint))
    problems += found
    if found:
        return None
    provider = Provider(
        name=name,
        api=vendor.api,
        base_url=base_url,
        credential=value.get("credential", vendor.credential),
        file=document.file,
        blob=blob,
        description=value.get("description", ""),
        headers=headers(value.get("headers")),
        timeouts=timeouts(value.get("timeouts")),
        region=value.get("region", ""),
        project=value.get("project", ""),
        api_version=value.get("api_version", ""),
        wires=_wires(vendor, value.get("wires", ())),
        supports=Supports(**{**vendor.supports, **value.get("supports", {})}),
        rate_limit=parts.rate_limit(value),
        retry=parts.retry(value.get("retry")),
        access=parts.access(value),
        owner=value.get("owner", ""),
        labels=value.get("labels", {}),
    )
    return ProviderDraft(provider, vendor, document, factor)


def _wires(vendor: Vendor, written: Sequence[str]) -> tuple[str, ...]:
    """What the file says, kind by kind, and the vendor's where it says nothing of a kind."""
    kinds: tuple[Kind, ...] = ("chat", "embeddings", "rerank")
    return tuple(wire for kind in kinds for wire in of_kind(kind, written) or of_kind(kind, vendor.wires))


def offered_models(draft: ProviderDraft, drafts: Drafts, problems: list[Problem]) -> list[Offered]:
    """The reference models of `base_models`, in the order written; patterns stand for what the lock says."""
    document, reference = draft.document, draft.vendor.reference
    offered: list[Offered] = []
    for index, asked in enumerate(document.value.get("base_models", ())):
        at = pointer("base_models", index)
        if not reference:
            message = f'the api "{draft.vendor.api}" has no reference models to offer'
            problems.append(document.problem("bad-value", message, at, hint="write a model file for it"))
        elif drafts.lock is not None:
            offered += _offered(draft, asked, at, drafts, drafts.lock, problems)
    return offered


def _offered(
    draft: ProviderDraft, asked: str, at: str, drafts: Drafts, lock: Lock, problems: list[Problem]
) -> list[Offered]:
    reference = draft.vendor.reference
    names: tuple[str, ...] | None = lock.expand(reference, asked) if is_pattern(asked) else (asked,)
    if names == ():
        message = f'the pattern "{asked}" matches no reference model of {reference}'
        problems.append(draft.document.problem("matches-nothing", message, at))
    offered: list[Offered] = []
    for name in names if names is not None else ():
        found = drafts.find(reference, name)
        if found is None:
            names = None
            break
        offered.append(Offered(f"@{draft.provider.name}/{name}", draft, found, at))
    if names is None:
        problems.append(not_in_lock(draft.document, at, reference, asked, drafts.hints))
    return offered
