"""The program as a whole: help without imports, one message for every fault, never a traceback."""

import importlib
import re
import subprocess
import sys

import click
import pytest

from engine.cli import main as entry
from engine.cli.main import COMMANDS
from engine.errors import UserError


def test_help_imports_click_and_nothing_else_of_weight(run):
    code = (
        "import sys\nfrom engine.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
        "print([name for name in ('yaml', 'jsonschema', 'jsonschema_rs', 'msgspec', 'asyncio', 'litestar', 'sqlalchemy',"
        " 'genai_prices', 'rich', 'engine.catalog', 'engine.sources') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=".", check=True)
    assert done.stderr.strip() == "[]"
    assert all(name in done.stdout for name in COMMANDS)


def test_no_command_imports_much_before_its_own_work():
    """All of them in one process: what one of them imports, no other may hide."""
    code = (
        "import sys\nfrom engine.cli.main import COMMANDS, cli\nfor name in COMMANDS:\n"
        "    try: cli.main([name, '--help'])\n    except SystemExit: pass\n"
        "print([name for name in ('yaml', 'jsonschema', 'jsonschema_rs', 'asyncio', 'litestar', 'sqlalchemy', 'rich',"
        " 'genai_prices', 'importlib.metadata', 'ruamel.yaml', 'httpx') if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=".", check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name):
    target, line = COMMANDS[name]
    module, _, attribute = target.partition(":")
    command = getattr(importlib.import_module(module), attribute)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.get_short_help_str(limit=200) == line


def test_every_option_and_argument_is_explained():
    def walk(command, path):
        assert command.help, path
        if isinstance(command, click.Group):
            for name, inner in command.commands.items():
                walk(inner, f"{path} {name}")
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{path} {parameter.name}"

    for name, (target, _) in COMMANDS.items():
        module, _, attribute = target.partition(":")
        walk(getattr(importlib.import_module(module), attribute), name)


def test_version_and_no_arguments(run):
    assert re.fullmatch(r"catalog, version \S+\n", run("--version").stdout)
    assert run().returncode == 2
    assert "Usage: catalog" in run().stderr


@pytest.mark.parametrize("arguments", [["nope"], ["validate", "--nope"], ["validate", "--format", "xml"], ["show"]])
def test_a_wrong_call_is_two(run, arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


def test_a_misspelt_command_is_asked_back(run):
    assert "No such command 'vlidate'. Did you mean \"validate\"?" in run("vlidate").stderr
    assert "Did you mean" not in run("x").stderr


def raising(error):
    def command(*_, **__):
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (UserError("It is \x1b[31mred.", hint="Mend it."), 2, "catalog: It is \\x1b[31mred.\n    Mend it.\n"),
        (UserError("One.\n::error::two."), 2, "catalog: One.\ncatalog: ::error::two.\n"),
        (UserError("No.", exit_code=1), 1, "catalog: No.\n"),
        (PermissionError(13, "Permission denied", "/x/y"), 2, "catalog: /x/y: Permission denied\n"),
        (OSError(28, "No space left on device"), 2, "catalog: The system: No space left on device\n"),
        (KeyboardInterrupt(), 130, ""),
        (
            ValueError("a secret"),
            2,
            (
                "catalog: Internal error, which is our fault: ValueError.\n"
                "    Set CATALOG_DEBUG=1 to see where, and please report it.\n"
            ),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_fault_is_one_message(monkeypatch, capsys, error, code, said):
    monkeypatch.delenv("CATALOG_DEBUG", raising=False)
    monkeypatch.setattr(entry.cli, "main", raising(error))
    with pytest.raises(SystemExit) as exit_:
        entry.main([])
    assert exit_.value.code == code
    assert capsys.readouterr().err == said


def test_debug_shows_the_traceback(monkeypatch):
    monkeypatch.setenv("CATALOG_DEBUG", "1")
    monkeypatch.setattr(entry.cli, "main", raising(ValueError("x")))
    with pytest.raises(ValueError, match="x"):
        entry.main([])


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX shells")
def test_a_reader_that_has_enough_is_no_fault(catalog, tmp_path, run):
    command = f'{sys.executable} -c "{"from engine.cli.main import main; main()"}" list --format json | head -c 1'
    done = subprocess.run(
        ["sh", "-c", f"cd {tmp_path} && {command}"],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(__import__("pathlib").Path(__file__).parents[2]), "PATH": "/usr/bin:/bin"},
    )
    assert (done.stdout, done.stderr) == ("{", "")
