"""The secrets that we give out: `cat_` and 40 base62 characters, of which the last 6 are a checksum.

The checksum is the CRC-32 of the first 34 characters, as in GitHub's tokens
(https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/): a scanner can
find a leaked secret without asking us, and a mistyped or made-up one costs no look-up.
"""

import hashlib
import re
import secrets
import zlib

PREFIX = "cat_"

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM = 34
_CHECKSUM = 6
_SHAPE = re.compile(r"cat_[0-9A-Za-z]{40}", re.ASCII)


def new_secret() -> str:
    """A fresh secret with 202 bits of the system's randomness."""
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return PREFIX + body + _checksum(body)


def is_wellformed(text: str) -> bool:
    """Whether `text` has our format and its checksum is right; says nothing about who knows it."""
    if _SHAPE.fullmatch(text) is None:
        return False
    body = text[len(PREFIX) : -_CHECKSUM]
    return _checksum(body) == text[-_CHECKSUM:]


def sha256_hex(secret: str) -> str:
    """What the catalog stores of a secret: its SHA-256 in lower-case hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(body: str) -> str:
    """The CRC-32 of `body` in base62, six digits."""
    value = zlib.crc32(body.encode())
    digits = []
    for _ in range(_CHECKSUM):
        value, digit = divmod(value, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
