"""The generated parts of docs/vendors.md: `PYTHONPATH=.:tests .venv/bin/python -m harness.vendors_page` writes them."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.catalog.vendors import UNLISTED, VENDORS, Vendor

PAGE = Path(__file__).resolve().parents[2] / "docs" / "vendors.md"
_PART = re.compile(r"(<!-- generated: (?P<name>\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_AUTH = {
    "bearer": "`Authorization: Bearer`",
    "api-key": "`api-key`",
    "x-api-key": "`x-api-key`",
    "x-goog-api-key": "`x-goog-api-key`",
    "google-oauth": "Google's token",
    "aws-sigv4": "AWS's signature",
}


def tables() -> dict[str, str]:
    """The parts by name."""
    accounts = [vendor for vendor in VENDORS.values() if vendor.credential != "none"]
    servers = [vendor for vendor in VENDORS.values() if vendor.credential == "none"]
    placed = [vendor for vendor in VENDORS.values() if vendor.places or vendor.rules]
    return {
        "accounts": _table(("api", "base URL", "wires", "credential", "reference data"), map(_account, accounts)),
        "servers": _table(("api", "wires", ""), ((_name(each), _wires(each.wires), each.note) for each in servers)),
        "rules": _table(("api", "models", "chat wires"), _rules(placed)),
        "places": _table(("api", "wire", "path", "sent with", "body"), _places(placed)),
        "unlisted": _table(
            ("reference data", "why"), ((f"[`{row.reference}`]({row.docs})", row.why) for row in UNLISTED.values())
        ),
        "notes": "".join(f"- `{each.api}`: {each.note}\n" for each in accounts if each.note),
    }


def written(page: str) -> str:
    """The page with its parts made anew."""
    made = tables()
    return _PART.sub(lambda part: f"{part[1]}{made[part['name']]}{part[3]}", page)


def _account(vendor: Vendor) -> Sequence[str]:
    secret = f"`{vendor.credential}`"
    if vendor.variable:
        secret += f" (`{vendor.variable}`)"
    needs = ", ".join(f"`{name}`" for name in vendor.needs)
    url = f"`{vendor.base_url}`" if vendor.base_url else "each account's own"
    return (
        _name(vendor),
        f"{url}; needs {needs}" if needs else url,
        _wires(vendor.wires),
        f"{secret}, {_AUTH[vendor.auth]}",
        f"`{vendor.reference}`",
    )


def _rules(vendors: Iterable[Vendor]) -> Iterable[Sequence[str]]:
    for vendor in vendors:
        for rule in vendor.rules:
            models = ", ".join(f"`{pattern}`" for pattern in rule.models)
            yield f"`{vendor.api}`", "all others" if rule.models == ("*",) else models, _wires(rule.wires)


def _places(vendors: Iterable[Vendor]) -> Iterable[Sequence[str]]:
    for vendor in vendors:
        for wire, place in vendor.places.items():
            paths = [f"`{place.path}`"]
            paths += [f"streamed: `{place.streamed}`"] if place.streamed else []
            paths += [f"dated: `{place.dated}`"] if place.dated else []
            changes = [f"`{name}: {value}`" for name, value in place.sets.items()]
            changes += [f"without `{name}`" for name in place.drops]
            auth = _AUTH[place.auth or vendor.auth]
            yield f"`{vendor.api}`", f"`{wire}`", "<br>".join(paths), auth, ", ".join(changes)


def _name(vendor: Vendor) -> str:
    return f"`{vendor.api}`: [{vendor.name}]({vendor.docs})"


def _wires(wires: Iterable[str]) -> str:
    return ", ".join(f"`{wire}`" for wire in wires)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
