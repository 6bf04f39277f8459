"""What a catalog may say about where calls go: base URLs and static headers. Never how they are authenticated."""

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from engine.catalog.document import Document, pointer
from engine.problem import Problem

_URL = re.compile(r"(https?)://([^/?#@\[\]:]+|\[[0-9a-fA-F:.]+\])(?::([1-9][0-9]{0,4}))?((?:/[^/?#]+)*/?)", re.ASCII)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%-]+", re.ASCII)
# Browsers and inet_aton() read a whole name that ends so as an IPv4 number.
_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)

_AUTHENTICATION = frozenset(("authorization", "cookie", "proxy-authorization", "x-portkey-api-key", "x-amz-date"))
_AUTHENTICATION_ENDINGS = ("api-key", "apikey", "-token", "-secret", "-password", "auth-key")
_CONNECTION = frozenset(
    (
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


def check_base_url(document: Document, url: str) -> tuple[str, list[Problem]]:
    """The URL in its one spelling (lower-case host, no trailing slash), or what is wrong with it.

    No message repeats the URL: it may hold a password.
    """
    reason = ""
    match = _URL.fullmatch(url)
    if "@" in url.partition("//")[2].partition("/")[0]:
        reason = "it must not hold a user name or password; credentials are bound by the operator"
    elif "?" in url or "#" in url:
        reason = "it must not have a query or fragment"
    elif match is None:
        reason = "it is not a plain http or https URL"
    else:
        reason = _bad_host(match[2].lower()) or _bad_rest(match[3], match[4])
    if reason or match is None:
        hint = "write it like https://llm.example.com/v1"
        return "", [document.problem("bad-base-url", f"base_url cannot be used: {reason}", "/base_url", hint=hint)]
    port = f":{match[3]}" if match[3] else ""
    return f"{match[1]}://{match[2].lower()}{port}{match[4].rstrip('/')}", []


def _bad_host(host: str) -> str:
    if host.startswith("["):
        try:
            address = IPv6Address(host[1:-1])
        except AddressValueError:
            return "its host is not an IPv6 address"
        return "its host is an IPv4 address in an unusual spelling" if address.ipv4_mapped else ""
    labels = host.split(".")
    if _NUMERIC.fullmatch(labels[-1]):
        try:
            IPv4Address(host)
        except AddressValueError:
            return "its host is an IPv4 address in an unusual spelling"
        return ""
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        return "its host is not a plain host name"
    return ""


def _bad_rest(port: str | None, path: str) -> str:
    if port and int(port) > 65_535:
        return "its port is above 65535"
    segments = [segment for segment in path.split("/") if segment]
    if any(segment in {".", ".."} or _SEGMENT.fullmatch(segment) is None for segment in segments):
        return "its path is not a plain one"
    return ""


def check_headers(document: Document, headers: dict[str, str]) -> Iterator[Problem]:
    """What may not be sent: authentication, headers of the connection, one header twice."""
    seen: set[str] = set()
    for name in headers:
        at, folded = pointer("headers", name), name.lower()
        if folded in seen:
            yield document.problem("bad-header", f'the header "{name}" is there twice', at, at="key")
        seen.add(folded)
        if folded in _AUTHENTICATION or folded.endswith(_AUTHENTICATION_ENDINGS):
            hint = "bind a credential in the operator's file"
            message = f'"{name}" authenticates, which a catalog may not do'
            yield document.problem("bad-header", message, at, at="key", hint=hint)
        elif folded in _CONNECTION or folded.startswith(("proxy-", "sec-")):
            message = f'"{name}" belongs to the connection and is set by the gateway'
            yield document.problem("bad-header", message, at, at="key", hint="remove it")
