"""What `catalog validate` has to say, as a value that every format draws from."""

import posixpath

import msgspec

from engine.problem import Problem, Severity

# What is counted besides models, providers and keys, where a catalog has any.
_OPTIONAL = ("route", "budget", "team", "environment")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of one run, and what they are about.

    `root` is the catalog's directory as people write it, "" where unknown; `repository_path` the same from the top of
    its Git repository, None outside of one. `files` are those that were checked, relative to the catalog's root.
    `chosen`: the run was about these files only, and the counts of `elsewhere` (errors, warnings) about the others.
    `strict`: warnings count as errors in the verdict.
    """

    problems: tuple[Problem, ...]
    models: int
    providers: int
    keys: int
    routes: int = 0
    budgets: int = 0
    teams: int = 0
    environments: int = 0
    root: str = ""
    repository_path: str | None = None
    files: tuple[str, ...] = ()
    chosen: bool = False
    elsewhere: tuple[int, int] = (0, 0)
    strict: bool = False

    @property
    def errors(self) -> int:
        """How many problems keep the catalog from being published."""
        return sum(problem.severity is Severity.ERROR for problem in self.problems)

    @property
    def warnings(self) -> int:
        """How many problems do not."""
        return len(self.problems) - self.errors

    @property
    def ok(self) -> bool:
        """The verdict."""
        return not (self.problems if self.strict else self.errors)

    def path(self, file: str) -> str:
        """A file of the catalog from where the user stands."""
        return posixpath.normpath(posixpath.join(self.root, file))

    def path_in_repository(self, file: str) -> str:
        """The same from the top of the repository, as forges name it; catalog.yaml stands for the whole catalog."""
        root = self.root if self.repository_path is None else self.repository_path
        return posixpath.normpath(posixpath.join(root, file or "catalog.yaml"))


def fails(problem: Problem, report: Report) -> bool:
    """Whether this problem alone makes the verdict a no."""
    return report.strict or problem.severity is Severity.ERROR


def totals(report: Report) -> str:
    """One sentence of counts: what was checked, and what was found."""
    found = f"{count(report.errors, 'error')}, {count(report.warnings, 'warning')}"
    if report.chosen:
        elsewhere = report.elsewhere
        said = f"{count(len(report.files), 'file')}, {found}"
        if not any(elsewhere):
            return said
        return f"{said}; elsewhere in the catalog: {count(elsewhere[0], 'error')}, {count(elsewhere[1], 'warning')}"
    parts = [count(report.models, "model"), count(report.providers, "provider"), count(report.keys, "key")]
    parts += [count(number, word) for word in _OPTIONAL if (number := getattr(report, f"{word}s"))]
    return ", ".join((*parts, found))


def count(number: int, word: str) -> str:
    """`1 error`, `2 errors`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
