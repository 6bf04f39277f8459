"""How the demo looks: plain text up to 100 columns wide; bold titles and dim details where a terminal shows them."""

import os
import sys
import textwrap
from collections.abc import Iterable, Sequence

WIDTH = 100
INDENT = "   "


class Screen:
    """Prints the walk: numbered chapters with indented text, commands and tables below them.

    Colour is used on a terminal, unless NO_COLOR is set; FORCE_COLOR uses it anywhere.
    """

    def __init__(self) -> None:
        self._chapter = 0
        wanted = bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()
        self._colour = wanted and not os.environ.get("NO_COLOR")

    def chapter(self, title: str) -> None:
        """Begin the next step."""
        self._chapter += 1
        self._print(f"\n{self._styled('1', f'{self._chapter}. {title}')}")

    def say(self, text: str) -> None:
        """A sentence or two, wrapped."""
        self._print(textwrap.fill(text, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT, break_long_words=False))

    def lines(self, lines: Iterable[str], *, dim: bool = False) -> None:
        """Lines as they are, indented once more."""
        for line in lines:
            self._print(self._styled("2" if dim else "", f"{INDENT}  {line}".rstrip()))

    def command(self, command: str) -> None:
        """A command as a user would type it."""
        first, *rest = command.splitlines()
        self._print("")
        for line in (f"$ {first}", *rest):
            self._print(self._styled("36", INDENT + line))

    def facts(self, facts: Iterable[tuple[str, str]]) -> None:
        """Names and values, aligned."""
        facts = list(facts)
        width = max(len(name) for name, _ in facts)
        self.lines(f"{name:<{width}}  {value}" for name, value in facts)

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Aligned columns."""
        widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
        for row in (header, *rows):
            self.lines(["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))])

    def more(self, text: str) -> None:
        """A part of a line, at once: what a model says while it says it."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def _styled(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and code else text

    def _print(self, line: str) -> None:
        print(line, flush=True)
