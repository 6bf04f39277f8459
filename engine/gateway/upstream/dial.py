"""Where a connection may go: names are resolved and every address is judged, at every connect."""

import asyncio
import socket
import ssl
from functools import cache

from engine.errors import UpstreamNotSent
from engine.gateway.upstream.request import Resolve
from engine.operator.origins import Origin, OriginPolicy, check_address


async def system_resolve(host: str, port: int) -> list[str]:
    """The host's addresses as the system's resolver gives them, without duplicates and in its order."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@cache
def _system_context() -> ssl.SSLContext:
    """Loading the system's authorities takes milliseconds and memory: once for all origins."""
    return _context(None)


def _context(ca_file: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def tls_context(policy: OriginPolicy) -> ssl.SSLContext:
    """Verification is always on, TLS 1.2 at least; `policy.ca_file` is trusted instead of the system's authorities.

    Raises:
        OSError: the CA file cannot be read or holds no certificate.
    """
    return _context(policy.ca_file) if policy.ca_file else _system_context()


class Addresses:
    """The addresses of one origin that its policy allows. Nothing is remembered from one connect to the next."""

    def __init__(self, origin: Origin, policy: OriginPolicy, resolve: Resolve = system_resolve) -> None:
        self._origin = origin
        self._policy = policy
        self._resolve = resolve
        self._literal = str(origin.address) if origin.address else None
        self._lookup: asyncio.Task[list[str]] | None = None

    async def allowed(self) -> list[str]:
        """The addresses that may be connected to, in the resolver's order; never empty.

        Raises:
            UpstreamNotSent: upstream_dns or upstream_address_refused.
        """
        found = [self._literal] if self._literal else await self._look_up()
        refusals = {address: check_address(address, self._policy) for address in found}
        if allowed := [address for address, refusal in refusals.items() if refusal is None]:
            return allowed
        reason = next(filter(None, refusals.values()), "it has no address")
        message = f"the upstream's address is refused: {reason}"
        raise UpstreamNotSent(message, code="upstream_address_refused")

    async def _look_up(self) -> list[str]:
        """One lookup at a time: however many wait for a slow resolver, it occupies one thread."""
        if self._lookup is None:
            self._lookup = asyncio.ensure_future(self._ask())
            self._lookup.add_done_callback(lambda lookup: lookup.cancelled() or lookup.exception())  # nobody may wait
        try:
            return await asyncio.shield(self._lookup)
        except (OSError, UnicodeError):
            raise UpstreamNotSent("the upstream's host name cannot be resolved", code="upstream_dns") from None

    async def _ask(self) -> list[str]:
        try:
            return await self._resolve(self._origin.host, self._origin.port)
        finally:
            self._lookup = None
