"""Warnings that files accept, with the reason."""

from collections.abc import Mapping

from engine.catalog.codes import CODES, FOUND_ELSEWHERE
from engine.catalog.document import Document, pointer
from engine.catalog.suggest import did_you_mean
from engine.problem import Problem, Severity, has_errors


class Accepting:
    """What the files of one catalog accept. `accepted` has codes and reasons by file."""

    def __init__(self, documents: Mapping[str, Document]) -> None:
        self._documents = documents
        self.accepted: dict[str, dict[str, str]] = {
            file: document.value["accept"] for file, document in documents.items() if document.value.get("accept")
        }

    def without(self, problems: list[Problem]) -> list[Problem]:
        """Without the warnings that their file accepts; with one for what accepts nothing, where all is known."""
        used: set[tuple[str, str]] = set()
        kept: list[Problem] = []
        for problem in problems:
            if is_accepted(problem, self.accepted):
                used.add((problem.file, problem.code))
            else:
                kept.append(problem)
        if has_errors(kept):
            return kept
        for file, codes in self.accepted.items():
            unused = [code for code in codes if (file, code) not in used and code not in FOUND_ELSEWHERE]
            kept += [_unused(self._documents[file], code) for code in unused]
        return kept


def is_accepted(problem: Problem, accepted: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether it is a warning that its file accepts."""
    return problem.severity is Severity.WARNING and problem.code in accepted.get(problem.file, ())


def _unused(document: Document, code: str) -> Problem:
    message = f'"{code}" is accepted, and there is no such warning in this file'
    warnings = [known for known, (severity, _) in CODES.items() if severity is Severity.WARNING]
    hint = "remove it" if code in warnings else did_you_mean(code, warnings) or "`catalog explain` lists all codes"
    return document.problem("unused-accept", message, pointer("accept", code), at="key", hint=hint)
