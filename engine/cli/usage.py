"""`catalog usage`: what was called and what it cost, straight from the ledger."""

import csv
import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from engine.ledger.queries import Group, Usage

# A spreadsheet takes a cell that begins with one of these for a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_NO_MONEY = "-"


@click.command()
@click.option(
    "--by", type=click.Choice(["model", "key", "owner", "revision"]), default="model", show_default=True, help="Group."
)
@click.option("--since", metavar="WHEN", help="From then on: 24h or 7d ago, 2026-11-01, 2026-11-01T12:00:00Z.")
@click.option("--until", metavar="WHEN", help="Before then.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
    help="In csv, a name that a spreadsheet would run as a formula (@…, =…) begins with an apostrophe.",
)
@click.option("--config", metavar="FILE", help="The operator's file, for its state directory.")
@click.option("--state", metavar="DIR", help="The state directory of `catalog serve`.")
def usage(by: str, since: str | None, until: str | None, form: str, config: str | None, state: str | None) -> None:
    """Show the calls on record: requests, tokens and exact cost in USD.

    A call belongs to the moment it started, in UTC. Sums are over what is known; calls of unknown cost are counted
    beside them. It reads the ledger while `catalog serve` runs, and also when it does not.
    """
    from engine.errors import UserError
    from engine.ledger.database import DATABASE_NAME
    from engine.ledger.queries import Ledger
    from engine.operator.loading import load_settings

    now_ns = time.time_ns()
    since_ns, until_ns = _moment("--since", since, now_ns), _moment("--until", until, now_ns)
    directory = Path(load_settings({"state": state}, config=config).state)
    if not directory.is_dir():
        raise UserError(
            f"There is no state directory {directory}.",
            hint="Name the one that `catalog serve` uses with --state DIR.",
        )
    with Ledger.open(directory / DATABASE_NAME) as ledger:
        found = ledger.usage(by, since_ns=since_ns, until_ns=until_ns)
    click.echo(_FORMATS[form](found), nl=False)


def _moment(option: str, text: str | None, now_ns: int) -> int | None:
    from engine.errors import UserError
    from engine.ledger.period import parse_moment

    try:
        return None if text is None else parse_moment(text, now_ns)
    except ValueError as error:
        raise UserError(f"{option}: {error}") from None


def _as_json(usage: "Usage") -> str:
    import json

    from engine.ledger.views import usage_json

    return json.dumps(usage_json(usage), indent=2) + "\n"


def _as_csv(usage: "Usage") -> str:
    from engine.ledger.record import STATES
    from engine.ledger.views import usage_json

    text = io.StringIO()
    numbers = ("input_tokens", "output_tokens", "cost_usd", "unknown_cost", "list_cost_usd", "unknown_list_cost")
    writer = csv.writer(text)
    writer.writerow([usage.by, "requests", "attempts", *STATES, *numbers])
    for row in usage_json(usage)["data"]:
        counts = [row["states"].get(state, 0) for state in STATES]
        writer.writerow(
            [_cell(row[usage.by]), row["requests"], row["attempts"], *counts, *(row[name] for name in numbers)]
        )
    return text.getvalue()


def _cell(name: str) -> str:
    return f"'{name}" if name.startswith(_FORMULA_STARTS) else name


def _as_text(usage: "Usage") -> str:
    """An aligned table; money with as many decimals as its column needs, so that no digit is lost."""
    if not usage.groups:
        return "No calls on record in this period.\n"
    groups = [*usage.groups, usage.total]
    costs = _money_column([group.cost_pico_usd for group in groups])
    list_costs = _money_column([group.list_cost_pico_usd for group in groups])
    header = [usage.by.upper(), "REQUESTS", "INPUT TOKENS", "OUTPUT TOKENS", "COST USD", "UNKNOWN COST", "LIST USD", ""]
    rows = [header]
    for group, cost, list_cost in zip(groups, costs, list_costs, strict=True):
        name = "TOTAL" if group is usage.total else _printable(group.name) or "(none)"
        tokens = [_NO_MONEY if count is None else str(count) for count in (group.input_tokens, group.output_tokens)]
        rows.append([name, str(group.requests), *tokens, cost, str(group.unknown_cost), list_cost, _not_settled(group)])
    widths = [max(len(row[column]) for row in rows) for column in range(len(header))]
    lines = []
    for row in rows:
        first, *others, last = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        lines.append("  ".join([row[0].ljust(len(first)), *others, last.strip()]).rstrip())
    return "\n".join(lines) + "\n"


def _money_column(amounts: list[int | None]) -> list[str]:
    from engine.money import usd

    texts = [None if amount is None else usd(amount) for amount in amounts]
    decimals = max(len(text.partition(".")[2]) for text in texts if text is not None) if any(texts) else 0
    return [_NO_MONEY if text is None else _padded(text, decimals) for text in texts]


def _padded(text: str, decimals: int) -> str:
    whole, _, rest = text.partition(".")
    return f"{whole}.{rest:0<{decimals}}" if decimals else whole


def _not_settled(group: "Group") -> str:
    return ", ".join(f"{count} {state}" for state, count in group.states.items() if state != "settled")


def _printable(name: str) -> str:
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)


_FORMATS: dict[str, Callable[[Any], str]] = {"text": _as_text, "json": _as_json, "csv": _as_csv}
