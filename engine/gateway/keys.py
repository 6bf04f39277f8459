"""Who calls: finds the one credential of ours among a request's headers."""

import time
from collections.abc import Iterable

from engine.catalog.secret import is_wellformed, sha256_hex
from engine.errors import InvalidRequest, Unauthenticated
from engine.model import Key

# OpenAI clients send a dummy bearer beside `x-portkey-api-key`: only a value that has our format counts.
_HEADERS = frozenset({b"authorization", b"x-portkey-api-key", b"x-api-key", b"api-key"})
_BEARER = b"bearer "


def presented_secret(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The secret in our format that the request carries, None where there is none.

    Raises:
        InvalidRequest: two different ones, so that it is unclear who calls.
    """
    found: str | None = None
    for name, value in headers:
        if name not in _HEADERS:
            continue
        candidate = value[7:] if name == b"authorization" and value[:7].lower() == _BEARER else value
        text = candidate.strip().decode("latin-1")
        if not is_wellformed(text) or text == found:
            continue
        if found is not None:
            raise InvalidRequest("The request carries two different keys; send one.", code="ambiguous_credentials")
        found = text
    return found


def hash_of(secret: str | None) -> str:
    """The SHA-256 by which keys are known.

    Raises:
        Unauthenticated: there is no secret.
    """
    if secret is None:
        raise refused()
    return sha256_hex(secret)


def check_usable(key: Key, secret_expires: int | None) -> None:
    """Refuse a disabled or expired key.

    Raises:
        Unauthenticated: the same text as for an unknown key.
    """
    if key.disabled:
        raise refused()
    if key.expires is not None or secret_expires is not None:
        now = time.time_ns()
        if (key.expires is not None and now >= key.expires) or (secret_expires is not None and now >= secret_expires):
            raise refused()


def refused() -> Unauthenticated:
    """The one answer to every wrong key."""
    return Unauthenticated("Invalid API key. Send a key of this gateway as 'Authorization: Bearer cat_…'.")
