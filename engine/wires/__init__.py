"""Payload formats: bytes in, bytes out; pure, synchronous, no I/O. A request's body is read by `body`."""

from engine.wires.table import WIRES, StreamReader, Wire
from engine.wires.usage import Usage

__all__ = ["WIRES", "StreamReader", "Usage", "Wire"]
