"""Hostile and odd YAML: each file gives a document or problems, quickly, and never an exception."""

import math
import resource
import sys
import time

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.catalog.reading import MAX_BYTES, MAX_DEPTH, MAX_PROBLEMS, MAX_SCALAR, MAX_VALUES, read_yaml
from engine.catalog.scalars import resolve_plain


def read(text):
    return read_yaml(text.encode() if isinstance(text, str) else text, "f.yaml")


def value_of(text):
    reading = read(text)
    assert reading.problems == ()
    assert reading.document is not None
    return reading.document.value


def codes_of(text):
    reading = read(text)
    assert (reading.document is None) == any(problem.severity == "error" for problem in reading.problems)
    return [problem.code for problem in reading.problems]


def alias_bomb(levels=9):
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


HOSTILE = {
    "alias bomb": (alias_bomb(), "alias"),
    "alias to itself": ("a: &x [*x]", "alias"),
    "alias as a key": ("*x : 1", "alias"),
    "brackets": ("[" * 60_000, "too-deep"),
    "braces": ('{"a":' * 40_000, "too-deep"),
    "dashes": ("- " * 60_000, "too-deep"),
    "question marks": ("? " * 60_000, "bad-key"),
    "indentation": ("".join(f"{' ' * n}a:\n" for n in range(500)), "too-deep"),
    "too large": (b"a" * (MAX_BYTES + 1), "file-too-large"),
    "many keys": ("".join(f"k{n}: 1\n" for n in range(MAX_VALUES)), "too-many-values"),
    "many items": ("[" + "1," * MAX_VALUES + "]", "too-many-values"),
    "long text": (f"a: {'x' * (MAX_SCALAR + 1)}", "value-too-long"),
    "long key": (f"? {'x' * (MAX_SCALAR + 1)}\n: 1", "value-too-long"),
    "long number": (f"a: {'9' * 60_000}", "bad-number"),
    "equal keys": ("a: 1\n" * 20_000, "duplicate-key"),
    "python object": ("!!python/object/apply:os.system ['id']", "tag"),
    "zero bytes": (b"\0" * 5_000, "forbidden-character"),
    "utf-16": ("a: 1".encode("utf-16"), "not-utf8"),
    "second document": ("--- 1\n--- 2", "multiple-documents"),
    "merge": ("<<: {a: 1}", "merge-key"),
    "lone surrogate": (r'a: "\ud800"', "yaml-syntax"),
    "escaped zero": (r'a: "\0"', "forbidden-character"),
    "escaped line separator": (r'"\L": 1', "forbidden-character"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_is_refused_quickly_and_in_little_memory(name):
    text, code = HOSTILE[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    codes = codes_of(text)
    assert code in codes
    assert len(codes) <= MAX_PROBLEMS
    assert time.perf_counter() - started < 2
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown * (1 if sys.platform == "darwin" else 1024) < 64 * 2**20


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("no", "no"), ("on", "on"), ("Yes", "Yes"), ("NO", "NO"), ("y", "y"),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None), ("Null", None),
        ("017", 17), ("0o17", 15), ("0x1F", 31), ("08", 8), ("-12", -12), ("+3", 3), ("1_000", "1_000"),
        ("12:30:45", "12:30:45"), ("3:15", "3:15"), ("2026-10-01", "2026-10-01"), ("2026-10-01T00:00:00Z",) * 2,
        ("1e3", 1000.0), ("25e-9", 2.5e-8), ("4.10", 4.1), (".5", 0.5), ("5.", 5.0), ("-0", 0), ("1e", "1e"),
        (".", "."), ("-", "-"), ("+", "+"), ("٣", "٣"), ("=", "="), ("0b1", "0b1"), ("Infinity", "Infinity"),
    ],
)  # fmt: skip
def test_plain_scalars_by_the_core_schema(written, value):
    resolved = resolve_plain(written)
    assert resolved == value
    assert type(resolved) is type(value)


def test_quoted_scalars_are_text():
    assert value_of("""{a: "1", b: 'true', c: "null", "<<": "~"}""") == {"a": "1", "b": "true", "c": "null", "<<": "~"}


def test_duplicate_key_names_both_lines():
    (problem,) = read("a: 1\nb: 2\na: 3\n").problems
    assert (problem.line, problem.column) == (3, 1)
    assert "line 1" in problem.message


def test_line_separators_cannot_smuggle_a_key():
    for separator in ("\u2028", "\u2029", "\u0085"):
        assert codes_of(f"a: 1{separator}b: 2") == ["forbidden-character"]


def test_a_byte_order_mark_is_only_a_warning():
    reading = read(b"\xef\xbb\xbfa: 1")
    assert reading.document is not None
    assert reading.document.value == {"a": 1}
    assert reading.document.positions.keys == {"/a": (1, 1)}


def test_lone_carriage_returns_are_line_breaks_like_any_other():
    document = read("a: 1\rb: 0.20\r\nc: 3\n").document
    assert document is not None
    assert document.position("/c", "key") == (3, 1)
    assert document.source_text("/b") == "0.20"
    assert codes_of("a: 1\r\tb: @x") == ["yaml-syntax"]


def test_positions_in_flow_and_nested_style():
    document = read('m: {"a/b": [1, {~c: 2}], d: "é" , e: 3}\nn:\n  -  x\n  - y: z\n').document
    assert document is not None
    assert document.positions.keys["/m/a~1b"] == (1, 5)
    assert document.positions.values["/m/a~1b/1"] == (1, 16)
    assert document.positions.keys["/m/a~1b/1/~0c"] == (1, 17)
    assert document.positions.keys["/m/e"] == (1, 35)
    assert document.positions.values["/n/0"] == (3, 6)
    assert document.positions.values["/n/1/y"] == (4, 8)
    assert document.position("/m/nothing/there") == (1, 4)


def test_the_text_of_a_value_as_it_is_written():
    document = read("{a: 0.20, b: [4.10], c: 0x10 } # 5").document
    assert document is not None
    assert [document.source_text(at) for at in ("/a", "/b/0", "/c")] == ["0.20", "4.10", "0x10"]


# Documents of plain values, written by PyYAML and read by us.
KEYS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=12)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\ufeff"), max_size=30)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXT.filter(lambda text: codes_of(f'"{text}"' if '"' not in text and "\\" not in text else "1") == []),
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


class Dumper(yaml.SafeDumper):
    """PyYAML leaves text such as 0E0 unquoted, since it is no number in YAML 1.1: what has a digit is quoted here."""


Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style='"' if any(map(str.isdigit, text)) else None
    ),
)


@given(VALUES, st.booleans())
def test_what_pyyaml_writes_is_read_back(value, flow):
    text = yaml.dump(value, Dumper=Dumper, default_flow_style=flow, allow_unicode=True, sort_keys=False)
    read_back = value_of(text)
    assert read_back == value or (read_back is None and value in (None, ""))


@given(st.dictionaries(KEYS, st.integers(0, 9), min_size=1, max_size=8), st.booleans())
def test_every_position_is_where_the_key_and_the_value_stand(value, flow):
    text = yaml.safe_dump(value, default_flow_style=flow, default_style='"', sort_keys=False, width=10_000)
    text = text.replace("!!int ", "")
    document = read(text).document
    assert document is not None
    lines = text.split("\n")
    for key, (line, column) in document.positions.keys.items():
        assert lines[line - 1][column - 1] in {'"', "?"}
        value_line, value_column = document.positions.values[key]
        assert lines[value_line - 1][value_column - 1] == '"'


@given(st.binary(max_size=300))
def test_bytes_never_crash_it(data):
    codes_of(data)


@settings(max_examples=400)
@given(st.text(st.sampled_from("ab1.@&*!|>%`'\"[]{}:,?-# \n\t\r\\~<=é\u2028\x00\ufeff"), max_size=60))
def test_yaml_shaped_noise_never_crashes_it(text):
    reading = read(text)
    for problem in reading.problems:
        assert problem.line >= 0
        assert "\n" not in problem.message
    if reading.document is not None:
        check_plain(reading.document.value)


def check_plain(value):
    """JSON-safe: what every later stage relies on."""
    if isinstance(value, dict):
        assert all(type(key) is str for key in value)
        for inner in value.values():
            check_plain(inner)
    elif isinstance(value, list):
        for inner in value:
            check_plain(inner)
    else:
        assert value is None or type(value) in {str, int, float, bool}
        assert not isinstance(value, float) or math.isfinite(value)


def test_depth_is_counted_in_containers():
    assert codes_of("[" * MAX_DEPTH + "]" * MAX_DEPTH) == []
    assert codes_of("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)) == ["too-deep"]
