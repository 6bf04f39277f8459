"""`catalog keys new`."""

import json

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
    assert done.stderr.startswith("catalog: Nothing was written: ")
    assert sorted(catalog.rglob("*")) == before


KEY = """\
# The batch jobs of support.
owner: team-support # ask them
models: [tiny] # only this one
# Made by hand.
key_sha256: {} # of 2025
# the end
"""
OLD = "ab" * 32


def write(catalog, text, name="batch"):
    file = catalog / f"keys/{name}.yaml"
    file.write_text(text)
    file.chmod(0o640)
    return file


def test_rotating_adds_a_secret_and_dates_the_old_one(run, catalog):
    file = write(catalog, KEY.format(OLD))
    done = run("keys", "rotate", "batch", "--date", "2027-01-01T01:00:00+01:00")
    assert done.returncode == 0
    assert done.stdout.endswith("\n")
    secret = done.stdout.removesuffix("\n")
    assert is_wellformed(secret)
    assert secret not in done.stderr
    assert "The old secret ends at 2027-01-01T00:00:00Z." in done.stderr
    assert file.read_text() == (
        "# The batch jobs of support.\n"
        "# Made by hand.\n"
        "secrets:\n"
        f"  - sha256: {OLD} # of 2025\n"
        "    expires: 2027-01-01T00:00:00Z\n"
        f"  - sha256: {sha256_hex(secret)}\n"
        "owner: team-support # ask them\n"
        "models: [tiny] # only this one\n"
        "# the end\n"
    )
    assert file.stat().st_mode & 0o777 == 0o640
    assert run("validate").returncode == 0


def test_rotating_twice_keeps_the_earlier_end(run, catalog):
    file = write(catalog, KEY.format(OLD))
    assert run("keys", "rotate", "batch", "--expire-old", "1h").returncode == 0
    first_end = yaml.safe_load(file.read_text())["secrets"][0]["expires"]
    done = run("keys", "rotate", "batch", "--expire-old", "7d")
    secrets = yaml.safe_load(file.read_text())["secrets"]
    assert secrets[0]["expires"] == first_end
    assert secrets[1]["expires"] > first_end
    assert secrets[2] == {"sha256": sha256_hex(done.stdout.strip())}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rotate", "bach"), 'Did you mean "batch"?'),
        (("rotate", "../keys/batch"), "There is no key"),
        (("rotate", "batch", "--date", "tomorrow"), "tomorrow is not a time"),
        (("rotate", "batch", "--expire-old", "soon"), "soon is not a length of time"),
        (("rotate", "batch", "--expire-old", "1h", "--date", "2027-01-01T00:00:00Z"), "do not go together"),
        (("revoke", "batch", "--secret", "cd"), "no secrets of the key"),
        (("revoke", "batch", "--secret", "ab"), "it is the key's only secret"),
    ],
)
def test_what_cannot_be_done_changes_nothing(run, catalog, arguments, said):
    file = write(catalog, KEY.format(OLD))
    before = file.read_bytes()
    done = run("keys", *arguments)
    assert (done.returncode in {1, 2}, done.stdout) == (True, "")
    assert said in done.stderr
    assert file.read_bytes() == before


def test_at_most_sixteen_secrets(run, catalog):
    secrets = "".join(f"  - {{sha256: '{number:064x}'}}\n" for number in range(16))
    file = write(catalog, f"owner: a\nmodels: [tiny]\nsecrets:\n{secrets}")
    before = file.read_bytes()
    done = run("keys", "rotate", "batch")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Nothing was written" in done.stderr
    assert file.read_bytes() == before


def test_revoking_one_secret_and_then_the_key(run, catalog):
    file = write(catalog, KEY.format(OLD))
    assert run("keys", "rotate", "batch").returncode == 0
    done = run("keys", "revoke", "batch", "--secret", "abab")
    assert done.returncode == 0
    assert OLD not in file.read_text()
    assert len(yaml.safe_load(file.read_text())["secrets"]) == 1
    assert run("keys", "revoke", "batch").returncode == 0
    assert yaml.safe_load(file.read_text())["disabled"] is True
    assert "# ask them" in file.read_text()
    assert run("validate").returncode == 0


def test_the_list_shows_state_and_secrets(run, catalog):
    write(catalog, KEY.format(OLD))
    write(
        catalog,
        f"owner: a\nmodels: ['@local/*']\nsecrets: [{{sha256: {'c' * 64}, expires: 2020-01-01T00:00:00Z}}]",
        "old",
    )
    write(catalog, f"owner: a\nmodels: [tiny]\ndeny_models: [tiny]\ndisabled: true\nkey_sha256: {'d' * 64}", "off")
    done = run("keys", "list")
    assert done.returncode == 0
    lines = {line.split()[0]: line.split() for line in done.stdout.splitlines()[1:]}
    assert lines["batch"] == ["batch", "team-support", "tiny", "active", "abababababab", "keys/batch.yaml"]
    assert lines["old"][3:] == ["expired", "cccccccccccc", "until", "2020-01-01T00:00:00Z", "keys/old.yaml"]
    assert lines["off"][2:6] == ["tiny,", "not", "tiny", "disabled"]
    listed = json.loads(run("keys", "list", "--format", "json").stdout)
    assert [(key["name"], key["state"]) for key in listed] == [
        ("batch", "active"),
        ("off", "disabled"),
        ("old", "expired"),
    ]
