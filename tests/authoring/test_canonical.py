"""The canonical form, case by case."""

import pytest
import yaml

from engine.authoring.canonical import format_text, kind_of_text, render, same
from engine.authoring.scalars import scalar


def fmt(text, kind="model"):
    formatted = format_text(text.encode(), "x.yaml", kind)
    assert formatted.text is not None, formatted.problems
    return formatted.text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain words", "plain words"),
        ("ft:gpt-4.1-nano:acme", "ft:gpt-4.1-nano:acme"),
        ("https://llm.acme/v1", "https://llm.acme/v1"),
        ("2026-10-01T00:00:00Z", "2026-10-01T00:00:00Z"),
        ("500ms", "500ms"),
        ("2025-04-01-preview", "2025-04-01-preview"),
        ("0.20", '"0.20"'),
        ("12", '"12"'),
        ("1e3", '"1e3"'),
        ("0o17", '"0o17"'),
        ("1_000", '"1_000"'),
        ("12:30:45", '"12:30:45"'),
        ("2026-10-01", '"2026-10-01"'),
        ("@openai/support", '"@openai/support"'),
        ("gpt-4o*", '"gpt-4o*"'),
        ("no", '"no"'),
        ("Off", '"Off"'),
        ("y", '"y"'),
        ("null", '"null"'),
        ("~", '"~"'),
        ("", '""'),
        ("a: b", '"a: b"'),
        ("a #b", '"a #b"'),
        ("a\nb", '"a\\nb"'),
        ("a\u00a0b", '"a\\u00a0b"'),
        (True, "true"),
        (None, "null"),
        (-3, "-3"),
        (1e22, "1.0e+22"),
        (2.5e-08, "2.5e-08"),
        (1.0, "1.0"),
    ],
)
def test_scalars(text, written):
    assert scalar(text) == written
    if written != "2026-10-01T00:00:00Z":
        assert same(yaml.safe_load(written), text), "a reader of YAML 1.1 sees the same"


@pytest.mark.parametrize("text", ["a:b", "a,b", "[a", "2026-10-01T00:00:00Z", "{}"])
def test_in_brackets_more_is_quoted(text):
    assert scalar(text, flow=True) == f'"{text}"'


def test_keys_stand_in_the_order_of_the_schema_and_free_ones_as_written():
    text = "zzz: 1\nlabels: {z: a, a: z}\npricing:\n- {output_mtok: '2', input_mtok: '1', from: 2026-10-01T00:00:00Z}\ntype: custom\n"
    assert fmt(text) == (
        "type: custom\n"
        "pricing:\n"
        '  - {from: "2026-10-01T00:00:00Z", input_mtok: "1", output_mtok: "2"}\n'
        "labels: {z: a, a: z}\n"
        "zzz: 1\n"
    )


def test_a_comment_moves_with_what_it_is_about():
    text = """\
# yaml-language-server: $schema=x
type: custom
# about pricing
pricing: # beside pricing
  # about the first window
  - output_mtok: "2" # out
    # about from
    from: 2026-10-01T00:00:00Z
    # closes the window
  # closes the list
# about description
description: x
aliases: [a, # one
  b]
# the end
"""
    assert fmt(text) == (
        "# yaml-language-server: $schema=x\n"
        "# about description\n"
        "description: x\n"
        "type: custom\n"
        "aliases:\n"
        "  - a # one\n"
        "  - b\n"
        "# about pricing\n"
        "pricing: # beside pricing\n"
        "  # about the first window\n"
        "  # about from\n"
        "  - from: 2026-10-01T00:00:00Z\n"
        '    output_mtok: "2" # out\n'
        "    # closes the window\n"
        "  # closes the list\n"
        "# the end\n"
    )


def test_what_is_too_long_for_a_line_becomes_a_block():
    names = [f"gpt-{number}" for number in range(20)]
    assert fmt(f"aliases: [{', '.join(names)}]\n") == "aliases:\n" + "".join(f"  - {name}\n" for name in names)
    assert fmt(f"aliases: [{', '.join(names[:9])}]\n") == f"aliases: [{', '.join(names[:9])}]\n"


def test_texts_of_several_lines():
    assert fmt("description: |\n      a\n       b\n\n      c\n") == "description: |\n  a\n   b\n\n  c\n"
    words = ("word " * 30).strip()
    assert fmt(f"description: >\n  {words}\n  end\n") == f"description: >\n  {words}\n  end\n"
    assert fmt(f"description: {words}\n    end\n") == f"description: >-\n  {words}\n  end\n"
    assert fmt("description: one\n  two\n") == "description: one two\n"


def test_blank_lines_are_kept_one_at_a_time():
    assert fmt("\n\ntype: custom\n\n\n\nowner: a\n\n") == "type: custom\n\nowner: a\n"


def test_carriage_returns_byte_order_marks_and_document_marks_go():
    assert fmt("\ufeff---\r\ntype: custom # c\r\n...\r\n") == "type: custom # c\n"


def test_a_file_that_does_not_read_is_refused():
    formatted = format_text(b"a: @b", "x.yaml", "model")
    assert formatted.text is None
    assert [problem.code for problem in formatted.problems] == ["quote-it"]


def test_a_document_says_its_kind():
    assert kind_of_text(b"# yaml-language-server: $schema=../key.schema.json\nx: 1\n") == "key"
    assert kind_of_text(b"format: 1\n") == "catalog"
    assert kind_of_text(b"what: is this\n") is None
    assert kind_of_text(b"a: @") is None


def test_a_new_document_is_canonical():
    value = {
        "pricing": {"output_mtok": "2", "input_mtok": "1"},
        "type": "custom",
        "labels": {"env": "prod"},
        "aliases": ["@a/b", "c"],
    }
    text = render("model", value, top=("# top",), blocks=("pricing",))
    assert text == (
        '# top\ntype: custom\naliases: ["@a/b", c]\npricing:\n  input_mtok: "1"\n  output_mtok: "2"\nlabels: {env: prod}\n'
    )
    assert fmt(text) == text
