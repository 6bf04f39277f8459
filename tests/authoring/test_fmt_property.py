"""Any document, in any style and with comments anywhere: the canonical form says the same and keeps every comment."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.authoring.canonical import format_text, same
from engine.catalog.reading import read_yaml
from engine.catalog.schema import schema_of

# What some reader of YAML takes for something else, and what is hard to write down.
# fmt: off
ODD = (
    "no", "on", "y", "=", "<<", "0.20", "1e3", "017", "0o17", "12:30:45", "1_000", "2026-10-01", "null", "~", "",
    "2026-10-01T00:00:00Z", "@openai/gpt", "gpt-4o*", "a: b", "a #b", "a:", "- a", "ft:gpt:acme", "{a}", "[", "|", "---",
    "several\nlines", "ends\n", "two\n\n", " leads", "a\tb", "\n\n x\ny", "\u00a0", "ünï", "🎉", "a\rb", "x" * 130,
    "two  spaces " * 12 + "end", "one space " * 14 + "end", "...", "`", "%", "? a", "!", "&a", "*", "'", '"',
)
# fmt: on
TEXTS = st.one_of(
    st.sampled_from(ODD),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cf", "Cn")), max_size=12),
)
NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), st.booleans(), st.none()
)
KEYS = st.one_of(st.sampled_from(tuple(schema_of("model")["properties"])), TEXTS)
VALUES = st.recursive(
    st.one_of(TEXTS, NUMBERS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=14,
)


class Author:
    """Writes a value as YAML in a style drawn at random, with numbered comments wherever there may be one."""

    def __init__(self, draw):
        self.draw = draw
        self.comments = 0

    def comment(self):
        self.comments += 1
        return f"#{self.draw(st.sampled_from(('', ' ', '  ')))}c{self.comments}."

    def chance(self, percent=25):
        return self.draw(st.integers(0, 99)) >= 100 - percent

    def beside(self):
        return f"  {self.comment()}" if self.chance() else ""

    def above(self, indent):
        lines = []
        while self.chance(20):
            lines.append("" if self.chance(40) else " " * indent + self.comment())
        return lines

    def document(self, value):
        lines = [*self.above(0), *(["---" + self.beside()] if self.chance(10) else [])]
        if isinstance(value, dict) and value:
            lines += self.block(value, 0)
        else:
            lines += [self.flow(value)]
        lines += self.above(0)
        return self.draw(st.sampled_from(("\n", "\r\n"))).join([*lines, ""])

    def block(self, value, indent):
        lines = []
        pairs = value.items() if isinstance(value, dict) else ((None, inner) for inner in value)
        for key, inner in pairs:
            lines += self.above(indent)
            head = " " * indent + ("-" if key is None else self.one_line(key) + ":")
            lines += self.valued(head, inner, indent, listed=key is None)
        return [*lines, *self.above(indent)]

    def valued(self, head, value, indent, *, listed):
        if isinstance(value, dict | list) and value and self.chance(60):
            deeper = indent + self.draw(st.integers(0 if isinstance(value, list) and not listed else 1, 4))
            return [head + self.beside(), *self.block(value, deeper)]
        if isinstance(value, str) and self.chance(30) and self.literal(value):
            style = "|" if value.endswith("\n") else "|-"
            lines = [f"    {' ' * indent}{line}" if line else "" for line in value.removesuffix("\n").split("\n")]
            return [f"{head} {style}{self.beside()}", *lines]
        if isinstance(value, str) and self.chance(20) and re.fullmatch(r"\w+( \w+)+", value, re.ASCII):
            words = [" " * (indent + 3) + word for word in value.split(" ")]
            return [f"{head} >-{self.beside()}", *words] if self.chance(50) else [f"{head}{self.beside()}", *words]
        return [f"{head} {self.flow(value)}{self.beside()}"]

    def literal(self, value):
        body = value.removesuffix("\n")
        return (
            body and body.strip() and not body.startswith((" ", "\n")) and not body.endswith("\n") and "\r" not in body
        )

    def flow(self, value):
        if isinstance(value, dict):
            parts = [f"{self.one_line(key)}: {self.flow(inner)}" for key, inner in value.items()]
        elif isinstance(value, list):
            parts = [self.flow(inner) for inner in value]
        else:
            return self.one_line(value)
        text = ""
        for index, part in enumerate(parts):
            text += part + ("," if index < len(parts) - 1 else "")
            text += f" {self.comment()}\n      " if self.chance(8) else " "
        return f"{{{text}}}" if isinstance(value, dict) else f"[{text}]"

    def one_line(self, value):
        if isinstance(value, str) and "'" not in value and value.isprintable() and self.chance(30):
            return f"'{value}'"
        if isinstance(value, float):
            return repr(value).replace("e", ".0e") if "e" in repr(value) and "." not in repr(value) else repr(value)
        return json.dumps(value, ensure_ascii=self.chance(50) and not re.search("[\U00010000-\U0010ffff]", str(value)))


@st.composite
def documents(draw):
    author = Author(draw)
    value = draw(st.dictionaries(KEYS, VALUES, max_size=6))
    return value, author.document(value), author.comments


@settings(max_examples=150, deadline=None)
@given(documents())
def test_same_meaning_every_comment_and_a_fixed_point(case):
    value, text, comments = case
    reading = read_yaml(text.encode(), "x.yaml")
    assert reading.document is not None, (reading.problems, text)
    assert same(reading.document.value, value)
    formatted = format_text(text.encode(), "x.yaml", "model").text
    assert formatted is not None
    read = read_yaml(formatted.encode(), "x.yaml").document
    assert read is not None
    assert same(read.value, value)
    for number in range(1, comments + 1):
        assert len(re.findall(rf"c{number}\.", formatted)) == len(re.findall(rf"c{number}\.", text)), (
            number,
            formatted,
        )
    assert format_text(formatted.encode(), "x.yaml", "model").text == formatted
    assert "\r" not in formatted


@pytest.mark.parametrize(
    "text", ["", "\n", "# only\n\n# comments", "[]", "{}", "text # c", "{a: 1} # c", "--- # c\na: 1\n..."]
)
def test_documents_that_are_hardly_one(text):
    formatted = format_text(text.encode(), "x.yaml", "model").text
    assert formatted is not None
    assert formatted.count("#") == text.count("#")
    assert format_text(formatted.encode(), "x.yaml", "model").text == formatted
