"""What an authentication plug-in must be able to do."""

from typing import Protocol

Headers = tuple[tuple[str, str], ...]


class Authenticator(Protocol):
    """Authenticates the calls to one provider.

    `is_ready` is asked before each call: where it is false, `ensure` must be awaited first. It is a plain attribute or
    a property that costs nothing.
    """

    @property
    def is_ready(self) -> bool:
        """Whether `headers` can be asked for right now."""
        ...

    async def ensure(self) -> None:
        """Get what is missing.

        Raises:
            UpstreamNotSent: upstream_credentials, there is no valid credential, so nothing can be sent.
        """
        ...

    def headers(self, method: str, url: str, body: bytes) -> Headers:
        """The headers that authenticate one request; `url` is absolute, `body` what will be sent, to the byte."""
        ...

    def secrets(self) -> tuple[bytes, ...]:
        """What must never reach a client: whatever goes over the wire and could be echoed."""
        ...
