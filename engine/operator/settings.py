"""The operator's settings: gateway.yaml, `CATALOG_*` variables and flags as one typed, checked value.

A flag wins over the environment, the environment over the file, the file over the default. Settings hold *references*
to secrets, never secrets, so they can be handed to a child process as they are.
"""

import os
from typing import Literal

import msgspec

from engine.operator.origins import Origin, OriginPolicy
from engine.operator.values import Address

MIB = 2**20


class SourceSettings(msgspec.Struct, frozen=True):
    """Where the catalog is: the directory `catalog`, or `path` in the Git repository `repo` at `ref`; or nowhere."""

    catalog: str | None = None
    repo: str | None = None
    ref: str = "main"
    path: str = "catalog"


class OriginSettings(msgspec.Struct, frozen=True):
    """What is allowed for an origin that the operator names.

    `private` lets it resolve to private, loopback and link-local addresses: naming an origin means just that, unless
    it says otherwise. `ca_file` is trusted for it instead of the system's authorities.
    """

    private: bool = True
    ca_file: str | None = None


class CredentialSettings(msgspec.Struct, frozen=True):
    """A secret's place and the one origin that it may be sent to.

    The place is "env:NAME", "file:/path", or who is asked for one: "aws:default", "aws:<profile>", "google:default".
    """

    secret: str
    origin: str


class LimitSettings(msgspec.Struct, frozen=True):
    """Sizes and times that protect the gateway; `max_connections` is per origin and worker."""

    max_body_bytes: int = 20 * MIB
    body_timeout_ms: int = 30_000
    max_response_bytes: int = 64 * MIB
    max_connections: int = 1_000


class LedgerSettings(msgspec.Struct, frozen=True):
    """`durability: process` survives kill -9, `disk` also power loss. `when_unwritable` is about new requests."""

    durability: Literal["process", "disk"] = "process"
    when_unwritable: Literal["refuse", "allow"] = "refuse"


class DrainSettings(msgspec.Struct, frozen=True):
    """How long calls in flight may go on after a stop was asked for."""

    grace_ms: int = 30_000


class DisconnectSettings(msgspec.Struct, frozen=True):
    """How far an answer is still read, for its usage, when its client has left; past any of these it is cancelled."""

    max_time_ms: int = 120_000
    max_bytes: int = 16 * MIB
    max_calls: int = 100


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that whoever runs the gateway decides. Paths are absolute; `origins` and credentials' origins are normal.

    `environment` is that of the catalog, "" for its base. `warnings` are sentences for the log about what was read and may be a mistake.
    """

    state: str
    listen: Address = Address("127.0.0.1", 8790)
    admin_listen: Address = Address("127.0.0.1", 8791)
    workers: int = 1
    source: SourceSettings = SourceSettings()
    environment: str = ""
    origins: dict[str, OriginSettings] = {}
    credentials: dict[str, CredentialSettings] = {}
    limits: LimitSettings = LimitSettings()
    ledger: LedgerSettings = LedgerSettings()
    drain: DrainSettings = DrainSettings()
    on_disconnect: DisconnectSettings = DisconnectSettings()
    warnings: tuple[str, ...] = ()

    def policy(self, origin: Origin) -> OriginPolicy:
        """What is allowed for `origin`. Binding a credential to it names it, as listing it does."""
        name = str(origin)
        if (listed := self.origins.get(name)) is not None:
            return OriginPolicy(private=listed.private, ca_file=listed.ca_file)
        return OriginPolicy(private=any(credential.origin == name for credential in self.credentials.values()))

    def to_json(self) -> bytes:
        """For a child process, through a pipe."""
        return msgspec.json.encode(self)

    @classmethod
    def from_json(cls, data: bytes) -> "Settings":
        """What `to_json` wrote."""
        return msgspec.json.decode(data, type=cls)

    @classmethod
    def inherited(cls, descriptor: int) -> "Settings | None":
        """What the supervisor writes into a pipe for its child; None where it was killed before it had said all."""
        with os.fdopen(descriptor, "rb") as pipe:
            try:
                return cls.from_json(pipe.read())
            except msgspec.MsgspecError:
                return None
