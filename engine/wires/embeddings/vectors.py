"""Vectors between their two forms. All is done by the C of msgspec, array and binascii: no loop over numbers here."""

import binascii
import sys
from array import array

import msgspec

from engine.wires.calls import bad_answer
from engine.wires.embeddings.vocabulary import Encoding, Vector

_NUMBERS = msgspec.json.Decoder(list[float])


def vector_json(vector: Vector, encoding: Encoding) -> bytes:
    """A vector as JSON: an array of numbers, or a string of base64.

    Raises:
        UpstreamRefused: upstream_bad_body: it holds something else.
    """
    if encoding == "float":
        return bytes(vector.numbers) if vector.numbers is not None else _to_numbers(vector.base64 or "")
    return b'"%s"' % (vector.base64.encode() if vector.base64 is not None else _to_base64(vector.numbers or b""))


def check_vector(vector: Vector) -> Vector:
    """The vector, known to be made of an array or of base64; what the array holds is the upstream's word."""
    if vector.numbers is not None:
        if memoryview(vector.numbers)[0] != ord("["):
            raise bad_answer("holds an embedding that is no array of numbers")
    elif not (vector.base64 or "").isascii():
        raise bad_answer("holds an embedding that is not base64")
    return vector


def vector_of(raw: msgspec.Raw) -> Vector:
    """A vector in either form."""
    if memoryview(raw)[0] == ord('"'):
        return check_vector(Vector(base64=msgspec.json.decode(raw, type=str)))
    return check_vector(Vector(numbers=raw))


def _to_base64(numbers: bytes | msgspec.Raw) -> bytes:
    try:
        floats = array("f", _NUMBERS.decode(numbers))
    except (msgspec.DecodeError, OverflowError):
        raise bad_answer("holds an embedding that is no array of numbers") from None
    if sys.byteorder == "big":
        floats.byteswap()
    return binascii.b2a_base64(floats, newline=False)


def _to_numbers(base64: str) -> bytes:
    floats = array("f")
    try:
        floats.frombytes(binascii.a2b_base64(base64, strict_mode=True))
    except (binascii.Error, ValueError):
        raise bad_answer("holds an embedding that is not base64") from None
    if sys.byteorder == "big":
        floats.byteswap()
    return msgspec.json.encode(floats.tolist())
