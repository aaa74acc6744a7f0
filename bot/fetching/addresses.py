"""Which addresses are public, and sockets that go nowhere else."""

import errno
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]

# `is_global` of `ipaddress` differs between patch releases of Python and lets multicast, wrapped IPv4 and some special
# blocks through, so the ranges are spelled out here (IANA special-purpose registries, RFC 6890).
_NOT_PUBLIC_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # "this network"; Linux dials loopback for 0.0.0.0
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT; 100.100.100.200 is Alibaba's metadata service
        "127.0.0.0/8",
        "168.63.129.16/32",  # Azure's host agent, inside every virtual machine
        "169.254.0.0/16",  # link-local; 169.254.169.254 is the metadata service of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",  # IETF protocols; 192.0.0.192 is Oracle's metadata service
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# Everything that wraps or maps IPv4 lies outside 2000::/3 (::/96, ::ffff:0:0/96, 64:ff9b::/96, 64:ff9b:1::/48), as do
# unique local (fc00::/7, with fd00:ec2::254), link-local, site-local and multicast; the exceptions inside are listed.
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
_NOT_PUBLIC_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # IETF protocols, with Teredo (2001::/32), which wraps IPv4
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which wraps IPv4
        "2620:4f:8000::/48",  # AS112
        "3ffe::/16",  # the former 6bone
        "3fff::/20",  # documentation
    )
)


class AddressRefused(OSError):  # noqa: N818 - named like FetchRefused, which it becomes
    """An address that isn't public; an `OSError` so that connecting goes on with the next address of the name.

    All instances read alike: aiohttp keeps the class of an error only when every address failed with the same text.
    """

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "not a public address")


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Tell whether `address` is an ordinary unicast address of the public internet.

    >>> is_public(ip_address("93.184.215.14")), is_public(ip_address("::ffff:93.184.215.14"))
    (True, False)
    """
    if isinstance(address, IPv4Address):
        return not any(address in block for block in _NOT_PUBLIC_V4)
    # A scope ("%eth0") belongs to addresses of one link, never to public ones.
    return (
        address.scope_id is None
        and address in _GLOBAL_UNICAST_V6
        and not any(address in block for block in _NOT_PUBLIC_V6)
    )


def guarded_socket(info: AddressInfo) -> socket.socket:
    """Make the socket for one resolved address, as `aiohttp.TCPConnector(socket_factory=...)` asks for it.

    aiohttp dials exactly the address in `info` with the socket returned, so this check can't be outrun by a second
    look-up of the name. Raises `AddressRefused` where the address isn't public.
    """
    family, kind, protocol, _, destination = info
    if not is_public(ip_address(destination[0])):
        raise AddressRefused
    return socket.socket(family, kind, protocol)
