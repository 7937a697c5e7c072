"""Is a host on the public internet, and at which address exactly?

A name is looked up once and pinned: a name server that answers differently the second time is not
asked again.
"""

import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import TypeAlias

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver: TypeAlias = Callable[[str, int], Iterable[str]]

NAT64 = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


class NotPublic(Exception):
    """The host does not exist, or one of its addresses is not on the public internet."""


def resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotPublic(f"cannot look up {host}") from error
    return [str(entry[4][0]).partition("%")[0] for entry in found]


def pinned(host: str, port: int, resolver: Resolver = resolve) -> str:
    """Return the address to connect to. Every address of the host has to be public, not only this
    one.
    """
    found = [ipaddress.ip_address(text) for text in resolver(host, port)]
    if not found:
        raise NotPublic(f"cannot look up {host}")
    for address in found:
        if not is_public(address):
            raise NotPublic(f"{host} is at {address}, which is not on the public internet")
    return str(found[0])


def is_public(address: Address) -> bool:
    """Say so of an address and of the one it carries inside, which is where packets end up."""
    inner = _carried(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not address.is_multicast


def _carried(address: Address) -> Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if any(address in network for network in NAT64):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.teredo[1] if address.teredo is not None else None
