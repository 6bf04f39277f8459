"""Credentials that go into one header as they are."""

from collections.abc import Mapping
from types import MappingProxyType

from engine.gateway.auth.authenticator import Headers
from engine.operator.credentials import Secret

_HEADERS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "bearer": ("authorization", "Bearer "),
        "api-key": ("api-key", ""),
        "x-api-key": ("x-api-key", ""),
        "x-goog-api-key": ("x-goog-api-key", ""),
    }
)


class Static:
    """One header, the same for every request; none for a server without keys."""

    __slots__ = ("_headers", "_secrets")

    is_ready = True

    def __init__(self, auth: str, secret: Secret | None) -> None:
        self._headers: Headers = ()
        self._secrets: tuple[bytes, ...] = ()
        if secret is not None:
            name, prefix = _HEADERS[auth]
            self._headers = ((name, prefix + secret.reveal()),)
            self._secrets = (secret.reveal().encode(),)

    async def ensure(self) -> None:
        """Nothing is ever missing."""

    def headers(self, method: str, url: str, body: bytes) -> Headers:  # noqa: ARG002 - the protocol's
        """The header."""
        return self._headers

    def secrets(self) -> tuple[bytes, ...]:
        """The secret."""
        return self._secrets
