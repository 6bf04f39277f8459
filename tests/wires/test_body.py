import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import InvalidRequest
from engine.wires.body import MAX_DEPTH, MAX_MEMBERS, parse_body, parse_object

MODEL = b'"model":"@a/b"'


def refusal(data: bytes) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as raised:
        parse_body(data)
    assert raised.value.status == 400
    assert raised.value.type == "invalid_request_error"
    return raised.value


def test_a_body_keeps_order_and_bytes_of_its_values():
    body = parse_body(b' {"b" : [1,  2.50] ,"model":"@a/b", "stream":true,"a":{"x":\t"\\u00e9"}}\n')
    assert list(body.fields) == ["b", "model", "stream", "a"]
    assert bytes(body.fields["b"]) == b"[1,  2.50]"
    assert bytes(body.fields["a"]) == b'{"x":\t"\\u00e9"}'
    assert (body.model, body.stream) == ("@a/b", True)


@pytest.mark.parametrize(("value", "streams"), [(b"true", True), (b"false", False), (b"null", False)])
def test_stream_is_read(value: bytes, streams: bool):
    assert parse_body(b'{%s,"stream":%s}' % (MODEL, value)).stream is streams


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b" \r\n\t ", "empty"),
        (b"hello", "not JSON"),
        (b'{"model":"x"', "ends too early"),
        (b'{"model":"x"}}', "trailing"),
        (b'{"model":"x",}', "not JSON"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b'"text"', "not an object"),
        (b"\xef\xbb\xbf{}", "not JSON"),
        (b'{"model":"\xff"}', "not UTF-8 (byte 10)"),
        (b'{"\xff":1}', "not UTF-8"),
        (b'{"model":"x","a":["\xc3"]}', "not UTF-8"),
        (b'{"model":"x","a":"\xed\xa0\x80"}', "not UTF-8"),  # a surrogate, encoded
        (rb'{"model":"x","a":"\ud800 and more"}', "not JSON"),
        (rb'{"model":"x","a":"\udc00 and more"}', "not JSON"),
        (rb'{"model":"x","a":"\ud800\\udc00 and more"}', "not JSON"),
        (rb'{"model":"x","a":"\q"}', "not JSON"),
        (b'{"model":"x","a":"\x00"}', "not JSON"),
        (b'{"model":"x","a":NaN}', "not JSON"),
        (b'{"model":"x","a":[-Infinity]}', "not JSON"),
        (b'{"model":"x","a":1e999}', "out of range"),
        (b'{"model":"x","a":{"b":[1,-1E+400]}}', "out of range"),
        (b'{"model":"x","a":1%s}' % (b"0" * 309), "out of range"),
        (b'{"model":"x","a":%s}' % (b"7" * 5_000), "out of range"),
        (b'{"model":"x","a":%se9}' % (b"7" * 305), "out of range"),
    ],
)
def test_unsound_json_is_refused_with_what_is_wrong(data: bytes, says: str):
    error = refusal(data)
    assert says in error.message
    assert error.code == "invalid_json"


@pytest.mark.parametrize(
    "value",
    [
        rb'"\ud83d\ude00"',
        rb'"\\ud800"',
        b"1e308",
        b"1e-999",
        b"[1e5,1E+05,12.5e-3]",
        b"0." + b"3" * 5_000,
        b'"' + b"9" * 5_000 + b'e999"',
        b'"1e999 \\" 1e999"',
        b'"\xf0\x9f\x98\x80"',
        b'{"":{"":""}}',
    ],
)
def test_sound_json_is_accepted(value: bytes):
    assert bytes(parse_body(b'{%s,"a":%s}' % (MODEL, value)).fields["a"]) == value


@pytest.mark.parametrize(
    ("data", "param", "code"),
    [
        (b"{}", "model", "missing_required_parameter"),
        (b'{"model":null}', "model", "invalid_type"),
        (b'{"model":["x"]}', "model", "invalid_type"),
        (b'{"model":""}', "model", "invalid_value"),
        (b'{"model":"x","stream":"false"}', "stream", "invalid_type"),
        (b'{"model":"x","stream":0}', "stream", "invalid_type"),
        (b'{"model":"x","stream":[ ]}', "stream", "invalid_type"),
    ],
)
def test_wrong_types_name_the_parameter(data: bytes, param: str, code: str):
    error = refusal(data)
    assert (error.param, error.code) == (param, code)
    assert param in error.message


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b'{"model":"x","model":"y"}', "model"),
        (b'{"model":"x","model":"x"}', "model"),
        (rb'{"model":"x","mod\u0065l":"y"}', "model"),
        (rb'{"mod\u0065l":"x", "model" : "x" }', "model"),
        (b'{"model":"x","a":1,"b":2,"a":1}', "a"),
        (b'{"a":1,"a":22,"model":"x"}', "a"),
        (b'{"a":[1],"model":"x" , "b":"}","a":{}}', "a"),
        (b'{"":1,"":1,"model":"x"}', ""),
        ('{"é":1,"model":"x","é":1}'.encode(), "é"),
    ],
)
def test_a_name_that_stands_twice_is_refused(data: bytes, name: str):
    error = refusal(data)
    assert (error.code, error.param) == ("duplicate_parameter", name)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_depth_is_capped(opening: bytes, closing: bytes):
    inner = b"1" if closing == b"}" else b""
    for depth in (65, 200, 900, 2_000, 100_000):
        nested = depth - 1  # the body is a level of its own
        data = b'{%s,"a":%s%s%s}' % (MODEL, opening * nested, inner, closing * nested)
        started = time.perf_counter()
        assert f"deeper than {MAX_DEPTH}" in refusal(data).message
        assert time.perf_counter() - started < 1
    parse_body(b'{%s,"a":%s%s%s}' % (MODEL, opening * 63, inner, closing * 63))


@pytest.mark.parametrize(
    "text",
    [b"[" * 1_000, rb"\"" + b"[{" * 500, rb"\\", rb"\\\"[", b"]}" * 70, rb"\\\\" + b"[" * 99 + rb"\"" + b"[" * 99],
)
def test_brackets_in_strings_do_not_count(text: bytes):
    wide = b"[" + b",".join([b"[]"] * 100) + b"]"
    parse_body(b'{%s,"%s":"%s","b":%s}' % (MODEL, text, text, wide))
    deep = b"[" * 64 + b'"%s"' % text + b"]" * 64
    assert "deeper" in refusal(b'{%s,"a":%s}' % (MODEL, deep)).message


def test_brackets_in_strings_cannot_hide_depth():
    deep = b'["]",' * 70 + b"1" + b"]" * 70
    assert "deeper" in refusal(b'{%s,"a":%s}' % (MODEL, deep)).message


def test_too_many_parameters_are_refused():
    members = b",".join(b'"%d":1' % number for number in range(MAX_MEMBERS))
    assert "more than" in refusal(b"{%s,%s}" % (MODEL, members)).message


@pytest.mark.parametrize(
    "value",
    [
        b"[" + b",".join([b"[" * 60 + b"]" * 60] * 8_000) + b"]",
        b"[" + b",".join([b"1" * 308] * 3_000) + b"]",
        b"[" + b",".join([b"1e99"] * 200_000) + b"]",
        b'"' + rb"\"" * 500_000 + b'"',
        b"[" + b'"",' * 300_000 + b"1]",
    ],
    ids=["deep often", "long numbers", "exponents", "escapes", "strings"],
)
def test_a_hostile_megabyte_takes_no_second(value: bytes):
    data = b'{%s, "a":%s}' % (MODEL, value)
    started = time.perf_counter()
    parse_body(data)
    assert time.perf_counter() - started < 1


def json_values() -> st.SearchStrategy[Any]:
    numbers = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
    texts = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(['"', "\\", "[[", "}{", '\\"', "é"])
    leaves = st.none() | st.booleans() | numbers | texts
    return st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(texts, inner), max_leaves=20)


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), json_values()),
    st.booleans(),
    st.sampled_from([None, 0, 1, "\t"]),
    st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\r : ")]),
)
def test_any_sound_object_is_read_as_it_is(value: dict, ascii_only: bool, indent, separators):
    data = json.dumps(value, ensure_ascii=ascii_only, indent=indent, separators=separators).encode()
    fields = parse_object(data)
    assert [(name, json.loads(bytes(raw))) for name, raw in fields.items()] == list(value.items())


@given(st.data())
def test_what_is_accepted_is_sound_for_everybody(data: st.DataObject):
    """A spoiled body is refused, or it is JSON that the strict standard parser reads alike."""
    sound = json.dumps(data.draw(st.dictionaries(st.sampled_from(["a", "b", "model"]), json_values()))).encode()
    at = data.draw(st.integers(0, len(sound)))
    spoiled = sound[:at] + data.draw(st.binary(max_size=3)) + sound[data.draw(st.integers(at, len(sound))) :]
    try:
        fields = parse_object(spoiled)
    except InvalidRequest:
        return
    assert {name: json.loads(bytes(raw)) for name, raw in fields.items()} == json.loads(spoiled.decode())
