"""How the operator writes values: addresses to listen on, durations, sizes. Every parser raises ValueError."""

import ipaddress
import re

import msgspec

# Integer arithmetic only: "1.5s" is refused rather than rounded.
_DURATION = re.compile(r"(0|[1-9][0-9]{0,8})(ms|s|m|h)", re.ASCII)
_MILLISECONDS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000}
_SIZE = re.compile(r"(0|[1-9][0-9]{0,14})(B|KiB|MiB|GiB|kB|MB|GB)?", re.ASCII)
_BYTES = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "kB": 10**3, "MB": 10**6, "GB": 10**9}
_HOST_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*", re.ASCII)
_PORT = re.compile(r"0|[1-9][0-9]{0,4}", re.ASCII)


class Address(msgspec.Struct, frozen=True):
    """Where a server listens. `host` has no brackets; port 0 takes any free port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect to it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_address(value: object) -> Address:
    """`host:port` or `[IPv6]:port`.

    Raises:
        ValueError: anything else, also a port without a host: which interfaces are served is said, never guessed.
    """
    text = _text(value, "an address", "127.0.0.1:8790")
    host, colon, port = text.rpartition(":")
    if not colon or not host or _PORT.fullmatch(port) is None or int(port) > 65_535:
        raise ValueError(f"{text!r} is not an address: write host:port, such as 127.0.0.1:8790 or [::1]:8790")
    if host.startswith("[") and host.endswith("]"):
        return Address(_ip(host[1:-1], 6), int(port))
    if ":" in host:
        raise ValueError(f"{text!r} is ambiguous: put an IPv6 address in brackets, such as [::1]:8790")
    if re.fullmatch(r"[0-9.]+", host, re.ASCII):
        return Address(_ip(host, 4), int(port))
    if _HOST_NAME.fullmatch(host) is None:
        raise ValueError(f"{host!r} is not a host name or an IP address")
    return Address(host.lower(), int(port))


def parse_duration(value: object) -> int:
    """Milliseconds of "500ms", "5s", "2m" or "1h"; a number without a unit is refused."""
    text = _text(value, "a duration", "5s")
    if (match := _DURATION.fullmatch(text)) is None:
        raise ValueError(f"{text!r} is not a duration: write a whole number and a unit, such as 500ms, 5s, 2m or 1h")
    return int(match[1]) * _MILLISECONDS[match[2]]


def parse_size(value: object) -> int:
    """Bytes of "20MiB", "512KiB", "1GB" or a plain number of bytes."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else _text(value, "a size", "20MiB")
    if (match := _SIZE.fullmatch(text)) is None:
        raise ValueError(f"{text!r} is not a size: write a whole number of bytes, or one with a unit such as 20MiB")
    return int(match[1]) * _BYTES[match[2] or "B"]


def _text(value: object, what: str, example: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"it should be {what}, such as {example}")  # noqa: TRY004 - one kind of error for bad values
    return value.strip()


def _ip(text: str, version: int) -> str:
    try:
        address = ipaddress.IPv6Address(text) if version == 6 else ipaddress.IPv4Address(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an IPv{version} address") from None
    return str(address)
