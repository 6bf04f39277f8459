"""A comparison for a comment on a pull request: the verdict in one line, then short tables and lists.

GitHub refuses a comment of more than 65,536 characters. Long lists fold into <details>, and what does not fit is counted.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from typing import TypeVar

from engine.problem import Problem, Severity
from engine.reports.changes import Comparison, Side, errors_of
from engine.reports.changes_wording import Code, Item, Phrase, Section, count, differ_in_form, sections, verdict
from engine.reports.markdown import code, plain

T = TypeVar("T")

_ROOM = 60_000  # what puts this into a comment adds words of its own
_OPEN = 12  # items that are seen without a click
_OF_ONE = 40  # lines of one item
_FOLDED = (400, 150, 60, 25, 10, 3, 0)  # items behind a click, less and less until it fits


def markdown_of(comparison: Comparison, *, color: bool = False) -> str:  # noqa: ARG001 - one signature for all formats
    """At most 65,536 characters; the same comparison always gives the same."""
    parts = {name: sections(diff) for name, diff in (comparison.diffs or {}).items()}
    for folded in _FOLDED:
        text = "\n".join(_document(comparison, parts, folded)) + "\n"
        if len(text) <= _ROOM:
            return text
    environments = count(len(comparison.diffs or {}), "part")
    return f"{_head(comparison)}\n\nThis is too long for a comment ({environments}): run `catalog diff`.\n"


def _document(comparison: Comparison, parts: dict[str, list[Section]], folded: int) -> list[str]:
    lines = [_head(comparison)]
    if comparison.findings:
        lines += ["", *_problems(comparison.findings, folded)]
    if comparison.diffs is None:
        return [*lines, "", *_problems(tuple(errors_of(comparison.after.problems)), folded)]
    if left_out := comparison.before.left_out:
        lines += [
            "",
            f"Compared without {count(len(left_out), 'file')} of {_named(comparison.before)} that had errors.",
        ]
    for environment, diff in comparison.diffs.items():
        if environment and not diff.is_empty:
            lines += ["", f"### Only in {code(environment)}: {verdict(diff)}"]
        for section in parts[environment]:
            lines += ["", *_section(section, folded)]
        if not environment and diff.without_effect:
            lines += ["", f"{differ_in_form(len(diff.without_effect))}."]
    return lines


def _head(comparison: Comparison) -> str:
    between = f"{_named(comparison.before)} → {_named(comparison.after)}"
    if comparison.diffs is None:
        errors = count(len(errors_of(comparison.after.problems)), "error")
        return f"**The catalog does not compile: {errors}.** {between}"
    base = comparison.diffs[""]
    elsewhere = [name for name, diff in comparison.diffs.items() if name and not diff.is_empty]
    said = verdict(base)
    if base.is_empty and elsewhere:
        said = f"changes in {', '.join(map(plain, elsewhere))} only"
    return f"**{said[:1].upper()}{said[1:]}.** {between}"


def _named(side: Side) -> str:
    short = side.revision[:12] if ":" not in side.revision else ""
    return code(side.name) if not short or short.startswith(side.name) else f"{code(side.name)} ({code(short)})"


def _problems(problems: tuple[Problem, ...], folded: int) -> list[str]:
    ordered = sorted(problems, key=lambda problem: problem.severity is not Severity.ERROR)
    return _folding(ordered, _finding, [], folded)


def _finding(problem: Problem) -> list[str]:
    place = code(f"{problem.file}:{problem.line or 1}")
    return [f"- **{problem.severity}** {place} {code(problem.code)} {plain(problem.message)}"]


def _section(section: Section, folded: int) -> list[str]:
    lines = [f"#### {section.title}", ""]
    if any(item.rates for item in section.items):
        head = ["| | rate | before | after | change |", "|---|---|--:|--:|--:|"]
        return lines + _folding(section.items, _rows, head, folded)
    return lines + _folding(section.items, _lines, [], folded)


def _lines(item: Item) -> list[str]:
    details = [f"  - {_phrase(detail)}" for detail in item.details[:_OF_ONE]]
    if left := len(item.details) - len(details):
        details.append(f"  - … and {left} more")
    return [f"- {_phrase(item.phrase)}", *details]


def _rows(item: Item) -> list[str]:
    who = _cell(item.phrase)
    rows = [] if item.rates else [f"| {who} | | | | |"]
    for index, rate in enumerate(item.rates[:_OF_ONE]):
        change = f"**{plain(rate.change)}** ⚠️" if rate.alarming else plain(rate.change)
        cells = (who if not index else "", _cell((Code(rate.meter),)), plain(rate.before), plain(rate.after), change)
        rows.append(f"| {' | '.join(cells)} |")
    if (left := len(item.rates) - _OF_ONE) > 0:
        rows.append(f"| | … and {left} more | | | |")
    return rows


def _folding(items: Sequence[T], lines_of: Callable[[T], list[str]], head: list[str], folded: int) -> list[str]:
    """The lines of the first items, of the next ones behind a click, and how many more there are."""
    shown, hidden, left = items[:_OPEN], items[_OPEN : _OPEN + folded], len(items) - _OPEN - folded
    lines = [*head, *chain.from_iterable(map(lines_of, shown))]
    if hidden:
        lines += ["", f"<details><summary>{len(hidden)} more</summary>", "", *head]
        lines += [*chain.from_iterable(map(lines_of, hidden)), "", "</details>"]
    if left > 0:
        lines += ["", f"… and {left} more: run `catalog diff`."]
    return lines


def _phrase(phrase: Phrase) -> str:
    return "".join(code(part) if isinstance(part, Code) else plain(part) for part in phrase)


def _cell(phrase: Phrase) -> str:
    """The same inside of a table, where a bar ends the cell even in a code span."""
    return _phrase(tuple(Code(part.replace("|", "¦")) if isinstance(part, Code) else part for part in phrase))
