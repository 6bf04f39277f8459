"""Access tokens of Google Cloud, through google-auth (extra `google`): Application Default Credentials, or a given key.

Sources: https://google.aip.dev/auth/4110, https://cloud.google.com/docs/authentication/application-default-credentials
"""

import json
import time
from datetime import UTC
from importlib import import_module
from typing import Any

from engine.gateway.auth.authenticator import Headers
from engine.gateway.auth.renewing import CredentialUnavailable, Renewed, Renewing
from engine.operator.credentials import Secret

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
# As google-auth itself has it: a token is renewed 3:45 before its end, at latest.
_RENEW_BEFORE_SECONDS = 225
_EXPIRED_BEFORE_SECONDS = 10
_NEVER = float("inf")


class GoogleToken:
    """A bearer token of one account; `key` is the JSON of a credential, None asks for the environment's default."""

    __slots__ = ("_credentials", "_key", "_token")

    def __init__(self, name: str, key: Secret | None) -> None:
        self._key = key
        self._credentials: Any = None  # google.auth.credentials.Credentials
        self._token = Renewing(name, self._renew)

    @property
    def is_ready(self) -> bool:
        """Whether there is a token that holds."""
        return self._token.is_ready

    def warm(self) -> None:
        """Begin to get a token."""
        self._token.warm()

    async def ensure(self) -> None:
        """Get a token."""
        await self._token.ensure()

    def headers(self, method: str, url: str, body: bytes) -> Headers:  # noqa: ARG002 - the protocol's
        """The token as a bearer."""
        return (("authorization", f"Bearer {self._token.get().reveal()}"),)

    def secrets(self) -> tuple[bytes, ...]:
        """The token."""
        return (self._token.get().reveal().encode(),) if self._token.is_ready else ()

    def _renew(self) -> Renewed[Secret]:
        """Runs in a thread, one at a time."""
        exceptions = import_module("google.auth.exceptions")
        try:
            if self._credentials is None:
                self._credentials = self._load()
            self._credentials.refresh(import_module("google.auth.transport.requests").Request())
        except exceptions.DefaultCredentialsError:
            raise CredentialUnavailable(
                "google-auth finds no usable credential: run `gcloud auth application-default login`, "
                "or name the JSON file of a service account"
            ) from None
        except exceptions.GoogleAuthError as error:  # its text may quote the answer of a token server
            raise CredentialUnavailable(f"google-auth got no token: {type(error).__name__}") from None
        token = self._credentials.token
        if not token:
            raise CredentialUnavailable("google-auth got no token")
        expiry = self._credentials.expiry
        expires = expiry.replace(tzinfo=UTC).timestamp() if expiry is not None else _NEVER
        now = time.time()
        renew_at = max(expires - _RENEW_BEFORE_SECONDS, min(now + _RENEW_BEFORE_SECONDS, expires))
        return Renewed(Secret(token), renew_at, expires - _EXPIRED_BEFORE_SECONDS)

    def _load(self) -> Any:
        if self._key is None:
            return import_module("google.auth").default(scopes=SCOPES)[0]
        try:
            info = json.loads(self._key.reveal())
            if info["type"] == "service_account":
                module = import_module("google.oauth2.service_account")
                return module.Credentials.from_service_account_info(info, scopes=SCOPES)
            if info["type"] == "authorized_user":
                return import_module("google.oauth2.credentials").Credentials.from_authorized_user_info(info, SCOPES)
        except (ValueError, TypeError, KeyError):  # its text may hold parts of the key
            raise CredentialUnavailable("google-auth cannot use the credential: is its JSON whole?") from None
        raise CredentialUnavailable(
            "only service_account and authorized_user are read from a credential: "
            "name others in GOOGLE_APPLICATION_CREDENTIALS and bind google:default"
        )
