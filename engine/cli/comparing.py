"""Compiles the two sides of a comparison and compares them, environment by environment."""

import posixpath
from collections.abc import Iterable
from pathlib import Path

import msgspec

from engine.catalog.compared import compare_findings
from engine.catalog.compile import Catalog, Compiler, Outcome, environments_of, merged
from engine.catalog.diffing import CatalogDiff, diff
from engine.catalog.layout import ROOT_FILE
from engine.errors import UserError
from engine.problem import Problem, has_errors
from engine.reports.changes import Comparison, Side, errors_of
from engine.tree import Tree, blob_id

_EMPTY = b"format: 1\n"


def compare_trees(
    before: Tree | None, after: Tree, sides: tuple[Side, Side], *, environment: str | None, root: Path, now_ns: int
) -> Comparison:
    """What changes from `before` (None: there was no catalog) to `after`, in one environment or in all.

    A side before that does not compile is compared without the files that have errors; a side after that does not is
    not compared.
    """
    compiler = Compiler()  # one for both sides: what they have in common is made once
    environments = _environments(before, after, environment)
    first, second = sides
    old, wrong, left_out = _what_compiles(compiler, before, environments)
    if wrong:
        first = Side(first.name, first.revision, tuple(dict.fromkeys(wrong)), left_out)
    news = {name: compiler.compile(after, environment=name) for name in environments}
    problems = tuple(problem for outcome in news.values() for problem in errors_of(outcome.problems))
    if problems:
        second = Side(second.name, second.revision, tuple(dict.fromkeys(problems)))
        return Comparison(first, second, None, root=root.as_posix())
    catalogs = {name: _compiled(outcome) for name, outcome in news.items()}
    findings = {name: compare_findings(old[name], catalog, now_ns) for name, catalog in catalogs.items()}
    diffs = {name: diff(old[name], catalog, now_ns=now_ns) for name, catalog in catalogs.items()}
    if left_out:
        diffs = {name: _with_doubts(change, frozenset(first.left_out)) for name, change in diffs.items()}
    if environment is not None:
        diffs = {"": diffs[environment]}
    elif len(diffs) > 1:
        base = diffs[""]
        diffs = {name: change.beyond(base) if name else change for name, change in diffs.items()}
    return Comparison(first, second, diffs, _together(findings), root.as_posix())


def _together(findings: dict[str, tuple[Problem, ...]]) -> tuple[Problem, ...]:
    """What the change itself makes doubtful; what holds in environments only says in which."""
    if "" not in findings:
        return next(iter(findings.values()))
    return merged({name: Outcome(problems) for name, problems in findings.items()})


def _environments(before: Tree | None, after: Tree, environment: str | None) -> tuple[str, ...]:
    known = {*environments_of(after), *(environments_of(before) if before else ())}
    if environment is None:
        return ("", *sorted(known))
    if environment and environment not in known:
        shown = ", ".join(sorted(known)) or "none"
        raise UserError(f'There is no environment "{environment}".', hint=f"There are: {shown}.")
    return (environment,)


def _what_compiles(
    compiler: Compiler, tree: Tree | None, environments: tuple[str, ...]
) -> tuple[dict[str, Catalog], list[Problem], tuple[str, ...]]:
    """The catalogs of a tree without the files that have errors, these errors, and the files that were left out."""
    whole = tree or Tree(revision="", files={}, blobs={})
    tree = whole if tree is not None else _only(whole, ())
    found: list[Problem] = []
    while True:
        outcomes = {name: compiler.compile(tree, environment=name) for name in environments}
        wrong = [problem for outcome in outcomes.values() for problem in errors_of(outcome.problems)]
        if not wrong:
            left_out = tuple(sorted(whole.files.keys() - tree.files.keys()))
            return {name: _compiled(outcome) for name, outcome in outcomes.items()}, found, left_out
        found += wrong
        kept = _without(tree, {problem.file for problem in wrong})
        tree = _only(whole, kept if len(kept) < len(tree.files) else ())


def _without(tree: Tree, files: set[str]) -> list[str]:
    """The files that stay; where one that is wanted is missing, those in its directory go."""
    missing = tuple(f"{folder}/" for file in files - tree.files.keys() if (folder := posixpath.dirname(file)))
    return [file for file in tree.files if file not in files and not file.startswith(missing)]


def _only(tree: Tree, files: Iterable[str]) -> Tree:
    """The tree with some of its files; a catalog.yaml is there in any case."""
    kept = {ROOT_FILE: _EMPTY} | {file: tree.files[file] for file in files}
    blobs = {file: blob_id(data) for file, data in kept.items()}
    return Tree(revision=tree.revision, files=kept, blobs=blobs, committed_at=tree.committed_at)


def _with_doubts(change: CatalogDiff, left_out: frozenset[str]) -> CatalogDiff:
    """Entries that seem new because their file could not be compiled before are said to be in doubt."""
    entries = tuple(
        msgspec.structs.replace(entry, notes=(*entry.notes, "its file had errors before"))
        if entry.status == "added" and entry.file in left_out
        else entry
        for entry in change.entries
    )
    return msgspec.structs.replace(change, entries=entries)


def _compiled(outcome: Outcome) -> Catalog:
    assert outcome.catalog is not None, "a catalog without errors"
    assert not has_errors(outcome.problems)
    return outcome.catalog
