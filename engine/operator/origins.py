"""Where a request may go: one spelling for every origin, and the rule about addresses.

Names prove nothing, so addresses are judged at every connect (`check_address`), and an origin has exactly one spelling
(`Origin.parse`), so that "is this the origin the operator named?" is plain equality.
"""

import ipaddress
import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network

import idna
import msgspec

DEFAULT_PORTS = {"http": 80, "https": 443}

# RFC 3986's shape, taken apart without repair: whatever a lenient parser would mend is refused below.
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.DOTALL)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?", re.DOTALL)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_PATH = re.compile(r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)*/?", re.ASCII)
# A last label like this makes browsers and inet_aton() read the whole name as an IPv4 number.
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)

# Cloud metadata services hand out credentials to whoever asks from inside. Some of these addresses are public ones.
_METADATA = frozenset(
    ipaddress.ip_address(address)
    for address in (
        "169.254.169.254",  # AWS, Azure, Google, Oracle, DigitalOcean, …
        "169.254.170.2",  # AWS ECS task credentials
        "169.254.170.23",  # AWS EKS Pod Identity
        "fd00:ec2::254",  # AWS over IPv6
        "fd00:ec2::23",  # AWS EKS Pod Identity over IPv6
        "fd20:ce::254",  # Google over IPv6
        "100.100.100.200",  # Alibaba
        "192.0.0.192",  # Oracle, older
        "168.63.129.16",  # Azure WireServer
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")


class Origin(msgspec.Struct, frozen=True, order=True):
    """Scheme, host and port, in their one spelling; `str()` leaves out a default port.

    `host` is lower-case ASCII (IDNA A-labels) or an IP address without brackets.
    """

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Origin":
        """The origin that `text` names, e.g. "https://llm.acme.internal:8443"; one final "/" is forgiven.

        Raises:
            ValueError: not an http(s) origin, or not in a spelling that everybody reads the same way.
        """
        origin, path = split_url(text)
        if path:
            raise ValueError(f"{text!r} has a path where only scheme, host and port belong: write {str(origin)!r}")
        return origin

    @property
    def host_header(self) -> str:
        """The host as in a URL: IPv6 in brackets, and the port unless it is the scheme's default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def address(self) -> IPv4Address | IPv6Address | None:
        """The address, where the host is one."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host_header}"


class OriginPolicy(msgspec.Struct, frozen=True):
    """What the operator allows for one origin.

    `private`: it may resolve to private, loopback and link-local addresses, because the operator named this very
    origin. `ca_file`: a PEM file that is trusted instead of the system's authorities.
    """

    private: bool = False
    ca_file: str | None = None


def split_url(text: str) -> tuple[Origin, str]:
    """The origin and the path of a base URL: "https://h/v1/" → (Origin("https", "h", 443), "/v1").

    Raises:
        ValueError: not http(s), has userinfo, query or fragment, or a host in a spelling that readers may disagree on.
    """
    if (match := _URL.fullmatch(text)) is None:
        raise ValueError("not a URL: write it like 'https://api.example.com/v1'")
    scheme, path = match["scheme"].lower(), match["rest"]
    if scheme not in DEFAULT_PORTS:
        raise ValueError(f"the scheme {scheme!r} is not possible: only http and https are")
    if "@" in match["authority"]:  # shown by no message: it may be a password
        raise ValueError("a URL must not hold a user name or password: bind a credential instead")
    if (authority := _AUTHORITY.fullmatch(match["authority"])) is None:
        raise ValueError(f"{match['authority']!r} is not a host with an optional port")
    origin = Origin(scheme, _host(authority["host"]), _port(authority["port"], scheme))
    if _PATH.fullmatch(path) is None or not {".", ".."}.isdisjoint(path.split("/")):
        raise ValueError(f"after {str(origin)!r} there may only be a plain path: no query, fragment, '//' or '..'")
    return origin, path.rstrip("/")


def check_address(address: IPv4Address | IPv6Address | str, policy: OriginPolicy) -> str | None:
    """Why a connection to `address` is refused, or None if it may be made. Pure.

    Metadata services, multicast, unspecified and reserved addresses are always refused; those that are not global
    (private, loopback, link-local, shared) unless `policy.private`. IPv4 inside IPv6 is judged as that IPv4 address.
    """
    if isinstance(address, str):
        try:
            address = ipaddress.ip_address(address)
        except ValueError:
            return "it is not an IP address"
    address = _embedded(address)
    if address in _METADATA:
        return "it is a cloud metadata service"
    if address.is_unspecified or address.is_multicast:
        return "it is not the address of one host"
    if not _is_internal(address):
        return "it is a reserved address" if address.is_reserved else None
    if policy.private:
        return None
    return "it is private, loopback or link-local, and the operator's file does not name this origin"


def _is_internal(address: IPv4Address | IPv6Address) -> bool:
    if address.is_loopback or address.is_link_local:
        return True
    if isinstance(address, IPv6Address) and (address.is_site_local or address in _NAT64_LOCAL):
        return True
    return not address.is_global and not address.is_reserved


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 one stands for (mapped, NAT64, 6to4, Teredo), else the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else address)


def _port(text: str | None, scheme: str) -> int:
    if text is None:
        return DEFAULT_PORTS[scheme]
    if _PORT.fullmatch(text) is None or int(text) > 65_535:
        raise ValueError(f"the port {text!r} is not a number from 1 to 65535")
    return int(text)


def _host(text: str) -> str:
    if text.startswith("["):
        return _ipv6(text[1:-1])
    try:
        host = text.lower() if text.isascii() else idna.encode(text, uts46=True, std3_rules=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"the host {text!r} is not a valid internationalised name: {error}") from None
    labels = host.split(".")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        return _ipv4(host)
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"the host {text!r} is not a plain host name (letters, digits, '-', '.'; no final dot)")
    if any(label.startswith("xn--") for label in labels):
        _check_a_labels(host)
    return host


def _check_a_labels(host: str) -> None:
    try:
        idna.decode(host)
    except idna.IDNAError as error:
        raise ValueError(f"the host {host!r} is not a valid internationalised name: {error}") from None


def _ipv4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise ValueError(f"{text!r} is an IPv4 address in an unusual spelling: write four decimal numbers") from None


def _ipv6(text: str) -> str:
    try:
        address = IPv6Address(text)
    except ValueError:
        raise ValueError(f"'[{text}]' is not an IPv6 address") from None
    if address.scope_id is not None:
        raise ValueError(f"'[{text}]' has a zone, which means nothing to other hosts")
    if address.ipv4_mapped is not None:
        raise ValueError(f"'[{text}]' is an IPv4 address in an unusual spelling: write {address.ipv4_mapped}")
    return str(address)
