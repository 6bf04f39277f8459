"""The format of our secrets."""

import zlib

from hypothesis import given
from hypothesis import strategies as st

from engine.catalog.secret import is_wellformed, new_secret, sha256_hex

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def test_a_new_secret_is_wellformed_and_unlike_any_other():
    made = {new_secret() for _ in range(200)}
    assert len(made) == 200
    for secret in made:
        assert secret.startswith("cat_")
        assert len(secret) == 44
        assert is_wellformed(secret)


def test_the_checksum_is_the_crc32_of_the_first_34():
    secret = new_secret()
    number = 0
    for digit in secret[38:]:
        number = number * 62 + ALPHABET.index(digit)
    assert number == zlib.crc32(secret[4:38].encode())


@given(st.integers(4, 43), st.sampled_from(ALPHABET))
def test_one_changed_character_is_noticed(place, character):
    secret = new_secret()
    changed = secret[:place] + character + secret[place + 1 :]
    assert is_wellformed(changed) == (changed == secret)


@given(st.text(max_size=60))
def test_anything_else_is_not_wellformed(text):
    assert not is_wellformed(text)
    assert not is_wellformed(new_secret() + (text or "\n"))


def test_the_hash_is_what_sha256sum_prints():
    assert sha256_hex("cat_x") == "9aed5f4d7a19ab45a813876615d4a66568847d8c3a979c223d569d6108744a0c"
