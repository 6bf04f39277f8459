"""`catalog keys new`."""

import pytest
import yaml

from engine.catalog.secret import is_wellformed, sha256_hex


def test_the_secret_is_printed_and_only_its_hash_is_written(run, catalog):
    done = run("keys", "new", "batch", "--owner", "team-support", "--models", "@local/*", "support-bot", "tiny")
    assert done.returncode == 0
    secret = done.stdout.removesuffix("\n")
    assert is_wellformed(secret)
    assert secret not in done.stderr
    text = (catalog / "keys/batch.yaml").read_text()
    assert secret not in text
    assert yaml.safe_load(text) == {
        "owner": "team-support",
        "models": ["@local/*", "support-bot", "tiny"],
        "secrets": [{"sha256": sha256_hex(secret)}],
    }
    done = run("validate")
    assert (done.returncode, done.stdout) == (0, "4 models, 2 providers, 1 key, 0 errors, 0 warnings\n")


def test_a_key_is_never_overwritten(run, catalog):
    arguments = ("keys", "new", "batch", "--owner", "a", "--models", "tiny", "--catalog", "catalog")
    assert run(*arguments).returncode == 0
    before = (catalog / "keys/batch.yaml").read_bytes()
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "already there" in done.stderr
    assert (catalog / "keys/batch.yaml").read_bytes() == before


def test_a_pattern_that_matches_nothing_is_said_at_once(run, catalog):
    done = run("keys", "new", "odd", "--owner", "a", "--models", "tinyy", "--description", 'a "quoted" word: é')
    assert done.returncode == 0
    assert 'warning: "tinyy" matches no model and no alias; did you mean "tiny"?' in done.stderr
    assert (
        yaml.safe_load((catalog / "keys/odd.yaml").read_text(encoding="utf-8"))["description"] == 'a "quoted" word: é'
    )


@pytest.mark.parametrize(
    ("name", "owner", "pattern"),
    [
        ("../evil", "a", "tiny"),
        ("Batch", "a", "tiny"),
        ("batch", "A B", "tiny"),
        ("batch", "a", "a b"),
        ("batch", "a", ""),
    ],
)
def test_what_validate_would_refuse_is_not_written(run, catalog, name, owner, pattern):
    before = sorted(catalog.rglob("*"))
    done = run("keys", "new", name, "--owner", owner, "--models", pattern)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("catalog: No key was made: ")
    assert sorted(catalog.rglob("*")) == before
