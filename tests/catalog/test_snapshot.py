"""The artifact: the same bytes for the same tree, everything in it, and damage noticed."""

import hashlib

import pytest

from engine.catalog.compile import compile_catalog
from engine.catalog.envelope import SnapshotFormatError, unseal
from engine.catalog.snapshot import Snapshot, encode


@pytest.fixture
def everything(good):
    return compile_catalog(good).catalog


pytestmark = pytest.mark.parametrize("good", ["everything"], indirect=True)


def test_a_round_trip_keeps_all(good, everything):
    snapshot = Snapshot.decode(encode(everything))
    assert snapshot.revision == good.revision
    assert snapshot.documents() == good
    assert snapshot.providers == everything.providers
    assert snapshot.names == tuple(everything.models)
    assert {name: snapshot.model(name) for name in snapshot.names} == everything.models
    assert {name: snapshot.key(name) for name in snapshot.key_names} == everything.keys


def test_the_same_tree_gives_the_same_bytes(good, everything):
    artifact = encode(everything)
    assert artifact == encode(compile_catalog(good).catalog)
    assert Snapshot.decode(artifact).digest == hashlib.sha256(artifact).hexdigest()
    assert artifact == encode(compile_catalog(Snapshot.decode(artifact).documents()).catalog)


def test_names_and_aliases(everything):
    snapshot = Snapshot.decode(encode(everything))
    assert snapshot.resolve("@openai/bot") == "@openai/bot"
    assert snapshot.resolve("support") == snapshot.resolve("@old-provider/support") == "@openai/bot"
    assert snapshot.resolve("nobody") is None
    assert snapshot.model("support") is None
    assert snapshot.model("@openai/bot") is snapshot.model("@openai/bot")


def test_keys_are_found_by_any_of_their_hashes(everything):
    snapshot = Snapshot.decode(encode(everything))
    for digit in "23":
        key, secret = snapshot.key_by_sha256(digit * 64)
        assert (key.name, secret.sha256) == ("batch", digit * 64)
    assert snapshot.key_by_sha256("4" * 64) is None


def test_what_a_key_may_call(everything):
    snapshot = Snapshot.decode(encode(everything))
    key = snapshot.key("batch")
    allowed = {name for name in snapshot.names if snapshot.may_call(key, name)}
    assert allowed == {
        "@internal/gift",
        "@internal/gift-too",
        "@openai/bot",
        "@openai/gpt-4.1-mini",
        "@openai/gpt-4.1-nano",
        "@openai/gpt-4o-2024-08-06",
        "@openai/listed",
        "@openai/sheet",
    }


def test_other_formats_and_damage_are_refused(everything):
    artifact = encode(everything)
    for damaged in (b"", _of_format(artifact, 99), artifact[:-40], artifact[:30], b"\x00" * 100):
        with pytest.raises(SnapshotFormatError):
            Snapshot.decode(damaged)


def test_documents_are_read_from_any_format(good, everything):
    documents = unseal(_of_format(encode(everything), 99)[:-100]).open()
    assert (documents.tree, documents.environment) == (good, everything.environment)


def _of_format(artifact, number):
    return b"llm-catalog-snapshot %d\n" % number + artifact.partition(b"\n")[2]
