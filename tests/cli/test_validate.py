"""`catalog validate`."""

import json

import pytest


def test_the_shipped_catalog_is_clean(run, catalog):
    done = run("validate", "-h")
    assert done.returncode == 0
    done = run("validate")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "4 models, 2 providers, 0 keys, 0 errors, 0 warnings\n"


def test_it_finds_the_catalog_here_or_by_name(run, catalog, tmp_path):
    for arguments, cwd in (((), catalog), ((catalog,), tmp_path), (("catalog/",), tmp_path)):
        assert run("validate", *arguments, cwd=cwd).returncode == 0


def test_errors_stand_at_their_places_by_paths_from_here(run, catalog):
    (catalog / "models/local/tiny-support.yaml").write_text("type: custom\npricing:\n  input_mtok: 0.20\n")
    (catalog / "models/openai/other.yaml").write_text("type: custom\nbase_model: @openai/x\n")
    done = run("validate")
    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout == (
        'catalog/models/local/tiny-support.yaml:3:15: wrong-type "input_mtok" must be text, not the number 0.2\n'
        '    quote it: "0.20"\n'
        'catalog/models/openai/other.yaml:2:13: quote-it a value that begins with "@" must be quoted\n'
        '    write "@openai/x"\n'
        "3 models, 2 providers, 0 keys, 2 errors, 0 warnings\n"
    )


def test_warnings_do_not_fail(run, catalog):
    (catalog / "models/local/free.yaml").write_text("type: custom\n")
    done = run("validate")
    assert done.returncode == 0
    assert "catalog/models/local/free.yaml:1:1: unpriced warning: @local/free has no price" in done.stdout
    assert done.stdout.endswith("5 models, 2 providers, 0 keys, 0 errors, 1 warning\n")


def test_json(run, catalog):
    (catalog / "models/local/tiny-support.yaml").write_text("type: custom\nowner: 5\n")
    done = run("validate", "--format", "json")
    assert done.returncode == 1
    document = json.loads(done.stdout)
    assert document["ok"] is False
    assert (document["errors"], document["warnings"], document["catalog"]) == (1, 0, "catalog")
    assert document["problems"] == [
        {
            "code": "wrong-type",
            "severity": "error",
            "file": "models/local/tiny-support.yaml",
            "line": 2,
            "column": 8,
            "pointer": "/owner",
            "message": '"owner" must be text, not a number',
            "hint": 'quote it: "5"',
        }
    ]


def test_a_name_that_the_reference_data_does_not_know_is_explained_by_it(run, catalog):
    (catalog / "models/openai/new.yaml").write_text("type: custom\nbase_model: gpt-4.1-nanno\npricing: inherit\n")
    done = run("validate")
    assert done.returncode == 1
    assert 'lock-stale openai has no model "gpt-4.1-nanno" in the reference data' in done.stdout
    assert 'did you mean "gpt-4.1-nano"?' in done.stdout


def test_there_must_be_a_catalog(run, catalog, tmp_path):
    (tmp_path / "note.yaml").write_text("a: 1\n")
    (catalog / ".hidden").write_text("a: 1\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/catalog.yaml").write_text("format: 1\n")
    for arguments, cwd, said in (
        ((), tmp_path / "empty", "There is no catalog here"),
        (("nowhere",), tmp_path, "nowhere is not there"),
        (("note.yaml",), tmp_path, "note.yaml is in no catalog"),
        (("catalog", "other"), tmp_path, "These paths belong to different catalogs"),
        (("catalog/.hidden",), tmp_path, "catalog/.hidden is no part of the catalog"),
    ):
        (tmp_path / "empty").mkdir(exist_ok=True)
        done = run("validate", *arguments, cwd=cwd)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith(f"catalog: {said}")
    assert run("validate", tmp_path / "empty").returncode == 1


@pytest.mark.parametrize(
    ("environment", "colored"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, False),
    ],
)
def test_colour(run, catalog, environment, colored):
    (catalog / "models/local/tiny-support.yaml").write_text("type: x\n")
    assert ("\x1b[" in run("validate", **environment).stdout) == colored


def test_terminals_obey_nothing_of_the_catalog(run, catalog):
    (catalog / "models/local/\x1b[31m\nred.yaml").write_text("type: custom\n")
    (catalog / "models/local/\u202etxt.yaml").write_text("type: custom\n")
    for name in ("text", "json"):
        done = run("validate", "--format", name)
        assert done.returncode == 1
        assert "\x1b" not in done.stdout
        assert "\u202e" not in done.stdout
    assert "\\x1b[31m\\x0ared" in run("validate").stdout
