"""Which secret goes to which origin: a provider is bound, or disabled with a reason that anybody may read."""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType
from typing import NoReturn

from engine.catalog.vendors import VENDORS, Vendor
from engine.model import Provider
from engine.operator.origins import Origin, split_url
from engine.operator.settings import CredentialSettings, Settings

# Whose chain of credentials may be asked, by how an api is authenticated; the modules that the extra of this name brings.
_CHAINS: Mapping[str, str] = MappingProxyType({"aws-sigv4": "aws", "google-oauth": "google"})
_MODULES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"aws": ("botocore",), "google": ("google.auth", "requests")}
)
_REGION = re.compile(r"[a-z0-9-]+", re.ASCII)


def _has_usual_secret(vendor: Vendor) -> bool:
    return bool(vendor.variable) or vendor.auth in _CHAINS


# The apis that everybody knows, by the usual name of their credential: their usual variable and origin are bound to it.
# An api whose every account has an origin of its own is none of them: its secret would go wherever a catalog says.
WELL_KNOWN: Mapping[str, Vendor] = MappingProxyType(
    {vendor.credential: vendor for vendor in VENDORS.values() if vendor.base_url and _has_usual_secret(vendor)}
)
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
    """A provider that can be called: where, and with what (both absent: keyless).

    `secret` is sent as it is; `chain` is asked for what is sent: "aws:default", "aws:<profile>", "google:default" (Google's
    Application Default Credentials) or "google:key" (`secret` is the JSON of a credential). `credential` is its name.
    `warnings` are for the operator's log.
    """

    origin: Origin
    secret: Secret | None = None
    warnings: tuple[str, ...] = ()
    chain: str = ""
    credential: str = ""


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
            return self._bound(provider, origin, credential)
        except ValueError as error:
            return Disabled(str(error))

    def _bound(self, provider: Provider, origin: Origin, credential: CredentialSettings) -> Bound:
        name = provider.credential
        kind, _, place = credential.secret.partition(":")
        cloud = _CHAINS.get(VENDORS[provider.api].auth, "")
        if kind in _MODULES:
            _check_extra(kind)
            return Bound(origin, chain=credential.secret, credential=name)
        text, warnings = self._read(name, kind, place)
        if cloud == "google" and text.lstrip().startswith("{"):  # not an access token
            _check_extra(cloud)
            return Bound(origin, Secret(text), warnings, chain="google:key", credential=name)
        return Bound(origin, _header_value(name, text, _told(kind, place)), warnings, credential=name)

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
        credential = self._settings.credentials.get(provider.credential) or self._usual(provider)
        if credential is None:
            raise ValueError(f"the operator's file binds no credential named {provider.credential!r}")
        kind, cloud = credential.secret.partition(":")[0], _CHAINS.get(VENDORS[provider.api].auth, "")
        if kind in _MODULES and kind != cloud:
            raise ValueError(
                f"the credential {provider.credential!r} is {credential.secret}, which the api {provider.api} does not take"
            )
        self._check_origin(provider.credential, credential, origin)
        return origin, credential

    def _usual(self, provider: Provider) -> CredentialSettings | None:
        """What a well-known credential is bound to: the usual variable, or else the cloud's own chain of credentials."""
        vendor = WELL_KNOWN.get(provider.credential)
        if vendor is None:
            return None
        if "{region}" in vendor.base_url and _REGION.fullmatch(provider.region) is None:
            raise ValueError(f"the region {provider.region!r} is none that the api {vendor.api} has")
        origin = str(split_url(vendor.url_of(provider.region, provider.project))[0])
        cloud = _CHAINS.get(vendor.auth, "")
        if cloud and not (vendor.variable and self._environ.get(vendor.variable)):
            return CredentialSettings(f"{cloud}:default", origin)
        return CredentialSettings(f"env:{vendor.variable}", origin)

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

    def _read(self, name: str, kind: str, place: str) -> tuple[str, tuple[str, ...]]:
        return (self._environ.get(place, ""), ()) if kind == "env" else _read_file(name, place)


def _told(kind: str, place: str) -> str:
    return f"the variable {place}" if kind == "env" else f"the file {place}"


def _header_value(name: str, value: str, place: str) -> Secret:
    value = value.strip()
    if not value:
        raise ValueError(f"the credential {name!r} has no secret: {place} is unset or empty")
    if not all("!" <= character <= "~" for character in value):
        raise ValueError(f"the credential {name!r} cannot be sent: {place} holds spaces or unprintable characters")
    return Secret(value)


def _check_extra(extra: str) -> None:
    """Raises ValueError, saying what to install, where the library of an extra is missing."""
    for module in _MODULES[extra]:
        try:
            found = find_spec(module)
        except ModuleNotFoundError:  # not even the package above it
            found = None
        if found is None:
            raise ValueError(f'{module} is not installed: pip install "llm-catalog-engine[{extra}]"')


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
