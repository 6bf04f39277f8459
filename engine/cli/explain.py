"""`catalog explain`: what a code of a finding means, why it matters, and how it looks when it is right."""

from collections.abc import Iterator

import click
import msgspec

from engine.cli.completing import complete_codes
from engine.problem import Severity

# Codes that are not the compiler's: of reading files (engine/sources/findings.py), and of the operator's file.
_ERROR, _WARNING = Severity.ERROR, Severity.WARNING
_ELSEWHERE = {
    "bad-file-name": (
        _ERROR,
        "a file's name is not UTF-8",
        "Such a name is another one on every system, and a name is what a model is called by. Rename the file.",
    ),
    "catalog-too-large": (
        _ERROR,
        "more files, or more bytes, than any catalog has",
        "Most likely the wrong directory was named. Nothing is compiled rather than a part of it.",
    ),
    "lfs-pointer": (
        _ERROR,
        "the commit holds a Git LFS pointer instead of the file",
        "What runs is exactly what the commit holds. Run `git lfs untrack` and commit the file itself.",
    ),
    "link-loop": (
        _ERROR,
        "symbolic links or directories lead back to themselves, or too deep",
        "Following them would never end. Remove the link, or put the files themselves there.",
    ),
    "not-a-file": (
        _ERROR,
        "a FIFO, device or socket",
        "Reading it could wait for ever. A catalog is made of regular files.",
    ),
    "origin-refused": (
        _WARNING,
        "calls to a provider's address are refused by the operator's policy",
        (
            "Private and loopback addresses are reached only if the operator's file names that very origin, under `origins` "
            "or by binding a credential to it. Addresses of cloud metadata services are never reached."
        ),
    ),
    "outside-catalog": (
        _ERROR,
        "a symbolic link leads out of the catalog",
        "Nothing outside the catalog's directory is ever read. Put the file itself there.",
    ),
    "provider-disabled": (
        _WARNING,
        "the operator's file does not bind what a provider needs",
        (
            "Its models answer 503, the rest of the catalog is served. The operator binds a credential to an origin in "
            "gateway.yaml; a secret is only ever sent there."
        ),
    ),
    "submodule": (
        _ERROR,
        "the commit has a submodule, whose files it does not hold",
        "What runs is exactly what one commit holds. Commit the files themselves.",
    ),
    "symlink-in-commit": (
        _ERROR,
        "the commit has a symbolic link",
        "Links in commits are not followed: nothing is checked out. Commit the file itself.",
    ),
    "unreadable-file": (
        _ERROR,
        "the system would not read a file",
        "A catalog is read whole or not at all, so that no model is missing without a word. Look at its permissions.",
    ),
}


class Explanation(msgspec.Struct, frozen=True):
    """One code: what it means, why it matters, and a file that has it beside one that has not."""

    code: str
    severity: str
    meaning: str
    why: str = ""
    bad: str = ""
    good: str = ""


@click.command()
@click.argument("code", required=False, shell_complete=complete_codes)
@click.option(
    "--format", "name", type=click.Choice(("text", "json")), default="text", show_default=True, help="How to print it."
)
def explain(code: str | None, name: str) -> None:
    """Explain a code of `catalog validate`: what it means, why it matters, a bad and a good example.

    CODE is such as unknown-key. Without it all codes are listed, a line each.
    """
    import json

    from engine.catalog.suggest import did_you_mean
    from engine.errors import UserError

    known = known_codes()
    if code is not None and code not in known:
        hint = did_you_mean(code, known) or "`catalog explain` lists all codes."
        raise UserError(f'There is no code "{code}".', hint=hint[:1].upper() + hint[1:], exit_code=1)
    found = [explanation_of(each) for each in (known if code is None else [code])]
    if name == "json":
        documents = [msgspec.structs.asdict(each) for each in found]
        click.echo(json.dumps(documents if code is None else documents[0], indent=2))
    elif code is None:
        click.echo(_listed(found))
    else:
        click.echo("\n".join(_lines(found[0])))


def known_codes() -> list[str]:
    """Every code that a finding may carry."""
    from engine.catalog.codes import CODES

    return sorted({*CODES, *_ELSEWHERE})


def explanation_of(code: str) -> Explanation:
    """What there is to say about a code that is known."""
    from engine.catalog.codes import CODES
    from engine.catalog.lessons import LESSONS, Lesson, as_text

    if code in _ELSEWHERE:
        severity, meaning, why = _ELSEWHERE[code]
        return Explanation(code, severity, meaning, why)
    severity, meaning = CODES[code]
    lesson = LESSONS.get(code, Lesson(""))
    return Explanation(code, severity, meaning, lesson.why, as_text(lesson.bad), as_text(lesson.good))


def _listed(found: list[Explanation]) -> str:
    from engine.cli.table import aligned

    return aligned([(each.code, each.severity, each.meaning) for each in found])


def _lines(found: Explanation) -> Iterator[str]:
    from engine.reports.neutral import neutral

    yield f"{found.code} ({found.severity}): {found.meaning}"
    if found.why:
        yield ""
        yield from _wrapped(found.why)
    if found.severity == Severity.WARNING and found.code not in _ELSEWHERE:
        yield ""
        yield from _wrapped(f"Where it is meant so, the file says why:  accept: {{{found.code}: the reason}}")
    for title, example in (("Bad:", found.bad), ("Good:", found.good)):
        if example:
            yield ""
            yield title
            yield from (f"    {neutral(line)}".rstrip() for line in example.rstrip("\n").split("\n"))


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 100, break_long_words=False, break_on_hyphens=False)
