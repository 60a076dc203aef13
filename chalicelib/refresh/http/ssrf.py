"""Protection against server-side request forgery: connections to public addresses only.

The repository URLs of a catalogue come from strangers, and so do redirects. A name is resolved
once, all its addresses must be public, and the connection is made to one of them, so a second
resolution cannot lead elsewhere (DNS rebinding).
"""

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

from chalicelib.refresh.http import deadline

#: The IPv6 addresses that are assigned for the Internet (RFC 4291, 2.4, and IANA's registry).
_INTERNET = IPv6Network("2000::/3")
#: Exceptions among them: Teredo (RFC 4380) and documentation (RFC 9637).
_NOT_INTERNET = (IPv6Network("2001::/32"), IPv6Network("3fff::/20"))
#: Prefixes before an IPv4 address: NAT64 (RFC 6052), mapped and compatible addresses (RFC 4291,
#: 2.5.5), and translated ones (RFC 2765).
_IPV4_PREFIXES = tuple(
    IPv6Network(prefix) for prefix in ("64:ff9b::/96", "::ffff:0:0/96", "::/96", "::ffff:0:0:0/96")
)
#: Not in a private range, but a service of the platform inside Azure's machines (Azure's
#: documentation, "What is IP address 168.63.129.16?").
_CLOUD_SERVICES = {IPv4Address("168.63.129.16")}


class ForbiddenAddress(OSError):
    """A name resolves to an address that is not public."""


def resolve_public_addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a host.

    Raises ForbiddenAddress if any of them is not public, and socket.gaierror.
    """
    entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in entries))
    for text in addresses:
        address = ip_address(text.split("%")[0])
        if not _is_public(address):
            raise ForbiddenAddress(f"{host} has the address {address}, which is not public")
    return addresses


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is on the Internet; an embedded IPv4 address decides."""
    if isinstance(address, IPv6Address):
        if any(address in network for network in _IPV4_PREFIXES):
            return _is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        if address.sixtofour is not None:
            return _is_public(address.sixtofour)
        if address not in _INTERNET or any(address in network for network in _NOT_INTERNET):
            return False
    return address.is_global and not address.is_multicast and address not in _CLOUD_SERVICES


class _Timed:
    """A connection under the deadline of the exchange, whether it is new or reused."""

    def _new_conn(self) -> Any:
        sock = super()._new_conn()  # type: ignore[misc]
        # Before TLS, because a handshake can be slow, too.
        deadline.watch(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        connection: Any = self
        if connection.sock is not None:
            deadline.watch(connection.sock)
        super().request(*args, **kwargs)  # type: ignore[misc]


class _Public:
    """A connection to a checked address of its host."""

    def _new_conn(self) -> Any:
        connection: Any = self
        name = connection._dns_host
        error: Exception | None = None
        try:
            for address in resolve_public_addresses(name, connection.port):
                # A host may have any number of addresses that do not answer.
                deadline.check()
                connection._dns_host = address
                try:
                    return super()._new_conn()  # type: ignore[misc]
                except NewConnectionError as failure:
                    error = failure
        finally:
            connection._dns_host = name
        raise error or NewConnectionError(connection, f"{name} has no address")


class _TimedHTTP(_Timed, HTTPConnection):
    pass


class _TimedHTTPS(_Timed, HTTPSConnection):
    pass


class _PublicHTTP(_Timed, _Public, HTTPConnection):
    pass


class _PublicHTTPS(_Timed, _Public, HTTPSConnection):
    pass


def _build_pool_class(base: type[Any], connection: type[Any]) -> type[Any]:
    return type(base.__name__, (base,), {"ConnectionCls": connection})


_POOLS = {
    False: {
        "http": _build_pool_class(HTTPConnectionPool, _PublicHTTP),
        "https": _build_pool_class(HTTPSConnectionPool, _PublicHTTPS),
    },
    True: {
        "http": _build_pool_class(HTTPConnectionPool, _TimedHTTP),
        "https": _build_pool_class(HTTPSConnectionPool, _TimedHTTPS),
    },
}


class GuardedAdapter(HTTPAdapter):
    """The transport of ``requests``; ``may_be_private`` if an operator configured the address."""

    def __init__(self, may_be_private: bool) -> None:
        self._may_be_private = may_be_private
        super().__init__(pool_connections=2, pool_maxsize=2, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the usual pools, with guarded connections."""
        super().init_poolmanager(*args, **kwargs)
        pools: Any = self.poolmanager
        pools.pool_classes_by_scheme = _POOLS[self._may_be_private]
