"""`catalog fmt` as a user runs it."""

import subprocess
import sys

import pytest

from engine.shipped import shipped

UNTIDY = """\
# Support bot.
type: 'custom'   # for now
# cheap
pricing: { output_mtok: '0.80' , input_mtok: "0.20" }
base_model: "gpt-4.1-nano"

description: >-
    First line
    and second
# the end
"""
TIDY = """\
# Support bot.
description: First line and second
type: custom # for now
base_model: gpt-4.1-nano
# cheap
pricing: {input_mtok: "0.20", output_mtok: "0.80"}
# the end
"""


@pytest.fixture
def model(catalog):
    file = catalog / "models/openai/untidy.yaml"
    file.write_text(UNTIDY)
    file.chmod(0o640)
    return file


def test_a_file_is_put_into_canonical_form(run, model):
    done = run("fmt", model)
    assert (done.returncode, done.stdout) == (0, f"{model}\n")
    assert "1 changed" in done.stderr
    assert model.read_text() == TIDY
    assert model.stat().st_mode & 0o777 == 0o640
    again = run("fmt", model)
    assert (again.returncode, again.stdout) == (0, "")
    assert run("fmt", "--check", model).returncode == 0
    assert [path.name for path in model.parent.iterdir() if path.name.startswith(".")] == []


def test_check_lists_and_diff_shows_and_neither_writes(run, catalog, model):
    before = model.read_bytes()
    done = run("fmt", "--check")
    assert done.returncode == 1
    assert "catalog/models/openai/untidy.yaml" in done.stdout.splitlines()
    done = run("fmt", "--diff", "catalog/models")
    assert done.returncode == 0
    assert "+type: custom # for now\n" in done.stdout
    assert run("fmt", "--check", "--diff", model).returncode == 1
    assert model.read_bytes() == before


def test_a_whole_catalog_means_the_same_afterwards(run, catalog, model):
    before = run("list", "--format", "json").stdout
    assert run("fmt").returncode == 0
    assert run("fmt", "--check").returncode == 0
    assert run("list", "--format", "json").stdout == before


def test_the_shipped_catalog_is_canonical(run):
    assert run("fmt", "--check", shipped("catalog")).returncode == 0


def test_standard_input(tmp_path):
    def filtered(*arguments, text):
        code = "from engine.cli.main import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, "fmt", "-", *arguments], input=text, capture_output=True, text=True, timeout=60
        )

    done = filtered(text=UNTIDY)
    assert (done.returncode, done.stdout) == (0, TIDY)
    assert filtered("--check", text=TIDY).returncode == 0
    assert filtered("--check", text=UNTIDY).returncode == 1
    done = filtered("--as", "providers/openai.yaml", text="base_url: https://x/v1\napi: openai\n")
    assert done.stdout == "api: openai\nbase_url: https://x/v1\n"
    done = filtered(text="what: is this\n")
    assert done.returncode == 2
    assert "--as" in done.stderr
    assert filtered("--as", "README.md", text=TIDY).returncode == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("type: custom\nbase_model: @openai/x\n", ":2:13: quote-it"),
        ("type: custom\ntype: base\n", ":2:1: duplicate-key"),
        ("a: &x 1\nb: *x\n", ":1:4: alias"),
        ("type: [custom\n", "yaml-syntax"),
    ],
)
def test_what_does_not_read_is_left_alone(run, model, text, said):
    model.write_text(text)
    other = model.with_name("other.yaml")
    other.write_text(UNTIDY)
    done = run("fmt", model, other)
    assert done.returncode == 2
    assert f"{model}:" in done.stderr
    assert said in done.stderr
    assert model.read_text() == text
    assert other.read_text() == TIDY


def test_what_is_not_there(run, catalog):
    done = run("fmt", "catalog/nope.yaml")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not there" in done.stderr


def test_a_link_stays_a_link(run, catalog, model):
    link = model.with_name("linked.yaml")
    link.symlink_to(model.name)
    assert run("fmt", link).returncode == 0
    assert link.is_symlink()
    assert model.read_text() == TIDY
