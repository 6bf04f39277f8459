"""The one place that picks the plug-in for a provider."""

from hashlib import sha256

from engine.gateway.auth.authenticator import Authenticator
from engine.gateway.auth.aws import AwsCredentials, SigV4
from engine.gateway.auth.google import GoogleToken
from engine.gateway.auth.static import Static
from engine.gateway.target import authentication
from engine.model import Provider
from engine.operator.credentials import Bound


class Authenticators:
    """For the life of a worker, so that a new catalog finds the tokens that the one before had."""

    def __init__(self) -> None:
        self._tokens: dict[tuple[str, str], GoogleToken] = {}
        self._aws: dict[str, AwsCredentials] = {}

    def __call__(self, provider: Provider, wire: str, bound: Bound) -> Authenticator:
        """How calls of `provider` by this wire are authenticated; does not wait for anything."""
        if bound.chain.startswith("google:"):
            return self._google(bound)
        if bound.chain.startswith("aws:"):
            return SigV4(self._of_aws(bound), provider.region)
        auth = authentication(provider, wire)
        # A cloud's own key, or a token that somebody else renews, is a bearer.
        return Static("bearer" if auth in {"aws-sigv4", "google-oauth"} else auth, bound.secret)

    def warm(self, bound: Bound) -> None:
        """Begin to get what calls to this provider will need; does not wait for it."""
        if bound.chain.startswith("google:"):
            self._google(bound).warm()
        elif bound.chain.startswith("aws:"):
            self._of_aws(bound).keys.warm()

    def _of_aws(self, bound: Bound) -> AwsCredentials:
        profile = bound.chain.partition(":")[2]
        if profile not in self._aws:
            self._aws[profile] = AwsCredentials(profile)
        return self._aws[profile]

    def _google(self, bound: Bound) -> GoogleToken:
        key = "" if bound.secret is None else sha256(bound.secret.reveal().encode()).hexdigest()
        token = self._tokens.get((bound.credential, key))
        if token is None:
            token = self._tokens[bound.credential, key] = GoogleToken(bound.credential, bound.secret)
        return token
