"""Files torn, shuffled and filled with odd YAML: what reads keeps its meaning and has a fixed point, the rest is refused.

`FUZZ_COUNT` says how many files are tried.
"""

import os
import random
from pathlib import Path

import pytest

from engine.authoring.canonical import format_text
from engine.shipped import shipped

COUNT = int(os.environ.get("FUZZ_COUNT", "2000"))
FILES = [
    file.read_text(encoding="utf-8")
    for folder in (shipped("catalog"), Path(__file__).parents[1] / "catalog/good/everything")
    for file in sorted(folder.rglob("*.yaml"))
]
# fmt: off
BITS = (
    "#", " # c\n", "\n# own\n", "  ", "\n", "- ", "- - ", ": ", "? ", "[", "]", "{", "}", "{a: 1}", ", ", '"', "'", "|\n",
    "|2-\n", ">+\n", ">-\n  a\n   b\n", "\t", "\r\n", "---\n", "...\n", "null", "0x1F", "1e3", ".5", "\u00a0", "é", "\\",
    "&a", "*a", "!!str", "%", "@", '"a\\nb"', '"a\\\n  b"', "'it''s'", "x: |  # c\n    lit\n\n   \n", "- # d\n  a: 1\n",
    "key:\n  # c\n  [a, # d\n  b]\n", "[[], {}]", "#x",
)
# fmt: on


def mutated(chance):
    text = chance.choice(FILES)
    if chance.random() < 0.5:
        lines = text.split("\n")
        start = chance.randrange(len(lines))
        text = "\n".join(lines[start : start + chance.randrange(1, 15)])
    for _ in range(chance.randrange(1, 6)):
        at, how = chance.randrange(len(text) + 1), chance.random()
        if how < 0.6:
            text = text[:at] + chance.choice(BITS) + text[at:]
        elif how < 0.8:
            text = text[:at] + text[at + chance.randrange(1, 6) :]
        else:
            lines = text.split("\n")
            one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
            lines[one], lines[other] = lines[other], lines[one]
            text = "\n".join(lines)
    return text


def check(text):
    """Whether it reads; that the meaning is kept is checked by `format_text` itself."""
    formatted = format_text(text.encode(), "x.yaml", "model")
    if formatted.text is None:
        assert formatted.problems
        return False
    assert format_text(formatted.text.encode(), "x.yaml", "model").text == formatted.text, text
    return True


def test_mutated_files():
    chance = random.Random(20261123)
    read = sum(check(mutated(chance)) for _ in range(COUNT))
    assert COUNT // 5 < read < COUNT


@pytest.mark.parametrize(
    "text",
    [
        "? \n  nulla\n   ",
        '"...\na\\\n  b"',
        "pricing: # p\n- output_mtok: '0.80'\n\n  # since may\n  from: 2026-10-01T00:00:00Z\n",
        "type: custom\ndescription: |  # c\n Reads\n\n   \nowner: a\n",
        "a: |+\n  x\n\n\nb: 1\n",
        "- - # c\n    - a\n    # d\n  # e\n",
    ],
)
def test_what_was_wrong_once(text):
    assert check(text)
