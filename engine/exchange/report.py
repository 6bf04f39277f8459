"""The loss report: machine-readable JSON, and a summary for people. docs/import.md describes the format."""

from collections import Counter

import msgspec

from engine.exchange.losses import MEANING, Account, Loss, Reason, count_by, generalised

FORMAT = 1
_SHOWN = 12
_LONGEST_NAME = 48


class Renamed(msgspec.Struct, frozen=True):
    """A model whose name in the catalog is not its name in the source."""

    entry: str
    model: str
    upstream_model: str


class Note(msgspec.Struct, frozen=True):
    """Something that a reader should know about an entry or a file, and that is no loss."""

    about: str
    text: str


class EntryCount(msgspec.Struct, frozen=True, omit_defaults=True):
    """How many fields of an entry arrived; `files` are those that they arrived in."""

    entry: str
    imported: int
    lost: int
    files: tuple[str, ...] = ()


class FieldCount(msgspec.Struct, frozen=True):
    """How often a field arrived, and was lost for each reason. Indices are "*"."""

    field: str
    imported: int
    lost: dict[str, int]


class LossReport(msgspec.Struct, frozen=True, kw_only=True):
    """What became of every field of a source. `entries`, `renamed` and `losses` are in the source's names."""

    format: int = FORMAT
    source: str
    origin: str
    fields: int
    imported: int
    lost: int
    reasons: dict[str, str]
    entries: tuple[EntryCount, ...]
    by_field: tuple[FieldCount, ...]
    renamed: tuple[Renamed, ...]
    notes: tuple[Note, ...]
    losses: tuple[Loss, ...]


def make_report(
    source: str,
    origin: str,
    accounts: list[Account],
    files: dict[str, tuple[str, ...]],
    renamed: list[Renamed],
    notes: list[Note],
) -> LossReport:
    """The report on some accounts; `files` are those of each entry."""
    losses = tuple(loss for account in accounts for loss in account.losses)
    carried = Counter(generalised(field) for account in accounts for field in account.carried)
    lost: dict[str, dict[str, int]] = {}
    for field, reason, count in count_by(losses):
        lost.setdefault(field, {})[reason.value] = count
    counts = [EntryCount(a.entry, len(a.carried), len(a.losses), files.get(a.entry, ())) for a in accounts]
    used = sorted({loss.reason for loss in losses})
    return LossReport(
        source=source,
        origin=origin,
        fields=sum(carried.values()) + len(losses),
        imported=sum(carried.values()),
        lost=len(losses),
        reasons={reason.value: MEANING[reason] for reason in used},
        entries=tuple(counts),
        by_field=tuple(FieldCount(field, carried[field], lost.get(field, {})) for field in sorted({*carried, *lost})),
        renamed=tuple(renamed),
        notes=tuple(notes),
        losses=losses,
    )


def to_json(report: LossReport) -> bytes:
    """The report as JSON: the same bytes for the same report."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"


def to_text(report: LossReport, *, done: str = "imported") -> str:
    """The report as a few lines."""
    lines = [f"{report.fields} fields of {len(report.entries)} entries: {report.imported} {done}, {report.lost} lost."]
    reasons = Counter(loss.reason for loss in report.losses)
    for reason, count in sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])):
        fields = Counter(generalised(loss.field) for loss in report.losses if loss.reason is reason)
        examples = ", ".join(_short(field) for field, _ in fields.most_common(3))
        more = f" and {len(fields) - 3} more" if len(fields) > 3 else ""
        lines.append(f"{count:>7}  {reason}: {MEANING[Reason(reason)]} ({examples}{more})")
    if report.renamed:
        count = len(report.renamed)
        lines.append(f"{count} {'model has' if count == 1 else 'models have'} another name here than in the source.")
    lines += [f"{note.about}: {note.text}" for note in report.notes[:_SHOWN]]
    if len(report.notes) > _SHOWN:
        lines.append(f"… and {len(report.notes) - _SHOWN} more notes in the report.")
    return "\n".join(lines)


def _short(field: str) -> str:
    name = field.removeprefix("/")
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"
