"""Where a call goes at its provider: path and query under the origin, from the vendor table.

Usually that is the wire's own path below the provider's base URL; what is different (Azure's deployments, Vertex AI's
and Bedrock's resource names) is data of the vendor's row: `engine.catalog.vendors.Place`.
"""

import functools
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from engine.catalog.vendors import VENDORS, Auth, Place, Vendor
from engine.model import Model, Provider
from engine.operator.origins import split_url

_DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}.*", re.ASCII)
_SEGMENT_SAFE = "~"
_RESOURCE_SAFE = "/~"


class PlacedWire(Protocol):
    """A payload format that says where it is usually found."""

    @property
    def name(self) -> str:
        """Its name in the table of wires."""
        ...

    def path(self, model: Model, /, *, stream: bool) -> str:
        """The path under a provider's base URL, with a query where the wire needs one."""
        ...


def target(provider: Provider, model: Model, wire: PlacedWire, *, stream: bool = False) -> str:
    """Path and query under the provider's origin for one call."""
    base = split_url(provider.base_url)[1]
    vendor = VENDORS[provider.api]
    place = vendor.places.get(wire.name)
    if place is None:
        return base + wire.path(model, stream=stream)
    path = _template(place, provider, stream=stream).format_map(_Words(provider, model, base, vendor, wire))
    if place.dated and provider.api_version not in {"", "v1"}:  # `v1` is part of the path
        path += f"?api-version={quote(provider.api_version, safe='')}"
    return path


def authentication(provider: Provider, wire: str) -> Auth:
    """How the credential is sent with calls by this wire."""
    vendor = VENDORS[provider.api]
    place = vendor.places.get(wire)
    return (place.auth if place else "") or vendor.auth


class BodyChanges(msgspec.Struct, frozen=True):
    """What a vendor's surface asks of the body of a wire: fields to set, and fields that may not be there."""

    sets: Mapping[str, Any] = MappingProxyType({})
    drops: tuple[str, ...] = ()


_NO_CHANGES = BodyChanges()


def body_changes(provider: Provider, wire: str) -> BodyChanges:
    """What to change in a body of this wire before it is sent to this provider."""
    place = VENDORS[provider.api].places.get(wire)
    return BodyChanges(place.sets, place.drops) if place is not None else _NO_CHANGES


def _template(place: Place, provider: Provider, *, stream: bool) -> str:
    if stream and place.streamed:
        return place.streamed
    if place.dated and _DATED.fullmatch(provider.api_version):
        return place.dated
    return place.path


class _Words(dict[str, str]):
    """The words of a template, each found when it is asked for."""

    def __init__(self, provider: Provider, model: Model, base: str, vendor: Vendor, wire: PlacedWire) -> None:
        verb = wire.path(model, stream=False).rpartition(":")[2]
        super().__init__(base=base, project=provider.project, region=provider.region, verb=verb)
        self._account = f"projects/{provider.project}/locations/{provider.region}"
        self._upstream = model.upstream_model
        self._base = base
        self._vendor = vendor

    def __missing__(self, key: str) -> str:
        if key == "root":
            return self._base.removesuffix(_own_path(self._vendor))
        if key == "model":
            return quote(self._upstream, safe=_SEGMENT_SAFE)
        return quote(_RESOURCES[key](self._upstream, self._account), safe=_RESOURCE_SAFE)


def _own_path(vendor: Vendor) -> str:
    path = vendor.base_url.partition("//")[2].partition("/")[2]
    return f"/{path}" if path else vendor.own_path


def _vertex_model(publisher: str, upstream: str, account: str) -> str:
    """Models of a publisher, and tuned ones, which stand behind an endpoint of the project."""
    if upstream.startswith("projects/"):
        return upstream
    if upstream.startswith(("endpoints/", "publishers/")):
        return f"{account}/{upstream}"
    if upstream.isdecimal():
        return f"{account}/endpoints/{upstream}"
    return f"{account}/publishers/{publisher}/models/{upstream}"


_RESOURCES: Mapping[str, Callable[[str, str], str]] = MappingProxyType(
    {
        "vertex_google": functools.partial(_vertex_model, "google"),
        "vertex_anthropic": functools.partial(_vertex_model, "anthropic"),
    }
)
