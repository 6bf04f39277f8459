"""The quick reader and the thorough one: whatever the quick one gives, the thorough one gives too, without a problem."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.plain import read_plain
from engine.catalog.reading import _Composer, _Problems, _Stop, read_yaml

HERE = Path(__file__).parent
FILES = sorted(path for path in HERE.rglob("*.yaml") if path.is_file())
PIECES = st.sampled_from([
    "a", "b", ": ", ":", "\n", "\n  ", "\n- ", "- ", "? ", "[", "]", "{", "}", ", ", "'", '"', "\\n", "#", " # c", "&a ", "*a", "!t ", "<<",
    "|\n  x", ">-\n  y", "---\n", "...\n", "%YAML 1.1\n", "1", "0x1f", "1e3", ".inf", "~", "null", "true", "é", "@x", "\t", " ", "9" * 20,
])  # fmt: skip


def thorough(text):
    problems = _Problems("f")
    composer = _Composer(text, problems)
    try:
        composer.compose()
    except _Stop:
        return None, problems.found
    return composer, problems.found


def check(text):
    plain = read_plain(text)
    if plain is None:
        return
    composer, problems = thorough(text)
    assert problems == []
    assert repr(plain.value) == repr(composer.root)
    if isinstance(plain.value, dict):
        assert plain.lines == {
            key: composer.keys[f"/{key.replace('~', '~0').replace('/', '~1')}"][0] for key in plain.value
        }


@given(st.lists(PIECES, max_size=40).map("".join))
def test_both_readers_agree_on_generated_text(text):
    check(text)


@pytest.mark.parametrize(
    "path", FILES[:: max(1, len(FILES) // 400)], ids=lambda path: path.relative_to(HERE).as_posix()
)
def test_both_readers_agree_on_the_examples(path):
    try:
        text = path.read_bytes().decode()
    except UnicodeDecodeError:
        return
    check(text)


def test_almost_every_right_file_is_read_quickly():
    texts = [path.read_text() for path in FILES if "good" in path.parts]
    assert sum(read_plain(text) is None for text in texts) < len(texts) / 100


def test_positions_are_found_when_they_are_asked_for():
    document = read_yaml(b"a:\n  - b: 1\n", "f").document
    assert document is not None
    assert document.place("/a") == "f:1"
    assert document.position("/a/0/b") == (2, 8)
    assert document.position("/a/0/nothing") == (2, 5)
