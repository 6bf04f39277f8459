"""Questions on a terminal: one line each, asked again until the answer will do; Tab completes."""

import sys
from collections.abc import Callable, Sequence

import click

from engine.reports.neutral import neutral


def interactive() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask(
    question: str, *, default: str = "", fault: Callable[[str], str] = lambda _: "", names: Sequence[str] = ()
) -> str:
    """An answer without a fault. Enter takes the default.

    Raises:
        click.Abort: the input ends.
    """
    prompt = f"{question}{f' [{default}]' if default else ''}: "
    while True:
        answer = _line(neutral(prompt), names).strip() or default
        wrong = fault(answer)
        if not wrong:
            return answer
        click.echo(f"  {neutral(wrong)}")


def choose(question: str, choices: Sequence[str], *, default: str = "") -> str:
    """One of a few words; what begins only one of them will do."""

    def meant(answer: str) -> list[str]:
        return [choice for choice in choices if answer == choice] or [
            choice for choice in choices if answer and choice.startswith(answer)
        ]

    def fault(answer: str) -> str:
        return "" if len(meant(answer)) == 1 else f"one of: {', '.join(choices)}"

    return meant(ask(f"{question} ({', '.join(choices)})", default=default, fault=fault, names=choices))[0]


def confirm(question: str, *, default: bool) -> bool:
    """Yes or no."""
    answer = ask(
        f"{question} [{'Y/n' if default else 'y/N'}]",
        fault=lambda text: "" if text.lower() in {"", "y", "yes", "n", "no"} else "yes or no",
    )
    return default if not answer else answer.lower().startswith("y")


def _line(prompt: str, names: Sequence[str]) -> str:
    try:
        import readline
    except ImportError:  # Windows
        readline = None  # type: ignore[assignment]
    if readline is not None:
        readline.set_auto_history(False)
        readline.set_completer_delims("")
        readline.set_completer(_completer(names))
        libedit = "libedit" in (readline.__doc__ or "")
        readline.parse_and_bind("bind ^I rl_complete" if libedit else "tab: complete")
    try:
        return input(prompt)
    except EOFError:
        raise click.Abort from None


def _completer(names: Sequence[str]) -> Callable[[str, int], str | None]:
    def complete(text: str, state: int) -> str | None:
        found = [name for name in names if name.startswith(text)]
        return found[state] if state < len(found) else None

    return complete
