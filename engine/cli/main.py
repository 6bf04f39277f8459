"""`catalog`: finds the command, imports only that one, and turns every fault into one message and an exit code."""

import importlib
import os
import sys
from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

import engine
from engine.errors import UserError

# Name → where the command is, and its line in `catalog --help`. A test holds the lines equal to the commands' own.
COMMANDS = {
    "validate": ("engine.cli.validate:validate", "Check a catalog: every mistake, at its line."),
    "list": ("engine.cli.list:list_models", "List the models of a catalog with their prices."),
    "show": ("engine.cli.show:show", "Show one model: everything resolved, and where each value comes from."),
    "explain": (
        "engine.cli.explain:explain",
        "Explain a code of `catalog validate`: what it means, why it matters, a bad and a good example.",
    ),
    "schema": ("engine.cli.schema:schema", "Print the JSON Schema of a kind of file."),
    "init": (
        "engine.cli.init:init",
        "Start a catalog in DIR/catalog, with checks for editors, commits and pull requests.",
    ),
    "add": (
        "engine.cli.add:add",
        "Add a model: answer questions, or give flags; the file is checked with all others before it is written.",
    ),
    "diff": ("engine.cli.diff:diff", "Show what a change does: prices, routing, and who can no longer call what."),
    "fmt": (
        "engine.cli.fmt:fmt",
        "Put catalog files into canonical form: order of keys, quotes, indents; comments stay.",
    ),
    "import": ("engine.cli.import_:import_", "Import models and prices from another format."),
    "export": ("engine.cli.export:export", "Export a catalog to LiteLLM or as plain JSON."),
    "keys": ("engine.cli.keys:keys", "Make, replace, list and revoke the keys of those who may call."),
    "reference": ("engine.cli.reference:reference", "Lock the reference data that a catalog uses."),
    "serve": ("engine.cli.serve:serve", "Serve the models of a catalog, and follow it without a restart."),
    "usage": ("engine.cli.usage:usage", "Show the calls on record: requests, tokens and exact cost in USD."),
    "demo": ("engine.cli.demo:demo", "Show the whole way, from a commit to an exact cost, on a real local model."),
    "completion": ("engine.cli.completion:completion", "Print the script that makes a shell complete `catalog`."),
}

OK, NO, FAILED, INTERRUPTED = 0, 1, 2, 130


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called; its help comes from the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; a misspelt one is asked back."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from engine.catalog.suggest import did_you_mean

            hint = did_you_mean(args[0], COMMANDS)
            if not hint:
                raise
            raise click.UsageError(f"{error.message} {hint[:1].upper()}{hint[1:]}", ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Commands by the table, so that no Tab waits for an import."""
        if incomplete and not incomplete[0].isalnum():
            return super().shell_complete(ctx, incomplete)
        return [CompletionItem(name, help=line) for name, (_, line) in COMMANDS.items() if name.startswith(incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - likewise
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(engine.__version__, prog_name="catalog")
def cli() -> None:
    """Models as YAML files in Git, served and priced to the last digit."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 done and the verdict is no, 2 it could not be done."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a terminal that cannot show a character is no fault
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    try:
        returned = cli.main(arguments, prog_name="catalog", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except UserError as error:
        return _say(error.message, error.hint, error.exit_code)
    except BrokenPipeError:
        # Whoever read us has enough, as in `catalog list | head`. Python would complain again while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        return _say(f"{error.filename or 'The system'}: {error.strerror or error}")
    except Exception as error:  # the last edge: no traceback reaches a user who did not ask for it
        if os.environ.get("CATALOG_DEBUG"):
            raise
        message = f"Internal error, which is our fault: {type(error).__name__}."
        return _say(message, "Set CATALOG_DEBUG=1 to see where, and please report it.")
    return returned if isinstance(returned, int) else OK


def _say(message: str, hint: str = "", exit_code: int = FAILED) -> int:
    from engine.reports.neutral import neutral

    for line in message.split("\n"):  # each named as ours, so that none is taken for something else
        click.echo(f"catalog: {neutral(line)}", err=True)
    if hint:
        click.echo(f"    {neutral(hint)}", err=True)
    return exit_code
