"""A comparison for people at a terminal."""

from engine.reports.changes import Comparison, Side, errors_of
from engine.reports.changes_wording import Item, Phrase, Section, count, differ_in_form, sections, verdict
from engine.reports.neutral import neutral_line
from engine.reports.text import lines_of

_RED, _BOLD, _RESET = "\x1b[31m", "\x1b[1m", "\x1b[0m"


def text_of(comparison: Comparison, *, color: bool = False) -> str:
    """The verdict, what is wrong, and a section for each subject; environments follow the base."""
    lines = [f"{_named(comparison.before)} → {_named(comparison.after)}"]
    for problem in comparison.findings:
        lines += lines_of(problem, _path(comparison.root, problem.file), color=color)
    if comparison.diffs is None:
        lines += _does_not_compile(comparison, color=color)
        return "\n".join(lines) + "\n"
    if comparison.before.left_out:
        left_out = count(len(comparison.before.left_out), "file")
        lines.append(f"compared without {left_out} of {_named(comparison.before)} that had errors")
        lines += [f"    {neutral_line(file)}" for file in comparison.before.left_out]
    for environment, diff in comparison.diffs.items():
        if diff.is_empty and environment:
            continue
        where = f"Only in {environment}: " if environment else ""
        lines.append(_bold(f"{where}{verdict(diff)}", color=color))
        for section in sections(diff):
            lines += ["", *_section(section, color=color)]
        if not environment and diff.without_effect:
            lines += ["", differ_in_form(len(diff.without_effect))]
    return "\n".join(lines) + "\n"


def _named(side: Side) -> str:
    short = side.revision[:12] if ":" not in side.revision else ""
    return neutral_line(side.name if not short or short.startswith(side.name) else f"{side.name} ({short})")


def _path(root: str, file: str) -> str:
    return f"{root}/{file}" if root not in ("", ".") else file


def _does_not_compile(comparison: Comparison, *, color: bool) -> list[str]:
    errors = errors_of(comparison.after.problems)
    lines = [
        line for problem in errors for line in lines_of(problem, _path(comparison.root, problem.file), color=color)
    ]
    return [*lines, f"{_named(comparison.after)} has {count(len(errors), 'error')}: there is nothing to compare"]


def _section(section: Section, *, color: bool) -> list[str]:
    lines = [_bold(section.title, color=color)]
    for item in section.items:
        lines += _item(item, color=color)
    return lines


def _item(item: Item, *, color: bool) -> list[str]:
    first = f"  {neutral_line(_text(item.phrase))}"
    lines = [f"{_RED}{first}{_RESET}" if color and item.breaks else first]
    lines += [f"    {neutral_line(_text(detail))}" for detail in item.details]
    meters = max((len(rate.meter) for rate in item.rates), default=0)
    for rate in item.rates:
        line = f"{rate.meter.ljust(meters)}  {rate.before} → {rate.after}  {rate.change}".rstrip()
        line = f"    {neutral_line(line)}{'!' if rate.alarming else ''}"
        lines.append(f"{_RED}{line}{_RESET}" if color and rate.alarming else line)
    return lines


def _text(phrase: Phrase) -> str:
    return "".join(phrase)


def _bold(text: str, *, color: bool) -> str:
    text = neutral_line(text)
    return f"{_BOLD}{text}{_RESET}" if color else text
