"""reference.lock: the same content gives the same bytes, and nothing else is believed."""

import subprocess
import sys

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.pricing.lock import FORMAT, Change, Lock, LockError, _digest, build_lock, changes, parse_lock, render
from engine.pricing.reference import Found, Reference

ASKED = [
    ("openai", "gpt-4.1-nano"),
    ("openai", "gpt-4.1-nano-2025-04-14"),
    ("openai", "gpt-4o-mini*"),
    ("openai", "nothing-like-it*"),
    ("openai", "no-such-model"),
    ("anthropic", "claude-sonnet-4-5"),
    ("azure", "gpt-4.1-nano"),
    ("deepseek", "deepseek-chat"),
    ("groq", "no-such-model"),
    ("vllm", "whatever"),
]


@pytest.fixture(scope="module")
def lock(reference: Reference) -> Lock:
    return build_lock(ASKED, reference)


def sealed(document):
    """The bytes of a document whose digest fits, so that only what is inside can be wrong."""
    return msgspec.json.encode({**document, "digest": _digest(document)})


def test_round_trip(lock):
    data = render(lock)
    again = parse_lock(data)
    assert again == lock
    assert render(again) == data


def test_the_order_of_asking_changes_no_byte(lock, reference):
    assert render(build_lock([*reversed(ASKED), *ASKED], reference)) == render(lock)


def test_everything_that_exists_is_found_as_in_the_reference_data(reference):
    asked = [(api, model_id) for api in reference.apis for model_id in reference.expand(api, "*")]
    whole = parse_lock(render(build_lock(asked, reference)))
    assert len(asked) > 2_000
    for api, model_id in asked:
        assert whole.find(api, model_id) == reference.find(api, model_id)


def test_find(lock, reference):
    lock = parse_lock(render(lock))
    for api, name in ASKED:
        if "*" not in name:
            assert lock.find(api, name) == reference.find(api, name)
    assert lock.find("azure", "gpt-4.1-nano").model.name == "openai:gpt-4.1-nano"
    assert lock.find("deepseek", "deepseek-chat").model.unpriced == "the list price depends on the time of day"
    # Locked by the pattern alone.
    assert lock.find("openai", "gpt-4o-mini") == Found(reference.find("openai", "gpt-4o-mini").model, "id")
    # In the reference data, but not in this lock; and the key of another api's model is not a name.
    assert lock.find("openai", "o3") is None
    assert lock.find("mistral", "codestral") is None
    assert lock.find("azure", "openai:gpt-4.1-nano") is None


def test_expand(lock, reference):
    assert lock.expand("openai", "gpt-4o-mini*") == reference.expand("openai", "gpt-4o-mini*") != ()
    assert lock.expand("openai", "nothing-like-it*") == ()
    assert lock.expand("openai", "o3*") is None
    assert lock.expand("mistral", "*") is None


def test_a_lock_of_nothing(reference):
    empty = build_lock([("vllm", "whatever"), ("openai", "no-such-model")], reference)
    assert empty.apis == {}
    assert parse_lock(render(empty)) == empty


def test_a_price_change_is_one_line_and_the_digest(lock):
    old = render(lock).decode()
    document = msgspec.json.decode(old)
    del document["digest"]
    document["apis"]["anthropic"]["models"]["claude-sonnet-4-5"]["windows"][0]["rates"]["input_mtok"] = "3.5"
    changed = parse_lock(sealed(document))
    differing = [
        pair for pair in zip(old.split("\n"), render(changed).decode().split("\n"), strict=True) if len(set(pair)) > 1
    ]
    assert [new.split(":")[0].strip() for _, new in differing] == ['"input_mtok"', '"digest"']
    assert changes(lock, changed) == [Change("anthropic:claude-sonnet-4-5", "input_mtok", "3", "3.5")]


def test_changes_say_what_came_and_what_went(lock, reference):
    assert changes(lock, parse_lock(render(lock))) == []
    smaller = build_lock([("openai", "gpt-4.1-nano"), ("deepseek", "deepseek-chat")], reference)
    went = changes(lock, smaller)
    assert went
    assert all(change.after is None for change in went)
    came = changes(smaller, lock)
    assert [(each.model, each.what, each.after, each.before) for each in went] == [
        (each.model, each.what, each.before, each.after) for each in came
    ]
    said = {(change.model, change.what, change.after) for change in changes(None, lock)}
    assert ("openai:gpt-4.1-nano-2025-04-14", "resolves to", "gpt-4.1-nano") in said
    assert ("openai:gpt-4.1-nano (for azure)", "input_mtok", "0.1") in said
    assert ("openai:gpt-4.1-nano", "from 2026-10-14T00:00:00Z: processing=batch: input_mtok", "0.05") in said
    assert ("anthropic:claude-sonnet-4-5", "above 200000 input tokens: input_mtok", "6") in said
    assert ("anthropic:claude-sonnet-4-5", "context_window", "200000") in said
    assert ("deepseek:deepseek-chat", "unpriced", "the list price depends on the time of day") in said


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_is_refused_or_harmless(lock, data):
    original = render(lock)
    position = data.draw(st.integers(0, len(original) - 1))
    changed = bytearray(original)
    changed[position] = data.draw(st.integers(0, 255))
    try:
        read = parse_lock(bytes(changed))
    except LockError:
        return
    assert read == lock


def document_with(**parts):
    return {"format": FORMAT, "source": {"package": "genai-prices", "version": "0.2.3"}, "apis": {}, **parts}


def with_model(model, **parts):
    return document_with(apis={"openai": {"models": {"m": model}, **parts}})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "it is not JSON"),
        (b"\xff\xfe", "it is not JSON"),
        (b"<<<<<<< HEAD\n{}", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "it is not a reference lock"),
        (b"{}", "it is not a reference lock"),
        (b'{"format": 2}', "it has format 2, and this version of catalog reads format 1"),
        (b'{"format": "1\\n2"}', "it is not a reference lock"),
        (b'{"format": 1}', "edited by hand"),
        (b'{"format": 1, "digest": 7}', "edited by hand"),
        (b'{"format": 1, "digest": "\\ud800"}', "it is not JSON"),
        (b'{"format": 1, "more": 123456789012345678901234567890, "less": 1e-400}', "edited by hand"),
        (sealed({"format": 1}), "source"),
        (sealed(document_with(apis=[])), "apis"),
        (sealed(document_with(extra=1)), "extra"),
        (sealed(with_model({"windows": [{"rates": {"input_mtok": 0.1}}]})), "Expected `str`, got `float`"),
        (sealed(with_model({"windows": [{"rates": {"input_mtok": "-1"}}]})), "not a plain decimal: '-1'"),
        (
            sealed(with_model({"windows": [{"rates": {"input_moods": "1"}}]})),
            "openai:m has an unknown price key: input_moods",
        ),
        (sealed(with_model({"windows": [{"rates": {}, "from": "tomorrow"}]})), "tomorrow"),
        (sealed(with_model({"windows": [{"rates": {"a\nb": "1"}}]})), "unknown price key: a b"),
        (sealed(with_model({}, names={"n": {"model": "gone", "matched_by": "id"}})), "openai:gone is named"),
        (sealed(with_model({}, patterns={"n*": ["gone"]})), "openai:gone is named"),
    ],
)
def test_bad_locks_say_in_one_line_what_is_wrong(data, message):
    with pytest.raises(LockError) as caught:
        parse_lock(data)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "format 2" in message or "catalog reference update" in str(caught.value)


def test_reading_a_lock_and_charging_never_imports_genai_prices():
    code = (
        "import sys, engine.pricing.lock, engine.pricing.cost, engine.pricing.meters, engine.pricing.reference\n"
        "sys.exit(any(name.split('.')[0] == 'genai_prices' for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
