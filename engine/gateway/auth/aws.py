"""Signatures over requests to Amazon Bedrock, through botocore (extra `aws`) and its chain of credentials.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html,
https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html
"""

import time
from importlib import import_module
from typing import Any

import msgspec

from engine.gateway.auth.authenticator import Headers
from engine.gateway.auth.renewing import CredentialUnavailable, Renewed, Renewing
from engine.operator.credentials import Secret

SERVICE = "bedrock"
# Asked again this often. What botocore gives out then holds for ten minutes at least: it renews before that.
_ASK_AGAIN_SECONDS = 60
_HOLDS_SECONDS = 600


class AwsKeys(msgspec.Struct, frozen=True):
    """What a request is signed with; `token` is None for keys that do not expire."""

    access_key: str
    secret_key: Secret
    token: Secret | None = None


class AwsCredentials:
    """The keys of one account, from a profile or from AWS's default chain ("default")."""

    def __init__(self, profile: str) -> None:
        self._profile = None if profile == "default" else profile
        self._credentials: Any = None  # botocore.credentials.Credentials
        self.keys = Renewing(f"aws:{profile}", self._renew)

    def _renew(self) -> Renewed[AwsKeys]:
        """Runs in a thread, one at a time; what must be fetched is fetched here."""
        exceptions = import_module("botocore.exceptions")
        try:
            if self._credentials is None:
                self._credentials = import_module("botocore.session").Session(profile=self._profile).get_credentials()
            if self._credentials is None:
                raise CredentialUnavailable("AWS's chain of credentials finds none: run `aws configure`, for example")
            frozen = self._credentials.get_frozen_credentials()
        except exceptions.ProfileNotFound:
            raise CredentialUnavailable(f"AWS's configuration has no profile {self._profile!r}") from None
        except exceptions.BotoCoreError as error:  # its text may quote what a server or a process said
            raise CredentialUnavailable(f"botocore got no credentials: {type(error).__name__}") from None
        now = time.time()
        keys = AwsKeys(frozen.access_key, Secret(frozen.secret_key), Secret(frozen.token) if frozen.token else None)
        return Renewed(keys, now + _ASK_AGAIN_SECONDS, now + _HOLDS_SECONDS)


class SigV4:
    """Signs the requests to one region. Host, date and body are signed, and no header that is added later."""

    __slots__ = ("_credentials", "_region")

    def __init__(self, credentials: AwsCredentials, region: str) -> None:
        self._credentials = credentials
        self._region = region

    @property
    def is_ready(self) -> bool:
        """Whether there are keys that hold."""
        return self._credentials.keys.is_ready

    async def ensure(self) -> None:
        """Get keys."""
        await self._credentials.keys.ensure()

    def headers(self, method: str, url: str, body: bytes) -> Headers:
        """The signature, its date, and the token of keys that expire."""
        return sign(self._credentials.keys.get(), self._region, method, url, body)

    def secrets(self) -> tuple[bytes, ...]:
        """The token: the secret key itself never leaves."""
        token = self._credentials.keys.get().token if self.is_ready else None
        return (token.reveal().encode(),) if token is not None else ()


def sign(keys: AwsKeys, region: str, method: str, url: str, body: bytes, *, service: str = SERVICE) -> Headers:
    """The headers that AWS asks for with one request (Signature Version 4); `url` is absolute."""
    auth, awsrequest, credentials = map(import_module, ("botocore.auth", "botocore.awsrequest", "botocore.credentials"))
    token = keys.token.reveal() if keys.token else None
    request = awsrequest.AWSRequest(method=method, url=url, data=body)
    readable = credentials.ReadOnlyCredentials(keys.access_key, keys.secret_key.reveal(), token)
    auth.SigV4Auth(readable, service, region).add_auth(request)
    return tuple((name.lower(), value) for name, value in request.headers.items())
