"""The snapshot: one compiled catalog as one immutable, self-contained artifact.

The artifact is an `envelope` that carries the source documents, and in it MessagePack with all models end to end in one
byte string and a table of where each ends: a catalog of any size is decoded in milliseconds, and a model on its first
use. The same catalog always gives the same bytes.
"""

import functools
import hashlib
import sys
from array import array
from collections.abc import Iterable
from itertools import accumulate

import msgspec

import engine
from engine.catalog.access import Permissions
from engine.catalog.catalog import Catalog
from engine.catalog.envelope import Envelope, SnapshotFormatError, seal, unseal
from engine.model import Access, Budget, Key, KeySecret, Model, Provider, Route, Team
from engine.tree import Tree

FORMAT = 5


class _Artifact(msgspec.Struct, frozen=True):
    engine: str
    revision: str
    committed_at: int | None
    environment: str
    providers: dict[str, Provider]
    names: tuple[str, ...]
    ends: memoryview
    models: memoryview
    aliases: dict[str, str]
    keys: dict[str, memoryview]
    secrets: dict[str, str]
    routes: dict[str, Route]
    budgets: dict[str, Budget]
    teams: dict[str, Team]
    restricted: dict[str, tuple[str, Access]]


_ALL = Access()
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Artifact)
_model_decoder = msgspec.msgpack.Decoder(Model)
_key_decoder = msgspec.msgpack.Decoder(Key)


def encode(catalog: Catalog) -> bytes:
    """The artifact of a catalog."""
    return Encoder().encode(catalog)


class Encoder:
    """Encodes one catalog after another; a model that is the same as before is not encoded again."""

    def __init__(self) -> None:
        self._models: dict[str, tuple[Model, bytes]] = {}

    def encode(self, catalog: Catalog) -> bytes:
        """The artifact of a catalog."""
        models = self._encoded(catalog.models)
        ends = array("Q", accumulate(map(len, models)))
        if sys.byteorder != "little":
            ends.byteswap()
        tree = catalog.tree
        secrets = {secret.sha256: name for name, key in catalog.keys.items() for secret in key.secrets}
        artifact = _Artifact(
            engine=engine.__version__,
            revision=tree.revision,
            committed_at=tree.committed_at,
            environment=catalog.environment,
            providers=catalog.providers,
            names=tuple(catalog.models),
            ends=memoryview(ends.tobytes()),
            models=memoryview(b"".join(models)),
            aliases=catalog.aliases,
            keys={name: _packed(key) for name, key in catalog.keys.items()},
            secrets=dict(sorted(secrets.items())),
            routes=catalog.routes,
            budgets=catalog.budgets,
            teams=catalog.teams,
            restricted={name: (each.file, each.access) for name, each in catalog.models.items() if each.access != _ALL},
        )
        return seal(FORMAT, tree, catalog.environment, _encoder.encode(artifact))

    def _encoded(self, models: dict[str, Model]) -> list[bytes]:
        before, self._models = self._models, {}
        for name, model in models.items():
            known = before.get(name)
            self._models[name] = known if known and known[0] is model else (model, _encoder.encode(model))
        return [packed for _, packed in self._models.values()]


def _packed(value: msgspec.Struct) -> memoryview:
    return memoryview(_encoder.encode(value))


class Snapshot:
    """One catalog to serve. Immutable for its users; what is decoded or derived on first use stays for its life.

    `digest` is the SHA-256 of the artifact in lower-case hex; `engine_version` is the engine that compiled it;
    `committed_at` is in nanoseconds since the Unix epoch, None for a directory. `names` are those of models, `routes`
    go by theirs. `environment` is "" for the base.
    """

    def __init__(self, artifact: _Artifact, envelope: Envelope, digest: str) -> None:
        self._artifact = artifact
        self._envelope = envelope
        self._index = {name: index for index, name in enumerate(artifact.names)}
        self._models: dict[str, Model] = {}
        self._keys: dict[str, Key] = {}
        self.digest = digest
        self.engine_version = artifact.engine
        self.revision = artifact.revision
        self.committed_at = artifact.committed_at
        self.providers = artifact.providers
        self.names = artifact.names
        self.routes = artifact.routes
        self.budgets = artifact.budgets
        self.teams = artifact.teams
        self.environment = artifact.environment

    @classmethod
    def decode(cls, data: bytes, *, digest: str | None = None) -> "Snapshot":
        """The snapshot in an artifact; `digest` spares computing it where the caller has just verified it.

        Raises:
            SnapshotFormatError: it is damaged, or of a format that this engine does not know.
        """
        envelope = unseal(data)
        if envelope.format != FORMAT:
            raise SnapshotFormatError(f"the snapshot is of format {envelope.format}, this engine reads format {FORMAT}")
        try:
            artifact = _decoder.decode(envelope.rest)
        except msgspec.MsgspecError as error:
            raise SnapshotFormatError(f"the snapshot is damaged: {error}") from error
        return cls(artifact, envelope, digest or hashlib.sha256(data).hexdigest())

    def resolve(self, asked: str) -> str | None:
        """The full name of the model or route that a name or an alias means."""
        return asked if asked in self._index or asked in self.routes else self._artifact.aliases.get(asked)

    def model(self, name: str) -> Model | None:
        """The model with this full name."""
        found = self._models.get(name)
        if found is None and (index := self._index.get(name)) is not None:
            found = self._models[name] = _model_decoder.decode(self._packed_model(index))
        return found

    def _packed_model(self, index: int) -> memoryview:
        ends = self._artifact.ends
        start = int.from_bytes(ends[8 * index - 8 : 8 * index], "little") if index else 0
        return self._artifact.models[start : int.from_bytes(ends[8 * index : 8 * index + 8], "little")]

    def key(self, name: str) -> Key | None:
        """The key with this name."""
        found = self._keys.get(name)
        if found is None and (raw := self._artifact.keys.get(name)) is not None:
            found = self._keys[name] = _key_decoder.decode(raw)
        return found

    @property
    def key_names(self) -> tuple[str, ...]:
        """The names of all keys."""
        return tuple(self._artifact.keys)

    def key_by_sha256(self, sha256: str) -> tuple[Key, KeySecret] | None:
        """The key, and which of its secrets, that has this hash (lower-case hex)."""
        name = self._artifact.secrets.get(sha256)
        key = None if name is None else self.key(name)
        if key is None:
            return None
        return key, next(secret for secret in key.secrets if secret.sha256 == sha256)

    @functools.cached_property
    def permissions(self) -> Permissions:
        """Who may call which model or route, and why not."""
        return Permissions(self.teams, self._artifact.aliases, self._access_of)

    def may_call(self, key: Key, name: str) -> bool:
        """Whether key, team and access let a key call the model or route with this full name."""
        return self.permissions.may_call(key, name)

    def _access_of(self, name: str) -> Iterable[tuple[str, Access]]:
        route = self.routes.get(name)
        if route is not None:
            return ((route.file, route.access),)
        provider = self.providers[name[1:].partition("/")[0]]
        of_provider = (provider.file, provider.access)
        of_model = self._artifact.restricted.get(name)
        return (of_provider,) if of_model is None else (of_model, of_provider)

    def documents(self) -> Tree:
        """The tree that this was compiled of."""
        return self._envelope.open().tree
