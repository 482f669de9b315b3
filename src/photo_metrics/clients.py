"""Clients as metrics may name them: network prefixes, never whole addresses."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

_IPV4_BITS = 24
_IPV6_BITS = 48
UNKNOWN_CLIENT = "unknown"


@lru_cache(maxsize=4096)
def client_prefix(ip: str) -> str:
    """The network of an address: IPv4 /24, IPv6 /48, e.g. `203.0.113.0/24`; "unknown" for what is no address.

    An IPv4 address in IPv6 clothes (`::ffff:203.0.113.9`) is taken for what it is; a zone (`fe80::1%eth0`) is dropped.
    """
    try:
        address = ip_address(ip.partition("%")[0])
    except ValueError:
        return UNKNOWN_CLIENT
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    bits = _IPV6_BITS if isinstance(address, IPv6Address) else _IPV4_BITS
    return str(ip_network((address, bits), strict=False))
