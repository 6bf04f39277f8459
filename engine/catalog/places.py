"""Findings about a catalog that has compiled: its documents are read again where there is something to say."""

from collections.abc import Iterable

from engine.catalog.accepting import is_accepted
from engine.catalog.catalog import Catalog
from engine.catalog.document import Document
from engine.catalog.reading import read_yaml
from engine.problem import Problem


class Documents:
    """The documents of a compiled catalog, each read when it is first asked for."""

    def __init__(self, catalog: Catalog) -> None:
        self._files = catalog.tree.files
        self._read: dict[str, Document] = {}

    def __getitem__(self, file: str) -> Document:
        """The document of a file that was compiled."""
        if file not in self._read:
            document = read_yaml(self._files[file], file).document
            assert document is not None, "the catalog has compiled"
            self._read[file] = document
        return self._read[file]


def sorted_findings(catalog: Catalog, problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Findings as people read them, without the warnings that the catalog's files accept."""
    kept = [problem for problem in problems if not is_accepted(problem, catalog.accepted)]
    return tuple(sorted(kept, key=lambda problem: (problem.sort_key, problem.pointer)))
