"""Runs the `git` command, hardened: bounded in time and output, deaf to the environment, and it runs nothing else.

Only plumbing that reads is used here. It runs no hook and no filter, and nothing is fetched or asked.
"""

import os
import subprocess
import tempfile
import threading
from pathlib import Path

import msgspec

from engine.sources.errors import (
    DubiousOwnership,
    GitMissing,
    NotARepository,
    SourceMissing,
    SourceTimeout,
    SourceUnreadable,
)

# GIT_DIR and its kin would lead to another repository (git sets them for hooks). The configuration files are needed:
# `safe.directory` stands there, and only there.
_KEPT = (
    "PATH",
    "HOME",
    "XDG_CONFIG_HOME",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "SYSTEMROOT",
    "USERPROFILE",
)
_FIXED = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_REPLACE_OBJECTS": "1",  # the same commit always means the same files
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
}
_CONFIG = ("core.fsmonitor=false", f"core.hooksPath={os.devnull}", "protocol.allow=never", "gc.auto=0")
_STDERR_BYTES = 8 * 1024


class Answer(msgspec.Struct, frozen=True):
    """What a command said. `error` is the start of its standard error."""

    status: int
    output: bytes
    error: str


class Git:
    """The git command in one repository; `repo` is its directory, bare or with a work tree."""

    def __init__(self, repo: Path, timeout: float) -> None:
        self.repo = repo
        self.timeout = timeout
        options = [part for setting in _CONFIG for part in ("-c", setting)]
        self._command = ["git", "-C", str(repo), "--no-pager", "--literal-pathspecs", *options]

    def ask(self, *arguments: str, stdin: bytes = b"", at_most: int = 1024 * 1024) -> Answer:
        """Run one command. Standard input and error are files, so that only one pipe is ever waited for.

        Raises:
            GitMissing, SourceMissing, NotARepository, DubiousOwnership: as their names say.
            SourceTimeout: it did not end in time.
            SourceUnreadable: it wrote more than `at_most` bytes.
        """
        try:
            status, output, said, in_time = self._run(arguments, stdin, at_most)
        except FileNotFoundError:
            raise GitMissing("the git command was not found", hint="install git, version 2.30 or newer") from None
        except OSError as error:
            raise SourceUnreadable(f"the git command cannot be run: {error.strerror}") from None
        if not in_time:
            raise SourceTimeout(f"git {arguments[0]} in {self.repo} did not end within {self.timeout:g} s")
        if len(output) > at_most:
            raise SourceUnreadable(f"git {arguments[0]} in {self.repo} wrote more than {at_most} bytes")
        if status:
            self._refuse(said)
        return Answer(status, output, said)

    def must(self, *arguments: str, stdin: bytes = b"", at_most: int = 1024 * 1024) -> bytes:
        """Run one command that has no reason to fail, and return its output.

        Raises:
            SourceUnreadable: it failed all the same, and the rest as for `ask`.
        """
        answer = self.ask(*arguments, stdin=stdin, at_most=at_most)
        if answer.status:
            raise self.unreadable(answer.error)
        return answer.output

    def unreadable(self, said: str) -> SourceUnreadable:
        """The repository is damaged, or not all of it is here."""
        first = said.partition("\n")[0] or "an object is missing"
        return SourceUnreadable(
            f"the repository {self.repo} cannot be read: {first}",
            hint=f"git -C {self.repo} fsck tells more; a partial clone does not hold what is needed",
        )

    def _run(self, arguments: tuple[str, ...], stdin: bytes, at_most: int) -> tuple[int, bytes, str, bool]:
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as errors:
            given.write(stdin)
            given.seek(0)
            process = subprocess.Popen(
                [*self._command, *arguments],
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=self._environment(),
            )
            output, in_time = self._output(process, at_most)
            errors.seek(0)
            said = errors.read(_STDERR_BYTES).decode("utf-8", "replace").strip()
        return process.returncode, output, said, in_time

    def _output(self, process: "subprocess.Popen[bytes]", at_most: int) -> tuple[bytes, bool]:
        overdue = threading.Event()

        def stop() -> None:
            overdue.set()
            process.kill()

        timer = threading.Timer(self.timeout, stop)
        timer.start()
        with process:
            try:
                assert process.stdout is not None
                output = process.stdout.read(at_most + 1)
                if len(output) > at_most:
                    process.kill()
                process.wait()
            finally:
                timer.cancel()
        return output, not overdue.is_set()

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        # Not looked for in the directories above: a wrong path must not lead to some other repository.
        return kept | _FIXED | {"GIT_CEILING_DIRECTORIES": str(self.repo.resolve().parent)}

    def _refuse(self, said: str) -> None:
        """Raise what is the matter with the whole repository, if that is why a command failed."""
        if "dubious ownership" in said:
            raise DubiousOwnership(
                f"git refuses {self.repo}: it belongs to another user",
                hint=f"if you trust it: git config --global --add safe.directory {self.repo}",
            )
        if not self.repo.is_dir():
            raise SourceMissing(f"there is no directory {self.repo}")
        if "not a git repository" in said.lower():
            raise NotARepository(
                f"{self.repo} is not a Git repository",
                hint="name the top directory of a repository, or read the files with --catalog",
            )
