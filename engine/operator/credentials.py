"""Which secret goes to which origin: a provider is bound, or disabled with a reason that anybody may read."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from engine.model import Provider
from engine.operator.origins import Origin, split_url
from engine.operator.settings import CredentialSettings, Settings

# The usual variable and origin of apis that everybody knows. The credential's name is the api's.
WELL_KNOWN: dict[str, CredentialSettings] = {
    name: CredentialSettings(secret=f"env:{variable}", origin=origin)
    for name, variable, origin in (
        ("cerebras", "CEREBRAS_API_KEY", "https://api.cerebras.ai"),
        ("deepseek", "DEEPSEEK_API_KEY", "https://api.deepseek.com"),
        ("fireworks", "FIREWORKS_API_KEY", "https://api.fireworks.ai"),
        ("groq", "GROQ_API_KEY", "https://api.groq.com"),
        ("mistral", "MISTRAL_API_KEY", "https://api.mistral.ai"),
        ("openai", "OPENAI_API_KEY", "https://api.openai.com"),
        ("openrouter", "OPENROUTER_API_KEY", "https://openrouter.ai"),
        ("perplexity", "PERPLEXITY_API_KEY", "https://api.perplexity.ai"),
        ("together", "TOGETHER_API_KEY", "https://api.together.xyz"),
        ("xai", "XAI_API_KEY", "https://api.x.ai"),
    )
}
KEYLESS = "none"
_MAX_SECRET_BYTES = 16 * 1024


class Secret:
    """A secret that does not show itself: only `reveal()` gives it away, and it is never written or copied out."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The secret itself, for the one header that carries it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is never serialized")


@dataclass(frozen=True, slots=True)
class Bound:
    """A provider that can be called: where, and with what (None: keyless). `warnings` are for the operator's log."""

    origin: Origin
    secret: Secret | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Disabled:
    """A provider that cannot be called. `reason` holds no secret, no value of a variable and no content of a file."""

    reason: str


class Bindings:
    """Resolves providers against what the operator bound; secrets are read when asked, so a reload sees new ones."""

    def __init__(self, settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
        self._settings = settings
        self._environ = environ

    def resolve(self, provider: Provider) -> Bound | Disabled:
        """Whether and how `provider` can be called."""
        try:
            origin, credential = self._place(provider)
            if credential is None:
                return Bound(origin)
            secret, warnings = self._read(provider.credential, credential)
        except ValueError as error:
            return Disabled(str(error))
        return Bound(origin, secret, warnings)

    def why_unbound(self, provider: Provider) -> str | None:
        """Why names and origins alone disable `provider`; None where they do not. Reads no secret."""
        try:
            self._place(provider)
        except ValueError as error:
            return str(error)
        return None

    def _place(self, provider: Provider) -> tuple[Origin, CredentialSettings | None]:
        """Where calls go, and the credential that may go there; None for a keyless provider."""
        origin, _ = split_url(provider.base_url)
        if provider.credential == KEYLESS:
            return origin, None
        credential = self._credential(provider.credential)
        self._check_origin(provider.credential, credential, origin)
        return origin, credential

    def _credential(self, name: str) -> CredentialSettings:
        credential = self._settings.credentials.get(name) or WELL_KNOWN.get(name)
        if credential is None:
            raise ValueError(f"the operator's file binds no credential named {name!r}")
        return credential

    def _check_origin(self, name: str, credential: CredentialSettings, origin: Origin) -> None:
        if credential.origin != str(origin):
            raise ValueError(
                f"the credential {name!r} is bound to {credential.origin}, "
                f"and the provider's base_url leads to {origin}: a secret is only ever sent to its bound origin"
            )
        if origin.scheme == "http" and not _is_loopback(origin) and str(origin) not in self._settings.origins:
            raise ValueError(
                f"the credential {name!r} would be sent unencrypted to {origin}: "
                "use https, or let the operator's file list this very origin under `origins`"
            )

    def _read(self, name: str, credential: CredentialSettings) -> tuple[Secret, tuple[str, ...]]:
        kind, _, place = credential.secret.partition(":")
        if kind == "env":
            return _checked(name, self._environ.get(place, ""), f"the variable {place}"), ()
        text, warnings = _read_file(name, place)
        return _checked(name, text, f"the file {place}"), warnings


def _checked(name: str, value: str, place: str) -> Secret:
    value = value.strip()
    if not value:
        raise ValueError(f"the credential {name!r} has no secret: {place} is unset or empty")
    if not all("!" <= character <= "~" for character in value):
        raise ValueError(f"the credential {name!r} cannot be sent: {place} holds spaces or unprintable characters")
    return Secret(value)


def _read_file(name: str, path: str) -> tuple[str, tuple[str, ...]]:
    try:
        status, data = _read_regular(path)
    except OSError as error:
        raise ValueError(f"the credential {name!r} has no secret: cannot read {path}: {error.strerror}") from None
    if data is None:
        raise ValueError(f"the credential {name!r} has no secret: {path} is not a regular file")
    if len(data) > _MAX_SECRET_BYTES:
        raise ValueError(f"the credential {name!r} cannot be sent: the file {path} is too large for a secret")
    if status.st_mode & stat.S_IROTH:
        warning = f"the secret of the credential {name!r} is readable by everybody on this machine: chmod o-r {path}"
        return data.decode("latin-1"), (warning,)
    return data.decode("latin-1"), ()


def _read_regular(path: str) -> tuple[os.stat_result, bytes | None]:
    # Non-blocking, so that a FIFO in the file's place cannot hang a reload.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        return status, os.read(descriptor, _MAX_SECRET_BYTES + 1) if stat.S_ISREG(status.st_mode) else None
    finally:
        os.close(descriptor)


def _is_loopback(origin: Origin) -> bool:
    return origin.host == "localhost" or (origin.address is not None and origin.address.is_loopback)
