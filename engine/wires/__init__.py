"""Payload formats: bytes in, bytes out; pure, synchronous, no I/O. A request's body is read by `body`."""

from engine.wires.codec import Asked, ClientApi, ProviderWire
from engine.wires.table import CLIENT_APIS, PROVIDER_WIRES, WIRES, StreamReader, Wire
from engine.wires.transcoder import CrossedRequest, Crossing, Transcoder
from engine.wires.usage import Usage

__all__ = [
    "CLIENT_APIS",
    "PROVIDER_WIRES",
    "WIRES",
    "Asked",
    "ClientApi",
    "CrossedRequest",
    "Crossing",
    "ProviderWire",
    "StreamReader",
    "Transcoder",
    "Usage",
    "Wire",
]
